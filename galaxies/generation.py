"""Generate galaxies, store and delete them, and make their files: what views call.

galaxy = generate(version, cluster=3, seed=None, psi=0.8)       # raises Busy
near = vary(galaxy)
make(version, [recipe, other], person)                          # the galaxies of recipes, sampled in one batch
image_file(galaxy, "png")                                       # bytes
"""

import logging
import random
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence

from django.core.files.base import ContentFile
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from galaxies import images, makers, measuring, tallies
from galaxies.jobs import Image
from galaxies.ml.bundle import BundleError
from galaxies.models import NEW_SEEDS, Galaxy, Making, ModelVersion, Vote
from galaxies.recipe import Recipe
from galaxies.registry.manifests import is_version_name
from galaxies.serving import service
from galaxies.walks import RADIUS, around

logger = logging.getLogger(__name__)

DELETE_CHUNK = 500


class Retired(Exception):
    """The model of a recipe makes no new galaxies here; the message says why. version: None if it is not known."""

    def __init__(self, message: str, version: ModelVersion | None = None) -> None:
        super().__init__(message)
        self.version = version


def current_version(known: Iterable[ModelVersion] = ()) -> ModelVersion | None:
    """Return the version that this process generates with; before its model is loaded, the active one, if any.

    known: versions read already, so that the database need not be asked.
    """
    loaded = service().version
    for version in known:
        if version.version == loaded or (loaded is None and version.is_active):
            return version
    named = ModelVersion.objects.filter(version=loaded).defer("metrics").first() if loaded else None
    return named or ModelVersion.active()


def version_for(name: str) -> ModelVersion | None:
    """Return the version that a recipe names; for "" the current one, None if there is none.

    Raises: Retired if the version makes no new galaxies.
    """
    if not name:
        return current_version()
    version = ModelVersion.objects.filter(version=name).defer("metrics").first() if is_version_name(name) else None
    if version is None:
        raise Retired(_("This site does not have the model of that recipe: the same numbers give another galaxy."))
    _refuse_retired(version)
    return version


def _refuse_retired(version: ModelVersion) -> None:
    """Raises: Retired if a version makes no new galaxies."""
    if version.archived:
        raise Retired(_("Model %(version)s is archived and makes no new galaxies.") % {"version": version}, version)
    if not version.has_files:
        raise _without_files(version)


def make_ready(version: ModelVersion) -> None:
    """Load a version that is not the current one. Raises: Retired if it makes no new galaxies; Busy."""
    _refuse_retired(version)
    try:
        service().at_hand(version.version)
    except BundleError as error:
        logger.error("%s", error)
        raise _without_files(version) from error


def _without_files(version: ModelVersion) -> Retired:
    return Retired(_("The files of model %(version)s cannot be read at the moment.") % {"version": version}, version)


def generate(
    version: ModelVersion, *, cluster: int | None, seed: int | None, psi: float, creator: User | None = None
) -> Galaxy:
    """Generate and store a galaxy. cluster None: the seed's, drawn by the families' shares; seed None: a new one.

    Raises: Busy if the generator cannot answer now.
    """
    seed = new_seed() if seed is None else seed
    recipe = Recipe(version.version, draw_cluster(version, seed) if cluster is None else cluster, seed, psi)
    return make(version, [recipe], creator)[0]


def draw_cluster(version: ModelVersion, seed: int | None = None) -> int:
    """Return a cluster, each as often as its share of the real galaxies: a random one, or that of a seed."""
    shares = [family["share"] for family in version.families]
    dice = secrets.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  (nothing depends on surprise)
    return int(dice.choices(version.families, weights=shares)[0]["id"])


def new_seed() -> int:
    """Return a random seed, which spreadsheets and JSON readers keep to the last digit."""
    return secrets.randbelow(NEW_SEEDS)


def vary(original: Galaxy, creator: User | None = None) -> Galaxy:
    """Generate and store a galaxy near another. Raises: as `neighbours` does."""
    return neighbours(original, creator, radius=RADIUS, count=1)[0]


def neighbours(original: Galaxy, person: User | None, *, radius: float, count: int) -> list[Galaxy]:
    """Generate and store galaxies around another, in one batch.

    Raises: WalkError; Busy if the generator cannot answer now.
    """
    near = around(original.recipe, radius, [new_seed() for _number in range(count)])
    return make(original.model_version, near, person)


def make(version: ModelVersion, recipes: Sequence[Recipe], person: User | None) -> list[Galaxy]:
    """Return the galaxy of each recipe of a version: it is there already, or is sampled with the others in one batch.

    Raises: Busy if the generator cannot answer now.
    """
    digests = [recipe.digest for recipe in recipes]
    there = set(Galaxy.objects.filter(digest__in=digests).values_list("digest", flat=True))
    wanted = {recipe.digest: recipe for recipe in recipes if recipe.digest not in there}
    new = list(wanted.values())
    return keep(version, recipes, zip(new, service().sample_many(new) if new else (), strict=True), person)


def keep(
    version: ModelVersion, recipes: Sequence[Recipe], sampled: Iterable[tuple[Recipe, Image]], person: User | None
) -> list[Galaxy]:
    """Store what was sampled, (H, W, 3) uint8 of each, and return the galaxy of each recipe, made by the person too."""
    stored = [_store(Galaxy.of(version, recipe), image) for recipe, image in sampled]
    galaxies = {galaxy.digest: galaxy for galaxy in stored if galaxy}
    if others := [recipe for recipe in recipes if recipe.digest not in galaxies]:
        galaxies |= _of(others)
    measuring.order()
    found = [galaxies[recipe.digest] for recipe in recipes]
    if person:
        makers.add(found, person)
    return found


def _of(recipes: Iterable[Recipe]) -> dict[str, Galaxy]:
    """Return the galaxies that are there by the digests of their recipes."""
    digests = [recipe.digest for recipe in recipes]
    there = Galaxy.objects.filter(digest__in=digests).select_related("model_version").defer("model_version__metrics")
    return {galaxy.digest: galaxy for galaxy in there}


def _store(galaxy: Galaxy, image: Image) -> Galaxy | None:
    """Store a galaxy's image, row and tally, and return it; None if another request has stored the recipe meanwhile."""
    galaxy.image.save("", ContentFile(images.webp(image)), save=False)
    try:
        with transaction.atomic():
            galaxy.save()
            tallies.add({tallies.of_galaxy(galaxy): 1})
    except DatabaseError as error:
        galaxy.image.storage.delete(str(galaxy.image.name))
        if not isinstance(error, IntegrityError) or not Galaxy.objects.filter(digest=galaxy.digest).exists():
            raise
        return None
    return galaxy


def image_file(galaxy: Galaxy, kind: str) -> bytes:
    """Return a galaxy as "webp", "png" or "fits". PNG and FITS are sampled from the recipe, and so is a lost WebP.

    Raises: Busy if the generator is needed and cannot answer now; BundleError if its version cannot be loaded.
    """
    if kind == "png":
        return images.png(service().sample(galaxy.recipe), galaxy)
    if kind == "fits":
        return images.fits(service().sample(galaxy.recipe), galaxy)
    try:
        with galaxy.image.storage.open(str(galaxy.image.name)) as file:
            return bytes(file.read())
    except FileNotFoundError:
        content = images.webp(service().sample(galaxy.recipe))
        try:
            galaxy.image.save("", ContentFile(content), save=False)
        except OSError as error:  # it can be shown all the same
            logger.warning("The image of %s is painted again, and cannot be stored: %s", galaxy, error)
            return content
        # This column alone: votes may have been cast while it was sampled.
        Galaxy.objects.filter(pk=galaxy.pk).update(image=str(galaxy.image.name))
        return content


def delete_galaxies(galaxies: QuerySet[Galaxy]) -> None:
    """Delete galaxies with their votes and stored images, DELETE_CHUNK in a transaction."""
    while chunk := list(galaxies.only("image")[:DELETE_CHUNK]):
        going = Galaxy.objects.filter(pk__in=[galaxy.pk for galaxy in chunk])
        with transaction.atomic():
            locked = list(going.select_for_update().order_by("pk").values_list("pk", flat=True))
            gone = tallies.counted(going, Vote.objects.filter(galaxy__in=locked))
            going.delete()
            changes: Counter[tallies.Entry] = Counter()
            changes.subtract(gone)
            tallies.add(changes)
        for galaxy in chunk:
            galaxy.image.storage.delete(str(galaxy.image.name))


def disown(person: User, galaxies: QuerySet[Galaxy]) -> None:
    """Take a person off the makers of galaxies, and delete those that nobody else made."""
    others = Making.objects.filter(galaxy=OuterRef("pk")).exclude(person=person)
    delete_galaxies(galaxies.filter(~Exists(others), makings__person=person))
    makers.leave(person, galaxies)
