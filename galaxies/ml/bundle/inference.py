"""From a bundle's files to compiled TensorFlow functions: the only part of a bundle that needs TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from galaxies.ml.arrays import Tensor
from galaxies.ml.bundle.files import NoNumbers
from galaxies.ml.bundle.latents import LatentLayout
from galaxies.ml.features.encoder import Encoder, EncoderConfig, build_encoder, make_encode
from galaxies.ml.networks.generator import Generator, GeneratorConfig, build_generator
from galaxies.ml.networks.styled_stage import StyledStage, StyledStageConfig, build_styled_stage
from galaxies.ml.networks.super_resolution import Stage, StageConfig, build_stage

Forward = Callable[..., Any]
Manifest = Mapping[str, Any]
Arrays = Callable[[str], dict[str, Any]]  # the arrays of one of a bundle's .npz files by its name
NAN = "NaN out of the network"


def make_forward(generator: Generator, stages: Sequence[Stage | StyledStage]) -> tuple[Forward, LatentLayout]:
    """Return (z, labels, psi (N, 1), noise, style[, steer]) -> (N, R, R, 3) uint8, and how normals are dealt out.

    steer: (N, w_dim), which is added to w before w is truncated.
    The function raises NoNumbers where a pixel is none, which would else be black, and MemoryError.
    """
    styles = [stage.config.latent if isinstance(stage, StyledStage) else 0 for stage in stages]
    sides = (*generator.noise_resolutions, *(stage.config.resolution for stage in stages))
    layout = LatentLayout(generator.config.z_dim, sides, sum(styles))
    latents = [tf.TensorSpec([None, n], tf.float32) for n in (layout.z_dim, generator.config.n_clusters, 1)]
    planes = [tf.TensorSpec([None, side, side, 1], tf.float32) for side in sides]

    last = [tf.TensorSpec([None, size], tf.float32) for size in (layout.style, generator.config.w_dim)]

    @tf.function(input_signature=[*latents, planes, *last])
    def steered(  # noqa: PLR0917  (its signature is given by position)
        z: Tensor, labels: Tensor, psi: Tensor, noise: list[Tensor], style: Tensor, steer: Tensor
    ) -> Tensor:
        w = generator.map(z, labels)
        w = generator.truncate(w + tf.cast(steer, w.dtype), labels, psi)
        split = len(generator.noise_resolutions)
        images = generator(w, noise[:split])
        ends = np.cumsum([0, *styles])
        for number, (stage, plane) in enumerate(zip(stages, noise[split:], strict=True)):
            latent = [style[:, ends[number] : ends[number + 1]]] if styles[number] else []
            images = stage(images, plane, *latent)
        images = tf.debugging.check_numerics(images, NAN)
        return tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)

    def forward(*inputs: Any, steer: Any = None) -> Tensor:
        if steer is None:
            steer = np.zeros((len(inputs[0]), generator.config.w_dim), np.float32)
        with said_plainly():
            return steered(*inputs, steer)

    return forward, layout


@contextmanager
def said_plainly() -> Iterator[None]:
    """Raise TensorFlow's errors as NoNumbers and MemoryError, which callers can tell without TensorFlow."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise MemoryError("the networks want more memory than there is") from error
    except tf.errors.InvalidArgumentError as error:
        if NAN not in error.message:
            raise
        raise NoNumbers("the networks answer with values that are no numbers") from error


def load_forward(manifest: Manifest, arrays: Arrays) -> tuple[Forward, LatentLayout]:
    """Return the forward pass of a bundle's generator and stages."""
    return make_forward(load_generator(manifest, arrays), load_stages(manifest, arrays))


def load_generator(manifest: Manifest, arrays: Arrays) -> Generator:
    """Return the network that generates a bundle's base images."""
    config = manifest["generator"]
    generator = build_generator(GeneratorConfig(**{**config, "channels": tuple(config["channels"])}))
    _set(generator, arrays("generator.npz"))
    return generator


def load_stages(manifest: Manifest, arrays: Arrays) -> list[Stage | StyledStage]:
    """Return a bundle's super-resolution stages, the smallest first: those with a style say so in their config."""
    stages: list[Stage | StyledStage] = []
    for options in manifest["stages"]:
        styled = "style" in options
        stage = build_styled_stage(StyledStageConfig(**options)) if styled else build_stage(StageConfig(**options))
        _set(stage, arrays(f"stage_{stage.config.resolution}.npz"))
        stages.append(stage)
    return stages


def load_encode(manifest: Manifest, arrays: Arrays) -> Callable[[Any], Any]:
    """Return a bundle's function images (N, R, R, 3) -> features (N, d), which raises NoNumbers and MemoryError."""
    encode = make_encode(load_encoder(manifest, arrays))

    def checked(images: Any) -> Any:
        with said_plainly():
            features = encode(images)
        if not np.isfinite(features).all():
            raise NoNumbers("the encoder answers with values that are no numbers")
        return features

    return checked


def load_encoder(manifest: Manifest, arrays: Arrays) -> Encoder:
    """Return the network whose features a bundle's families are cut from."""
    options = manifest["encoder"]
    tuples = {name: tuple(options[name]) for name in ("channels", "zooms") if name in options}
    encoder = build_encoder(EncoderConfig(**{**options, **tuples}))
    _set(encoder, arrays("encoder.npz"))
    return encoder


def weights_of(model: Any) -> dict[str, Any]:
    """Return all weights of a network by number, as float16: half the size, far below one level of 255."""
    return {f"{i:03d}": np.asarray(w, np.float16) for i, w in enumerate(model.get_weights())}


def _set(model: Any, arrays: dict[str, Any]) -> None:
    model.set_weights([arrays[key].astype(np.float32) for key in sorted(arrays)])
