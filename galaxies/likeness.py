"""Make one like it: the recipe whose image lies nearest to a picture in the encoder's features.

    start(token, upload, version, person)           # in a thread of its own; raises Busy
    state(token)                                    # how far it is, and what it found

The first SEEDS seeds of the nearest family are looked through; their features are kept, so that the next search begins
with them. Then the best one walks: of several short steps the one that brings it nearest is taken, again and again.
What is found is a recipe like any other.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from django.conf import settings
from django.core.cache import cache
from django.db import close_old_connections, connection
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from galaxies import generation, kinship
from galaxies.ml.arrays import Features
from galaxies.ml.bundle import BundleError
from galaxies.models import ModelVersion
from galaxies.recipe import Recipe
from galaxies.serving import Busy, service
from galaxies.uploads import KEPT_SECONDS, Upload

logger = logging.getLogger(__name__)

SEEDS, PSI = 2000, 0.8
CHUNK = 8  # recipes on the generator's queue at once: what visitors ask for waits for no more than these
ROUNDS, TRIES = 14, 16
REACH, SHRINK = 0.5, 0.75  # of a step; how much shorter steps become when none of a round brings it nearer
NEIGHBOURS = 40  # of the seeds towards which steps go; the others go anywhere
STALLED_SECONDS = 60.0
WAITS = 30  # for a busy generator, a second each

Answer = TypeVar("Answer")
_searching = threading.Lock()  # one search in a process: it takes half of a core's time


@dataclass(frozen=True)
class Search:
    """How far a search is.

    done: of `total` images; galaxy: what was found; failed: why it ended without, in a sentence.
    first, last: distance of the best seed, and after its steps; nearer: how many of `real` real galaxies are nearer.
    """

    done: int = 0
    total: int = SEEDS + ROUNDS * TRIES
    at: float = 0.0
    galaxy: str = ""
    failed: str = ""
    first: float = 0.0
    last: float = 0.0
    steps: int = 0
    nearer: int = 0
    real: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it ended, one way or the other."""
        return bool(self.galaxy or self.failed)


def state(token: str) -> Search | None:
    """Return how far the search for a picture is; None if there is none, or if its process died."""
    found: Search | None = cache.get(f"likeness:{token}")
    if found and not found.is_over and time.time() - found.at > STALLED_SECONDS:
        return None
    return found


def start(token: str, upload: Upload, version: ModelVersion, person: User | None) -> None:
    """Begin a search in a thread, unless one for this picture is under way. Raises: Busy if another one is."""
    known = state(token)
    if known and not known.failed:
        return
    if not _searching.acquire(blocking=False):
        raise Busy(_("Another picture is being searched for; try again in half a minute."), retry_after=30)
    _report(token, Search())
    language = translation.get_language()

    def work() -> None:
        try:
            with translation.override(language):
                _report(token, _search(token, upload, version, person))
        except (Busy, BundleError) as error:
            _report(token, Search(failed=str(error)))
        except Exception:
            logger.exception("The search for an uploaded picture failed.")
            _report(token, Search(failed=_("The search failed; try again in a moment.")))
        finally:
            _searching.release()
            connection.close()

    threading.Thread(target=work, name="likeness", daemon=True).start()


def _report(token: str, search: Search) -> None:
    cache.set(f"likeness:{token}", replace(search, at=time.time()), KEPT_SECONDS)


def _search(token: str, upload: Upload, version: ModelVersion, person: User | None) -> Search:
    close_old_connections()
    cluster = int(kinship.kin(version, upload.features)[0].family["id"])
    known = _seeds(version, cluster, lambda done: _report(token, Search(done)))
    target = upload.features
    distances = np.linalg.norm(kinship.unit(known) - kinship.unit(target[None]), axis=1)
    order = np.argsort(distances, kind="stable")
    recipe = Recipe(version.version, cluster, int(order[0]), PSI)
    towards = [int(seed) for seed in order[1 : NEIGHBOURS + 1]]
    found, features = _walk(
        recipe, known[order[0]], target, towards, report=lambda n: _report(token, Search(SEEDS + n))
    )
    galaxy = _patiently(lambda: generation.make(version, [found], person)[0])
    nearer, real = kinship.nearer_real(version, target, features)
    return Search(
        done=SEEDS + ROUNDS * TRIES,
        galaxy=galaxy.public_id,
        first=float(distances[order[0]]),
        last=kinship.distance(target, features),
        steps=len(found.path),
        nearer=nearer,
        real=real,
    )


def _seeds(version: ModelVersion, cluster: int, report: Callable[[int], None]) -> Features:
    """Return the features (SEEDS, d) of a family's first seeds, from a file once they have been computed."""
    folder = Path(settings.DATA_DIR) / "likeness"
    file = folder / f"{version.version}-{version.checksum[:16]}-{cluster}.npy"
    if file.exists():
        return np.asarray(np.load(file, allow_pickle=False), np.float32)
    parts: list[Any] = []
    for first in range(0, SEEDS, CHUNK):
        seeds = range(first, min(first + CHUNK, SEEDS))
        parts.append(_features([Recipe(version.version, cluster, seed, PSI) for seed in seeds]))
        report(seeds.stop)
    known = np.concatenate(parts)
    folder.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{threading.get_ident()}.draft")
    with draft.open("wb") as stream:
        np.save(stream, known.astype(np.float16))
    draft.replace(file)
    return known


def _walk(
    recipe: Recipe, features: Features, target: Features, towards: Sequence[int], *, report: Callable[[int], None]
) -> tuple[Recipe, Features]:
    """Return the recipe after its steps towards the target (d,), with its features (d,)."""
    random = np.random.default_rng(recipe.seed)
    nearest, reach = kinship.distance(target, features), REACH
    for number in range(ROUNDS):
        tries = [_stepped(recipe, towards, reach, random) for _try in range(TRIES)]
        parts = [_features(tries[first : first + CHUNK]) for first in range(0, TRIES, CHUNK)]
        seen = np.concatenate(parts)
        distances = [kinship.distance(target, each) for each in seen]
        best = int(np.argmin(distances))
        if distances[best] < nearest:
            recipe, features, nearest = tries[best], seen[best], distances[best]
        else:
            reach *= SHRINK
        report((number + 1) * TRIES)
    return recipe, features


def _stepped(recipe: Recipe, towards: Sequence[int], reach: float, random: np.random.Generator) -> Recipe:
    """Return a recipe one step on: half of all steps go towards a seed that is near the target, too."""
    known = random.random() < 0.5
    seed = int(random.choice(towards)) if known else int(random.integers(SEEDS, 10**9))
    return replace(recipe, path=(*recipe.path, (seed, round(float(random.uniform(0.02, reach)), 2))))


def _features(recipes: Sequence[Recipe]) -> Features:
    images = _patiently(lambda: service().sample_many(recipes))
    return _patiently(lambda: service().features_many(recipes[0].version, images))


def _patiently(call: Callable[[], Answer]) -> Answer:
    """Return what a call returns, which may find the generator busy for a while. Raises: Busy."""
    for _wait in range(WAITS):
        try:
            return call()
        except Busy as busy:
            last = busy
            time.sleep(1)
    raise last
