"""Arguments that several commands take."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from galaxies.ml.data.options import AXES, THRESHOLD, ReadingOptions


def add_reading_arguments(parser: ArgumentParser) -> None:
    """Add what may be said about images that their files do not say themselves."""
    default = ReadingOptions()
    fits = parser.add_argument_group("FITS")
    fits.add_argument("--stretch", type=float, default=default.stretch, help="of the Lupton stretch, in flux units")
    fits.add_argument("--q", type=float, default=default.q, help="softening of the Lupton stretch")
    fits.add_argument("--bands", default=default.bands, help="order of the planes in a cube that names none")
    labels = parser.add_argument_group("labels, by which families are named and checked")
    labels.add_argument("--labels", type=Path, metavar="FILE", help="a CSV or Parquet table, instead of labels.csv")
    labels.add_argument("--labels-id", default="", metavar="COLUMN", help="ids or paths of the images")
    labels.add_argument(
        "--labels-class",
        nargs="+",
        default=(),
        metavar="COLUMN",
        help="the class, or several columns of vote fractions",
    )
    labels.add_argument(
        "--labels-threshold", type=float, help=f"what the largest vote fraction must exceed, {THRESHOLD} if not given"
    )
    hdf5 = parser.add_argument_group("HDF5")
    hdf5.add_argument("--hdf5-images", default="", metavar="KEY", help="the data set of the images, instead of images")
    hdf5.add_argument("--hdf5-labels", default="", metavar="KEY", help="the data set of the labels, instead of ans")
    hdf5.add_argument(
        "--hdf5-axes", default="", choices=("", *AXES), help="order of the axes where the shape is unclear"
    )
