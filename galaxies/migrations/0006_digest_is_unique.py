from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("galaxies", "0005_one_galaxy_a_recipe")]

    operations = [
        migrations.AlterField(
            model_name="galaxy",
            name="digest",
            field=models.CharField(editable=False, help_text="sha256 of its recipe.", max_length=64, unique=True),
        ),
    ]
