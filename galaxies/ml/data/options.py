"""What a user may say about images that their files do not say themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from galaxies.ml.data.records import DatasetError
from galaxies.ml.data.split import BY_FILES, BY_PIXELS, SPLITS

AXES = ("NHWC", "NCHW", "HWCN", "CHWN")
BANDS = "ugrizy"  # by wavelength
THRESHOLD = 0.5


@dataclass(frozen=True)
class ReadingOptions:
    """How files become pixels, class names and a split.

    stretch, q: of the Lupton stretch that FITS fluxes are shown with (Lupton et al. 2004); bands: the order of the
    planes in a FITS cube whose header names none. hdf5_images, hdf5_labels: names of data sets, "" for those of
    Galaxy10; hdf5_axes: one of AXES where the shape allows several. labels: a table, with the column of the images' ids
    and that of the class, or several columns of vote fractions, the largest of which counts above labels_threshold.
    split: what checksums the split goes by.
    """

    stretch: float = 5.0
    q: float = 8.0
    bands: str = "gri"
    hdf5_images: str = ""
    hdf5_labels: str = ""
    hdf5_axes: str = ""
    labels: str = ""
    labels_id: str = ""
    labels_class: tuple[str, ...] = ()
    labels_threshold: float | None = None
    split: str = BY_PIXELS

    def check(self) -> None:
        """Raise DatasetError if an option has no meaning."""
        for name, value in (("stretch", self.stretch), ("q", self.q)):
            if not (math.isfinite(value) and value > 0):
                raise DatasetError(f"--{name} {value:g} is no number above 0.")
        if len(set(self.bands)) != 3 or not set(self.bands) <= set(BANDS):
            raise DatasetError(f"--bands {self.bands!r} does not name three different bands out of {BANDS}.")
        if self.hdf5_axes and self.hdf5_axes not in AXES:
            raise DatasetError(f"--hdf5-axes {self.hdf5_axes} is none of {', '.join(AXES)}.")
        if self.labels_threshold is not None and not 0 <= self.labels_threshold < 1:
            raise DatasetError(f"--labels-threshold {self.labels_threshold:g} does not lie between 0 and 1.")
        if not self.labels and (self.labels_id or self.labels_class or self.labels_threshold is not None):
            raise DatasetError("--labels-id, --labels-class and --labels-threshold need --labels FILE.")
        if self.split not in SPLITS:
            raise DatasetError(f"There is no split by {self.split}, only by {' and '.join(SPLITS)}.")

    def of_pixels(self) -> dict[str, Any]:
        """Return the options that change pixels: what a cache goes by, and what a manifest keeps."""
        names = ("stretch", "q", "bands", "hdf5_images", "hdf5_axes")
        return {name: value for name, value in asdict(self).items() if name in names}


def options_of(data: Mapping[str, Any]) -> ReadingOptions:
    """Return the options that a bundle's images were read with, from the part `data` of its manifest.

    A manifest that does not say how it was split is from before pixels decided it.
    """
    known = {field.name for field in fields(ReadingOptions)} - {"labels_class"}
    return ReadingOptions(**{"split": BY_FILES, **{key: data[key] for key in known if key in data}})
