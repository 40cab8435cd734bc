from io import BytesIO

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from accounts.models import User
from galaxies import images
from galaxies.models import Galaxy, ModelVersion
from galaxies.recipe import MAX_SEED

PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


@pytest.fixture
def galaxy() -> Galaxy:
    version = ModelVersion(version="v1", credit="Sloan Digital Sky Survey, Zoë", checksum="ab" * 32)
    return Galaxy(
        model_version=version,
        cluster=3,
        seed=MAX_SEED,
        psi=0.75,
        creator=User(username="secretname", email="secret@example.org"),
    )


def test_png_keeps_every_pixel_and_tells_the_recipe(galaxy: Galaxy) -> None:
    file = Image.open(BytesIO(images.png(PIXELS, galaxy)))
    assert isinstance(file.info, dict)
    np.testing.assert_array_equal(np.asarray(file), PIXELS)
    assert file.info["Recipe"] == f'{{"version": "v1", "cluster": 3, "seed": {MAX_SEED}, "psi": 0.75}}'
    assert file.info["Source"] == galaxy.model_version.credit
    assert galaxy.model_version.checksum in file.info["Bundle"]


def test_fits_has_three_upright_planes_and_tells_the_recipe(galaxy: Galaxy) -> None:
    galaxy.cluster2, galaxy.seed2, galaxy.mix = 4, 7, 0.25
    with fits.open(BytesIO(images.fits(PIXELS, galaxy))) as file:
        file.verify("exception")
        header, data = file[0].header, file[0].data
        # FITS counts rows from the bottom
        np.testing.assert_array_equal(data.transpose(1, 2, 0)[::-1], PIXELS)
    recipe = [header[key] for key in ("MODEL", "CLUSTER", "SEED", "PSI", "CLUSTER2", "SEED2", "MIX")]
    assert recipe == ["v1", 3, MAX_SEED, 0.75, 4, 7, 0.25]
    assert "no calibrated flux" in " ".join(header["COMMENT"])


def test_webp_is_small_and_true(galaxy: Galaxy) -> None:
    smooth = np.broadcast_to(np.linspace(0, 255, 128, dtype=np.uint8)[:, None, None], (128, 128, 3)).copy()
    content = images.webp(smooth)
    assert len(content) < 20_000
    assert abs(np.asarray(Image.open(BytesIO(content))).astype(int) - smooth).mean() < 2


def test_no_file_tells_who_made_it(galaxy: Galaxy) -> None:
    for content in (images.png(PIXELS, galaxy), images.fits(PIXELS, galaxy), images.webp(PIXELS)):
        assert b"secret" not in content
