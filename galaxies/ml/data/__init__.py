"""Images and their class names, as people keep them, become one array with a fixed split.

from pathlib import Path
from galaxies.ml.data import load_dataset
data = load_dataset(Path("galaxies"), resolution=128)
"""

from galaxies.ml.data.dataset import load_dataset
from galaxies.ml.data.options import ReadingOptions, options_of
from galaxies.ml.data.records import Dataset, DatasetError

__all__ = ["Dataset", "DatasetError", "ReadingOptions", "load_dataset", "options_of"]
