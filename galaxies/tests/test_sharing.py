"""Bundles between hosts: two stores of models, one storage and one database."""

import json
import shutil
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings

from galaxies.ml.bundle import BundleError, verify
from galaxies.models import ModelVersion
from galaxies.registry import sharing, versions
from galaxies.registry.registration import register_bundle, verify_active
from galaxies.tests.factories import give_directions, on_disk


@pytest.fixture(autouse=True)
def shared(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's own media folder stands for the bucket."""
    settings.S3_BUCKET = "galaxies"
    monkeypatch.setattr(sharing, "_asked", set())


@pytest.fixture
def elsewhere(version: ModelVersion, settings: Settings, tmp_path: Path) -> Path:
    """The store of another host, where nothing is yet; from here on we are that host."""
    settings.MODELS_STORE = tmp_path / "elsewhere"
    return Path(settings.MODELS_STORE)


def stored(version: ModelVersion) -> str:
    return f"bundles/{version}.{version.checksum[:16]}.zip"


def test_a_version_reaches_a_host_that_never_had_it(version: ModelVersion, elsewhere: Path) -> None:
    sharing.fetch_missing()
    assert verify(version.path)["version"] == version.version
    assert [each.name for each in elsewhere.iterdir()] == [version.version]


def test_a_host_that_starts_fetches_the_active_version(version: ModelVersion, elsewhere: Path) -> None:
    assert verify_active() == version
    assert version.has_files


def test_directions_that_were_found_elsewhere_follow(version: ModelVersion, settings: Settings, tmp_path: Path) -> None:
    here = version.path
    settings.MODELS_STORE = tmp_path / "elsewhere"
    sharing.fetch(version)
    give_directions(version.path)
    register_bundle(version.path)
    settings.MODELS_STORE = here.parent
    version.refresh_from_db()
    sharing.fetch_missing()
    assert "directions.npz" in verify(here)["files"]


def test_another_folder_of_the_same_name_is_left_alone(version: ModelVersion) -> None:
    (version.path / "manifest.json").write_text('{"somebody": "works here"}')
    sharing.fetch_missing()
    assert (version.path / "manifest.json").read_text() == '{"somebody": "works here"}'


def test_what_the_database_does_not_know_is_not_believed(version: ModelVersion, elsewhere: Path) -> None:
    with default_storage.open(stored(version)) as file:
        content = file.read()
    other = ModelVersion.objects.create(version="other", n_clusters=2, resolution=64, checksum="0" * 64)
    default_storage.save(stored(other), ContentFile(content))
    with pytest.raises(BundleError):
        sharing.fetch(other)
    assert not list(elsewhere.iterdir())


@on_disk
def test_a_storage_that_is_away_is_said_and_asked_again(
    version: ModelVersion, elsewhere: Path, settings: Settings, tmp_path: Path
) -> None:
    bucket = settings.MEDIA_ROOT
    settings.MEDIA_ROOT = tmp_path / "file"
    settings.MEDIA_ROOT.write_text("no folder")
    with pytest.raises(sharing.NotAtHand, match="cannot be fetched at the moment"):
        versions.find(version.version)
    sharing.fetch_missing()
    assert not version.has_files
    settings.MEDIA_ROOT = bucket
    sharing.fetch_missing()
    assert version.has_files


def test_a_deleted_version_is_gone_from_the_storage(version: ModelVersion, settings: Settings) -> None:
    path = Path(shutil.copytree(version.path, settings.MODELS_STORE / "second"))  # which nothing here generates with
    manifest = json.loads((path / "manifest.json").read_text()) | {"version": "second"}
    (path / "manifest.json").write_text(json.dumps(manifest))
    second = register_bundle(path)
    assert default_storage.exists(stored(second))
    versions.delete(second)
    assert not default_storage.exists(stored(second))
    assert default_storage.exists(stored(version))


def test_a_site_of_one_host_stores_no_bundles(settings: Settings, db: None, tiny_bundle: Path) -> None:
    settings.S3_BUCKET = ""
    register_bundle(Path(shutil.copytree(tiny_bundle, settings.MODELS_STORE / tiny_bundle.name)))
    assert not settings.MEDIA_ROOT.exists()
