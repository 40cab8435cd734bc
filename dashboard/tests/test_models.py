import json
import re
import shutil
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django_tasks_db.models import DBTaskResult
from PIL import Image

from accounts.models import User
from galaxies.models import Galaxy, ModelVersion, Tally
from galaxies.registry import registration, versions
from galaxies.serving import Service
from galaxies.tests.factories import on_disk

MODELS = "/dashboard/models/"


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    """Logged in as a member of the staff who may change versions."""
    person = User.objects.create_user("staff", "staff@example.org", "far out", is_staff=True)
    names = ["change_modelversion", "delete_modelversion"]
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(person)
    return client


@pytest.fixture
def another(bundle: Path) -> Callable[[str], ModelVersion]:
    """Registers copies of the tiny bundle under other names."""

    def make(name: str, **changes: object) -> ModelVersion:
        path = Path(shutil.copytree(bundle, settings.MODELS_STORE / name))
        manifest = json.loads((path / "manifest.json").read_text()) | {"version": name} | changes
        (path / "manifest.json").write_text(json.dumps(manifest))
        return registration.register_bundle(path)

    return make


@pytest.fixture
def second(another: Callable[[str], ModelVersion], version: ModelVersion) -> ModelVersion:
    return another("second")


def damage(version: ModelVersion) -> str:
    file = version.path / "generator.npz"
    file.write_bytes(file.read_bytes()[:-1])
    return file.name


def words(content: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content.decode()))


def test_it_works(staff: Client, version: ModelVersion, second: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(
        metrics={"kid": {"value": 0.031, "floor": -0.006, "ceiling": 0.12, "better": "lower", "extractor": "encoder",
                         "n_real": 1293, "n_generated": 10000}}
    )  # fmt: skip
    for day in (1, 2):
        Tally.objects.create(
            day=date(2026, 1, day), model_version=version, cluster=0, generated=600, likes=30, dislikes=10
        )
    page = staff.get(MODELS)
    assert page.status_code == 200
    text = words(page.content)
    assert f"New galaxies come from {version}" in text
    assert "0.031" in text and "0.120" in text and "−0.0060" in text  # noqa: RUF001
    assert "Extractor: encoder · 1,293 real, 10,000 generated" in text
    assert "1,200 galaxies generated" in text
    assert "75%" in text and "65% to 83%" in text
    assert "Not measured yet" in text
    assert f"{version.n_clusters} families · {version.resolution} px" in text


def test_nothing_is_inlined_that_the_security_policy_forbids(staff: Client, second: ModelVersion) -> None:
    for path in (MODELS, f"{MODELS}compare/?a={second}&b={ModelVersion.active()}"):
        page = staff.get(path).content.decode()
        assert " style=" not in page
        assert "data:" not in page


POSTS = ["second/activate", "second/archive", "second/measure", "second/delete", "roll-back"]


@pytest.mark.parametrize("path", ["", "compare/?a=a&b=b", "second/0/1.webp"])
def test_visitors_log_in_and_people_are_refused(client: Client, db: None, path: str) -> None:
    assert client.get(MODELS + path).url.startswith("/accounts/login/?next=/dashboard/models/")  # type: ignore[attr-defined]
    client.force_login(User.objects.create_user("person", "person@example.org", "x"))
    assert client.get(MODELS + path).status_code == 403


@pytest.mark.parametrize("path", POSTS)
def test_only_staff_with_the_permission_change_anything_and_only_by_a_form(
    client: Client, version: ModelVersion, second: ModelVersion, path: str
) -> None:
    before = list(ModelVersion.objects.values())
    assert client.post(MODELS + path).url.startswith("/accounts/login/")  # type: ignore[attr-defined]
    client.force_login(User.objects.create_user("person", "person@example.org", "x"))
    assert client.post(MODELS + path).status_code == 403
    client.force_login(User.objects.create_user("staff", "staff@example.org", "x", is_staff=True))
    assert client.get(MODELS + path).status_code == 405
    assert client.post(MODELS + path).status_code == 403
    page = client.get(MODELS).content.decode()
    assert "you need the permission" in page
    assert f'action="{MODELS}' not in page.replace(f"{MODELS}compare", "")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(MODELS + path).status_code == 403
    assert list(ModelVersion.objects.values()) == before


def kid(version: ModelVersion, value: float, extractor: str = "imagenet") -> None:
    numbers = {"value": value, "floor": 0.0, "ceiling": 0.2, "better": "lower", "extractor": extractor}
    version.metrics = {"kid": numbers | {"n_real": 1293, "n_generated": 2000}}
    version.save()


def test_activating_a_far_worse_version_is_asked_once_with_both_numbers(
    staff: Client, version: ModelVersion, second: ModelVersion
) -> None:
    kid(version, 0.0123)
    kid(second, 3440)
    page = staff.post(f"{MODELS}second/activate")
    assert page.status_code == 200
    text = words(page.content)
    assert "3,440" in text
    assert "0.012" in text
    assert ModelVersion.active() == version
    staff.post(f"{MODELS}second/activate", {"confirmed": "1"})
    assert ModelVersion.active() == second
    staff.post(f"{MODELS}{version}/activate")  # a better one is not asked about
    assert ModelVersion.active() == version


@pytest.mark.parametrize(("value", "extractor"), [(0.02, "imagenet"), (3440, "encoder")])
def test_a_version_that_is_about_as_good_or_cannot_be_compared_is_activated_at_once(
    staff: Client, version: ModelVersion, second: ModelVersion, value: float, extractor: str
) -> None:
    kid(version, 0.0123)
    kid(second, value, extractor)
    staff.post(f"{MODELS}second/activate")
    assert ModelVersion.active() == second


def test_activating_is_said_and_logged(staff: Client, version: ModelVersion, second: ModelVersion) -> None:
    staff.post(f"{MODELS}second/activate")
    assert ModelVersion.active() == second
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("staff", str(second.pk))
    assert "second is active" in entry.get_change_message()


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (damage, "generator.npz is damaged"),
        (lambda version: (version.path / "encoder.npz").unlink(), "encoder.npz is missing"),
        # from S3 it would be fetched again
        pytest.param(lambda version: shutil.rmtree(version.path), "manifest.json is missing", marks=on_disk),
        (lambda version: (version.path / "manifest.json").write_text('{"format": 0}'), "not of bundle format"),
        (lambda version: (version.path / "manifest.json").write_text("[" * 100_000), "manifest.json"),
    ],
)
def test_a_bundle_that_cannot_serve_is_not_activated(
    staff: Client,
    version: ModelVersion,
    second: ModelVersion,
    harm: Callable[[ModelVersion], object],
    word: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    harm(second)
    response = staff.post(f"{MODELS}second/activate", follow=True)
    assert word in words(response.content)
    assert word in caplog.text
    assert ModelVersion.active() == version
    assert not LogEntry.objects.exists()


def test_rolling_back_leads_to_the_one_before_and_pressing_twice_does_not_lead_back(
    staff: Client, version: ModelVersion, second: ModelVersion
) -> None:
    versions.activate(second)
    assert f"Roll back to {version}" in words(staff.get(MODELS).content)
    for _ in range(2):
        staff.post(f"{MODELS}roll-back", {"version": version.version})
        assert ModelVersion.active() == version
    assert LogEntry.objects.count() == 1


def test_a_version_from_before_there_was_a_date_is_still_rolled_back_to(
    version: ModelVersion, second: ModelVersion
) -> None:
    ModelVersion.objects.update(activated=None)
    versions.activate(second)
    assert versions.previous() == version


def test_archived_versions_are_not_rolled_back_to_and_come_back(
    staff: Client, version: ModelVersion, second: ModelVersion
) -> None:
    versions.activate(second)
    staff.post(f"{MODELS}{version}/archive")
    version.refresh_from_db()
    assert version.archived
    assert versions.previous() is None
    staff.post(f"{MODELS}{version}/archive", {"archived": "0"})
    assert versions.previous() == version
    assert LogEntry.objects.count() == 2


def test_the_active_version_is_neither_archived_nor_deleted(staff: Client, version: ModelVersion) -> None:
    for deed in ("archive", "delete"):
        response = staff.post(f"{MODELS}{version}/{deed}", follow=True)
        assert f"{version} is active" in words(response.content)
    version.refresh_from_db()
    assert not version.archived
    assert version.path.is_dir()


def test_activating_an_archived_version_brings_it_back(version: ModelVersion, second: ModelVersion) -> None:
    versions.archive(second)
    versions.activate(second)
    assert not second.archived


def test_deleting_takes_the_folder_too_and_is_logged(
    staff: Client, version: ModelVersion, second: ModelVersion
) -> None:
    staff.post(f"{MODELS}second/delete")
    assert not ModelVersion.objects.filter(version="second").exists()
    assert [path.name for path in settings.MODELS_STORE.iterdir()] == [version.version]
    assert LogEntry.objects.get().is_deletion()


def test_a_version_with_galaxies_is_not_deleted(staff: Client, version: ModelVersion, second: ModelVersion) -> None:
    Galaxy.objects.create(model_version=second, cluster=0, seed=1, psi=0.8)
    assert "Delete second" not in words(staff.get(MODELS).content)
    response = staff.post(f"{MODELS}second/delete", follow=True)
    assert "second has galaxies" in words(response.content)
    assert second.path.is_dir()
    assert ModelVersion.objects.filter(version="second").exists()


def test_deleting_touches_no_folder_that_is_not_plainly_its_own(
    version: ModelVersion, second: ModelVersion, another: Callable[..., ModelVersion], tmp_path: Path
) -> None:
    elsewhere = Path(shutil.move(second.path, tmp_path / "elsewhere"))
    second.path.symlink_to(elsewhere)
    assert "not touched" in versions.delete(second)
    assert (elsewhere / "manifest.json").exists()
    third = another("third")
    (third.path / "manifest.json").write_text("somebody else's")
    versions.delete(third)
    assert third.path.is_dir()


def test_the_page_says_what_this_process_really_serves(
    staff: Client, generator: Service, version: ModelVersion, second: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'role="alert"' not in staff.get(MODELS).content.decode()
    versions.activate(second)
    text = words(staff.get(MODELS).content)
    assert f"This process still generates with {version} and follows within seconds." in text
    assert "still generates here" in text
    monkeypatch.setattr(generator, "_refused", "second/generator.npz is damaged.")
    text = words(staff.get(MODELS).content)
    assert f"second/generator.npz is damaged. {version} goes on serving." in text
    assert "Activate again" in text


def test_what_a_process_still_serves_is_not_deleted(
    generator: Service, version: ModelVersion, second: ModelVersion
) -> None:
    versions.activate(second)
    with pytest.raises(versions.VersionError, match="still generates"):
        versions.delete(version)


def test_measuring_is_ordered_once(staff: Client, second: ModelVersion) -> None:
    staff.post(f"{MODELS}second/measure")
    assert "second waits to be measured" in words(staff.get(MODELS).content)
    staff.post(f"{MODELS}second/measure")
    assert DBTaskResult.objects.get().args_kwargs["args"] == ["second"]
    assert LogEntry.objects.count() == 1


def test_why_a_version_was_not_measured_reaches_the_page(staff: Client, second: ModelVersion) -> None:
    staff.post(f"{MODELS}second/measure")
    result = DBTaskResult.objects.get()
    try:
        from galaxies.registry.measurement import MeasuringFailed

        raise MeasuringFailed("The images are not known here: give --images FOLDER.")
    except MeasuringFailed as error:
        result.set_failed(error)
    assert "Not measured: The images are not known here: give --images FOLDER." in words(staff.get(MODELS).content)


def compare(version: ModelVersion, second: ModelVersion, more: str = "") -> str:
    return f"{MODELS}compare/?a={version}&b={second}{more}"


def test_comparing_shows_both_and_matches_families_by_images(
    staff: Client, generator: Service, version: ModelVersion, second: ModelVersion
) -> None:
    page = staff.get(compare(version, second)).content
    text = words(page)
    assert "families are matched by the images they share" in text
    assert text.count("100% of the images of both families are in both") == version.n_clusters
    assert f"/model/{version}/samples.webp" in page.decode()
    assert "/0/0.webp" not in page.decode()  # sampled when asked for
    fragment = staff.get(compare(version, second, "&seed=7"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    images = re.findall(r'src="(/dashboard/models/[^"]+)"', fragment)
    assert len(images) == 2 * version.n_clusters
    for address in images[:2]:
        response = staff.get(address)
        assert response["Content-Type"] == "image/webp"
        assert "private" in response["Cache-Control"]
        assert Image.open(BytesIO(response.content)).size == (6 * version.resolution, version.resolution)


def test_an_old_version_and_one_measured_at_full_size_are_compared_by_what_measured_both(
    staff: Client, version: ModelVersion, second: ModelVersion
) -> None:
    old = json.loads((settings.BASE_DIR / "galaxies/tests/data/metrics-format-1.json").read_text())
    new = {"kid": old["kid"] | {"value": 0.034, "extractor": "imagenet", "extractor_label": "a network at 260 px"},
           "other_extractors": {"encoder": {"kid": old["kid"] | {"value": 0.0042}}}}  # fmt: skip
    ModelVersion.objects.filter(pk=version.pk).update(metrics=old)
    ModelVersion.objects.filter(pk=second.pk).update(metrics=new)
    text = words(staff.get(f"{MODELS}compare/?a={version}&b={second}").content)
    headline, encoder = text.index("By a network at 260 px."), text.index("which sees form alone, at 64 px.")
    assert headline < text.index("0.034") < encoder
    assert encoder < text.index("0.0038") < text.index("0.0042")
    assert "not measured" in text[headline:encoder]


def test_a_version_that_cannot_be_loaded_is_compared_all_the_same(
    staff: Client, generator: Service, version: ModelVersion, second: ModelVersion
) -> None:
    damage(second)
    page = staff.get(compare(version, second, "&paint=1"))
    assert page.status_code == 200
    assert "generator.npz is damaged" in words(page.content)
    assert staff.get(f"{MODELS}second/0/0.webp").status_code == 404


def test_families_that_learned_from_other_images_are_matched_by_name(
    staff: Client, version: ModelVersion, another: Callable[..., ModelVersion]
) -> None:
    families = [dict(family) for family in version.families[:3]]
    names = [family["name"] for family in families]
    for family, name in zip(families, [names[1], names[0], "Unheard of"], strict=True):
        family["name"] = name
    data = {"fingerprint": "other"}
    fewer = another("fewer", families=families, n_clusters=3, data=data)
    text = words(staff.get(compare(version, fewer)).content)
    assert "matched by name, then by number" in text
    assert text.count("fewer has no family like it") == version.n_clusters - 3
    first = text.index(f"{version}, family 0")
    assert text.index("fewer, family 1") < text.index(f"{version}, family 1")
    assert first < text.index("fewer, family 1")


@pytest.mark.parametrize("query", ["", "?a=second", "?a=second&b=second", "?a=second&b=gone"])
def test_two_different_versions_are_needed(staff: Client, second: ModelVersion, query: str) -> None:
    response = staff.get(f"{MODELS}compare/{query}", follow=True)
    assert "Choose two different versions" in words(response.content)


@pytest.mark.parametrize("seed", ["-1", "x", "9223372036854775807", "1" * 400, "²"])
def test_no_such_seed(staff: Client, version: ModelVersion, second: ModelVersion, seed: str) -> None:
    assert staff.get(compare(version, second, f"&seed={seed}")).status_code == 404


@pytest.mark.parametrize("path", ["gone/0/0.webp", "second/99/0.webp", "second/0/9223372036854775807.webp"])
def test_no_such_strip(staff: Client, second: ModelVersion, path: str) -> None:
    assert staff.get(MODELS + path).status_code == 404
