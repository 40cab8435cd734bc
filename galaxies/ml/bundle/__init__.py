"""What a trained model is on disk: how it is read, written and used.

    from galaxies.ml.bundle import load_bundle

    bundle = load_bundle("models_store/sdss-256-c")
    images = bundle.sample(clusters=[3, 3], seeds=[42, 43], psi=0.8)     # (2, 256, 256, 3) uint8

Importing it imports neither TensorFlow nor scikit-learn, so that every command of the site starts quickly.
"""

from galaxies.ml.bundle.bundle import Bundle, Family, RealFeatures, load_bundle
from galaxies.ml.bundle.directions import (
    DIRECTIONS,
    FIGURES,
    Direction,
    Directions,
    SteerError,
    parse_steer,
    read_directions,
    write_steer,
)
from galaxies.ml.bundle.files import MANIFEST, METRICS, BundleError, NoNumbers, read_manifest, sha256, verify
from galaxies.ml.bundle.latents import SEED_LIMIT, family_of, normals

__all__ = [
    "DIRECTIONS",
    "FIGURES",
    "MANIFEST",
    "METRICS",
    "SEED_LIMIT",
    "Bundle",
    "BundleError",
    "Direction",
    "Directions",
    "Family",
    "NoNumbers",
    "RealFeatures",
    "SteerError",
    "family_of",
    "load_bundle",
    "normals",
    "parse_steer",
    "read_directions",
    "read_manifest",
    "sha256",
    "verify",
    "write_steer",
]
