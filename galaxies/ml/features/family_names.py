"""Names and sentences of families, from what their real members are like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from galaxies.ml.arrays import Floats, Images, Labels


@dataclass(frozen=True)
class Description:
    """What a cluster's real members are like: colours 0..255, radius as a share of the image's side."""

    id: int
    name: str
    sentence: str
    share: float
    red: float
    green: float
    blue: float
    radius: float
    ellipticity: float
    classes: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def shapes(images: Images) -> Floats:
    """Return (N, 5) for images (N, R, R, 3) uint8: mean red, green and blue inside the half-light radius, that radius
    as a share of the side, ellipticity.

    From light-weighted second moments under a round Gaussian window about the centre: 1 - axis ratio, so 0 is round.
    """
    side = images.shape[1]
    grid = (np.arange(side) - (side - 1) / 2) / side
    x, y = np.meshgrid(grid, grid)
    window = np.exp(-(x**2 + y**2) / (2 * 0.2**2))
    distance = np.hypot(x, y)
    result = np.empty((len(images), 5))
    for i, image in enumerate(images):
        light = image.astype(np.float64).mean(axis=2)
        light = np.maximum(light - np.median(light) - 4.0, 0) * window + 1e-9
        total = light.sum()
        xx, yy, xy = (float((light * m).sum() / total) for m in (x * x, y * y, x * y))
        root = np.sqrt((xx - yy) ** 2 / 4 + xy**2)
        major, minor = (xx + yy) / 2 + root, max((xx + yy) / 2 - root, 1e-9)
        order = np.argsort(distance, axis=None)
        half = distance.ravel()[order][np.searchsorted(np.cumsum(light.ravel()[order]), total / 2)]
        inside = image[distance <= max(half, 1 / side)].mean(axis=0)
        result[i] = (*inside, half, 1 - np.sqrt(minor / major))
    return result


def describe(images: Images, labels: Labels, classes: Sequence[str] = ()) -> list[Description]:
    """Return a name, a sentence and numbers for every cluster, from its real members.

    images: (N, R, R, 3) uint8; labels: (N,) ids of clusters; classes: N class names, "" for none, or nothing at all.
    """
    measured = shapes(images)
    ids = range(int(labels.max()) + 1)
    rows = np.array([measured[labels == i].mean(axis=0) for i in ids])
    typical = float(rows[:, 3].mean())
    counts = []
    for i in ids:
        members = np.flatnonzero(labels == i).tolist() if classes else []
        counts.append(Counter(classes[j] for j in members if classes[j]))
    names = _names(rows, counts)
    described = []
    for i in ids:
        red, green, blue, radius, ellipticity = (round(float(v), 3) for v in rows[i])
        share = float((labels == i).mean())
        sentence = _sentence(rows[i], typical, counts[i])
        described.append(
            Description(
                i, names[i], sentence, share, red, green, blue, radius, ellipticity, dict(counts[i].most_common())
            )
        )
    return described


# What volunteers' class names say, and the word for a family in which they prevail.
CLASS_WORDS = (("edge", "edge-on discs"), ("cigar", "edge-on discs"), ("spiral", "spirals"), ("smooth", "ellipticals"),
               ("merging", "disturbed galaxies"), ("disturbed", "disturbed galaxies"))  # fmt: skip


PREVAILING = 0.5


FEWEST_LABELLED = 30


def _prevailing(classes: Counter[str]) -> str:
    """Return the word that most labelled members agree on, "" if there is none."""
    words: Counter[str] = Counter()
    for name, count in classes.items():
        words[next((word for key, word in CLASS_WORDS if key in name), "")] += count
    if classes.total() < FEWEST_LABELLED:
        return ""
    word, count = words.most_common(1)[0]
    return word if count >= PREVAILING * classes.total() else ""


def _shape_word(ellipticity: float) -> str:
    bounds = ((0.55, "needles"), (0.4, "ellipses"), (0.24, "ovals"))
    return next((word for bound, word in bounds if ellipticity > bound), "rounds")


def _noun(row: Floats, classes: Counter[str]) -> str:
    ellipticity = float(row[4])
    word = _prevailing(classes) or _shape_word(ellipticity)
    if word == "spirals":
        return "tilted spirals" if ellipticity > 0.24 else "face-on spirals"
    if word == "ellipticals":
        return "oval ellipticals" if ellipticity > 0.24 else "round ellipticals"
    return word


def _colour_word(row: Floats) -> str:
    warmth = row[0] / max(row[2], 1.0)
    return "Blue" if warmth < 1.12 else "Ivory" if warmth < 1.4 else "Golden" if warmth < 1.75 else "Amber"


def _names(rows: Floats, counts: Sequence[Counter[str]]) -> list[str]:
    names = [f"{_colour_word(row)} {_noun(row, classes)}" for row, classes in zip(rows, counts, strict=True)]
    for name in {n for n in names if names.count(n) > 1}:
        same = sorted((i for i, n in enumerate(names) if n == name), key=lambda i: float(rows[i][3]))
        sizes = ["Small", "Large"] if len(same) == 2 else ["Small", "Mid-size", "Large", "Huge"]
        for rank, i in enumerate(same):
            word = sizes[rank] if rank < len(sizes) else f"No. {rank + 1}"
            names[i] = f"{word} {name[0].lower()}{name[1:]}"
    return names


def _sentence(row: Floats, typical_radius: float, classes: Counter[str]) -> str:
    size = (
        "Compact"
        if row[3] < 0.94 * typical_radius
        else "Extended"
        if row[3] > 1.06 * typical_radius
        else "Middle-sized"
    )
    colour = {"Blue": "bluish", "Ivory": "pale", "Golden": "golden", "Amber": "deep amber"}[_colour_word(row)]
    shape = {
        "needles": "needle-thin",
        "ellipses": "clearly elongated",
        "ovals": "gently oval",
        "rounds": "nearly round",
    }[_shape_word(float(row[4]))]
    sentence = f"{size}, {colour} and {shape}."
    if classes.total() >= FEWEST_LABELLED:
        name, count = classes.most_common(1)[0]
        sentence += f" {count / classes.total():.0%} of its labelled members are called {name.replace('_', ' ')}."
    return sentence
