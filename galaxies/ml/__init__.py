"""The machine learning of NebulAI: plain Python, no Django. docs/library.md shows its use in a notebook.

from galaxies.ml import load_bundle

bundle = load_bundle("models_store/sdss-256-g")
images = bundle.sample(clusters=[3, 3], seeds=[42, 43], psi=0.8)
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

# TensorFlow calls a machine without a GPU, and each graph rewrite that it gives up, an error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

if TYPE_CHECKING:
    from galaxies.ml.bundle import Bundle as Bundle
    from galaxies.ml.bundle import load_bundle as load_bundle
    from galaxies.ml.bundle import parse_steer as parse_steer
    from galaxies.ml.measurements import measure_galaxies as measure_galaxies
    from galaxies.ml.sets import SetPlan as SetPlan
    from galaxies.ml.sets import generate_set as generate_set
    from galaxies.ml.sets.encoding import encode as encode

# name -> its module, imported when it is asked for: some of them take seconds
_HOMES = {
    "Bundle": "galaxies.ml.bundle",
    "SetPlan": "galaxies.ml.sets",
    "encode": "galaxies.ml.sets.encoding",
    "generate_set": "galaxies.ml.sets",
    "load_bundle": "galaxies.ml.bundle",
    "measure_galaxies": "galaxies.ml.measurements",
    "parse_steer": "galaxies.ml.bundle",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
