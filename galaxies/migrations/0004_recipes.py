import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a recipe may hold, who made a galaxy, and ids that lead elsewhere."""

    dependencies = [
        ("galaxies", "0003_quiz"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="galaxy",
            name="path",
            field=models.JSONField(
                blank=True, default=list, help_text="Steps from the latent of the seed: [seed, weight]."
            ),
        ),
        migrations.AddField(
            model_name="galaxy",
            name="shares",
            field=models.JSONField(blank=True, default=list, help_text="Of families in a blend: [cluster, share]."),
        ),
        migrations.AddField(
            model_name="galaxy",
            name="steer",
            field=models.JSONField(
                blank=True, default=dict, help_text="Standard deviations by the names of directions."
            ),
        ),
        migrations.AddField(
            model_name="galaxy",
            name="digest",
            field=models.CharField(editable=False, help_text="sha256 of its recipe.", max_length=64, null=True),
        ),
        migrations.AlterField(
            model_name="galaxy",
            name="creator",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="The first of its makers who is known; None if only visitors made it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="galaxies",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="Alias",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.CharField(editable=False, max_length=11, unique=True)),
                (
                    "galaxy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="aliases", to="galaxies.galaxy"
                    ),
                ),
            ],
            options={"verbose_name_plural": "aliases"},
        ),
        migrations.CreateModel(
            name="Making",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "galaxy",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="makings",
                        to="galaxies.galaxy",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="makings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-created", "-id"],
                "indexes": [models.Index(fields=["person", "-created", "-id"], name="making_by_person")],
                "constraints": [
                    models.UniqueConstraint(fields=("galaxy", "person"), name="one_making_per_galaxy_and_person")
                ],
            },
        ),
    ]
