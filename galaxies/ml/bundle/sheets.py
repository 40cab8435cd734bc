"""Sample sheets: fixed latents of each family side by side, as one picture."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from galaxies.ml.arrays import Images

COLUMNS = 10
PSI = 0.8


def write_sheet(path: Path, images: Images) -> None:
    """Write (rows, columns, R, R, 3) uint8 as one picture."""
    rows, columns, side = images.shape[:3]
    page = images.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    Image.fromarray(page).save(path)
