"""Shapes and colours of galaxies, measured as astronomers measure them.

    real = measure(images, workers=2)                   # Morphology: (N, 10) values, (N,) flags
    fake = measure(generated, workers=2)
    wasserstein(real.column("gini"), fake.column("gini"))

Shapes come from statmorph (Rodriguez-Gomez et al. 2019) on the grey image, within the largest central segment found by
photutils. Colours are those of the light inside the half-light radius, in magnitudes of the displayed image: the
stretch is not undone, so they compare images of one data set and are no photometry. In SDSS composites blue, green and
red show the g, r and i bands, and the three colours stand for g - r, r - i and g - i.

statmorph takes about 0.45 s for an image of 128 px and grows with its area: hence the common side and the processes.
Processes are spawned, never forked (TensorFlow's threads do not survive a fork), so a script that calls
`measure(..., workers=2)` needs its `if __name__ == "__main__":`.
"""

import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import statmorph
from astropy.stats import sigma_clipped_stats
from numpy.typing import NDArray
from photutils.aperture import CircularAperture
from photutils.segmentation import detect_sources
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import wasserstein_distance
from threadpoolctl import threadpool_limits

from galaxies.ml.arrays import Floats, Images, Progress

# name of ours -> attribute of statmorph, unit
SHAPES = {
    "concentration": ("concentration", "5 log10(r80 / r20)"),
    "asymmetry": ("asymmetry", "share of the light"),
    "smoothness": ("smoothness", "share of the light"),
    "gini": ("gini", "0 to 1"),
    "m20": ("m20", "log10"),
    "ellipticity": ("ellipticity_asymmetry", "1 - b/a"),
    "half_light_radius": ("rhalf_circ", "share of the image's width"),
}
COLOURS = {"blue_green": (2, 1), "green_red": (1, 0), "blue_red": (2, 0)}
COLOUR_UNIT = "magnitudes of the displayed image"
MEASURES = (*SHAPES, *COLOURS)

SOURCE = "statmorph"
SIDE = 128
BORDER = 1 / 16
SMOOTHING = 1.5
THRESHOLD_SIGMAS = 1.5
# A generated sky may have no noise at all, and 1.5 times nothing is no threshold.
THRESHOLD_LEAST = 1.0
SEGMENT_PIXELS = 8
PROCESS_IMAGES = 8

SUSPECT, BAD, NOTHING = 1, 2, 4
DEGENERATE = (AssertionError, ArithmeticError, IndexError, TypeError, ValueError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Morphology:
    """values: (N, 10) in the order of MEASURES, NaN where the measurement failed.

    flags: (N,) as statmorph sets them: 0 good, 1 suspect (used), 2 bad, 4 nothing to measure (both failed).
    """

    values: Floats
    flags: NDArray[np.int64]

    def column(self, measure: str) -> Floats:
        """Return one measure of every image: (N,), NaN for failures."""
        column: Floats = self.values[:, MEASURES.index(measure)]
        return column

    def counts(self) -> dict[str, int]:
        """Return how many images were measured, of these suspect, and how many failed."""
        failed = int((self.flags >= BAD).sum())
        return {
            "measured": len(self.flags) - failed,
            "suspect": int((self.flags == SUSPECT).sum()),
            "failed": failed,
        }

    def table(self) -> dict[str, list[float]]:
        """Return the measures as lists of the same length, failures left out."""
        good = self.values[self.flags < BAD].round(5)
        return {measure: good[:, i].tolist() for i, measure in enumerate(MEASURES)}

    def split(self, sizes: list[int]) -> list["Morphology"]:
        """Return consecutive parts of the given sizes."""
        bounds = np.cumsum(sizes)
        return [self.take(np.arange(end - size, end)) for size, end in zip(sizes, bounds, strict=True)]

    def first(self, count: int) -> "Morphology":
        """Return the morphology of the first so many images."""
        return Morphology(self.values[:count], self.flags[:count])

    def take(self, rows: NDArray[np.integer[Any]]) -> "Morphology":
        """Return the morphology of some of the images, by their indices."""
        return Morphology(self.values[rows], self.flags[rows])


def wasserstein(a: Floats, b: Floats) -> float | None:
    """Return the 1-D Wasserstein distance in the measure's unit, failures left out; None if a side has none left."""
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return float(wasserstein_distance(a, b)) if len(a) and len(b) else None


def measure(images: Images, workers: int = 1, report: Progress | None = None, stage: str = "morphology") -> Morphology:
    """Measure images (N, H, W, 3) uint8, in `workers` processes; failures are flagged, never raised."""
    chunks = [images[i : i + PROCESS_IMAGES] for i in range(0, len(images), PROCESS_IMAGES)]
    rows: list[tuple[Floats, int]] = []

    def collect(done: list[tuple[Floats, int]]) -> None:
        rows.extend(done)
        if report:
            report(stage, len(rows), len(images))

    if workers > 1 and len(chunks) > 1:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            for done in pool.map(_measure_chunk, chunks):
                collect(done)
    else:
        for chunk in chunks:
            collect(_measure_chunk(chunk))
    values = np.array([row for row, _ in rows], dtype=np.float64).reshape(len(rows), len(MEASURES))
    return Morphology(values, np.array([flag for _, flag in rows], dtype=np.int64))


def _measure_chunk(images: Images) -> list[tuple[Floats, int]]:
    with threadpool_limits(1), warnings.catch_warnings():
        # statmorph and astropy warn of what the flag says anyway.
        warnings.simplefilter("ignore")
        return [_measure_one(image) for image in images]


class Source(NamedTuple):
    """A galaxy found in an image: its light (S, S, 3) above the sky, the mean of the bands, and its segment."""

    light: Floats
    grey: Floats
    segments: Any
    label: int


def find_galaxy(image: Images) -> Source | None:
    """Return the largest central source of an image (H, W, 3) uint8, at most SIDE px wide; None if there is none."""
    light = _sky_subtracted(image)
    grey = light.mean(axis=2)
    segments = detect_sources(gaussian_filter(grey, SMOOTHING), _threshold(grey), SEGMENT_PIXELS)
    label = _largest_central(segments.data) if segments else None
    return None if label is None else Source(light, grey, segments, label)


def shape_of(source: Source, sersic_iterations: int) -> Any | None:
    """Return statmorph's measures of a source, None if it gives up."""
    try:
        # The multimode search is not used: it may take long.
        return statmorph.SourceMorphology(
            source.grey,
            source.segments,
            source.label,
            gain=1.0,
            niter_bh_mid=0,
            sersic_fitting_args={"maxiter": sersic_iterations},
        )
    except DEGENERATE:
        return None  # statmorph asserts its way through degenerate light


def _measure_one(image: Images) -> tuple[Floats, int]:
    failure = np.full(len(MEASURES), np.nan)
    source = find_galaxy(image)
    shape = source and shape_of(source, sersic_iterations=1)  # the Sersic fit is not used here
    if source is None or shape is None:
        return failure, NOTHING
    values = {name: float(shape[attribute]) for name, (attribute, _) in SHAPES.items()}
    colours = colours_within(source.light, (shape.xc_centroid, shape.yc_centroid), values["half_light_radius"])
    values["half_light_radius"] /= source.grey.shape[1]
    row = np.array([*values.values(), *colours])
    if shape.flag >= BAD or not np.isfinite(row).all():
        return failure, max(int(shape.flag), BAD)
    return row, int(shape.flag)


def _sky_subtracted(image: Images) -> Floats:
    # As float and by a mean: whole grey levels would leave a step that statmorph sees in a sky of little noise.
    bands = [Image.fromarray(image[:, :, band].astype(np.float32)) for band in range(3)]
    if max(image.shape[:2]) > SIDE:
        bands = [band.resize((SIDE, SIDE), Image.Resampling.BOX) for band in bands]
    light = np.stack([np.asarray(band, dtype=np.float64) for band in bands], axis=2)
    sky = sigma_clipped_stats(light[_border(light.shape[:2])], axis=0)[0]
    subtracted: Floats = light - sky
    return subtracted


def _border(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    width = max(1, round(BORDER * min(shape)))
    border = np.ones(shape, dtype=np.bool_)
    border[width:-width, width:-width] = False
    return border


def _threshold(grey: Floats) -> float:
    _, _, noise = sigma_clipped_stats(grey[_border(grey.shape)])
    return max(THRESHOLD_SIGMAS * float(noise), THRESHOLD_LEAST)


def _largest_central(segments: NDArray[np.integer[Any]]) -> int | None:
    """Return the label of the largest segment that reaches the central quarter, or None if none does."""
    height, width = segments.shape
    centre = segments[height // 4 : -(height // 4), width // 4 : -(width // 4)]
    areas = np.bincount(segments.ravel())
    areas[np.setdiff1d(np.arange(len(areas)), centre)] = 0
    areas[0] = 0
    return int(areas.argmax()) if areas.any() else None


def colours_within(light: Floats, centre: tuple[float, float], radius: float) -> list[float]:
    """Return the COLOURS of the light (S, S, 3) inside a circle, NaN where a band has none."""
    if not radius > 0:
        return [np.nan] * len(COLOURS)
    aperture = CircularAperture(centre, radius)
    flux = [float(aperture.do_photometry(light[:, :, band])[0][0]) for band in range(3)]
    return [-2.5 * np.log10(flux[a] / flux[b]) if min(flux[a], flux[b]) > 0 else np.nan for a, b in COLOURS.values()]
