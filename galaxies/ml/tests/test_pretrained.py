"""EfficientNet-Lite without PyTorch."""

import io
import pickle
import struct
import sys
from collections import OrderedDict
from dataclasses import replace
from importlib import metadata
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from galaxies.ml.arrays import Images
from galaxies.ml.data.resize import bicubic_resize
from galaxies.ml.features import pretrained
from galaxies.ml.features.pretrained import LITE0, LITE2, Architecture, PretrainedError, load_pretrained, read_tensors

PACKAGE = "some-weights"


class Call:
    """A pickle of it calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.what = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.what


class Stored(pickle.Pickler):
    """Writes ("storage", ...) places as PyTorch does."""

    def persistent_id(self, value: Any) -> Any:
        return value if isinstance(value, tuple) and value[:1] == ("storage",) else None


class FloatStorage:
    pass


def _rebuild_tensor_v2(*_: Any) -> None:
    raise AssertionError("never called")


for known, module in ((FloatStorage, "torch"), (_rebuild_tensor_v2, "torch._utils")):
    known.__module__ = module


def file_of(tensors: Any, values: Any, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What PyTorch before 1.6 would have saved: pickles, then one storage `7` with float32 values."""
    for module, known in (("torch", FloatStorage), ("torch._utils", _rebuild_tensor_v2)):
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
        setattr(sys.modules[module], known.__name__, known)
    stream = io.BytesIO()
    for part in (pretrained.MAGIC, pretrained.PROTOCOL, {"little_endian": True}):
        pickle.dump(part, stream, 2)
    Stored(stream, 2).dump(tensors)
    pickle.dump(["7"], stream, 2)
    stream.write(struct.pack("<q", len(values)) + np.asarray(values, "<f4").tobytes())
    return stream.getvalue()


def tensor(offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Call:
    storage = ("storage", FloatStorage, "7", "cpu", 6, None)
    return Call(_rebuild_tensor_v2, storage, offset, shape, strides, False, OrderedDict())


def test_tensors_are_read_whatever_the_order_of_their_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    named = OrderedDict(a=tensor(0, (2, 3), (3, 1)), b=tensor(0, (3, 2), (1, 3)), c=tensor(4, (), ()))
    found = read_tensors(file_of(named, range(6), monkeypatch), PACKAGE)
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["b"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["c"] == 4


@pytest.mark.parametrize(
    "named",
    [
        OrderedDict(a=Call(exec, "print('run')")),
        OrderedDict(a=Call(eval, "1 + 1")),
        OrderedDict(a=1),
        OrderedDict(a=tensor(4, (2, 3), (3, 1))),
    ],
)
def test_what_is_no_tensor_or_lies_outside_its_storage_is_refused(
    named: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = file_of(named, range(6), monkeypatch)
    with pytest.raises(PretrainedError, match=f"package {PACKAGE} hold more than tensors"):
        read_tensors(raw, PACKAGE)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", pickle.dumps(1), pickle.dumps(pretrained.MAGIC) + b"half"])
def test_other_formats_are_refused(raw: bytes) -> None:
    with pytest.raises(PretrainedError, match=PACKAGE):
        read_tensors(raw, PACKAGE)


def test_a_missing_package_is_named() -> None:
    with pytest.raises(PretrainedError, match="The package no-such-weights is not installed: install it again with"):
        load_pretrained(replace(LITE0, package="no-such-weights"))


def test_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata.Distribution, "version", property(lambda self: "9.9"))
    with pytest.raises(PretrainedError, match=f"The package {LITE0.package} is of version 9.9"):
        load_pretrained(LITE0)


def test_missing_and_damaged_weights_name_the_package() -> None:
    with pytest.raises(PretrainedError, match=f"The package {LITE0.package} lacks its weights"):
        load_pretrained(replace(LITE0, file="nowhere.pth"))
    with pytest.raises(PretrainedError, match=f"The weights in the package {LITE0.package} are damaged"):
        load_pretrained(replace(LITE0, sha256="0" * 64))


def test_maps_have_strides_2_to_16_and_gradients_pass_to_the_images() -> None:
    images = tf.random.stateless_normal([2, 64, 64, 3], [0, 1])
    with tf.GradientTape() as tape:
        tape.watch(images)
        maps = load_pretrained(LITE0).maps(images)
        total = tf.add_n([tf.reduce_sum(x) for x in maps])
    assert [x.shape[1:] for x in maps] == [(32, 32, 16), (16, 16, 24), (8, 8, 40), (4, 4, 112)]
    assert float(tf.reduce_min(tf.reduce_max(tf.abs(tape.gradient(total, images)), axis=(1, 2, 3)))) > 0


@pytest.mark.parametrize("architecture", [LITE0, LITE2])
def test_a_cat_and_a_cup_are_what_they_are(architecture: Architecture) -> None:
    """scikit-image, which statmorph needs, brings both pictures; 281 to 285 are ImageNet's cats, 967 is an espresso."""
    from skimage import data

    side = architecture.side
    shown: list[Images] = [data.chelsea()[:, 75:375], data.coffee()[:, 100:500]]  # type: ignore[no-untyped-call]
    small = np.concatenate([bicubic_resize(each[None], side) for each in shown])
    cat, cup = np.argmax(load_pretrained(architecture).classify(small.astype("float32") / 127.5 - 1), axis=1)
    assert 281 <= cat <= 285
    assert cup == 967
