"""Learn what people like from their votes: manage.py learn_preferences."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.management.terminal import CountBars
from galaxies.ml.bundle import BundleError
from galaxies.preferences import NotLearned, learn


class Command(BaseCommand):
    help = "Learn from votes which galaxies people like, for the studio's crowd's pick and for training."

    def handle(self, *args: Any, **options: Any) -> None:
        bars = CountBars()
        try:
            model = learn(bars)
        except (NotLearned, BundleError) as error:
            raise CommandError(str(error)) from error
        finally:
            bars.close()
        self.stdout.write(
            f"Learned from {model.n_votes:,} votes on {model.n_galaxies:,} galaxies: AUC {model.auc:.2f}, where 0.5 is "
            "chance; measured on galaxies that were not learned from."
        )
