import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client

from galaxies import charts
from galaxies.ml.evaluation.of_bundle import write_metrics
from galaxies.models import ModelVersion


def read(client: Client) -> str:
    response = client.get("/model/")
    assert response.status_code == 200
    return response.content.decode()


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_it_works(client: Client, measured: ModelVersion) -> None:
    page = read(client)
    manifest = json.loads((measured.path / "manifest.json").read_text())
    assert measured.version in page
    assert measured.credit in page
    for family in measured.families:
        assert family["name"] in page
        assert f"?cluster={family['id']}" in page
    assert f"{manifest['data']['train']:,}" in page
    assert f"{manifest['training']['phases']['adversarial']['images']:,}" in page
    for choice in manifest["clustering"]["choices"]:
        assert f"{choice['silhouette']:.2f}" in page
    assert "adjusted mutual information" in page
    assert client.get(f"/model/{measured.version}/samples.webp")["Content-Type"] == "image/webp"


@pytest.mark.parametrize(
    "title", ["KID", "FID", "Told apart", "Precision", "Density", "Recall", "Coverage", "Copies", "Repetition"]
)
def test_every_number_stands_between_two_others_beside_its_extractor_and_its_conditions(
    client: Client, measured: ModelVersion, metrics: dict[str, Any], title: str
) -> None:
    figures = re.findall(r"<figure>(.*?)</figure>", read(client), re.DOTALL)
    figure = next(figure for figure in figures if f"<h4>{title} <b>" in figure)
    assert "real against real" in figure
    assert "one image repeated" in figure
    assert re.search(r"(is good|is better|means more variety)\.", figure)
    assert "Extractor: encoder" in figure
    assert re.search(r"[\d,]+ real, [\d,]+ generated", figure)
    assert "drawn for tests" in figure[figure.index("<details") :]


def test_drawings_say_in_words_what_they_show(client: Client, measured: ModelVersion) -> None:
    page = read(client)
    drawings = re.findall(r'<svg [^>]*role="img".*?</svg>', page, re.DOTALL)
    assert len(drawings) > 20
    for drawing in drawings:
        title = ElementTree.fromstring(drawing).find("title")  # noqa: S314  (our own page)
        assert title is not None
        assert title.text
    assert not re.search(r"<style|style=|<script(?![^>]*src=)| on[a-z]+=", page)


def test_kid_and_fid_are_explained_beside_the_paper(client: Client, measured: ModelVersion) -> None:
    page = read(client)
    assert "https://arxiv.org/abs/1801.01401" in page
    assert "KID close to 0 is good" in words(page)
    assert "FID is high on small sets" in words(page)


def test_shapes_that_could_not_be_measured_are_counted(
    client: Client, version: ModelVersion, metrics: dict[str, Any]
) -> None:
    metrics["morphology_counts"]["generated"] = {"measured": 5, "suspect": 1, "failed": 7}
    write_metrics(version.path, metrics)
    assert "Of 12 generated galaxies 7 could not be measured" in words(read(client))


def test_a_number_that_there_is_not_is_replaced_by_its_reason(
    client: Client, version: ModelVersion, metrics: dict[str, Any]
) -> None:
    metrics["fid"] |= {"value": None, "floor": None, "ceiling": None, "reason": "Too few samples for FID: read KID."}
    metrics["morphology"]["gini"] |= {"value": None, "ceiling": None}
    metrics["distributions"]["generated"] = {name: [] for name in metrics["distributions"]["generated"]}
    write_metrics(version.path, metrics)
    assert "Too few samples for FID: read KID." in read(client)


def test_a_second_extractor_is_named_with_its_numbers(
    client: Client, version: ModelVersion, metrics: dict[str, Any]
) -> None:
    metrics["other_extractors"] = {"encoder": {"kid": metrics["kid"], "fid": metrics["fid"]}}
    metrics["kid"] = metrics["kid"] | {"extractor": "inception"}
    write_metrics(version.path, metrics)
    page = words(read(client))
    assert "Extractor: inception" in page
    assert "by another extractor: encoder" in page


def full_size(metrics: dict[str, Any], kid: float) -> dict[str, Any]:
    """The same model as if it had been measured at full size, too."""
    names = ("kid", "fid", "two_sample", "precision", "density", "recall", "coverage")
    encoder = {name: metrics[name] for name in names}
    rulers = {"halved": {"value": 0.006, "std": 0.0, "ratio": kid / 0.006}}
    seen = {"extractor": "imagenet", "extractor_label": "a network at 260 px"}
    ours = {name: metrics[name] | seen for name in names}
    ours["kid"] |= {"value": kid, "floor": 0.0, "floor_std": 0.0001, "rulers": rulers}
    return metrics | ours | {"other_extractors": {"encoder": encoder}}


def test_the_headline_is_measured_at_full_size_beside_real_galaxies_at_lower_resolution(
    client: Client, version: ModelVersion, metrics: dict[str, Any]
) -> None:
    write_metrics(version.path, full_size(metrics, 0.012))
    page = words(read(client))
    headline, below = page.index("By a network at 260 px."), page.index("which sees form alone")
    assert headline < page.index("Quality and variety") < below
    assert "2.0 times as far from real as real galaxies at half the resolution." in page[:headline]
    assert "0.0060 at half the resolution (the model's is 2.00 times that)" in page
    assert "about form only" not in page


def test_power_spectra_are_drawn_with_their_spread_and_told_in_words(
    client: Client, measured: ModelVersion, metrics: dict[str, Any]
) -> None:
    page = read(client)
    entry = metrics["spectra"]["luminance"]
    assert page.count('<svg class="spectrum"') == 3
    assert (
        f"Spread, generated / real, finest four bands: {' · '.join(f'{r:.2f}' for r in entry['spread_ratio'][-4:])}"
        in page
    )
    drawing = re.findall(r'<svg class="spectrum".*?</svg>', page, re.DOTALL)[0]
    lines = re.findall(r'<polyline class="\w+" points="([^"]+)"', drawing)
    assert [len(line.split()) for line in lines] == [len(entry["edges"]) - 1] * 2
    heights = [float(point.split(",")[1]) for line in lines for point in line.split()]
    assert min(heights) >= 0
    assert max(heights) <= 60


def test_numbers_of_the_first_format_are_shown_and_called_what_they_are(client: Client, version: ModelVersion) -> None:
    """That file is what `evaluate` wrote for sdss-256-c before format 2."""
    (version.path / "metrics.json").write_bytes((Path(__file__).parent / "data/metrics-format-1.json").read_bytes())
    page = words(read(client))
    assert "These numbers are about form only." in page
    assert "own encoder, which sees form alone, at 64 px." in page
    assert "KID 0.0038" in page
    assert "Sharpness and grain" not in page


@pytest.mark.parametrize("left", [("kid",), ("fid", "spectra"), ("memorisation", "kid")])
def test_numbers_that_lack_most_of_what_is_shown_are_shown_all_the_same(
    client: Client, version: ModelVersion, metrics: dict[str, Any], left: tuple[str, ...]
) -> None:
    write_metrics(version.path, {name: metrics[name] for name in left})
    read(client)


def test_a_model_that_was_not_measured_says_so_and_how(client: Client, version: ModelVersion) -> None:
    page = words(read(client))
    assert "has not been measured yet" in page
    assert f"manage.py evaluate {version}" in page


def test_numbers_that_cannot_be_read_are_none(
    client: Client, version: ModelVersion, caplog: pytest.LogCaptureFixture
) -> None:
    (version.path / "metrics.json").write_text("{")
    assert "has not been measured yet" in read(client)
    assert "manage.py evaluate" in caplog.text


def test_numbers_measured_again_are_seen_at_once(
    client: Client, measured: ModelVersion, metrics: dict[str, Any]
) -> None:
    assert "98,765" not in read(client)
    metrics["fid"]["value"] = 98765.4
    write_metrics(measured.path, metrics)
    assert "98,765" in read(client)


def test_without_a_model_the_page_says_what_to_do(client: Client, db: None) -> None:
    assert "manage.py train" in read(client)


def test_a_model_whose_files_are_gone_is_503(client: Client, version: ModelVersion) -> None:
    (version.path / "manifest.json").unlink()
    response = client.get("/model/")
    assert response.status_code == 503
    assert str(version.path) not in response.content.decode()


@pytest.mark.parametrize("path", ["/model/nowhere/samples.webp", "/model/../samples.webp"])
def test_no_other_sample_sheet(client: Client, version: ModelVersion, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_studio_leads_there(client: Client, version: ModelVersion) -> None:
    assert client.get("/").content.decode().count('href="/model/"') == 2


def entry(value: float | None, floor: float, ceiling: float, better: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "floor": floor, "ceiling": ceiling, "better": better, **more}


def test_right_is_better_whichever_way_a_number_counts() -> None:
    kid = charts.gauge(entry(0.5, 0.0, 1.0, "lower"))
    recall = charts.gauge(entry(0.5, 1.0, 0.0, "higher"), percent=True)
    fidelity = charts.gauge(entry(0.5, 0.1, 1.0, "higher", per_cluster={}), percent=True)
    for gauge in (kid, recall, fidelity):
        assert gauge.worst.at < gauge.value.at < gauge.best.at  # type: ignore[operator]
    assert kid.value.at == recall.value.at == fidelity.value.at == 50
    assert (fidelity.best.text, fidelity.worst.text) == ("100%", "10%")


def test_a_collapsed_generator_that_scores_best_does_not_stretch_the_axis() -> None:
    precision = charts.gauge(entry(0.8, 0.95, 1.0, "higher"), percent=True)
    assert precision.reversed
    assert precision.value.at == pytest.approx(2 + 0.96 * 80)


def test_worse_than_the_worst_stands_at_the_end() -> None:
    assert charts.gauge(entry(9.0, 0.0, 1.0, "lower")).value.at == charts.MARGIN


@pytest.mark.parametrize(
    ("number", "text"),
    [(160.44, "160"), (14.24, "14.2"), (2.159, "2.16"), (0.2104, "0.210"), (0, "0.000"), (-0.00041, "−0.0004")],  # noqa: RUF001
)
def test_numbers_have_the_digits_that_are_read(number: float, text: str) -> None:
    assert charts.figure(number) == text
