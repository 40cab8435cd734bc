"""Preferences: a logistic regression from encoder features to the chance of a like, learned from votes.

    model = learn(report)                       # manage.py learn_preferences; raises NotLearned in one sentence
    model = standing(version)                   # None: the features that need a model are off
    first, *others = pick(version, model, cluster=None, psi=0.8)              # the best of PICK_FROM, and the others

A model belongs to an encoder and holds for every version with that encoder; the newest counts.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Count, Max, Q
from PIL import Image as PillowImage

from accounts.models import User
from galaxies import generation
from galaxies.jobs import Image
from galaxies.ml.arrays import Features, Floats, Progress, silent
from galaxies.ml.bundle import Bundle, BundleError, load_bundle
from galaxies.ml.preference import FOLDS, expected_likes, fit
from galaxies.models import Galaxy, ModelVersion, PreferenceModel, Vote
from galaxies.recipe import Recipe
from galaxies.serving import Busy, service

if TYPE_CHECKING:
    from galaxies.ml.arrays import Images

logger = logging.getLogger(__name__)

LEAST_VOTES = 200
LEAST_AUC = 0.55
CHANCE_DEVIATIONS = 2.5  # above 0.5: with 200 random votes one model in four reaches 0.55, one in fifty this
MAX_GALAXIES = 20_000  # those with the newest votes: taste changes, and memory and time stay bounded
BATCH = 64
PICK_FROM = 8
NONE_STANDS = (
    "No preference model stands for the active model's encoder: learn one with manage.py learn_preferences, or train "
    "without --prefer."
)


class NotLearned(Exception):
    """No preference model could be learned, and nothing was written; the message says why and what to do."""


@dataclass(frozen=True)
class _Voted:
    """The votes of a galaxy, by its primary key."""

    pk: int
    likes: int
    dislikes: int


def standing(version: ModelVersion | None) -> PreferenceModel | None:
    """Return the newest preference model for the encoder of a version, None if there is none."""
    if version is None or not version.encoder_checksum:
        return None
    return PreferenceModel.objects.filter(encoder_checksum=version.encoder_checksum).first()


def chances(model: PreferenceModel, features: Features) -> Floats:
    """Return the probability (N,) that a vote for a galaxy with features (N, d) is a like."""
    return expected_likes(features, model.coefficients, model.intercept)


def pick(
    version: ModelVersion, model: PreferenceModel, *, cluster: int | None, psi: float, creator: User | None = None
) -> list[Galaxy]:
    """Generate and store PICK_FROM galaxies; return them, first the one that people will most probably like.

    cluster: None draws one for each by the families' shares. The galaxies are like any others.
    Raises: Busy if the generator cannot answer now.
    """
    clusters = [generation.draw_cluster(version) if cluster is None else cluster for _ in range(PICK_FROM)]
    drawn = [Recipe(version.version, each, generation.new_seed(), psi) for each in clusters]
    sampled = service().sample_many(drawn)
    order = np.argsort(-chances(model, service().features_many(version.version, sampled)), kind="stable")
    ranked = [drawn[index] for index in order]
    return generation.keep(version, ranked, zip(drawn, sampled, strict=True), creator)


def likes_of(images: "Images") -> tuple[Floats, str]:
    """Return the probability (N,) that each of the images (N, R, R, 3) uint8 is liked, and a text that names the model.

    Raises: NotLearned if there is no model for the active version; BundleError if the active version cannot be loaded.
    """
    version = ModelVersion.active()
    model = standing(version)
    if version is None or model is None:
        raise NotLearned(NONE_STANDS)
    by = f"a preference model of {model.n_votes:,} votes with AUC {model.auc:.2f} on the encoder of {version}"
    return chances(model, load_bundle(version.path).features(images)), by


def learn(report: Progress = silent) -> PreferenceModel:
    """Learn from the newest votes and store the model for the active version's encoder.

    Galaxies of other versions count, too: people saw the image, and the active encoder encodes that image.
    Raises: NotLearned, with nothing written; BundleError if the active version cannot be loaded.
    """
    from galaxies.ml.evaluation.of_bundle import Standardizer

    version = ModelVersion.active()
    if version is None:
        raise NotLearned("No model version is active, and its encoder is needed: train or activate one first.")
    voted = _newest()
    _check_votes(voted)
    bundle = load_bundle(version.path)
    features, voted = _see(voted, bundle, version, report)
    _check_votes(voted)
    standard = Standardizer.of(bundle)
    taste = fit(standard(features), _column(voted, "likes"), _column(voted, "dislikes"))
    needed = max(LEAST_AUC, 0.5 + CHANCE_DEVIATIONS * taste.chance)
    if not taste.auc >= needed:
        raise NotLearned(
            f"The images do not tell what people like: the AUC is {taste.auc:.3f}, and of so many votes it must be at "
            f"least {needed:.3f}, where 0.5 is chance. Try again when there are more votes."
        )
    # The standardisation goes into the coefficients: another version's images may have other means and deviations.
    coefficients = taste.coefficients / standard.deviation
    return PreferenceModel.objects.create(
        encoder_checksum=version.encoder_checksum,
        n_votes=sum(each.likes + each.dislikes for each in voted),
        n_galaxies=len(voted),
        auc=taste.auc,
        coefficients=coefficients.tolist(),
        intercept=taste.intercept - float(coefficients @ standard.mean),
    )


def _newest() -> list[_Voted]:
    """Return the votes of the MAX_GALAXIES galaxies that were voted on last."""
    by_galaxy = (
        Vote.objects.order_by()
        .values("galaxy")
        .annotate(
            likes=Count("pk", filter=Q(value=Vote.Value.LIKE)),
            dislikes=Count("pk", filter=Q(value=Vote.Value.DISLIKE)),
            last=Max("created"),
        )
    )
    newest = by_galaxy.order_by("-last", "-galaxy")[:MAX_GALAXIES]
    return [_Voted(row["galaxy"], row["likes"], row["dislikes"]) for row in newest]


def _column(voted: list[_Voted], name: str) -> Floats:
    return np.array([getattr(each, name) for each in voted], float)


def _check_votes(voted: list[_Voted]) -> None:
    """Raise NotLearned if there are too few votes or only likes or dislikes."""
    votes = sum(each.likes + each.dislikes for each in voted)
    if votes < LEAST_VOTES:
        missing = LEAST_VOTES - votes
        raise NotLearned(
            f"There are {votes} votes and at least {LEAST_VOTES} are needed: come back when {missing} more are cast."
        )
    for value in Vote.Value.values:
        galaxies = np.count_nonzero(_column(voted, f"{value}s"))
        if galaxies < FOLDS:
            raise NotLearned(
                f"Galaxies with a {value}: {galaxies}, and at least {FOLDS} are needed, because what people like shows "
                "only beside what they do not."
            )


def _see(voted: list[_Voted], bundle: Bundle, version: ModelVersion, report: Progress) -> tuple[Features, list[_Voted]]:
    """Return features (N, d) of the galaxies whose image is available, and the votes of these galaxies."""
    seen: list[_Voted] = []
    parts: list[Any] = []
    for start in range(0, len(voted), BATCH):
        images = dict(_images(voted[start : start + BATCH], bundle.resolution, version))
        if images:
            parts.append(bundle.features(np.stack(list(images.values()))))
            seen += images
        report("galaxies", min(start + BATCH, len(voted)), len(voted))
    if len(seen) < len(voted):
        logger.warning("%d galaxies are left out: their images are not available.", len(voted) - len(seen))
    return np.concatenate(parts) if parts else np.empty((0, 0), np.float32), seen


def _images(voted: list[_Voted], side: int, version: ModelVersion) -> Iterator[tuple[_Voted, Image]]:
    """Yield each galaxy with its image (side, side, 3) uint8; those without an image are left out."""
    galaxies = Galaxy.objects.select_related("model_version").in_bulk([each.pk for each in voted])
    for each in voted:
        try:
            yield each, _image(galaxies[each.pk], side, version)
        except (KeyError, BundleError, OSError) as error:  # deleted meanwhile, of a lost version, or damaged
            logger.debug("Galaxy %s is left out: %s", each.pk, error)


def _image(galaxy: Galaxy, side: int, version: ModelVersion) -> Image:
    try:
        content = generation.image_file(galaxy, "webp")
    except Busy:  # a lost file is sampled again, and no model is loaded in this process yet
        service().load(version.path)
        content = generation.image_file(galaxy, "webp")
    with PillowImage.open(BytesIO(content)) as picture:
        # An area resize, as the encoder does it.
        return np.asarray(picture.convert("RGB").resize((side, side), PillowImage.Resampling.BOX))
