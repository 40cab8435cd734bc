"""The database: model versions and how they were trained, galaxies and their recipes, votes, tallies."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from galaxies.family_words import in_words
from galaxies.ml.bundle import MANIFEST
from galaxies.ml.measures import FLAGS, UNITS
from galaxies.recipe import MAX_PSI, MIN_PSI, Recipe

if TYPE_CHECKING:
    from accounts.models import User

NEW_SEEDS = 10**15  # below which new seeds lie: a float has 15 digits

# No 0 and O, no 1, I and l: an id may be read aloud. 11 of these 57 characters are 64 bits, too many to guess.
ID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ID_LENGTH = 11

# What the gallery is searched and sorted by
SEARCHED_MEASURES = ("half_light_share", "axis_ratio", "colour", "concentration", "brightness")
GALLERY_ORDERS = {"new": ["-created", "-id"], "best": ["-score", "-id"]} | {
    f"{sign}{name}": [f"{sign}{name}", f"{sign}id"] for name in SEARCHED_MEASURES for sign in ("", "-")
}


def new_public_id() -> str:
    """Return an unguessable short id for a galaxy."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


def image_path(galaxy: "Galaxy", filename: str) -> str:
    """Return the path of a galaxy's WebP: in many small folders, since one of a million files is slow to list."""
    return f"galaxies/{galaxy.public_id[:2]}/{galaxy.public_id}.webp"


class ModelVersion(models.Model):
    """A bundle that the database knows. What pages show of it is copied here, so that no page reads its files."""

    version = models.CharField(
        max_length=64,
        unique=True,
        validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", _("Use letters, digits, dots, dashes."))],
    )
    is_active = models.BooleanField(default=False, editable=False)
    trained = models.CharField(
        max_length=40, blank=True, help_text=_("When the bundle was written, as it says itself.")
    )
    registered = models.DateTimeField(default=timezone.now, editable=False)
    n_clusters = models.PositiveSmallIntegerField()
    resolution = models.PositiveSmallIntegerField()
    families = models.JSONField(
        default=list, help_text=_("id, name, sentence, share and exemplar files of each cluster.")
    )
    credit = models.TextField(blank=True, help_text=_("Whose images the model learned from."))
    checksum = models.CharField(
        max_length=64, help_text=_("sha256 of the manifest, which has those of all other files.")
    )
    encoder_checksum = models.CharField(max_length=64, blank=True, help_text=_("sha256 of encoder.npz."))
    size = models.PositiveBigIntegerField(default=0, help_text=_("Bytes of all files together."))
    metrics = models.JSONField(null=True, blank=True, help_text=_("What manage.py evaluate found: metrics.json."))
    steering = models.JSONField(
        default=dict, blank=True, help_text=_("What galaxies are steered by, and how well: directions.json, in short.")
    )
    activated = models.DateTimeField(null=True, blank=True, editable=False, help_text=_("The last time it was."))
    archived = models.BooleanField(
        default=False, editable=False, help_text=_("Kept for its galaxies, offered no more.")
    )

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["-registered"]
        constraints = [
            models.UniqueConstraint(fields=["is_active"], condition=Q(is_active=True), name="one_active_model_version"),
        ]

    def __str__(self) -> str:
        return self.version

    @classmethod
    def active(cls) -> Self | None:
        """The version that new galaxies come from, or None before the first is activated."""
        return cls.objects.filter(is_active=True).first()

    @classmethod
    def with_galaxies(cls) -> "models.QuerySet[Self]":
        """Return the versions that galaxies are of, the active one first: what a list of galaxies is filtered by."""
        galaxies = Galaxy.objects.filter(model_version=OuterRef("pk")).order_by()
        return cls.objects.filter(Exists(galaxies)).defer("metrics").order_by("-is_active", "-registered")

    @property
    def path(self) -> Path:
        """The bundle's folder."""
        return Path(settings.MODELS_STORE) / self.version

    @property
    def has_files(self) -> bool:
        """Whether the bundle's folder is there; what is in it is checked when it is loaded."""
        return (self.path / MANIFEST).is_file()

    @property
    def is_retired(self) -> bool:
        """Whether it makes no new galaxies: it is archived, or its files are gone."""
        return self.archived or not self.has_files

    def family(self, cluster: int) -> dict[str, Any]:
        """Return id, name, sentence, share and exemplars of a cluster. Raises: KeyError if there is no such cluster."""
        for family in self.families:
            if family["id"] == cluster:
                return dict(family)
        raise KeyError(cluster)

    @property
    def shown_families(self) -> list[dict[str, Any]]:
        """The families as a page names them, in the reader's language."""
        return [in_words(family) for family in self.families]


class GalaxyQuerySet(models.QuerySet["Galaxy"]):
    """Lists of galaxies, each in an order that an index serves."""

    def gallery(self, order: str) -> Self:
        """Return what is liked or published, the "new" or the "best" first, or by a measure, "-" for the largest first.

        By a measure, those without it are left out.
        """
        found = self.filter(listed=True).order_by(*GALLERY_ORDERS[order])
        measure = order.removeprefix("-")
        return found.filter(**{f"{measure}__isnull": False}) if measure in SEARCHED_MEASURES else found

    def within(self, ranges: Mapping[str, tuple[float | None, float | None]]) -> Self:
        """Return those whose measures lie in the ranges (least, most), None for no bound."""
        bounds: dict[str, float] = {}
        for name, (least, most) in ranges.items():
            bounds |= {} if least is None else {f"{name}__gte": least}
            bounds |= {} if most is None else {f"{name}__lte": most}
        return self.filter(**bounds)

    def of(self, version: ModelVersion | None, cluster: int | None) -> Self:
        """Return those of a version and of one of its families; None for all of either."""
        found = self if version is None else self.filter(model_version=version)
        return found if cluster is None else found.filter(cluster=cluster)

    def at_address(self, query: Mapping[str, str]) -> "Galaxy | None":
        """Return the galaxy whose `address` this is, None if nobody has made it or the query is no address."""
        try:
            recipe = Recipe.from_query(query)
        except ValueError:
            return None
        return self.select_related("model_version").filter(digest=recipe.digest).first()

    def made_by(self, person: "User") -> Self:
        """Return what a person generated, the last made first."""
        return self.filter(makings__person=person).order_by("-makings__created", "-makings__id")

    def named(self, public_id: str) -> "Galaxy":
        """Return the galaxy with a public id, also with one from before it was merged into another.

        Raises: Galaxy.DoesNotExist.
        """
        if not public_id.isalnum():  # PostgreSQL would fail on a null character instead of finding nothing
            raise Galaxy.DoesNotExist
        found = self.filter(public_id=public_id).first()
        return found or self.get(pk__in=Alias.objects.filter(public_id=public_id).values("galaxy"))

    def liked_by(self, person: "User") -> Self:
        """Return what a person likes, the last liked first."""
        likes = {"votes__person": person, "votes__value": Vote.Value.LIKE}
        return self.filter(**likes).order_by("-votes__created", "-votes__id")


class Galaxy(models.Model):
    """One generated image. The recipe is the master; the stored WebP is a copy that can be sampled again.

    There is one galaxy for each recipe. Who made it is in its makings.
    """

    public_id = models.CharField(max_length=ID_LENGTH, unique=True, default=new_public_id, editable=False)
    model_version = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        related_name="galaxies",
        db_index=False,  # galaxy_version begins with it
    )
    cluster = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField()
    psi = models.FloatField(_("variety"))
    cluster2 = models.PositiveSmallIntegerField(null=True, blank=True)
    seed2 = models.BigIntegerField(null=True, blank=True)
    mix = models.FloatField(null=True, blank=True, help_text=_("0 is the first recipe alone, 1 the second."))
    path = models.JSONField(default=list, blank=True, help_text=_("Steps from the latent of the seed: [seed, weight]."))
    shares = models.JSONField(default=list, blank=True, help_text=_("Of families in a blend: [cluster, share]."))
    steer = models.JSONField(default=dict, blank=True, help_text=_("Standard deviations by the names of directions."))
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text=_("sha256 of its recipe."))
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="galaxies",
        db_index=False,  # galaxy_made begins with it
        help_text=_("The first of its makers who is known; None if only visitors made it."),
    )
    created = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    image = models.FileField(upload_to=image_path)
    published = models.BooleanField(default=False, editable=False, help_text=_("Its maker wants it in the gallery."))
    kept = models.BooleanField(default=False, editable=False, help_text=_("Its maker left and wanted it to stay."))
    # Sums of the votes, kept here so that the gallery is an index scan; galaxies.votes alone writes them.
    likes = models.PositiveIntegerField(default=0, editable=False)
    dislikes = models.PositiveIntegerField(default=0, editable=False)
    # What the gallery is searched by, of its measurement; galaxies.measuring alone writes it
    half_light_share = models.FloatField(null=True, editable=False)
    axis_ratio = models.FloatField(null=True, editable=False)
    colour = models.FloatField(null=True, editable=False)
    concentration = models.FloatField(null=True, editable=False)
    brightness = models.FloatField(null=True, editable=False)
    score = models.FloatField(default=0.0, editable=False, help_text=_("wilson_lower_bound of its votes."))
    listed = models.GeneratedField(
        expression=Q(published=True) | Q(likes__gt=0),  # type: ignore[arg-type]  # a Q will do
        output_field=models.BooleanField(),
        db_persist=True,
    )

    beside = ""  # public id of the one after it in a list, or else before it, where galaxies.listing has set it
    my_vote = ""  # the visitor's own, "like" or "dislike", where galaxies.votes.mark_votes has looked it up

    objects = GalaxyQuerySet.as_manager()

    class Meta:
        verbose_name = _("galaxy")
        verbose_name_plural = _("galaxies")
        ordering = ["-created", "-id"]
        indexes = [
            models.Index(fields=["creator", "-created", "-id"], name="galaxy_made"),
            models.Index(fields=["-created", "-id"], condition=Q(listed=True), name="galaxy_new"),
            models.Index(fields=["-score", "-id"], condition=Q(listed=True), name="galaxy_best"),
            models.Index(fields=["cluster", "-created", "-id"], condition=Q(listed=True), name="galaxy_family_new"),
            models.Index(fields=["cluster", "-score", "-id"], condition=Q(listed=True), name="galaxy_family_best"),
            *(
                models.Index(fields=[f"-{name}", "-id"], condition=Q(listed=True), name=f"galaxy_{name}")
                for name in SEARCHED_MEASURES
            ),
            # What staff sort and filter the history by
            models.Index(fields=["model_version", "-created", "-id"], name="galaxy_version"),
            models.Index(fields=["model_version", "cluster", "-created", "-id"], name="galaxy_version_family"),
            models.Index(fields=["-likes", "-id"], name="galaxy_likes"),
            models.Index(fields=["-dislikes", "-id"], name="galaxy_dislikes"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(seed__gte=0), name="galaxy_seed_not_negative"),
            models.CheckConstraint(condition=Q(psi__gte=MIN_PSI, psi__lte=MAX_PSI), name="galaxy_psi_in_range"),
            models.CheckConstraint(
                condition=Q(cluster2=None, seed2=None, mix=None)
                | Q(cluster2__isnull=False, seed2__gte=0, mix__gte=0, mix__lte=1),
                name="galaxy_blend_whole_or_none",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def save(self, *args: Any, **options: Any) -> None:
        """Write it, a new one with the digest of its recipe."""
        self.digest = self.digest or self.recipe.digest
        super().save(*args, **options)

    def get_absolute_url(self) -> str:
        return reverse("galaxies:galaxy", args=[self.public_id])

    @classmethod
    def of(cls, version: ModelVersion, recipe: Recipe) -> Self:
        """Return a new galaxy, not stored yet."""
        values = asdict(recipe)
        del values["version"]
        return cls(model_version=version, **values)

    @property
    def family(self) -> dict[str, Any]:
        """The family it was asked from, as a page names it: in the reader's language."""
        return in_words(self.model_version.family(self.cluster))

    @property
    def address(self) -> dict[str, str]:
        """The studio's query: its whole recipe."""
        return self.recipe.as_query()

    @property
    def studio_url(self) -> str:
        """The studio with its recipe."""
        return f"{reverse('galaxies:studio')}?{urlencode(self.address, safe=':,')}"

    @property
    def is_blend(self) -> bool:
        """Whether there is more to it than a family, a seed and a variety."""
        return bool(self.mix or self.path or self.shares or self.steer)

    @property
    def recipe(self) -> Recipe:
        """All that determines its image."""
        return Recipe(
            self.model_version.version,
            self.cluster,
            self.seed,
            self.psi,
            cluster2=self.cluster2,
            seed2=self.seed2,
            mix=self.mix,
            path=tuple((seed, weight) for seed, weight in self.path),
            shares=tuple((cluster, share) for cluster, share in self.shares),
            steer=self.steer,
        )


class Making(models.Model):
    """That a person generated a galaxy, and when."""

    galaxy = models.ForeignKey(Galaxy, on_delete=models.CASCADE, related_name="makings", db_index=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="makings", db_index=False
    )
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [models.Index(fields=["person", "-created", "-id"], name="making_by_person")]
        constraints = [models.UniqueConstraint(fields=["galaxy", "person"], name="one_making_per_galaxy_and_person")]

    def __str__(self) -> str:
        return f"{self.galaxy_id} by {self.person_id}"


class Alias(models.Model):
    """A public id of before two galaxies of one recipe became one: it leads to the galaxy that stayed."""

    public_id = models.CharField(max_length=ID_LENGTH, unique=True, editable=False)
    galaxy = models.ForeignKey(Galaxy, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        verbose_name_plural = _("aliases")

    def __str__(self) -> str:
        return self.public_id


class Measurement(models.Model):
    """What statmorph and photutils measured on a galaxy's picture: galaxies.ml.measurements.UNITS says in what units.

    galaxies.measuring writes it, some time after the galaxy was made. Values are null where they could not be measured.
    """

    galaxy = models.OneToOneField(Galaxy, on_delete=models.CASCADE, primary_key=True)
    axis_ratio = models.FloatField(null=True)
    position_angle = models.FloatField(null=True)
    half_light = models.FloatField(null=True)
    half_light_share = models.FloatField(null=True)
    concentration = models.FloatField(null=True)
    asymmetry = models.FloatField(null=True)
    smoothness = models.FloatField(null=True)
    gini = models.FloatField(null=True)
    m20 = models.FloatField(null=True)
    sersic = models.FloatField(null=True)
    brightness = models.FloatField(null=True)
    blue_green = models.FloatField(null=True)
    green_red = models.FloatField(null=True)
    flag = models.PositiveSmallIntegerField(help_text=_("statmorph's: 0 good, 1 suspect, 2 bad, 4 nothing to measure."))
    sersic_flag = models.PositiveSmallIntegerField(help_text=_("The same, of the Sersic fit."))
    colour = models.GeneratedField(
        expression=models.F("blue_green") + models.F("green_red"),
        output_field=models.FloatField(null=True),
        db_persist=True,
    )

    def __str__(self) -> str:
        return f"measurement of {self.galaxy_id}"

    def row(self) -> dict[str, float | int | None]:
        """Return values and flags by name, as catalogues and FITS headers have them."""
        return {name: getattr(self, name) for name in (*UNITS, *FLAGS)}


def measures_of(galaxy: Galaxy) -> dict[str, float | int | None]:
    """Return a galaxy's measured values and flags by name; {} before it is measured."""
    measurement: Measurement | None = getattr(galaxy, "measurement", None)  # a query unless it was prefetched
    return measurement.row() if measurement else {}


class Vote(models.Model):
    """A person's like or dislike of a galaxy. galaxies.votes writes it, together with the galaxy's sums."""

    class Value(models.TextChoices):
        LIKE = "like", _("Like")
        DISLIKE = "dislike", _("Dislike")

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="votes", db_index=False)
    galaxy = models.ForeignKey(Galaxy, on_delete=models.CASCADE, related_name="votes")
    value = models.CharField(max_length=7, choices=Value)
    created = models.DateTimeField(default=timezone.now, editable=False, help_text=_("When it was cast or changed."))

    class Meta:
        verbose_name = _("vote")
        verbose_name_plural = _("votes")
        ordering = ["-created", "-id"]
        indexes = [models.Index(fields=["person", "value", "-created", "-id"], name="vote_by_person")]
        constraints = [
            models.UniqueConstraint(fields=["person", "galaxy"], name="one_vote_per_person_and_galaxy"),
            models.CheckConstraint(condition=Q(value__in=["like", "dislike"]), name="vote_likes_or_dislikes"),
        ]

    def __str__(self) -> str:
        return f"{self.value} of {self.galaxy_id}"


class TallyQuerySet(models.QuerySet["Tally"]):
    """Sums of tallies."""

    def sums_by(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return a row for each combination of values of the columns: (*values, generated, likes, dislikes), sorted."""
        sums = [models.Sum(name) for name in ("generated", "likes", "dislikes")]
        return list(self.order_by(*columns).values_list(*columns).annotate(*sums))


class Tally(models.Model):
    """How many galaxies of a family were made on a day (UTC), and how many votes for such galaxies were cast on it.

    galaxies.tallies writes them together with what they count, so that the dashboard need not count a million rows.
    """

    day = models.DateField()
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="tallies", db_index=False)
    cluster = models.PositiveSmallIntegerField()
    generated = models.IntegerField(default=0)
    likes = models.IntegerField(default=0)
    dislikes = models.IntegerField(default=0)

    objects = TallyQuerySet.as_manager()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        constraints = [
            models.UniqueConstraint(fields=["day", "model_version", "cluster"], name="one_tally_per_day_and_family")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model_version_id}/{self.cluster}"


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    """Training runs by their state."""

    def live(self) -> Self:
        """Return the runs that wait for the worker or are under way: one at most."""
        return self.filter(state__in=TrainingRun.LIVE)


class TrainingRun(models.Model):
    """A training run and how far it is. galaxies.training.folders.path_of(name) is its folder.

    galaxies.training.life_cycle and galaxies.training.control write these rows.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        INTERRUPTED = "interrupted", _("Interrupted")
        FAILED = "failed", _("Failed")

    LIVE = (State.QUEUED, State.RUNNING)

    name = models.CharField(max_length=100, unique=True, editable=False)
    options = models.JSONField(default=dict, help_text=_("galaxies.training.request.Options."))
    state = models.CharField(max_length=11, choices=State, default=State.QUEUED)
    created = models.DateTimeField(default=timezone.now, editable=False)
    started = models.DateTimeField(null=True, blank=True, help_text=_("The last time that it was started or resumed."))
    finished = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    # The last report of the phase under way (galaxies.ml.loop.Report).
    phase = models.CharField(max_length=40, blank=True)
    images = models.PositiveBigIntegerField(default=0)
    images_per_second = models.FloatField(default=0.0)
    share = models.FloatField(default=0.0, help_text=_("Of the phase, 0 to 1."))
    eta_seconds = models.FloatField(default=0.0, help_text=_("Of the phase."))
    losses = models.JSONField(default=dict)
    message = models.TextField(blank=True, help_text=_("Why it ended, in a sentence."))
    model_version = models.ForeignKey(ModelVersion, on_delete=models.SET_NULL, null=True, blank=True)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        ordering = ["-created", "-id"]
        constraints = [
            # Two trainings at once would be slower than one after the other, and eat the memory of both.
            models.UniqueConstraint(
                models.Value(1), condition=Q(state__in=["queued", "running"]), name="one_live_training_run"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        """Whether it waits for the worker or is under way."""
        return self.state in self.LIVE


class PreferenceModel(models.Model):
    """Logistic regression: the probability that somebody who votes likes a galaxy, from its encoder's features.

    It holds for every model version with the same encoder; the newest for an encoder counts.
    """

    created = models.DateTimeField(default=timezone.now, editable=False)
    encoder_checksum = models.CharField(max_length=64, db_index=True)
    n_votes = models.PositiveIntegerField()
    n_galaxies = models.PositiveIntegerField()
    auc = models.FloatField(_("AUC"), help_text=_("Cross-validated, no galaxy on both sides; 0.5 is chance."))
    coefficients = models.JSONField()
    intercept = models.FloatField()

    class Meta:
        verbose_name = _("preference model")
        verbose_name_plural = _("preference models")
        ordering = ["-created", "-id"]

    def __str__(self) -> str:
        return f"{self.n_votes} votes, AUC {self.auc:.2f}"


class Collection(models.Model):
    """Galaxies that somebody put together, in an order of their own. galaxies.collections writes its items."""

    public_id = models.CharField(max_length=ID_LENGTH, unique=True, default=new_public_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="collections")
    name = models.CharField(_("name"), max_length=80)
    is_public = models.BooleanField(_("public"), default=False, help_text=_("Everybody with its link can see it."))
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created", "-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("galaxies:collection", args=[self.public_id])

    @property
    def galaxies(self) -> GalaxyQuerySet:
        """Its galaxies in its order."""
        return Galaxy.objects.filter(items__collection=self).order_by("items__position")


class CollectionItem(models.Model):
    """A galaxy in a collection."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="items", db_index=False)
    galaxy = models.ForeignKey(Galaxy, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["collection", "position"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "galaxy"], name="one_item_per_collection_and_galaxy"),
        ]

    def __str__(self) -> str:
        return f"{self.position} of {self.collection_id}"


def new_token() -> str:
    """Return an unguessable address for a round of the quiz."""
    return secrets.token_urlsafe(16)


class QuizRound(models.Model):
    """Ten pictures that somebody was asked about; nothing says who. galaxies.quiz.rounds writes these rows."""

    token = models.CharField(max_length=22, unique=True, default=new_token, editable=False)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="quiz_rounds")
    created = models.DateTimeField(default=timezone.now, editable=False)
    score = models.PositiveSmallIntegerField(null=True, blank=True, help_text=_("Right answers, once all are given."))

    def __str__(self) -> str:
        return self.token


class QuizQuestion(models.Model):
    """A picture of a round: a generated one by its recipe, or a photograph by its place in the pool."""

    round = models.ForeignKey(QuizRound, on_delete=models.CASCADE, related_name="questions", db_index=False)
    number = models.PositiveSmallIntegerField()
    is_generated = models.BooleanField()
    cluster = models.PositiveSmallIntegerField(null=True, blank=True)
    seed = models.BigIntegerField(null=True, blank=True)
    photo = models.PositiveIntegerField(null=True, blank=True)
    said_generated = models.BooleanField(null=True, blank=True)

    class Meta:
        ordering = ["round", "number"]
        constraints = [
            models.UniqueConstraint(fields=["round", "number"], name="one_question_per_round_and_number"),
            models.CheckConstraint(
                condition=Q(is_generated=True, cluster__isnull=False, seed__isnull=False, photo=None)
                | Q(is_generated=False, cluster=None, seed=None, photo__isnull=False),
                name="quiz_question_generated_or_photo",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.round_id}/{self.number}"

    @property
    def is_right(self) -> bool:
        """Whether the answer is."""
        return self.said_generated == self.is_generated
