"""A picture from elsewhere: what is refused and how, what it is like, and a galaxy made to be like it."""

import gzip
import re
import threading
from io import BytesIO
from typing import Any

import astropy.io.fits as fits
import numpy as np
import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from galaxies import kinship, likeness, uploads
from galaxies.generation import generate
from galaxies.ml.data.synthetic import dataset
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person

pytestmark = pytest.mark.django_db
GALAXY = dataset(1, 128, seed=5).images[0]


def encoded(kind: str = "JPEG", pixels: Any = GALAXY, **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def fits_file(data: Any) -> bytes:
    buffer = BytesIO()
    fits.PrimaryHDU(data).writeto(buffer)
    return buffer.getvalue()


CUBE = fits_file(np.ascontiguousarray(GALAXY.transpose(2, 0, 1).astype(np.float32)))


def upload(client: Client, content: bytes, name: str = "mine.jpg", address: str = "/upload/") -> Any:
    return client.post(address, {"picture": SimpleUploadedFile(name, content)})


def error_of(response: Any) -> str:
    assert response.status_code == 422
    return " ".join(re.findall(r'class="error" id="picture-help"[^>]*>([^<]+)', response.content.decode()))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jpg", encoded("JPEG")),
        ("a.png", encoded("PNG")),
        ("a.webp", encoded("WEBP")),
        ("a.fits", CUBE),
        ("a.fits.gz", gzip.compress(CUBE)),
        ("small.png", encoded("PNG", GALAXY[:80, :90])),
    ],
)
def test_each_kind_of_picture_finds_its_family(client: Client, generator: Service, name: str, content: bytes) -> None:
    response = upload(client, content, name)
    page = client.get(response["Location"]).content.decode()
    version = ModelVersion.objects.get()
    assert "Nearest family:" in page
    assert page.count('<th scope="row">') == len(version.families)
    french = client.get(response["Location"], headers={"accept-language": "fr"}).content.decode()
    bars = re.findall(r'<rect class="run" width="([^"]+)%"', french)
    assert len(bars) == len(version.families)
    assert all(re.fullmatch(r"\d+\.\d", bar) for bar in bars)  # a comma would be no length
    sent = client.get(re.findall(r'src="(/upload/[^"]+\.webp)"', page)[0])
    assert "private" in sent["Cache-Control"]
    with Image.open(BytesIO(sent.content)) as picture:
        assert picture.size == (version.resolution, version.resolution)


def test_the_studio_takes_the_same_pictures(client: Client, generator: Service) -> None:
    response = upload(client, encoded(), address="/recipe")
    assert re.fullmatch(r"/upload/[\w-]{22}/", response["Location"])


def test_a_picture_from_here_opens_the_studio(client: Client, generator: Service, version: ModelVersion) -> None:
    galaxy = generate(version, cluster=1, seed=42, psi=0.8)
    response = upload(client, client.get(f"/g/{galaxy.public_id}.png").content, "x.png")
    assert "seed=42" in response["Location"]


def animated() -> bytes:
    buffer = BytesIO()
    frames = [Image.fromarray(GALAXY), Image.fromarray(255 - GALAXY)]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def bomb() -> bytes:
    buffer = BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    return buffer.getvalue()


def table() -> bytes:
    buffer = BytesIO()
    columns = fits.ColDefs([fits.Column(name="x", format="E", array=np.zeros(3))])
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<svg></svg>", "use JPEG, PNG, WebP or FITS"),
        (encoded("GIF"), "use JPEG, PNG, WebP or FITS"),
        (encoded()[:900], "cannot be used: damaged"),
        (b"x" * (uploads.MAX_BYTES + 1), "larger than 10 MB"),
        (bomb(), "more than 40 million pixels"),
        (animated(), "animated"),
        (encoded("PNG", GALAXY[:, :, 0]), "grey"),
        (encoded("PNG", GALAXY[:20, :20]), "smaller than 64 px"),
        (table(), "a FITS file without an image"),
        (fits_file(np.zeros((64, 64), np.float32)), "three bands are needed"),
        (gzip.compress(bytes(8 * uploads.MAX_VALUES + 10)), "more than 12 million values"),
        (b"", "This file is empty."),
    ],
    ids=["text", "gif", "cut", "large", "bomb", "animated", "grey", "small", "table", "plane", "gzip-bomb", "empty"],
)
def test_what_cannot_be_used_is_refused_in_a_sentence_beside_the_field(
    client: Client, generator: Service, content: bytes, says: str
) -> None:
    for address in ("/upload/", "/recipe"):
        assert says in error_of(upload(client, content, "mine.png", address))


def test_a_picture_that_cannot_be_read_leaves_the_stage_and_is_gone_to(client: Client, generator: Service) -> None:
    client.post("/generate", {"cluster": "1", "seed": "42"})
    page = client.post("/recipe", {"picture": SimpleUploadedFile("odd.jpg", b"no picture")}).content.decode()
    assert f'data-galaxy-id="{Galaxy.objects.get().public_id}"' in page
    assert re.search(r'<input id="picture"[^>]* autofocus>', page)


def test_no_picture_at_all(client: Client, version: ModelVersion) -> None:
    assert "Choose a picture first." in error_of(client.post("/upload/"))
    assert client.get("/upload/").status_code == 200


def test_it_is_forgotten(client: Client, generator: Service) -> None:
    address = upload(client, encoded())["Location"]
    cache.clear()
    for response in (client.get(address), client.post(f"{address}like"), client.get(f"{address[:-1]}.webp")):
        assert response.status_code == 410
        assert "forgotten after half an hour" in response.content.decode()


def test_the_square_that_is_used_is_the_model_s_own_or_all_of_a_much_larger_picture() -> None:
    assert [uploads._side(*size, 256) for size in ((424, 424), (300, 200), (4000, 3000))] == [256, 200, 3000]


class TestKinship:
    def test_a_generated_galaxy_is_nearest_to_itself(
        self, client: Client, generator: Service, version: ModelVersion
    ) -> None:
        for seed in range(8):
            galaxy = make_galaxy(model_version=version, seed=seed, published=True)
            exact = encoded("PNG", generator.sample(galaxy.recipe))  # WebP may lose more than they differ by
            galaxy.image.save("", ContentFile(exact))
        wanted = Galaxy.objects.get(seed=3)
        image = generator.sample(wanted.recipe)
        for _time in ("computed", "from the cache"):
            found = kinship.nearest_in_gallery(version, generator.features(version.version, image))
            assert found[0] == wanted
            assert len(found) == kinship.NEAREST

    def test_families_come_by_distance_and_real_galaxies_are_counted(
        self, generator: Service, version: ModelVersion
    ) -> None:
        features = generator.features(version.version, generator.sample(make_galaxy(model_version=version).recipe))
        found = kinship.kin(version, features)
        assert [each.distance for each in found] == sorted(each.distance for each in found)
        assert found[-1].width == 100
        nearer, real = kinship.nearer_real(version, features, features)
        assert nearer == 0
        assert real > 100
        assert kinship.nearer_real(version, features, -features)[0] > 0

    def test_a_picture_that_is_no_galaxy_is_told(self, client: Client, generator: Service) -> None:
        stripes = np.zeros((256, 256, 3), np.uint8)
        stripes[::8, :, 0] = 255
        page = client.get(upload(client, encoded("PNG", stripes))["Location"]).content.decode()
        assert "perhaps it is none" in page


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search of a few images."""
    monkeypatch.setattr(likeness, "SEEDS", 24)
    monkeypatch.setattr(likeness, "NEIGHBOURS", 8)
    monkeypatch.setattr(likeness, "ROUNDS", 3)
    monkeypatch.setattr(likeness, "TRIES", 8)


def wait() -> None:
    for thread in threading.enumerate():
        if thread.name == "likeness":
            thread.join()


@pytest.mark.django_db(transaction=True)
class TestLikeness:
    def test_it_finds_a_recipe_and_says_how_near_it_came(
        self, client: Client, generator: Service, version: ModelVersion, quick: None
    ) -> None:
        address = upload(client, encoded())["Location"]
        assert "Make one like it" in client.get(address).content.decode()
        assert client.post(f"{address}like")["Location"] == address
        wait()
        token = address.split("/")[2]
        search, found = likeness.state(token), uploads.recall(token)
        assert search and found
        assert not search.failed
        assert search.last <= search.first
        galaxy = Galaxy.objects.get(public_id=search.galaxy)
        again = generator.features(version.version, generator.sample(galaxy.recipe))
        assert kinship.distance(found.features, again) == pytest.approx(search.last, abs=1e-4)
        page = client.get(address).content.decode()
        assert f'href="/g/{galaxy.public_id}/"' in page
        assert "real galaxies" in page
        assert client.session["made"] == [galaxy.public_id]
        client.get(address)
        assert client.session["made"] == [galaxy.public_id]

    def test_htmx_is_told_how_far_it_is_and_then_no_more(self, client: Client, generator: Service, quick: None) -> None:
        client.force_login(make_person("ada"))
        address = upload(client, encoded())["Location"]
        htmx = {"HX-Request": "true"}
        assert 'hx-trigger="load delay:1s"' in client.post(f"{address}like", headers=htmx).content.decode()
        wait()
        page = client.get(f"{address}search", headers=htmx).content.decode()
        assert "hx-trigger" not in page
        assert "Its page and recipe" in page
        assert client.get(f"{address}search")["Location"] == address

    def test_one_search_at_a_time(self, client: Client, generator: Service, quick: None) -> None:
        address = upload(client, encoded())["Location"]
        with likeness._searching:
            response = client.post(f"{address}like")
        assert response.status_code == 503
        assert "Another picture is being searched for" in response.content.decode()

    def test_a_search_whose_process_died_can_begin_again(
        self, client: Client, generator: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        address = upload(client, encoded())["Location"]
        token = address.split("/")[2]
        likeness._report(token, likeness.Search(done=5))
        assert "5 of " in client.get(address).content.decode()
        monkeypatch.setattr(likeness, "STALLED_SECONDS", -1.0)
        assert "Make one like it" in client.get(address).content.decode()
