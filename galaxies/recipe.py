"""A recipe: all that determines an image. It is written the same way whoever writes it, so equal recipes are found.

recipe = Recipe("sdss-256-g", cluster=3, seed=42, psi=0.8, path=((7, 0.25),))
recipe.digest                                   # of its canonical text: one galaxy for each
read_path("7:0.25,9:0.5")                       # ((7, 0.25), (9, 0.5)); raises RecipeError, in one sentence
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from galaxies.ml.bundle.latents import DIGITS, MAX_STEPS, Steps

MAX_SEED = 2**63 - 1
MIN_PSI, MAX_PSI, DEFAULT_PSI = 0.3, 1.2, 0.8
MAX_STEER = 5.0  # standard deviations: beyond, a model has seen nothing
MOST_FAMILIES = 255
DIRECTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


class RecipeError(ValueError):
    """A part of a recipe cannot be read; the message says in one sentence how it is written."""


@dataclass(frozen=True)
class Recipe:
    """All that determines an image, and nothing else.

    path: steps (seed, weight) from the latent of `seed`, each of which turns it towards the latent of the step's seed.
    shares: (cluster, share) of the families between which it lies, adding up to 1; () is `cluster` alone.
    steer: how far to go along a direction of the model, by its name, in standard deviations.
    cluster2, seed2, mix: what variations had before there were paths; the same as a first step and two shares.
    """

    version: str
    cluster: int
    seed: int
    psi: float
    _keywords: KW_ONLY
    cluster2: int | None = None
    seed2: int | None = None
    mix: float | None = None
    path: Steps = ()
    shares: Steps = ()
    steer: Mapping[str, float] = field(default_factory=dict)

    @property
    def steps(self) -> Steps:
        """The whole way, also of a recipe from before there were paths."""
        if self.seed2 is None or not self.mix:
            return self.path
        return ((self.seed2, self.mix), *self.path)

    @property
    def families(self) -> dict[int, float]:
        """The share of each family, adding up to 1."""
        if self.shares:
            return dict(self.shares)
        if self.cluster2 is None or not self.mix or self.cluster2 == self.cluster:
            return {self.cluster: 1.0}
        return {self.cluster: 1 - self.mix, self.cluster2: self.mix}

    def as_dict(self) -> dict[str, Any]:
        """Return what is set of it, for JSON."""
        return {name: value for name, value in asdict(self).items() if value not in (None, (), {})}

    def as_query(self) -> dict[str, str]:
        """Return the fields of the studio's address and form that bring it back."""
        fields = {"version": self.version, "cluster": str(self.cluster), "seed": str(self.seed), "psi": f"{self.psi:g}"}
        shares = self.families if len(self.families) > 1 else {}
        rest = {
            "path": pairs_as_text(self.steps),
            "shares": pairs_as_text(shares.items()),
            "steer": pairs_as_text(self.steer.items()),
        }
        return fields | {name: text for name, text in rest.items() if text}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Recipe":
        """Return the recipe that the fields of `as_query` give. Raises: ValueError if it is not whole or no recipe."""
        version, cluster, seed, psi = (query.get(name, "") for name in ("version", "cluster", "seed", "psi"))
        path, shares = read_path(query.get("path", "")), read_shares(query.get("shares", ""))
        steer = read_steer(query.get("steer", ""))
        return cls(version, int(cluster), int(seed), float(psi), path=path, shares=shares, steer=steer)

    @property
    def digest(self) -> str:
        """The sha256 of its canonical text. A recipe from before there were paths has that of its way."""
        families = self.families
        canonical = {
            "version": self.version,
            "cluster": self.cluster,
            "seed": self.seed,
            "psi": float(self.psi),
            "path": [[seed, float(weight)] for seed, weight in self.steps],
            "shares": [[each, families[each]] for each in sorted(families)] if len(families) > 1 else [],
            "steer": {name: float(amount) for name, amount in self.steer.items() if amount},
        }
        return hashlib.sha256(json.dumps(canonical, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def pairs_as_text(pairs: Iterable[tuple[object, float]]) -> str:
    """Return pairs of a key and a number as text, as addresses, FITS and CSV have them: "7:0.25,9:0.5"."""
    return ",".join(f"{key}:{value!r}" for key, value in pairs)


def _pairs(given: Any) -> list[tuple[str, float]]:
    """Return the pairs of a text, a list of pairs or an object. Raises: ValueError, TypeError."""
    if isinstance(given, str):
        given = [each.rpartition(":")[::2] for each in given.split(",")] if given else []
    pairs = given.items() if isinstance(given, Mapping) else given
    return [(str(key), float(value)) for key, value in pairs]


def read_path(given: Any) -> Steps:
    """Return the steps that a text or a list of pairs gives. Raises: RecipeError."""
    try:
        path = tuple((int(seed), round(weight, DIGITS)) for seed, weight in _pairs(given))
    except (ValueError, TypeError) as error:
        raise RecipeError(_("Write a path as seed:weight,seed:weight, with weights from 0 to 1.")) from error
    if len(path) > MAX_STEPS:
        too_long = _("A path has %(limit)d steps at most, and this one has %(steps)d.")
        raise RecipeError(too_long % {"limit": MAX_STEPS, "steps": len(path)})
    if not all(0 <= seed <= MAX_SEED and 0 <= weight <= 1 for seed, weight in path):
        raise RecipeError(_("Write a path as seed:weight,seed:weight, with weights from 0 to 1."))
    return path


def read_shares(given: Any) -> Steps:
    """Return the shares of families that a text or a list of pairs gives. Raises: RecipeError."""
    try:
        shares = tuple((int(cluster), share) for cluster, share in _pairs(given))
        whole = not shares or (
            len(dict(shares)) == len(shares)
            and all(0 <= cluster < MOST_FAMILIES and 0 < share <= 1 for cluster, share in shares)
            and math.isclose(sum(share for _cluster, share in shares), 1, abs_tol=1e-3)
        )
    except (ValueError, TypeError):
        whole = False
    if not whole:
        raise RecipeError(_("Write shares as family:share,family:share, adding up to 1."))
    return shares


def read_steer(given: Any) -> dict[str, float]:
    """Return how far to steer by the names of directions. Raises: RecipeError."""
    try:
        pairs = _pairs(given)
    except (ValueError, TypeError):
        pairs = [("", 0.0)]
    if len(pairs) > MAX_STEPS or not all(
        DIRECTION.fullmatch(name) and abs(amount) <= MAX_STEER for name, amount in pairs
    ):
        steer = _("Write a steer as direction:amount,direction:amount, with amounts from -%(limit)g to %(limit)g.")
        raise RecipeError(steer % {"limit": MAX_STEER})
    return {name: amount for name, amount in pairs if amount}
