"""The database: model versions and how they were trained, galaxies and their recipes, votes, tallies."""

from galaxies.models.collections import Collection, CollectionItem
from galaxies.models.galaxy import NEW_SEEDS, SEARCHED_MEASURES, Alias, Galaxy, image_path
from galaxies.models.ids import ID_ALPHABET, ID_LENGTH, new_public_id
from galaxies.models.makings import Making
from galaxies.models.measurements import Measurement, measures_of
from galaxies.models.preferences import PreferenceModel
from galaxies.models.quiz import QuizQuestion, QuizRound, new_token
from galaxies.models.tallies import Tally
from galaxies.models.training import TrainingRun
from galaxies.models.versions import ModelVersion
from galaxies.models.votes import Vote

__all__ = [
    "ID_ALPHABET",
    "ID_LENGTH",
    "NEW_SEEDS",
    "SEARCHED_MEASURES",
    "Alias",
    "Collection",
    "CollectionItem",
    "Galaxy",
    "Making",
    "Measurement",
    "ModelVersion",
    "PreferenceModel",
    "QuizQuestion",
    "QuizRound",
    "Tally",
    "TrainingRun",
    "Vote",
    "image_path",
    "measures_of",
    "new_public_id",
    "new_token",
]
