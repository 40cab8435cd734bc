"""Make a set of galaxies: manage.py generate --count 100000 --out DIR; the same again goes on where it was ended."""

from __future__ import annotations

import errno
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from galaxies.cluster.connection import ClusterError, connected
from galaxies.ml.bundle import Bundle, BundleError, SteerError, load_bundle, parse_steer
from galaxies.ml.sets import FORMATS, SIDES, SetError, SetPlan, generate_set
from galaxies.ml.sets.generate import read_plan
from galaxies.registry import versions

# option -> what is meant if it is not given
DEFAULTS = {"format": "webp", "cluster": None, "psi": 0.8, "seed": 0, "steer": "", "where": "", "shard": 10_000}


class Command(BaseCommand):
    help = "Generate galaxies by the hundred thousand into a folder, with a catalogue of their recipes."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        """Return the parser; its --version is a model's, not Django's."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **options)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, help="how many galaxies")
        parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the set")
        parser.add_argument("--format", help=f"{', '.join(FORMATS)}; webp if none is given")
        parser.add_argument("--version", help="model version; the active one if none")
        parser.add_argument("--cluster", type=int, help="family; each by its share if none is given")
        parser.add_argument("--psi", type=float, help="variety, 0.8 if none is given")
        parser.add_argument("--seed", type=int, help="of the first galaxy, 0 if none is given: galaxy i has seed + i")
        parser.add_argument("--size", type=int, help=f"side in px, {SIDES} or the model's own")
        parser.add_argument("--steer", help="steps, such as size=+1,colour=-0.5")
        parser.add_argument("--where", help='keep those that fulfil it, such as "axis_ratio<0.4 and half_light>30"')
        parser.add_argument("--measure", action="store_true", default=None, help="measure each galaxy")
        parser.add_argument("--shard", type=int, help="galaxies in a shard, 10000 if none is given")
        parser.add_argument("--resume", action="store_true", help="go on with the set in DIR, by its own options")
        parser.add_argument(
            "--ray", metavar="ADDRESS", help="paint on a Ray cluster: host:6379, auto or local (package ray)"
        )
        parser.add_argument("--workers", type=int, help="processes that encode and measure; one for each core if none")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["out"]
        try:
            bundle, plan = self.planned(options, folder)
            made = self.make(bundle, plan, folder, workers=options["workers"], cluster=options["ray"])
        except (BundleError, ClusterError, SetError, SteerError, versions.VersionError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            what = "There is no room left" if full else f"It cannot be written ({error.strerror or error})"
            raise CommandError(
                f"{folder}: {what}. Finished shards are kept: mend that and run the same command again."
            ) from error
        except KeyboardInterrupt:
            raise CommandError(f"{folder}: stopped. Finished shards are kept; the same command goes on.") from None
        self.stdout.write(f"{folder} holds {made.galaxies:,} galaxies, seeds from {plan.seed} on.")
        if plan.where:
            share = made.galaxies / made.candidates
            self.stdout.write(f"{share:.1%} of {made.candidates:,} painted galaxies fulfil {plan.where}.")

    def planned(self, options: dict[str, Any], folder: Path) -> tuple[Bundle, SetPlan]:
        """Return the bundle and the plan that the options ask for; with --resume those of the folder fill gaps."""
        kept = read_plan(folder) if options["resume"] else {}
        if options["count"] is None and "count" not in kept:
            raise SetError("Say how many galaxies by --count, or go on with a set by --resume.")
        if options["count"] is not None and options["count"] < 1:
            raise SetError(f"A set of {options['count']} galaxies cannot be made: give a count of 1 or more.")
        if options["workers"] is not None and options["workers"] < 1:
            raise SetError("Give --workers 1 or more.")
        asked = {name: options[name] for name in (*DEFAULTS, "count", "size", "measure") if options[name] is not None}
        if "steer" in asked:
            asked["steer"] = parse_steer(asked["steer"])
        given = {**DEFAULTS, "steer": {}, **{name: value for name, value in kept.items() if name in KEPT}, **asked}
        bundle = load_bundle(versions.find(options["version"] or kept.get("version")).path)
        return bundle, SetPlan.of(bundle, **given)

    def make(self, bundle: Bundle, plan: SetPlan, folder: Path, *, workers: int | None, cluster: str | None) -> Any:
        """Make the set under a bar with images/s and the time left."""
        with tqdm(total=plan.count, unit=" galaxies") as bar:

            def report(done: int) -> None:
                if bar.n == 0 and done > 1:  # what an earlier run has done is no speed of this one
                    bar.initial = done
                    bar.n = done
                bar.update(done - bar.n)

            if not cluster:
                return generate_set(bundle, plan, folder, workers=workers, report=report)
            with connected(cluster, cpus=workers):
                from galaxies.cluster.sets import on_cluster

                with on_cluster(bundle, plan) as painter:
                    return generate_set(bundle, plan, folder, painter=painter, report=report)


KEPT = {*DEFAULTS, "count", "size", "measure"}
