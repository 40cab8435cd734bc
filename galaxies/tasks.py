"""Work for `manage.py db_worker`: a page enqueues it, the worker does it, a row says how far it is."""

from django_tasks import task


@task(priority=-10)  # of hours: whatever else waits comes first
def train_run(pk: int) -> str:
    """Do the training of a queued TrainingRun. Returns: how it ended."""
    from galaxies.training_worker import train_in_child

    return train_in_child(pk)


@task()
def evaluate_version(version: str) -> str:
    """Measure a model version. Raises: MeasuringFailed, whose sentence staff find in the task's result."""
    from galaxies.measuring import run

    return run(version)


@task()
def learn_preferences() -> dict[str, str | bool]:
    """Learn what people like. Returns: whether a model was learned, and the sentence that says so or why not."""
    from galaxies.learning import run

    return run()
