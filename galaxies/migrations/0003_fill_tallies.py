from django.db import migrations
from django.db.models import Count, DateField
from django.db.models.functions import Cast

COLUMNS = {"like": "likes", "dislike": "dislikes"}


def fill(apps, schema_editor):
    """Count what is there already. The same as galaxies.tallies.rebuild, which may change while this may not."""
    database = schema_editor.connection.alias
    Galaxy, Vote, Tally = (apps.get_model("galaxies", name) for name in ("Galaxy", "Vote", "Tally"))
    day = Cast("created", DateField())
    made = Galaxy.objects.using(database).order_by().values_list(day, "model_version", "cluster")
    cast = Vote.objects.using(database).order_by()
    cast = cast.values_list(day, "galaxy__model_version", "galaxy__cluster", "value")
    rows = {}

    def count(key, column, number):
        day, version, cluster = key
        row = rows.setdefault(key, Tally(day=day, model_version_id=version, cluster=cluster))
        setattr(row, column, number)

    for *key, number in made.annotate(Count("pk")):
        count(tuple(key), "generated", number)
    for *key, value, number in cast.annotate(Count("pk")):
        count(tuple(key), COLUMNS[value], number)
    Tally.objects.using(database).all().delete()
    Tally.objects.using(database).bulk_create(rows.values(), batch_size=1000)


class Migration(migrations.Migration):

    dependencies = [("galaxies", "0002_staff")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
