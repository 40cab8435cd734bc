"""Where a model's KID stands among real images at lower resolution, in words.

text = sentence(metrics["kid"])     # "As far from real as real galaxies at half the resolution."

Importing it imports no library: the page of a model needs it, and every process of the site has that page.
"""

from collections.abc import Mapping
from typing import Any

IN_WORDS = {"halved": "half the resolution", "quartered": "a quarter of the resolution"}
ALIKE = 1.25  # times as far: still "as far"
AS_REAL = 0.1  # of the way from floor to the first ruler


def sentence(kid: Mapping[str, Any]) -> str:
    """Return in words where an entry `kid` of metrics.json stands among its rulers; nothing if it has none."""
    rulers = [(IN_WORDS[name], entry["value"]) for name, entry in kid.get("rulers", {}).items()]
    value, floor = kid.get("value"), kid.get("floor")
    if value is None or not rulers:
        return ""
    first = rulers[0][1]
    if first - floor <= kid["floor_std"]:
        return "It does not tell real galaxies at half the resolution from real ones, so it says nothing of sharpness."
    if value - floor <= AS_REAL * (first - floor):
        return "As near to real as other real galaxies."
    begin = "Nearer to real"
    for words, ruler in rulers:
        if value < ruler / ALIKE:
            return f"{begin} than real galaxies at {words}."
        if value <= ruler * ALIKE:
            return f"As far from real as real galaxies at {words}."
        begin = f"Further from real than real galaxies at {words}, nearer"
    return f"{value / ruler:.1f} times as far from real as real galaxies at {words}."
