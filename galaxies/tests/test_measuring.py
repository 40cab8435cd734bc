import csv
import io
import re
from typing import Any
from zipfile import ZipFile

import pytest
from astropy.io import fits
from django.core.files.base import ContentFile
from django.test import Client
from django_tasks_db.models import DBTaskResult
from PIL import Image

from galaxies import measuring
from galaxies.forms import GenerateForm
from galaxies.generation import generate, image_file
from galaxies.measured import facts, steered
from galaxies.ml.data.synthetic import dataset
from galaxies.ml.measures import UNITS
from galaxies.models import Galaxy, Measurement, ModelVersion
from galaxies.personal_data import data_files
from galaxies.registry.registration import register_bundle
from galaxies.serving import Service
from galaxies.tests.factories import give_directions, make_galaxy, make_person, make_version

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def with_picture(galaxy: Galaxy, number: int = 0) -> Galaxy:
    """A drawn galaxy of 64 px as its stored picture."""
    buffer = io.BytesIO()
    Image.fromarray(dataset(number + 1, 64, seed=3).images[number]).save(buffer, "WEBP", quality=95)
    galaxy.image.save("", ContentFile(buffer.getvalue()))
    return galaxy


def measurement(galaxy: Galaxy, **values: Any) -> Measurement:
    given = dict.fromkeys(UNITS, 0.5) | {"flag": 0, "sersic_flag": 0} | values
    measuring.keep(galaxy, given)
    return Measurement.objects.get(pk=galaxy.pk)


def ids(client: Client, query: str) -> list[str]:
    response = client.get(f"/galaxies/{query}")
    assert response.status_code == 200
    return re.findall(r'data-galaxy-id="(\w{11})"', response.content.decode())


class TestMeasuring:
    def test_a_new_galaxy_is_measured_by_the_worker(self, version: ModelVersion, generator: Service) -> None:
        galaxy = generate(version, cluster=0, seed=5, psi=0.8)
        generate(version, cluster=0, seed=6, psi=0.8)
        assert DBTaskResult.objects.filter(task_path=measuring.measure_new.module_path).count() == 1
        assert measuring.measure_some(limit=10) == 2
        assert Measurement.objects.filter(galaxy=galaxy).exists()
        assert measuring.measure_some(limit=10) == 0

    def test_values_are_those_of_the_picture(self) -> None:
        galaxy = with_picture(make_galaxy())
        measuring.measure_some(limit=10)
        found: dict[str, Any] = dict(Measurement.objects.values().get(galaxy=galaxy))
        assert found["flag"] < 2
        assert 0 < found["axis_ratio"] <= 1
        assert found["half_light"] == pytest.approx(64 * found["half_light_share"], rel=1e-3)
        assert found["colour"] == pytest.approx(found["blue_green"] + found["green_red"])

    def test_a_galaxy_without_a_picture_is_flagged_and_not_tried_again(self) -> None:
        galaxy = make_galaxy(image="galaxies/gone.webp")
        assert measuring.measure_some(limit=10) == 1
        assert Measurement.objects.get(galaxy=galaxy).flag == measuring.NOTHING
        assert measuring.measure_some(limit=10) == 0


class TestShown:
    def test_the_page_of_a_galaxy_asks_until_it_is_measured(self, client: Client) -> None:
        galaxy = make_galaxy()
        page = client.get(galaxy.get_absolute_url()).content.decode()
        assert f'hx-get="/g/{galaxy}/measured"' in page
        assert "hx-trigger" in client.get(f"/g/{galaxy}/measured", headers=HTMX).content.decode()
        measurement(galaxy, axis_ratio=0.42)
        part = client.get(f"/g/{galaxy}/measured", headers=HTMX).content.decode()
        assert "0.420" in part
        assert "hx-trigger" not in part
        assert "0.420" in client.get(f"/g/{galaxy}/measured").content.decode()
        assert "0.420" in client.get(galaxy.get_absolute_url()).content.decode()

    def test_what_could_not_be_measured_is_said(self, client: Client) -> None:
        galaxy = make_galaxy()
        measurement(galaxy, flag=4, **dict.fromkeys(UNITS))
        assert facts(Measurement.objects.get(pk=galaxy.pk)) == ()
        assert "could not be measured" in client.get(f"/g/{galaxy}/measured").content.decode()

    def test_what_was_asked_stands_beside_what_came(self) -> None:
        version = make_version(steering={"size": {"mean": 0.1, "deviation": 0.02}})
        galaxy = make_galaxy(model_version=version, steer={"size": 1.5})
        (row,) = steered(galaxy, measurement(galaxy, half_light_share=0.15))
        assert (row.asked, row.measured) == ("+1.5", "2.50")

    def test_fits_and_recipes_have_the_measures(self, version: ModelVersion, generator: Service) -> None:
        person = make_person("ada")
        galaxy = generate(version, cluster=0, seed=5, psi=0.8, creator=person)
        assert "AXRATIO" not in fits.getheader(io.BytesIO(image_file(galaxy, "fits")))
        measurement(galaxy, axis_ratio=0.25)
        galaxy = Galaxy.objects.get(pk=galaxy.pk)
        assert fits.getheader(io.BytesIO(image_file(galaxy, "fits")))["AXRATIO"] == 0.25
        assert '"axis_ratio": 0.25' in dict(data_files(person))["recipes.json"].decode()
        answer = Client().post("/galaxies/zip", {"id": galaxy.public_id, "kind": "webp"})
        archive = ZipFile(io.BytesIO(b"".join(answer)))
        (row,) = csv.DictReader(io.StringIO(archive.read("recipes.csv").decode()))
        assert (row["axis_ratio"], row["flag"]) == ("0.25", "0")


class TestSearch:
    @pytest.fixture
    def three(self, db: None) -> list[str]:
        """Three galaxies of the gallery, ever rounder, and one that is not measured."""
        version = make_version()
        found = [make_galaxy(model_version=version, published=True, seed=seed) for seed in range(4)]
        for number, galaxy in enumerate(found[:3]):
            measurement(galaxy, axis_ratio=0.2 + 0.3 * number, brightness=30.0 - 10 * number)
        return [galaxy.public_id for galaxy in found]

    def test_sorted_by_a_measure_those_without_it_are_left_out(self, client: Client, three: list[str]) -> None:
        assert ids(client, "?order=axis_ratio") == three[:3]
        assert ids(client, "?order=-axis_ratio") == three[2::-1]
        assert len(ids(client, "")) == 4

    def test_bounds_are_kept_to_and_a_sliders_ends_are_none(self, client: Client, three: list[str]) -> None:
        assert ids(client, "?axis_ratio_most=0.5&order=brightness") == three[1::-1]
        assert ids(client, "?axis_ratio_least=0.3&axis_ratio_most=0.6") == [three[1]]
        assert len(ids(client, "?axis_ratio_least=0.0&axis_ratio_most=1.0")) == 4

    def test_the_way_on_keeps_the_search(self, client: Client, three: list[str], monkeypatch: Any) -> None:
        monkeypatch.setattr("galaxies.listing.PAGE_SIZE", 1)
        page = client.get("/galaxies/?axis_ratio_most=0.6&order=axis_ratio").content.decode()
        assert "axis_ratio_most=0.6" in re.findall(r'rel="next" href="([^"]+)"', page)[0]

    def test_nothing_found_is_said_and_nonsense_is_404(self, client: Client, three: list[str]) -> None:
        Galaxy.objects.update(colour=None)
        for search in ("axis_ratio_least=0.95", "order=colour"):
            page = client.get(f"/galaxies/?{search}").content.decode()
            assert "No galaxy of the gallery has such measures" in page
        assert client.get("/galaxies/?axis_ratio_least=round").status_code == 404
        assert client.get("/galaxies/?order=beauty").status_code == 404

    def test_points_lead_to_their_galaxies(self, client: Client, three: list[str]) -> None:
        page = client.get("/galaxies/scatter?x=brightness&y=axis_ratio").content.decode()
        assert page.count("<circle") == 3
        assert all(f'href="/g/{public_id}/"' in page for public_id in three[:3])
        assert client.get("/galaxies/scatter?x=beauty").status_code == 404

    def test_real_galaxies_lie_behind_as_contours(self, client: Client, measured: ModelVersion) -> None:
        galaxy = make_galaxy(model_version=measured, published=True)
        measurement(galaxy)
        page = client.get("/galaxies/scatter?x=concentration&y=axis_ratio").content.decode()
        assert page.count('class="contour"') == 2
        assert "real ones" in page


class TestSteering:
    @pytest.fixture
    def steered(self, version: ModelVersion, loaded: Service) -> ModelVersion:
        """The active version with directions of no meaning; this process serves it without them."""
        give_directions(version.path)
        return register_bundle(version.path)

    def test_the_studio_has_a_slider_for_each_value_and_keeps_what_a_recipe_holds(
        self, client: Client, steered: ModelVersion
    ) -> None:
        page = client.get(f"/?version={steered}&cluster=0&seed=5&psi=0.8&steer=size:1.5").content.decode()
        assert page.count('name="steer_') == 5
        assert re.search(r'name="steer_size"[^>]*value="1.5"', page)
        assert re.search(r'name="steer_colour"[^>]*value="0.0"', page)

    def test_sliders_become_the_steer_of_the_recipe(self, steered: ModelVersion) -> None:
        form = GenerateForm(steered, {"seed": "5", "steer_size": "1.5", "steer_colour": "0", "steer": "size:0.5"})
        assert form.is_valid(), form.errors
        assert form.cleaned_data["steer"] == {"size": 1.5}

    def test_what_no_model_is_steered_by_and_too_far_is_said_beside_its_field(
        self, client: Client, steered: ModelVersion
    ) -> None:
        answer = client.post("/generate", {"version": steered.version, "seed": "5", "steer": "beauty:1"})
        assert answer.status_code == 422
        assert "not steered by beauty" in answer.content.decode()
        answer = client.post("/generate", {"version": steered.version, "seed": "5", "steer_size": "9"})
        assert answer.status_code == 422
        assert 'id="id_steer_size-error"' in answer.content.decode()

    def test_a_model_without_directions_has_no_sliders(self, client: Client, version: ModelVersion) -> None:
        assert "steer_" not in client.get("/").content.decode()

    def test_the_page_of_the_model_tells_how_well_it_is_steered(self, client: Client, steered: ModelVersion) -> None:
        page = client.get("/model/").content.decode()
        assert "What it can be used for" in page
        assert "0.900" in page
