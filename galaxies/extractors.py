"""Which extractor measured what in a metrics.json, and what each of them sees, in words.

for name, numbers in by_extractor(metrics).items(): ...     # the headline first
"""

import re
from collections.abc import Mapping
from typing import Any

from galaxies import sentences

ORDER = ("imagenet", "inception", "encoder")  # whoever comes first and has measured is the headline
ENCODER = "encoder"


def by_extractor(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the numbers of every extractor by its name, the headline first; nothing if there is no KID.

    Files of format 1 have the encoder alone at the top; later ones have it under `other_extractors`.
    """
    if not metrics.get("kid"):
        return {}
    found = {metrics["kid"]["extractor"]: metrics, **(metrics.get("other_extractors") or {})}
    return dict(sorted(found.items(), key=lambda item: rank(item[0])))


def rank(name: str) -> int:
    """Return a place in ORDER; unknown extractors come last."""
    return ORDER.index(name) if name in ORDER else len(ORDER)


def in_words(entry: Mapping[str, Any]) -> str:
    """Return what the extractor of an entry of metrics.json is."""
    if entry["extractor"] != ENCODER:
        return sentences.in_words(str(entry.get("extractor_label") or entry["extractor"]))
    side = re.search(r"(\d+) px", entry.get("resize", ""))
    own = "the model's own encoder, which sees form alone"
    return sentences.in_words(f"{own}, at {side[1]} px" if side else own)
