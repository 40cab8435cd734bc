"""Galaxies: their recipes, what they are searched by, and the ids that lead to them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from galaxies.family_words import in_words
from galaxies.models.ids import ID_LENGTH, new_public_id
from galaxies.models.versions import ModelVersion
from galaxies.models.votes import Vote
from galaxies.recipe import MAX_PSI, MIN_PSI, Recipe

if TYPE_CHECKING:
    from accounts.models import User

NEW_SEEDS = 10**15  # below which new seeds lie: a float has 15 digits

# What the gallery is searched and sorted by
SEARCHED_MEASURES = ("half_light_share", "axis_ratio", "colour", "concentration", "brightness")
GALLERY_ORDERS = {"new": ["-created", "-id"], "best": ["-score", "-id"]} | {
    f"{sign}{name}": [f"{sign}{name}", f"{sign}id"] for name in SEARCHED_MEASURES for sign in ("", "-")
}
# Behind each order of a list all measures: bounds on them are looked up in the index, and no row is read for them. By
# version too, within which alone numbers of families mean something.
LISTED_INDEXES = {
    name: [*order, *(each for each in SEARCHED_MEASURES if f"-{each}" not in order)]
    for name, order in {
        "new": ["-created", "-id"],
        "best": ["-score", "-id"],
        "of_new": ["model_version", "-created", "-id"],
        "of_best": ["model_version", "-score", "-id"],
        "of_family_new": ["model_version", "cluster", "-created", "-id"],
        "of_family_best": ["model_version", "cluster", "-score", "-id"],
        **{name: [f"-{name}", "-id"] for name in SEARCHED_MEASURES},
    }.items()
}


def image_path(galaxy: "Galaxy", filename: str) -> str:
    """Return the path of a galaxy's WebP: in many small folders, since one of a million files is slow to list."""
    return f"galaxies/{galaxy.public_id[:2]}/{galaxy.public_id}.webp"


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

    public_id = models.CharField(_("id"), max_length=ID_LENGTH, unique=True, default=new_public_id, editable=False)
    model_version = models.ForeignKey(
        ModelVersion,
        verbose_name=_("model version"),
        on_delete=models.PROTECT,
        related_name="galaxies",
        db_index=False,  # galaxy_version begins with it
    )
    cluster = models.PositiveSmallIntegerField(_("family"))
    seed = models.BigIntegerField(_("seed"))
    psi = models.FloatField(_("variety"))
    cluster2 = models.PositiveSmallIntegerField(_("second family"), null=True, blank=True)
    seed2 = models.BigIntegerField(_("second seed"), null=True, blank=True)
    mix = models.FloatField(_("mix"), null=True, blank=True, help_text=_("0 is the first recipe alone, 1 the second."))
    path = models.JSONField(
        _("path"), default=list, blank=True, help_text=_("Steps from the latent of the seed: [seed, weight].")
    )
    shares = models.JSONField(
        _("shares of families"), default=list, blank=True, help_text=_("Of families in a blend: [cluster, share].")
    )
    steer = models.JSONField(
        _("steer"), default=dict, blank=True, help_text=_("Standard deviations by the names of directions.")
    )
    digest = models.CharField(
        _("digest"), max_length=64, unique=True, editable=False, help_text=_("sha256 of its recipe.")
    )
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("creator"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="galaxies",
        db_index=False,  # galaxy_made begins with it
        help_text=_("The first of its makers who is known; None if only visitors made it."),
    )
    created = models.DateTimeField(_("made"), default=timezone.now, db_index=True, editable=False)
    image = models.FileField(_("image"), upload_to=image_path)
    published = models.BooleanField(
        _("published"), default=False, editable=False, help_text=_("Its maker wants it in the gallery.")
    )
    kept = models.BooleanField(
        _("kept"), default=False, editable=False, help_text=_("Its maker left and wanted it to stay.")
    )
    # Sums of the votes, kept here so that the gallery is an index scan; galaxies.votes alone writes them.
    likes = models.PositiveIntegerField(_("likes"), default=0, editable=False)
    dislikes = models.PositiveIntegerField(_("dislikes"), default=0, editable=False)
    # What the gallery is searched by, of its measurement; galaxies.measuring alone writes it
    half_light_share = models.FloatField(_("half-light radius, share of the picture"), null=True, editable=False)
    axis_ratio = models.FloatField(_("axis ratio"), null=True, editable=False)
    colour = models.FloatField(_("colour"), null=True, editable=False)
    concentration = models.FloatField(_("concentration"), null=True, editable=False)
    brightness = models.FloatField(_("brightness"), null=True, editable=False)
    score = models.FloatField(_("score"), default=0.0, editable=False, help_text=_("wilson_lower_bound of its votes."))
    listed = models.GeneratedField(
        verbose_name=_("in the gallery"),
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
            *(
                models.Index(fields=fields, condition=Q(listed=True), name=f"galaxy_{name}")
                for name, fields in LISTED_INDEXES.items()
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
        """Return a new galaxy, not stored yet, with values as the database will give them."""
        values = asdict(recipe)
        del values["version"]
        values |= {name: [list(pair) for pair in values[name]] for name in ("path", "shares")}
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


class Alias(models.Model):
    """A public id of before two galaxies of one recipe became one: it leads to the galaxy that stayed."""

    public_id = models.CharField(_("id"), max_length=ID_LENGTH, unique=True, editable=False)
    galaxy = models.ForeignKey(Galaxy, verbose_name=_("galaxy"), on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        verbose_name_plural = _("aliases")

    def __str__(self) -> str:
        return self.public_id
