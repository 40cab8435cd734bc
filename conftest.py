"""Fixtures of all tests. The model is real: trained in a minute on drawn galaxies, kept until galaxies/ml changes."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from galaxies.models import ModelVersion
from galaxies.registry.registration import register_bundle
from galaxies.serving import Service, service

ROOT = Path(__file__).parent
TRAINING = [*sorted((ROOT / "galaxies/ml").rglob("*.py")), ROOT / "galaxies/management/commands/train.py"]


@pytest.fixture(autouse=True)
def site(settings: Settings, tmp_path: Path) -> None:
    """Nothing of a test is kept, no limit slows it down, and static files need not be collected."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MODELS_STORE = tmp_path / "models_store"
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    settings.ACCOUNT_RATE_LIMITS = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(scope="session")
def tiny_bundle(pytestconfig: pytest.Config) -> Path:
    """The folder of a bundle trained by `manage.py train --synthetic 600 --preset tiny`."""
    assert pytestconfig.cache
    kept = pytestconfig.cache.mkdir("tiny-bundle")
    fingerprint = hashlib.sha256(b"".join(path.read_bytes() for path in TRAINING if path.exists())).hexdigest()[:16]
    store = kept / fingerprint
    if not store.exists():
        shutil.rmtree(kept)
        draft = kept / "draft"
        draft.mkdir(parents=True)
        here = {
            "NEBULAI_DATA_DIR": str(draft / "var"),
            "NEBULAI_MODELS_STORE": str(draft / "store"),
            "NEBULAI_DATABASE_URL": "",  # SQLite in that folder, whatever the tests run on
        }
        for command in (["prepare"], ["train", "--synthetic", "600", "--preset", "tiny"]):
            run = [sys.executable, str(ROOT / "manage.py"), *command]
            result = subprocess.run(run, env=os.environ | here, capture_output=True, text=True)  # noqa: S603
            if result.returncode:
                pytest.fail(f"manage.py {' '.join(command)} failed:\n{result.stderr[-3000:]}", pytrace=False)
        (draft / "store").rename(store)
        shutil.rmtree(draft)
    return next(store.glob("*/manifest.json")).parent


@pytest.fixture
def bundle(settings: Settings, tiny_bundle: Path) -> Path:
    """A copy of the tiny bundle in the site's models store, to be damaged at will."""
    return Path(shutil.copytree(tiny_bundle, settings.MODELS_STORE / tiny_bundle.name))


@pytest.fixture
def version(db: None, bundle: Path) -> ModelVersion:
    """The tiny bundle, registered and active; its model is not loaded."""
    return register_bundle(bundle, activate=True)


@pytest.fixture(scope="session")
def loaded(tiny_bundle: Path) -> Service:
    """This process's generator with the tiny bundle, loaded once for all tests."""
    service().load(tiny_bundle)
    return service()


@pytest.fixture
def generator(version: ModelVersion, loaded: Service) -> Service:
    """The site ready to generate."""
    return loaded
