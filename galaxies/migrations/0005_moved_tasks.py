from django.db import migrations, models

MOVED = {
    "galaxies.tasks.train_run": "galaxies.training.worker.train_run",
    "galaxies.tasks.evaluate_version": "galaxies.registry.measurement.evaluate_version",
    "galaxies.tasks.learn_preferences": "galaxies.learning.learn_preferences",
}


def move(apps, schema_editor):
    """Tasks that wait, and what became of earlier ones, are found under the modules that hold them now."""
    results = apps.get_model("django_tasks_database", "DBTaskResult").objects.using(schema_editor.connection.alias)
    for old, new in MOVED.items():
        results.filter(task_path=old).update(task_path=new)


class Migration(migrations.Migration):

    dependencies = [
        ("galaxies", "0004_history_indexes"),
        ("django_tasks_database", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="trainingrun",
            name="options",
            field=models.JSONField(default=dict, help_text="galaxies.training.request.Options."),
        ),
        migrations.RunPython(move, migrations.RunPython.noop, elidable=True),
    ]
