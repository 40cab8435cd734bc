"""What a trained model is on disk: how it is read, written and used.

    from galaxies.ml.bundle import load_bundle

    bundle = load_bundle("models_store/sdss-256-c")
    images = bundle.sample(clusters=[3, 3], seeds=[42, 43], psi=0.8)     # (2, 256, 256, 3) uint8

Importing it imports neither TensorFlow nor scikit-learn, so that every command of the site starts quickly.
"""

from galaxies.ml.bundle.bundle import Bundle, Family, RealFeatures, load_bundle
from galaxies.ml.bundle.files import MANIFEST, METRICS, BundleError, read_manifest, sha256, verify
from galaxies.ml.bundle.latents import SEED_LIMIT, normals

__all__ = [
    "MANIFEST",
    "METRICS",
    "SEED_LIMIT",
    "Bundle",
    "BundleError",
    "Family",
    "RealFeatures",
    "load_bundle",
    "normals",
    "read_manifest",
    "sha256",
    "verify",
]
