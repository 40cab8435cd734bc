"""What the first worker of a training and the command that started it tell each other, by an actor of the cluster.

link = Link.remote()                            # imports no TensorFlow
link.report.remote(report)                      # on the worker, which asks ray.get(link.stops.remote())
ray.get(link.look.remote(stop=False))           # in the command
"""

import ray

from galaxies.ml.loop import Report


@ray.remote(num_cpus=0)
class Link:
    """Reports one way, whether to stop the other."""

    def __init__(self) -> None:
        self._reports: list[Report] = []
        self._stop = False
        self._end: Exception | None = None

    def report(self, report: Report) -> None:
        """Keep a report until it is looked at."""
        self._reports.append(report)

    def end(self, error: Exception) -> None:
        """Keep why the workers have ended: Stopped, or a TrainingError."""
        self._end = self._end or error

    def stops(self) -> bool:
        """Tell whether the workers shall save and stop."""
        return self._stop

    def look(self, stop: bool) -> tuple[list[Report], Exception | None]:
        """Say whether to stop. Returns: the reports since the last look, and why the workers have ended, if so."""
        self._stop = stop
        reports, self._reports = self._reports, []
        return reports, self._end
