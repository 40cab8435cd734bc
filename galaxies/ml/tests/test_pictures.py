"""Files of all kinds, as cameras, surveys and other software write them."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from galaxies.ml.arrays import Images
from galaxies.ml.data import synthetic
from galaxies.ml.data.pictures import decode, read_picture
from galaxies.ml.data.records import DatasetError


@pytest.fixture(scope="module")
def galaxy() -> Images:
    return np.asarray(synthetic.draw(1, 48)[0][0])


def encoded(pixels: Any, kind: str = "png", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def deep_png(pixels: Images) -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = pixels.shape[:2]
    rows = (pixels.astype(">u2") * 257).reshape(height, -1)
    body = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def deep_tiff(pixels: Images) -> bytes:
    """A TIFF of 16 bits a channel, in one strip."""
    height, width = pixels.shape[:2]
    body = (pixels.astype("<u2") * 257).tobytes()
    tags = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8 + len(body)), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 8), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(body)), (284, 3, 1, 1),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    bits = struct.pack("<HHH", 16, 16, 16) + b"\0\0"
    return struct.pack("<2sHI", b"II", 42, 8 + len(body) + len(bits)) + body + bits + directory


def test_tiff_and_16_bits_are_read_as_the_same_pixels(galaxy: Images) -> None:
    for raw in (encoded(galaxy, "tiff"), encoded(galaxy, "tiff", compression="tiff_lzw"), deep_tiff(galaxy)):
        assert np.array_equal(decode(raw), galaxy)
    assert np.array_equal(decode(deep_png(galaxy)), galaxy)


def test_a_phone_s_picture_with_a_second_one_in_it_is_read(galaxy: Images) -> None:
    first = Image.fromarray(galaxy)
    raw = encoded(first, "mpo", save_all=True, append_images=[first.rotate(90)], quality=95)
    with Image.open(io.BytesIO(raw)) as image:
        assert getattr(image, "n_frames", 1) == 2
    assert np.abs(decode(raw).astype(int) - galaxy).mean() < 6


def test_a_png_with_a_profile_of_megabytes_is_read(galaxy: Images) -> None:
    profile = np.random.default_rng(0).integers(0, 256, 3_000_000, np.uint8).tobytes()
    assert np.array_equal(decode(encoded(galaxy, icc_profile=profile)), galaxy)
    text = PngInfo()
    text.add_text("Comment", "x" * 3_000_000, zip=True)
    assert np.array_equal(decode(encoded(galaxy, pnginfo=text)), galaxy)


def test_what_is_transparent_is_black_whatever_colour_it_hides(galaxy: Images) -> None:
    alpha = np.zeros((48, 48, 1), np.uint8)
    alpha[12:36, 12:36] = 255
    hidden = np.where(alpha > 0, galaxy, 255).astype(np.uint8)
    found = decode(encoded(np.concatenate([hidden, alpha], axis=2)))
    assert np.array_equal(found, np.where(alpha > 0, galaxy, 0))
    with pytest.raises(DatasetError, match="wholly transparent"):
        decode(encoded(np.concatenate([galaxy, np.zeros((48, 48, 1), np.uint8)], axis=2)))


def test_a_palette_is_colour(galaxy: Images) -> None:
    picture = Image.fromarray(galaxy).quantize(64)
    assert np.array_equal(decode(encoded(picture)), np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (lambda g: encoded(Image.fromarray(g).convert("L")), "grey"),
        (lambda g: encoded(Image.fromarray(g).convert("L").convert("RGB")), "grey"),
        (lambda g: encoded(np.zeros((48, 48), np.uint16)), "grey"),
        (lambda g: encoded(Image.fromarray(g).convert("CMYK"), "jpeg"), "not RGB but CMYK"),
        (lambda g: encoded(g, "webp", save_all=True, append_images=[Image.new("RGB", (48, 48))]), "animated"),
        (lambda g: encoded(g, "tiff", save_all=True, append_images=[Image.new("RGB", (48, 48))]), "2 pages"),
        (lambda g: encoded(g)[:300], "damaged"),
        (lambda g: b"", "damaged"),
        (lambda g: b"no", "damaged"),
        (lambda g: encoded(g[:, :20]), "20 x 48 is smaller than 32 px"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_true_reason(galaxy: Images, raw: Any, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        read_picture(raw(galaxy), 32, 256)


def test_the_same_pixels_have_one_checksum_whatever_the_file(galaxy: Images) -> None:
    raws = [encoded(galaxy), encoded(galaxy, "tiff"), encoded(galaxy, "webp", lossless=True), deep_png(galaxy)]
    pictures = [read_picture(raw, 32, 256) for raw in raws]
    assert len({picture.digest for picture in pictures}) == 1
    assert len({picture.file_digest for picture in pictures}) == 4
