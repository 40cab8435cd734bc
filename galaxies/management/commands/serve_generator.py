"""Let a Ray cluster generate for the site: manage.py serve_generator --ray ADDRESS. NEBULAI_GENERATOR then names it.

The cluster goes on serving after this command has ended; running it again changes the bounds, --stop ends it.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.cluster.connection import ClusterError, connected


class Command(BaseCommand):
    help = "Serve the generator by Ray Serve, with as many replicas as the load asks for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ray", default="auto", metavar="ADDRESS", help="of the cluster; auto: of this node")
        parser.add_argument("--host", default="127.0.0.1", help="where nodes listen; 0.0.0.0 inside a private network")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--min", type=int, default=1, help="replicas that are always there")
        parser.add_argument("--max", type=int, default=4, help="replicas at most")
        parser.add_argument("--cpus", type=int, default=1, help="cores of each replica")
        parser.add_argument("--stop", action="store_true", help="drain the replicas and end them")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["min"] <= options["max"] or options["cpus"] < 1:
            raise CommandError("Give --min 1 or more, --max no less than that, and --cpus 1 or more.")
        try:
            with connected(options["ray"]):
                self.stop() if options["stop"] else self.serve(options)
        except ClusterError as error:
            raise CommandError(str(error)) from error

    def serve(self, options: dict[str, Any]) -> None:
        """Start or change the deployment, and wait until it answers."""
        from ray import serve

        from galaxies.cluster.replica import NAME, application

        serve.start(proxy_location="EveryNode", http_options={"host": options["host"], "port": options["port"]})
        try:
            serve.run(application(options["min"], options["max"], options["cpus"]), name=NAME, route_prefix="/")
        except RuntimeError as error:
            raise CommandError(f"The replicas do not start: {error}") from error
        self.stdout.write(f"Set NEBULAI_GENERATOR=ray://HOST:{options['port']}, HOST being any node of the cluster.")

    def stop(self) -> None:
        """Let the replicas answer what they have, then end them."""
        from ray import serve

        from galaxies.cluster.replica import NAME

        serve.delete(NAME)
