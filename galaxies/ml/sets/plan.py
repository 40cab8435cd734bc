"""What a set holds: all that determines its bytes, in one dataclass, kept as `set.json` in its folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from galaxies.ml.bundle import DIRECTIONS, SEED_LIMIT, Bundle, BundleError, family_of, write_steer
from galaxies.ml.sets.conditions import Condition, ConditionError, parse_where

FORMATS = ("webp", "png", "fits", "hdf5", "webdataset", "parquet")
SIDES = (64, 128, 256)
SHARD = 10_000
MOST_PSI = 1.2
TRIES = 20  # candidates for each galaxy that `where` lets through


class SetError(Exception):
    """A set cannot be made; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The recipe of a galaxy that may become a part of the set. number: from 0."""

    number: int
    cluster: int
    seed: int

    @property
    def id(self) -> str:
        """Its name: sorted as its seeds are, and no number to a spreadsheet."""
        return f"g{self.seed:015d}"


@dataclass(frozen=True, kw_only=True)
class SetPlan:
    """All options that determine a set. weights: a checksum of the networks; cluster None: drawn by their shares."""

    count: int
    format: str
    version: str
    weights: str
    shares: tuple[float, ...]
    size: int
    cluster: int | None = None
    psi: float = 0.8
    seed: int = 0
    steer: Mapping[str, float] = field(default_factory=dict)
    where: str = ""
    measure: bool = False
    shard: int = SHARD

    @classmethod
    def of(cls, bundle: Bundle, *, count: int, size: int | None = None, **options: Any) -> SetPlan:
        """Return the plan of a set by a bundle. size: its own side if none is given.

        Raises: SetError if an option is out of range or unknown.
        """
        plan = cls(
            count=count,
            version=bundle.version,
            weights=weights_checksum(bundle, with_directions=bool(options.get("steer"))),
            shares=tuple(family.share for family in bundle.families),
            size=size or bundle.resolution,
            **{"format": "webp"} | options,
        )
        plan._check(bundle)
        return plan

    def _check(self, bundle: Bundle) -> None:
        if self.count < 1:
            raise SetError(f"A set of {self.count} galaxies cannot be made: give a count of 1 or more.")
        if self.shard < 1:
            raise SetError(f"A shard of {self.shard} galaxies cannot be made: give 1 or more.")
        if self.format not in FORMATS:
            raise SetError(f"There is no format {self.format}: choose one of {', '.join(FORMATS)}.")
        if self.size != bundle.resolution and (self.size not in SIDES or self.size > bundle.resolution):
            sides = ", ".join(str(side) for side in SIDES if side < bundle.resolution)
            which = f"{sides}, or its own" if sides else "its own"
            raise SetError(f"{bundle.version} gives no images of {self.size} px: choose {which} {bundle.resolution}.")
        if self.cluster is not None and not 0 <= self.cluster < bundle.n_clusters:
            raise SetError(f"There is no family {self.cluster}: choose one from 0 to {bundle.n_clusters - 1}.")
        if not 0 <= self.psi <= MOST_PSI:
            raise SetError(f"A variety of {self.psi:g} does not lie between 0 and {MOST_PSI}.")
        if not 0 <= self.seed <= SEED_LIMIT - self.candidates:
            raise SetError(f"Seeds from {self.seed} on leave 0..2^63-1: choose another first seed.")
        try:
            bundle.check_steer(self.steer)
            parse_where(self.where)
        except (BundleError, ConditionError) as error:
            raise SetError(str(error)) from error

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What a galaxy must fulfil."""
        return parse_where(self.where)

    @property
    def measures(self) -> bool:
        """Whether each galaxy is measured."""
        return self.measure or bool(self.where)

    @property
    def candidates(self) -> int:
        """How many galaxies are painted at most."""
        return self.count * TRIES if self.where else self.count

    @property
    def shards(self) -> range:
        """The numbers of the shards."""
        return range(-(-self.count // self.shard))

    def length(self, shard: int) -> int:
        """Return how many galaxies a shard holds."""
        return min(self.shard, self.count - shard * self.shard)

    def batch(self, start: int, length: int) -> list[Candidate]:
        """Return the candidates from number `start` on, `length` at most."""
        return [self.candidate(number) for number in range(start, min(start + length, self.candidates))]

    def candidate(self, number: int) -> Candidate:
        """Return the candidate of a number."""
        seed = self.seed + number
        cluster = family_of(seed, self.shares) if self.cluster is None else self.cluster
        return Candidate(number=number, cluster=cluster, seed=seed)

    def recipe(self, candidate: Candidate) -> dict[str, Any]:
        """Return the columns of a catalogue that name a candidate's recipe."""
        return {
            "version": self.version,
            "cluster": candidate.cluster,
            "seed": candidate.seed,
            "psi": self.psi,
            "steer": write_steer(self.steer),
        }

    def as_json(self) -> str:
        """Return the text of `set.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def differences(self, other: Mapping[str, Any]) -> Iterator[str]:
        """Yield the names of the options that differ from those read from a `set.json`."""
        mine = json.loads(self.as_json())
        yield from sorted(name for name in mine.keys() | other.keys() if mine.get(name) != other.get(name))


def weights_checksum(bundle: Bundle, *, with_directions: bool) -> str:
    """Return one checksum of the files that make a bundle's pixels."""
    files: Mapping[str, str] = bundle.manifest["files"]
    makes = [name for name in sorted(files) if name.startswith(("generator", "stage"))]
    makes += [DIRECTIONS] if with_directions and DIRECTIONS in files else []
    return hashlib.sha256("".join(files[name] for name in makes).encode()).hexdigest()
