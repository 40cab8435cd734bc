import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.visualization import make_lupton_rgb
from PIL import Image

from galaxies.ml.data import synthetic
from galaxies.ml.data.dataset import Dataset, DatasetError, load_dataset
from galaxies.ml.data.fits import band_of
from galaxies.ml.data.options import ReadingOptions

SIDE = 40


def fluxes(seed: int = 0) -> Any:
    """Three bands (3, H, W), the shortest wavelength first, with a sky about 0."""
    image = synthetic.draw(1, SIDE, seed)[0][0].astype(np.float32)
    sky = np.random.default_rng(seed).normal(0, 0.02, image.shape)
    return (image[..., ::-1] / 40 + sky).transpose(2, 0, 1).astype(np.float32)


def write(path: Path, data: Any, **cards: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.PrimaryHDU(data, fits.Header(cards)).writeto(path)
    return path


def load(folder: Path, **options: Any) -> Dataset:
    return load_dataset(folder, SIDE, minimum=1, options=ReadingOptions(**options))


def expected(bands: Any, stretch: float = 5, q: float = 8) -> Any:
    return make_lupton_rgb(bands[2], bands[1], bands[0], stretch=stretch, Q=q)[::-1]


def test_a_cube_is_shown_by_lupton_s_stretch_the_longest_wavelength_red(tmp_path: Path) -> None:
    bands = fluxes()
    write(tmp_path / "0.fits", bands)
    assert np.array_equal(load(tmp_path).images[0], expected(bands))
    assert np.array_equal(load(tmp_path, stretch=0.5, q=10).images[0], expected(bands, 0.5, 10))
    assert load(tmp_path, stretch=0.5).digests == load(tmp_path).digests  # a stretch moves nothing between the sides


def test_the_order_of_the_planes_is_that_of_the_header_or_of_the_option(tmp_path: Path) -> None:
    bands = fluxes()
    write(tmp_path / "a/0.fits", bands[::-1], BANDS="irg")
    write(tmp_path / "b/0.fits", bands[::-1])
    write(tmp_path / "c/0.fits", bands[[1, 0, 2]], BAND0="r", BAND1="g", BAND2="z")
    assert np.array_equal(load(tmp_path / "a").images[0], expected(bands))
    assert np.array_equal(load(tmp_path / "b", bands="irg").images[0], expected(bands))
    assert np.array_equal(load(tmp_path / "c").images[0], expected(bands))


def test_a_file_for_each_band_is_one_image_with_one_label(tmp_path: Path) -> None:
    bands = fluxes()
    for name, band in zip("gri", bands, strict=True):
        write(tmp_path / f"deep/J12+3_{name}.fits", band[None] if name == "r" else band)
    write(tmp_path / "deep/J12+3_z.fits", bands[0])
    for name in "gr":
        write(tmp_path / f"J4-{name}.fits", bands[0])
    write(tmp_path / "J5_g.fits", bands[0])
    (tmp_path / "labels.csv").write_text("file,morphology\nJ12+3,spiral\n")
    data = load(tmp_path)
    assert np.array_equal(data.images[0], expected(bands))
    assert (data.names, data.labels) == (("deep/J12+3.fits",), ("spiral",))
    assert data.skipped["J4.fits"] == "bands g, r alone: g, r and i, or other three, are needed"
    assert data.skipped["J5_g.fits"] == "band g alone: g, r and i, or other three, are needed beside it"


def test_nan_and_negative_pixels_are_black(tmp_path: Path) -> None:
    bands = fluxes()
    bands[:, :5, :5] = np.nan
    bands[:, 35:, 35:] = -3
    write(tmp_path / "0.fits", bands)
    image = load(tmp_path).images[0]
    assert not image[-5:, :5].any()
    assert not image[:5, 35:].any()
    assert np.array_equal(image, expected(np.nan_to_num(bands)))


def test_what_is_no_image_of_three_bands_is_skipped_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path / "0.fits", fluxes())
    write(tmp_path / "flat.fits", fluxes()[0])
    write(tmp_path / "five.fits", np.zeros((5, SIDE, SIDE), np.float32))
    write(tmp_path / "nan.fits", np.full((3, SIDE, SIDE), np.nan, np.float32))
    write(tmp_path / "empty.fits", None)
    write(tmp_path / "small.fits", np.ones((3, 8, 8), np.float32))
    table = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "table.fits")
    (tmp_path / "text.fits").write_text("no")
    (tmp_path / "cut.fits").write_bytes((tmp_path / "0.fits").read_bytes()[:4000])
    data = load(tmp_path)
    assert data.names == ("0.fits",)
    for name, reason in {
        "flat.fits": "a FITS image of 40 x 40: three bands are needed",
        "five.fits": "a FITS image of 5 x 40 x 40",
        "nan.fits": "without a finite pixel",
        "empty.fits": "without an image",
        "table.fits": "without an image",
        "small.fits": "8 x 8 is smaller",
        "text.fits": "no readable FITS",
        "cut.fits": "no readable FITS",
    }.items():
        assert reason in data.skipped[name]


def test_compressed_and_byte_swapped_cubes_are_read(tmp_path: Path) -> None:
    bands = fluxes()
    write(tmp_path / "a/0.fits.gz", bands)
    (tmp_path / "b").mkdir()
    tiles = fits.CompImageHDU(bands, compression_type="GZIP_1", quantize_level=0)
    fits.HDUList([fits.PrimaryHDU(), tiles]).writeto(tmp_path / "b/0.fits.fz")
    write(tmp_path / "c/0.fits", np.moveaxis(bands, 0, -1).astype(">f8"))
    for folder in "abc":
        assert np.array_equal(load(tmp_path / folder).images[0], expected(bands))


def test_this_site_s_own_fits_is_the_picture_that_its_png_is(tmp_path: Path) -> None:
    image = synthetic.draw(1, SIDE)[0][0]
    write(tmp_path / "0.fits", np.ascontiguousarray(image[::-1].transpose(2, 0, 1)), CTYPE3="RGB")
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    (tmp_path / "1.png").write_bytes(file.getvalue())
    data = load(tmp_path)
    assert np.array_equal(data.images[0], image)
    assert data.skipped == {"1.png": "an exact duplicate"}


@pytest.mark.parametrize("name", ["a/x_g.fits", "a/x-G.fit", "a/x.g.fits.gz"])
def test_a_band_is_the_last_letter_of_the_name(name: str) -> None:
    assert band_of(name) == ("a/x", "g")
    assert band_of("a/xg.fits") is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"stretch": 0.0}, "--stretch 0 is no number above 0"),
        ({"q": float("nan")}, "--q nan is no number above 0"),
        ({"bands": "grr"}, "--bands 'grr' does not name three different bands"),
    ],
)
def test_options_without_meaning_are_refused(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    write(tmp_path / "0.fits", fluxes())
    with pytest.raises(DatasetError, match=sentence):
        load(tmp_path, **options)
