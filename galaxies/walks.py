"""Recipes near a galaxy and between two, on the sphere of latents; nothing is sampled here.

around(recipe, 0.25, seeds)                     # a neighbour for each seed, a step further; raises WalkError
between(one, other, 9)                          # from one to the other, both included; raises WalkError
through_families(recipe, version)               # the same latent in each family
"""

from collections.abc import Iterable
from dataclasses import replace

from django.utils.translation import gettext as _

from galaxies.ml.bundle.latents import DIGITS, MAX_STEPS, path_to, walk
from galaxies.ml.bundle.latents import between as on_the_arc
from galaxies.models import ModelVersion
from galaxies.recipe import Recipe

RADIUS = 0.25  # of a variation: the share of the way to another latent
MIN_RADIUS, MAX_RADIUS = 0.05, 0.8
NEIGHBOURS = 8  # shown around a galaxy
MAX_BLEND = 32  # galaxies of a blend


class WalkError(Exception):
    """There is no such walk; the message says why, in a sentence."""


def around(recipe: Recipe, radius: float, seeds: Iterable[int]) -> list[Recipe]:
    """Return neighbours of a recipe: each goes on by one step, `radius` of the way to the latent of a seed.

    Raises: WalkError if the recipe has all the steps it may have.
    """
    if len(recipe.steps) >= MAX_STEPS:
        far = _("This galaxy is %(limit)d steps from its seed, and a recipe goes no further: vary an earlier one.")
        raise WalkError(far % {"limit": MAX_STEPS})
    return [replace(recipe, path=(*recipe.path, (seed, radius))) for seed in seeds]


def between(start: Recipe, end: Recipe, count: int) -> list[Recipe]:
    """Return `count` recipes from one to another, both included, at least two.

    Latents go along the arc, the shares of families, variety and steer in a straight line.
    Raises: WalkError if they are of different models, or so many seeds make them up that a path cannot hold them all.
    """
    if start.version != end.version:
        apart = _("These are of different models, %(one)s and %(other)s, whose latents have nothing in common.")
        raise WalkError(apart % {"one": start.version, "other": end.version})
    inner = [_at(start, end, number / (count - 1)) for number in range(1, count - 1)]
    return [start, *inner, end]


def _at(start: Recipe, end: Recipe, share: float) -> Recipe:
    seed, path = path_to(on_the_arc(walk(start.seed, start.steps), walk(end.seed, end.steps), share))
    if len(path) > MAX_STEPS:
        long = _("The paths of the two hold too many steps, %(steps)d together, and a recipe holds %(limit)d.")
        raise WalkError(long % {"steps": len(path), "limit": MAX_STEPS})
    one, other = start.families, end.families
    shares = {each: round(_mean(one.get(each, 0), other.get(each, 0), share), DIGITS) for each in {**one, **other}}
    names = {**start.steer, **end.steer}
    return Recipe(
        start.version,
        max(shares, key=lambda each: shares[each]),
        seed,
        round(_mean(start.psi, end.psi, share), 4),
        path=path,
        shares=tuple(sorted(shares.items())) if len(shares) > 1 else (),
        steer={name: round(_mean(start.steer.get(name, 0), end.steer.get(name, 0), share), 4) for name in names},
    )


def _mean(one: float, other: float, share: float) -> float:
    return (1 - share) * one + share * other


def through_families(recipe: Recipe, version: ModelVersion) -> list[Recipe]:
    """Return the recipe's latent in each family of its version, in their order."""
    whole = replace(recipe, cluster2=None, seed2=None, mix=None, path=recipe.steps, shares=())
    return [replace(whole, cluster=int(family["id"])) for family in version.families[:MAX_BLEND]]


def plain(recipe: Recipe, seed: int) -> Recipe:
    """Return the recipe of a seed alone, of another's version, family and variety."""
    return Recipe(recipe.version, recipe.cluster, seed, recipe.psi)
