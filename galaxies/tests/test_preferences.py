"""The crowd of these tests likes galaxies of one family, or of a colour, or tosses coins."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.utils import timezone
from PIL import Image
from pytest_django.fixtures import Settings

from accounts.models import User
from galaxies import images, preferences
from galaxies.ml.bundle import load_bundle
from galaxies.ml.evaluation.of_bundle import Standardizer
from galaxies.ml.loop import TrainingError
from galaxies.ml.preference import expected_likes, fit
from galaxies.models import Galaxy, ModelVersion, PreferenceModel, Vote
from galaxies.preferences import NotLearned, learn, pick, standing
from galaxies.serving import Service
from galaxies.training import folders
from galaxies.training.request import Options

Sampled = tuple[list[Galaxy], Any]
Rule = Callable[[Any], float]  # an image (H, W, 3) -> the probability of a like


def redness(sampled: Any) -> Any:
    """(N,) mean of red over that of blue, of images (N, H, W, 3)."""
    means = np.asarray(sampled, float).mean(axis=(1, 2))
    return means[:, 0] / (means[:, 2] + 1)


@pytest.fixture
def crowd(generator: Service, version: ModelVersion) -> Callable[..., Sampled]:
    """Samples galaxies and has each voted on by some people, by chances (N,) of a like."""

    def make(n: int, chance: Callable[[list[Galaxy], Any], Any], votes: int = 1, stored: bool = True) -> Sampled:
        random = np.random.default_rng(1)
        people = [User.objects.create(username=f"p{i}", email=f"p{i}@example.org") for i in range(votes)]
        galaxies = [Galaxy(model_version=version, cluster=i % version.n_clusters, seed=i, psi=1.0) for i in range(n)]
        sampled = np.concatenate(
            [generator.sample_many([g.recipe for g in galaxies[start : start + 64]]) for start in range(0, n, 64)]
        )
        for galaxy, image in zip(galaxies, sampled, strict=True):
            galaxy.image.name, galaxy.digest = f"{galaxy.public_id}.webp", galaxy.recipe.digest
            if stored:
                galaxy.image.storage.save(galaxy.image.name, ContentFile(images.webp(image)))
        Galaxy.objects.bulk_create(galaxies)
        likes = random.random((n, votes)) < np.broadcast_to(chance(galaxies, sampled), (n,))[:, None]
        Vote.objects.bulk_create(
            Vote(person=person, galaxy=galaxy, value="like" if likes[i, j] else "dislike")
            for i, galaxy in enumerate(galaxies)
            for j, person in enumerate(people)
        )
        return galaxies, sampled

    return make


def red_ones(galaxies: list[Galaxy], sampled: Any) -> Any:
    values = redness(sampled)
    return np.where(values > np.median(values), 0.9, 0.1)


def coin(galaxies: list[Galaxy], sampled: Any) -> Any:
    return 0.5


def test_people_who_like_red_ones_are_understood(crowd: Callable[..., Sampled], version: ModelVersion) -> None:
    _, sampled = crowd(240, red_ones)
    output = io.StringIO()
    call_command("learn_preferences", stdout=output)
    model = PreferenceModel.objects.get()
    assert "Learned from 240 votes on 240 galaxies: AUC 0." in output.getvalue()
    assert (model.n_votes, model.n_galaxies, model.encoder_checksum) == (240, 240, version.encoder_checksum)
    assert model.auc > 0.75
    assert standing(version) == model
    expected = preferences.chances(model, load_bundle(version.path).features(sampled))
    red = redness(sampled) > np.median(redness(sampled))
    assert expected[red].mean() > expected[~red].mean() + 0.2


@pytest.mark.slow
def test_picks_are_what_the_crowd_likes(
    crowd: Callable[..., Sampled], version: ModelVersion, generator: Service
) -> None:
    _, sampled = crowd(300, red_ones)
    model = learn()
    assert model.auc > 0.75
    picked = [pick(version, model, cluster=i % version.n_clusters, psi=1.0)[0] for i in range(40)]
    seen = np.stack([generator.sample(galaxy.recipe) for galaxy in picked])
    share = (redness(seen) > np.median(redness(sampled))).mean()
    assert share > 0.5 + 4 * np.sqrt(0.25 / 40)  # four standard errors above those that nobody picked


def test_a_pick_is_a_galaxy_like_any_other(
    crowd: Callable[..., Sampled], version: ModelVersion, generator: Service
) -> None:
    crowd(200, red_ones)
    person = User.objects.get(username="p0")
    galaxy, *others = pick(version, learn(), cluster=1, psi=0.7, creator=person)
    assert len(others) == 7
    stored = Galaxy.objects.get(pk=galaxy.pk)
    assert (stored.cluster, stored.psi, stored.creator, stored.is_blend) == (1, 0.7, person, False)
    with stored.image.open() as file:
        assert file.read() == images.webp(generator.sample(stored.recipe))


@pytest.mark.parametrize(
    ("n", "votes", "chance", "sentence"),
    [
        (0, 1, coin, "There are 0 votes and at least 200 are needed: come back when 200 more are cast"),
        (199, 1, red_ones, "There are 199 votes and at least 200 are needed: come back when 1 more"),
        (200, 1, lambda *_: 1.0, "Galaxies with a dislike: 0, and at least 5"),
        (200, 1, lambda *_: 0.0, "Galaxies with a like: 0, and at least 5"),
        (4, 50, coin, "Galaxies with a like: 4, and at least 5"),
        (200, 3, coin, "The images do not tell what people like: the AUC is 0"),
    ],
)
def test_what_cannot_be_learned_is_one_sentence_and_nothing_is_written(
    crowd: Callable[..., Sampled], n: int, votes: int, chance: Any, sentence: str
) -> None:
    if n:
        crowd(n, chance, votes)
    with pytest.raises(CommandError, match=sentence):
        call_command("learn_preferences", stdout=io.StringIO())
    assert not PreferenceModel.objects.exists()


def test_without_an_active_version_nothing_is_learned(db: None) -> None:
    with pytest.raises(NotLearned, match="No model version is active"):
        learn()


@pytest.mark.slow
def test_lost_images_are_sampled_again_and_those_that_cannot_be_had_are_left_out(
    crowd: Callable[..., Sampled], version: ModelVersion
) -> None:
    galaxies, _ = crowd(210, red_ones, stored=False)
    gone = ModelVersion.objects.create(version="gone", n_clusters=2, resolution=32, checksum="0" * 64)
    Galaxy.objects.filter(pk__in=[galaxy.pk for galaxy in galaxies[:5]]).update(model_version=gone)
    assert learn().n_galaxies == 205
    Galaxy.objects.filter(pk__in=[galaxy.pk for galaxy in galaxies[5:11]]).update(model_version=gone)
    Galaxy.objects.filter(model_version=gone).update(image="nowhere.webp")
    with pytest.raises(NotLearned, match="There are 199 votes"):
        learn()


def test_galaxies_of_other_versions_count(crowd: Callable[..., Sampled], version: ModelVersion) -> None:
    crowd(200, red_ones)
    other = ModelVersion.objects.create(version="other", n_clusters=2, resolution=32, checksum="0" * 64)
    Galaxy.objects.update(model_version=other)
    assert learn().n_galaxies == 200


def test_only_the_newest_votes_count(
    crowd: Callable[..., Sampled], version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    galaxies, _ = crowd(260, red_ones)
    Vote.objects.filter(galaxy__in=galaxies[:40]).update(created=timezone.now() - timedelta(days=400))
    monkeypatch.setattr(preferences, "MAX_GALAXIES", 220)
    told: list[tuple[str, int, int]] = []
    assert learn(lambda *progress: told.append(progress)).n_galaxies == 220
    assert told[-1] == ("galaxies", 220, 220)
    assert len(told) > 2


def test_a_model_stands_for_its_encoder_alone_and_the_newest_counts(db: None) -> None:
    def version(name: str, encoder: str) -> ModelVersion:
        return ModelVersion.objects.create(
            version=name, n_clusters=2, resolution=32, checksum="0" * 64, encoder_checksum=encoder
        )

    def model(encoder: str) -> PreferenceModel:
        return PreferenceModel.objects.create(
            encoder_checksum=encoder, n_votes=200, n_galaxies=200, auc=0.7, coefficients=[], intercept=0
        )

    one, two, other = version("one", "a"), version("two", "a"), version("other", "b")
    model("a")
    newest = model("a")
    assert standing(one) == standing(two) == newest
    assert standing(other) is None
    model("")
    assert standing(version("before there were checksums", "")) is None
    assert standing(None) is None


def test_coefficients_are_for_features_as_the_encoder_gives_them(
    crowd: Callable[..., Sampled], version: ModelVersion
) -> None:
    galaxies, _ = crowd(200, red_ones)
    model = learn()
    bundle = load_bundle(version.path)
    features = bundle.features(np.stack([np.asarray(Image.open(galaxy.image)) for galaxy in galaxies]))
    likes = np.array([galaxy.votes.filter(value="like").count() for galaxy in galaxies])
    taste = fit(Standardizer.of(bundle)(features), likes, 1 - likes)
    expected = expected_likes(Standardizer.of(bundle)(features), taste.coefficients, taste.intercept)
    assert np.allclose(preferences.chances(model, features), expected, atol=1e-3)


def taste(encoder: str, n: int = 32) -> PreferenceModel:
    """A model that likes whatever its first feature is large for."""
    return PreferenceModel.objects.create(
        encoder_checksum=encoder,
        n_votes=400,
        n_galaxies=300,
        auc=0.7,
        coefficients=[1.0] + [0.0] * (n - 1),
        intercept=0.0,
    )


def test_training_by_preference_needs_a_model(version: ModelVersion, settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    with pytest.raises(CommandError, match="No preference model stands for the active model's encoder"):
        call_command("train", "--synthetic", "600", "--preset", "tiny", "--prefer", stdout=io.StringIO())
    assert not (tmp_path / "training").exists()


def test_training_by_preference_weighs_images_by_the_active_version_and_a_resume_by_the_same(
    version: ModelVersion, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    width = load_bundle(version.path).real.features.shape[1]
    taste(version.encoder_checksum, width)
    run = folders.start(Options(synthetic=600, preset="tiny", prefer=True))
    given: list[Any] = []

    def train(data: Any, settings: Any, run: Any, reporter: Any, *rest: Any, likes: Any = None, **more: Any) -> None:
        given.append((likes, settings.weighed_by))
        raise TrainingError("far enough")

    monkeypatch.setattr("galaxies.ml.pipeline.train", train)
    for _ in range(2):
        with pytest.raises(TrainingError, match="far enough"):
            run.train(lambda: False, lambda report: None, announce=lambda line: None)
        PreferenceModel.objects.all().delete()  # a resume does not need it any more
    (likes, by), again = given
    features = load_bundle(version.path).features(run.data(32).images)
    assert np.allclose(likes, 1 / (1 + np.exp(-features[:, 0])), atol=1e-6)
    assert np.array_equal(likes, again[0])
    assert by == again[1] == f"a preference model of 400 votes with AUC 0.70 on the encoder of {version}"
    assert json.loads((run.folder / "run.json").read_text())["prefer"] is True


def test_a_run_that_does_not_prefer_weighs_nothing(
    version: ModelVersion, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path
    taste(version.encoder_checksum)
    given: list[Any] = []

    def train(*arguments: Any, likes: Any = None, **more: Any) -> None:
        given.append((likes, arguments[1].weighed_by))
        raise TrainingError("far enough")

    monkeypatch.setattr("galaxies.ml.pipeline.train", train)
    with pytest.raises(TrainingError, match="far enough"):
        folders.start(Options(synthetic=600, preset="tiny")).train(lambda: False, lambda report: None)
    assert given == [(None, "")]
