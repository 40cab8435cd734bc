"""Galaxy10, two public sets of galaxy images with classes: where they are, and what their classes are called.

Leung & Bovy 2019; Walmsley et al. 2021. Addresses and checksums are those of the data sets' own documentation:
https://github.com/henrysky/Galaxy10 and https://astronn.readthedocs.io (Galaxy10 SDSS Dataset).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Galaxy10:
    """side: of its images in px, which tells the sets apart; classes: in the order of `ans`."""

    file: str
    url: str
    sha256: str
    images: int
    side: int
    classes: tuple[str, ...]


DECALS = Galaxy10(
    file="Galaxy10_DECals.h5",
    url="https://zenodo.org/records/10845026/files/Galaxy10_DECals.h5",
    sha256="19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
    images=17_736,
    side=256,
    classes=(
        "disturbed",
        "merging",
        "round smooth",
        "in-between round smooth",
        "cigar-shaped smooth",
        "barred spiral",
        "unbarred tight spiral",
        "unbarred loose spiral",
        "edge-on without bulge",
        "edge-on with bulge",
    ),
)
SDSS = Galaxy10(
    file="Galaxy10.h5",
    url="https://zenodo.org/records/10844811/files/Galaxy10.h5",
    sha256="969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af",
    images=21_785,
    side=69,
    classes=(
        "Disk, Face-on, No Spiral",
        "Smooth, Completely round",
        "Smooth, in-between round",
        "Smooth, Cigar shaped",
        "Disk, Edge-on, Rounded Bulge",
        "Disk, Edge-on, Boxy Bulge",
        "Disk, Edge-on, No Bulge",
        "Disk, Face-on, Tight Spiral",
        "Disk, Face-on, Medium Spiral",
        "Disk, Face-on, Loose Spiral",
    ),
)
DATASETS = {"galaxy10-decals": DECALS, "galaxy10-sdss": SDSS}


def class_name(answer: int, side: int) -> str:
    """Return what a set with images of that side calls a class; its number where no set is known."""
    found = next((each for each in DATASETS.values() if each.side == side), None)
    return found.classes[answer] if found and 0 <= answer < len(found.classes) else str(answer)
