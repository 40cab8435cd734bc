"""Fixtures of all tests. The model is real: trained in half a minute on drawn galaxies, kept until galaxies/ml changes.

Tests may run in several processes at once (pytest -n): each has a database of its own, and each test a data folder of
its own; the model they share.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from pytest_django.fixtures import Settings

from galaxies.models import ModelVersion
from galaxies.registry.registration import register_bundle
from galaxies.serving import Service, service

ROOT = Path(__file__).parent
ML = [path for path in sorted((ROOT / "galaxies/ml").rglob("*.py")) if "tests" not in path.parts]
TRAINING = [*ML, ROOT / "galaxies/management/commands/train.py"]
KEPT = 3  # tiny bundles: another session may use one that is not the newest


@pytest.fixture(autouse=True)
def site(settings: Settings, tmp_path: Path) -> None:
    """Nothing of a test is kept, no limit slows it down, and static files need not be collected.

    Where the environment names a Redis or an S3 (.ci/services.py), each test has a part of it for itself.
    """
    translation.deactivate()  # what the last request of another test has asked for
    settings.DATA_DIR = tmp_path / "var"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MODELS_STORE = tmp_path / "models_store"
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    settings.ACCOUNT_RATE_LIMITS = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    own = str(tmp_path).strip("/")
    media: dict[str, Any] = {"BACKEND": "nebulai.storage.WholeFileStorage"}
    if settings.S3_BUCKET:
        media = {**settings.STORAGES["default"], "OPTIONS": settings.STORAGES["default"]["OPTIONS"] | {"location": own}}
    if settings.CACHE_URL:
        settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": own}}
    settings.STORAGES = settings.STORAGES | {
        "default": media,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(scope="session")
def tiny_bundle(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle trained by `manage.py train --synthetic 600 --preset tiny`."""
    fingerprint = hashlib.sha256(b"".join(path.read_bytes() for path in TRAINING if path.exists())).hexdigest()[:16]
    kept = kept_folder(pytestconfig, tmp_path_factory)
    store = kept / fingerprint
    with (kept / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process trains, the others wait for its bundle
        if not store.exists():
            train(kept / "draft")
            (kept / "draft" / "store").rename(store)
            shutil.rmtree(kept / "draft")
            for old in sorted(kept.glob("*/"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
                shutil.rmtree(old)
    return next(store.glob("*/manifest.json")).parent


def kept_folder(config: pytest.Config, temporary: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this session share; the next session finds it too, unless pytest has no cache."""
    cache = getattr(config, "cache", None)  # -p no:cacheprovider
    if cache:
        return Path(cache.mkdir("tiny-bundle"))
    base = temporary.getbasetemp()
    folder = (base.parent if hasattr(config, "workerinput") else base) / "tiny-bundle"
    folder.mkdir(exist_ok=True)
    return folder


def train(draft: Path) -> None:
    """Leave a newly trained bundle in the folder `draft/store`."""
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    here = {
        "NEBULAI_DATA_DIR": str(draft / "var"),
        "NEBULAI_MODELS_STORE": str(draft / "store"),
        "NEBULAI_DATABASE_URL": "",  # SQLite in that folder, whatever the tests run on
    }
    for command in (["migrate"], ["train", "--synthetic", "600", "--preset", "tiny"]):
        run = [sys.executable, str(ROOT / "manage.py"), *command]
        result = subprocess.run(run, env=os.environ | here, capture_output=True, text=True)  # noqa: S603
        if result.returncode:
            pytest.fail(f"manage.py {' '.join(command)} failed:\n{result.stderr[-3000:]}", pytrace=False)


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
