import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings

from galaxies.ml.bundle import BundleError
from galaxies.models import Galaxy, ModelVersion
from galaxies.registry import registration


def damage(path: Path) -> Path:
    """Change one byte of the bundle's largest file."""
    file = max((each for each in path.iterdir() if each.is_file()), key=lambda each: each.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    return file


def rewrite(path: Path, **changes: object) -> None:
    manifest = json.loads((path / "manifest.json").read_text()) | changes
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_register_tells_what_the_manifest_tells(version: ModelVersion) -> None:
    manifest = json.loads((version.path / "manifest.json").read_text())
    version.refresh_from_db()
    assert version.is_active
    assert version.families == manifest["families"]
    assert (version.n_clusters, version.resolution) == (manifest["n_clusters"], manifest["resolution"])


def test_registering_again_changes_nothing(version: ModelVersion) -> None:
    again = registration.register_bundle(version.path)
    assert (again.pk, again.is_active) == (version.pk, True)


def test_a_damaged_bundle_is_not_registered(db: None, bundle: Path) -> None:
    file = damage(bundle)
    with pytest.raises(BundleError, match=file.name):
        registration.register_bundle(bundle)
    assert not ModelVersion.objects.exists()


def test_a_bundle_elsewhere_is_not_registered(db: None, tiny_bundle: Path) -> None:
    with pytest.raises(BundleError, match="move it"):
        registration.register_bundle(tiny_bundle)


def test_another_bundle_cannot_take_the_name_of_one_that_has_galaxies(version: ModelVersion) -> None:
    rewrite(version.path, note="trained again")
    assert registration.register_bundle(version.path).pk == version.pk
    Galaxy.objects.create(model_version=version, cluster=0, seed=1, psi=0.8)
    rewrite(version.path, note="and again")
    with pytest.raises(BundleError, match="another version"):
        registration.register_bundle(version.path)


def test_the_store_s_newest_becomes_active_unless_one_is(db: None, bundle: Path) -> None:
    newer = Path(shutil.copytree(bundle, settings.MODELS_STORE / "a-newer"))
    rewrite(newer, version="a-newer", created="2999-01-01T00:00:00Z")
    registration.register_store()
    active = ModelVersion.active()
    assert active and active.version == "a-newer"
    registration.activate_version(ModelVersion.objects.get(version=bundle.name))
    assert registration.register_store() == []
    active = ModelVersion.active()
    assert active and active.version == bundle.name


def test_a_damaged_bundle_beside_the_active_one_is_left_out(version: ModelVersion) -> None:
    other = Path(shutil.copytree(version.path, settings.MODELS_STORE / "other"))
    rewrite(other, version="other")
    damage(other)
    assert any("Left out" in line for line in registration.register_store())
    assert not ModelVersion.objects.filter(version="other").exists()
