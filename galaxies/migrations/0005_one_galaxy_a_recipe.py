"""Galaxies of one recipe become one, the oldest: its makers and votes are those of all, and all ids lead to it."""

import hashlib
import json
from importlib import import_module

from django.db import migrations, transaction
from django.db.models import Count

from galaxies.approval import wilson_lower_bound

CHUNK = 2000


def digest(galaxy, version):
    """The same as galaxies.recipe.Recipe.digest for what there was then, which may change while this may not."""
    mixed = galaxy.seed2 is not None and galaxy.mix
    apart = mixed and galaxy.cluster2 is not None and galaxy.cluster2 != galaxy.cluster
    shares = {galaxy.cluster: 1 - galaxy.mix, galaxy.cluster2: galaxy.mix} if apart else {}
    canonical = {
        "version": version,
        "cluster": galaxy.cluster,
        "seed": galaxy.seed,
        "psi": float(galaxy.psi),
        "path": [[galaxy.seed2, float(galaxy.mix)]] if mixed else [],
        "shares": [[each, shares[each]] for each in sorted(shares)],
        "steer": {},
    }
    return hashlib.sha256(json.dumps(canonical, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def fill(apps, schema_editor):
    """Give each galaxy its digest, and its creator as its maker; then merge those of one recipe."""
    database = schema_editor.connection.alias
    Galaxy, Making, Vote, Alias = (apps.get_model("galaxies", name) for name in ("Galaxy", "Making", "Vote", "Alias"))
    versions = dict(apps.get_model("galaxies", "ModelVersion").objects.using(database).values_list("pk", "version"))
    galaxies, last = Galaxy.objects.using(database), 0
    while chunk := list(galaxies.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        for galaxy in chunk:
            galaxy.digest = digest(galaxy, versions[galaxy.model_version_id])
        galaxies.bulk_update(chunk, ["digest"], batch_size=CHUNK // 4)
        Making.objects.using(database).bulk_create(
            Making(galaxy_id=galaxy.pk, person_id=galaxy.creator_id, created=galaxy.created)
            for galaxy in chunk
            if galaxy.creator_id
        )
        last = chunk[-1].pk
    twice = galaxies.order_by().values("digest").annotate(n=Count("pk")).filter(n__gt=1)
    digests = list(twice.values_list("digest", flat=True))
    for each in digests:
        first, *others = galaxies.filter(digest=each).order_by("created", "pk")
        merge(first, others, Making.objects.using(database), Vote.objects.using(database))
        Alias.objects.using(database).bulk_create(Alias(public_id=g.public_id, galaxy=first) for g in others)
        galaxies.filter(pk__in=[galaxy.pk for galaxy in others]).delete()
    if digests:
        import_module("galaxies.migrations.0003_fill_tallies").fill(apps, schema_editor)


def merge(first, others, makings, votes):
    """Leave one galaxy with all makers since they first made it, and the last vote of each person."""
    ids = [first.pk, *(galaxy.pk for galaxy in others)]
    made, cast = {}, {}
    for making in makings.filter(galaxy__in=ids).order_by("created", "pk"):
        made.setdefault(making.person_id, making.pk)
    for vote in votes.filter(galaxy__in=ids).order_by("created", "pk"):
        cast[vote.person_id] = vote.pk
    for rows, kept in ((makings, made.values()), (votes, cast.values())):
        rows.filter(galaxy__in=ids).exclude(pk__in=kept).delete()
        rows.filter(pk__in=kept).update(galaxy=first)
    first.creator_id = next(iter(made), None)
    first.published = any(galaxy.published for galaxy in (first, *others))
    first.likes, first.dislikes = (votes.filter(galaxy=first, value=value).count() for value in ("like", "dislike"))
    first.score = wilson_lower_bound(first.likes, first.dislikes)
    first.save(update_fields=["creator", "published", "likes", "dislikes", "score"])
    names = [(galaxy.image.storage, galaxy.image.name) for galaxy in others if galaxy.image.name]
    transaction.on_commit(lambda: [storage.delete(name) for storage, name in names], using=first._state.db)


class Migration(migrations.Migration):

    dependencies = [("galaxies", "0004_recipes")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
