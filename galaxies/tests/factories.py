"""People, galaxies and versions for tests."""

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from accounts.models import User
from galaxies.approval import wilson_lower_bound
from galaxies.ml.bundle import Direction, Directions, load_bundle
from galaxies.ml.bundle.directions import VALUES
from galaxies.ml.steering import add_directions
from galaxies.models import Galaxy, Making, ModelVersion, Vote

SEEDS = count(1000)  # one recipe is one galaxy
on_disk = pytest.mark.skipif(bool(settings.S3_BUCKET), reason="images are in S3, and this is of those on a disk")


def stored_files() -> list[str]:
    """The names of all files of the storage, wherever that is, besides the bundles that hosts share through S3."""
    found, waiting = [], [""]
    while waiting:
        folder = waiting.pop()
        try:
            folders, files = default_storage.listdir(folder)
        except FileNotFoundError:
            continue
        waiting += [f"{folder}{name}/" for name in folders if (folder, name) != ("", "bundles")]
        found += [f"{folder}{name}" for name in files]
    return found


def make_person(name: str) -> User:
    return User.objects.create(username=name, email=f"{name}@example.org")


def make_version(name: str = "one", **values: Any) -> ModelVersion:
    """A version of two families without files."""
    families: list[dict[str, Any]] = [
        {"id": each, "name": f"Kind {each}", "sentence": "", "share": 0.5, "exemplars": []} for each in (0, 1)
    ]
    given = {"n_clusters": 2, "resolution": 64, "checksum": "0" * 64, "families": families}
    return ModelVersion.objects.create(version=name, **given | values)


def make_galaxy(**values: Any) -> Galaxy:
    """A galaxy without a file, of version "one" and with a new seed if none is given; its creator is its maker."""
    version = values.pop("model_version", None) or ModelVersion.objects.filter(version="one").first() or make_version()
    galaxy = Galaxy.objects.create(model_version=version, **{"cluster": 1, "seed": next(SEEDS), "psi": 0.8} | values)
    if galaxy.creator:
        Making.objects.create(galaxy=galaxy, person=galaxy.creator, created=galaxy.created)
    return galaxy


def sums(galaxy: Galaxy) -> tuple[int, int]:
    galaxy.refresh_from_db()
    assert galaxy.score == pytest.approx(wilson_lower_bound(galaxy.likes, galaxy.dislikes))
    for value, said in (("like", galaxy.likes), ("dislike", galaxy.dislikes)):
        assert Vote.objects.filter(galaxy=galaxy, value=value).count() == said
    return galaxy.likes, galaxy.dislikes


def give_directions(path: Path) -> None:
    """Give a bundle directions of no meaning: along the axes of w."""
    w_dim = load_bundle(path).manifest["generator"]["w_dim"]
    vectors = dict(zip(VALUES, np.eye(len(VALUES), w_dim, dtype=np.float32), strict=True))
    values = {name: Direction(unit="", mean=1.0, deviation=2.0, r2=0.5, slope=0.9) for name in VALUES}
    add_directions(path, Directions(values, {}), vectors)
