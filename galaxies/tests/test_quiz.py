"""Real or generated? What is shown, what is stored, and what nobody can learn from a file."""

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from galaxies.ml.arrays import Images
from galaxies.ml.bundle import read_manifest
from galaxies.ml.data import options_of
from galaxies.ml.data.dataset import open_source
from galaxies.ml.data.split import is_held_out
from galaxies.ml.data.synthetic import dataset
from galaxies.models import ModelVersion, QuizQuestion, QuizRound
from galaxies.quiz import photographs, rounds
from galaxies.quiz.tells import tells
from galaxies.serving import Service
from galaxies.tests.factories import make_version

pytestmark = pytest.mark.django_db
NAME = "NGC-secret"


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Forty drawn galaxies as JPEG files that say what they are, by name and by EXIF."""
    path = tmp_path / "real"
    path.mkdir()
    for number, pixels in enumerate(dataset(40, 64, seed=3).images):
        exif = Image.Exif()
        exif[0x010E] = NAME
        Image.fromarray(pixels).save(path / f"{NAME}-{number}.jpg", quality=95, exif=exif)
    settings.QUIZ_IMAGES = path
    return path


@pytest.fixture
def pool(folder: Path, version: ModelVersion) -> Images:
    """The photographs, read."""
    while (found := photographs.photographs(version)) is None:
        photographs._reading.acquire()  # until the thread that reads them is through
        photographs._reading.release()
    return found


def begin(client: Client) -> str:
    response = client.post("/quiz/")
    assert response.status_code == 302, response.content
    return str(response["Location"])


def test_without_photographs_it_says_that_there_is_no_quiz(
    client: Client, version: ModelVersion, settings: Settings, tmp_path: Path
) -> None:
    for named in ("", tmp_path / "nowhere"):
        settings.QUIZ_IMAGES = named
        for response in (client.get("/quiz/"), client.post("/quiz/")):
            assert response.status_code == 404
            assert "no photographs of real galaxies" in response.content.decode()
        assert "/quiz/" not in client.get("/model/").content.decode()
    assert not QuizRound.objects.exists()


def test_a_folder_with_too_few_images_is_no_quiz(client: Client, version: ModelVersion, settings: Settings) -> None:
    settings.QUIZ_IMAGES = settings.DATA_DIR / "few"
    settings.QUIZ_IMAGES.mkdir(parents=True)
    Image.fromarray(dataset(1, 64).images[0]).save(settings.QUIZ_IMAGES / "one.png")
    client.get("/quiz/")
    with photographs._reading:
        assert client.get("/quiz/").status_code == 404


def test_held_out_photographs_come_first(folder: Path, version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "POOL", 5)
    pool = photographs.read(folder, version)
    data = read_manifest(version.path)["data"]
    source = open_source(folder, options_of(data))
    held_out = {
        picture.pixels.tobytes()
        for _name, picture in source.pictures(version.resolution, data["crop"])
        if not isinstance(picture, str) and is_held_out(picture.digest)
    }
    assert len(pool) == 5
    assert sum(each.tobytes() in held_out for each in pool) == min(5, len(held_out)) > 0


def test_a_round_from_the_first_picture_to_the_score(client: Client, generator: Service, pool: Images) -> None:
    address = begin(client)
    played = QuizRound.objects.get()
    for question in played.questions.all():
        page = client.get(address).content.decode()
        assert f"Picture {question.number} of 10" in page
        right = "generated" if question.is_generated else "real"
        answer = {"answer": right if question.number <= 7 else "real" if right == "generated" else "generated"}
        assert client.post(f"{address}{question.number}", answer)["Location"] == address
    page = client.get(address).content.decode()
    played.refresh_from_db()
    assert played.score == 7
    assert "7 of 10 right" in page
    assert "1 round has been played to its end; it had 7.0 right answers" in page
    for question in played.questions.filter(is_generated=True):
        assert f"cluster={question.cluster}&amp;seed={question.seed}&amp;psi=0.8" in page


def test_htmx_gets_the_next_picture_alone_and_the_first_answer_counts(
    client: Client, generator: Service, pool: Images
) -> None:
    address = begin(client)
    for answer in ("real", "generated"):
        page = client.post(f"{address}1", {"answer": answer}, headers={"HX-Request": "true"}).content.decode()
    assert page.strip().startswith('<div id="play"')
    assert "Picture 2 of 10" in page
    assert QuizQuestion.objects.get(number=1).said_generated is False


def test_bad_answers_and_addresses(client: Client, generator: Service, pool: Images) -> None:
    address = begin(client)
    assert client.post(f"{address}1", {"answer": "both"}).status_code == 422
    assert client.post(f"{address}11", {"answer": "real"}).status_code == 404
    assert client.get("/quiz/AAAAAAAAAAAAAAAAAAAAAA/").status_code == 404
    assert client.get(f"{address}1").status_code == 405
    assert not QuizQuestion.objects.filter(said_generated__isnull=False).exists()


def test_no_file_tells_what_it_is(client: Client, generator: Service, pool: Images) -> None:
    address = begin(client)
    kinds = dict(QuizQuestion.objects.values_list("number", "is_generated"))
    if len(set(kinds.values())) == 1:  # the coin fell on one side ten times
        QuizQuestion.objects.filter(number=1).delete()
    headers = set()
    for number in kinds:
        response = client.get(f"{address}{number}.webp")
        if response.status_code == 404:
            continue
        assert NAME.encode() not in response.content
        with Image.open(BytesIO(response.content)) as image:
            assert image.format == "WEBP"
            assert not image.getexif()
            assert image.size == (generator_side(), generator_side())
        named = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
        headers.add((len(response.content), *sorted(named.items())))
    assert len(headers) == 1


def generator_side() -> int:
    return ModelVersion.objects.get(is_active=True).resolution


def test_pictures_come_back_when_the_cache_has_lost_them(client: Client, generator: Service, pool: Images) -> None:
    address = begin(client)
    before = [client.get(f"{address}{number}.webp").content for number in range(1, 11)]
    cache.clear()
    assert [client.get(f"{address}{number}.webp").content for number in range(1, 11)] == before


def test_the_model_s_page_and_staff_see_how_often_generated_ones_pass(
    admin_client: Client, version: ModelVersion
) -> None:
    played = QuizRound.objects.create(model_version=version)
    for number in range(1, 11):
        made = {"cluster": number % 2, "seed": number} if number <= 8 else {"photo": number}
        QuizQuestion.objects.create(
            round=played, number=number, is_generated=number <= 8, said_generated=number in (1, 3, 5, 7, 9), **made
        )
    found = rounds.taken_for_real(version)
    assert (found.generated.likes, found.generated.dislikes) == (4, 4)
    assert (found.real.likes, found.real.dislikes) == (1, 1)
    assert [answers.text for _family, answers in found.families] == ["100% (51 to 100%) of 4", "0% (0 to 49%) of 4"]
    page = re.sub(r"\s+", " ", admin_client.get("/model/").content.decode())
    assert "<td>50%</td><td>22% \u2013 78%</td><td>8</td>" in page
    other = make_version("another")
    QuizQuestion.objects.create(
        round=QuizRound.objects.create(model_version=other), number=1, is_generated=True, cluster=1, seed=1,
        said_generated=False,
    )  # fmt: skip
    staff = admin_client.get("/dashboard/models/").content.decode()
    card = staff[staff.index(f'id="{version}"') : staff.index('id="another"')]
    assert "Taken for real <b>50%</b>" in card
    families = [version.family(cluster)["name"] for cluster in (0, 1)]
    assert re.findall(r"<li>([^<]+) <b>([^<]+)</b></li>", card) == [
        (families[0], "100% (51 to 100%) of 4"),
        (families[1], "0% (0 to 49%) of 4"),
        ("photographs", "50% (9 to 91%) of 2"),
    ]
    assert "100% (21 to 100%) of 1" in staff[staff.index('id="another"') :]


def test_the_scores_of_others_are_bars_in_every_language(client: Client, version: ModelVersion, pool: Images) -> None:
    for score in (7, 7, 7, 5):
        QuizRound.objects.create(model_version=version, score=score)
    page = client.get("/quiz/", headers={"accept-language": "fr"}).content.decode()
    assert set(re.findall(r'<rect x="\d+" y="0" width="0.8" height="([^"]+)"', page)) == {"0.0", "33.3", "100.0"}


def test_what_differs_most_may_have_given_it_away() -> None:
    metrics = {
        "morphology": {"gini": {"value": 0.1, "floor": 0.05}, "m20": {"value": 0.3, "floor": 0.01}},
        "colour": {"blue_red": {"value": 0.1, "floor": 0.1}},
        "two_sample": {"value": 0.93},
    }
    found = tells(metrics)
    assert found.measures == ("Bright spots (M20)", "Gathering of light (Gini)")
    assert found.told_apart == "93%"
    assert tells({}) == type(found)((), "")


def test_the_photographs_are_read_anew_for_another_source(
    pool: Images, version: ModelVersion, settings: Settings, tmp_path: Path
) -> None:
    assert np.array_equal(photographs.photographs(version), pool)  # type: ignore[arg-type]
    other = tmp_path / "other"
    other.mkdir()
    settings.QUIZ_IMAGES = other
    assert photographs.photographs(version) is None
    with photographs._reading, pytest.raises(photographs.NoPhotographs):
        photographs.photographs(version)


def test_the_check_names_a_source_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    from nebulai.checks import environment

    settings.QUIZ_IMAGES = tmp_path / "nowhere"
    assert [each.id for each in environment() if "QUIZ" in each.msg] == ["nebulai.E007"]
    settings.QUIZ_IMAGES = tmp_path
    assert not [each for each in environment() if "QUIZ" in each.msg]
    call_command("check")
    make_version()
