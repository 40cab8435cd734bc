"""Feature extractors: what turns images into the vectors that FID, KID and their kin compare.

    extractor = imagenet()
    features = extractor(images, report=print)          # (N, 1280) float32

An extractor is one function, (N, H, W, 3) uint8 -> (N, d) float32, with a name, a version and the filter that resized
its input: no number computed from its features may be shown without them. Another one is one line:
`Extractor(function, name="dinov2", version="vits14", resize="bicubic, antialiased, to 224 px (Pillow)")`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from galaxies.ml.arrays import Features, Images, Progress, silent
from galaxies.ml.data.resize import bicubic_resize

IMAGENET, INCEPTION = "imagenet", "inception"
IMAGENET_LEAST = 64  # px: smaller images would be known by their enlargement
IMAGENET_LABEL = "EfficientNet-Lite2, trained on ImageNet: the whole image at 260 px"
INCEPTION_SIDE = 299
INCEPTION_LABEL = "Keras Inception-v3, not comparable with numbers from other Inception weights"


class ExtractorUnavailable(RuntimeError):
    """The extractor cannot be used here; the message says why, in one sentence."""


@dataclass(frozen=True)
class Extractor:
    """function: (n, H, W, 3) uint8 -> (n, d) float32; `batch` is how many images it is given at a time at most.

    least: px, the smallest side of images that it is made for.
    """

    function: Callable[[Images], Features]
    name: str
    version: str
    resize: str = "none"
    label: str = ""
    batch: int = 256
    least: int = 1

    def check(self, side: int) -> None:
        """Raises: ExtractorUnavailable if images of `side` px are too small for it."""
        if side < self.least:
            raise ExtractorUnavailable(
                f"The extractor {self.name} needs images of at least {self.least} px, and these have {side} px."
            )

    def __call__(self, images: Images, report: Progress = silent) -> Features:
        """Return the features (N, d) float32 of images (N, H, W, 3) uint8.

        Raises: ValueError if the images have another shape or type, or there are none; ExtractorUnavailable if they
        are too small.
        """
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or not len(images):
            raise ValueError(f"Images must be (N, H, W, 3) uint8 with N > 0, not {images.shape} {images.dtype}.")
        self.check(min(images.shape[1:3]))
        parts = []
        for start in range(0, len(images), self.batch):
            parts.append(np.asarray(self.function(images[start : start + self.batch]), dtype=np.float32))
            report(f"{self.name} features", min(start + self.batch, len(images)), len(images))
        return np.concatenate(parts)


def usable(make: Callable[[], Extractor], side: int, refuse: Callable[[str], None]) -> Extractor | None:
    """Return an extractor for images of `side` px; None, after saying why, where it cannot be used."""
    try:
        extractor = make()
        extractor.check(side)
    except ExtractorUnavailable as error:
        refuse(f"{error} The encoder's numbers follow all the same.")
        return None
    return extractor


def imagenet(batch: int = 32) -> Extractor:
    """Return EfficientNet-Lite2 (Tan & Le 2019): ImageNet weights from a Python package, pooled, d = 1280.

    Its features are taken as they are: they do not depend on the images or the model that are compared. Nothing here
    is trained through it; discriminators see through Lite0.

    Raises: ExtractorUnavailable if the package of weights is missing, damaged or of another version.
    """
    from galaxies.ml.features.pretrained import LITE2, VERSION, PretrainedError, load_pretrained  # TensorFlow

    try:
        network = load_pretrained(LITE2)
    except PretrainedError as error:
        raise ExtractorUnavailable(str(error)) from error
    return Extractor(
        _fixed_batches(network.pooled, batch, LITE2.side),
        name=IMAGENET,
        version=f"{LITE2.package} {VERSION}, weights {LITE2.sha256[:12]}",
        resize=f"bicubic, antialiased, to {LITE2.side} px (Pillow)",
        label=IMAGENET_LABEL,
        batch=batch,
        least=IMAGENET_LEAST,
    )


def inception(weights: Path | None = None, batch: int = 32) -> Extractor:
    """Return Inception-v3 as `keras.applications` has it: ImageNet weights, no top, average pooling, d = 2048.

    weights: a file of no-top weights (.h5 or .weights.h5); without one, Keras' cache or its own download.

    Raises: ExtractorUnavailable if there is neither a usable file nor a connection.
    """
    network = _inception_network(weights)

    def pooled(images: Any) -> Any:
        return network(images, training=False)

    digest = hashlib.sha256()
    for variable in network.weights:
        digest.update(np.ascontiguousarray(variable.numpy()).tobytes())
    return Extractor(
        _fixed_batches(pooled, batch, INCEPTION_SIDE),
        name=INCEPTION,
        version=f"keras.applications InceptionV3, weights {digest.hexdigest()[:12]}",
        resize=f"bicubic, antialiased, to {INCEPTION_SIDE} px (Pillow)",
        label=INCEPTION_LABEL,
        batch=batch,
    )


def _inception_network(weights: Path | None) -> Any:
    import keras  # importing TensorFlow takes seconds, and most evaluations need none of this

    if weights is not None and not weights.is_file():
        raise ExtractorUnavailable(f"There is no file of Inception weights at {weights}.")
    shape = (INCEPTION_SIDE, INCEPTION_SIDE, 3)
    try:
        return keras.applications.InceptionV3(
            include_top=False, pooling="avg", input_shape=shape, weights=str(weights or "imagenet")
        )
    except Exception as error:  # Keras raises a bare Exception for a failed download
        advice = (
            f"The file {weights} does not hold the weights of Keras' InceptionV3 without its top"
            if weights
            else "The Inception weights are not on this machine and could not be downloaded: connect it once, or give "
            "their file in NEBULAI_INCEPTION_WEIGHTS"
        )
        raise ExtractorUnavailable(f"{advice}.") from error


def _fixed_batches(network: Callable[[Any], Any], batch: int, side: int) -> Callable[[Images], Features]:
    """Return `network`, (batch, side, side, 3) in [-1, 1] -> (batch, d), as a function of up to `batch` images.

    It is compiled once, for exactly that many.
    """
    import tensorflow as tf

    spec = tf.TensorSpec((batch, side, side, 3), tf.uint8)

    def forward(images: Any) -> Any:
        return network(tf.cast(images, tf.float32) / 127.5 - 1.0)

    features = tf.function(forward, input_signature=[spec])

    def extract(images: Images) -> Features:
        padded = np.zeros((batch, side, side, 3), dtype=np.uint8)
        padded[: len(images)] = bicubic_resize(images, side)
        values: Features = features(tf.constant(padded)).numpy()[: len(images)]
        return values

    return extract
