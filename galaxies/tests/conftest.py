"""A measured model: the tiny bundle, measured once on galaxies it was not trained beside. And a browser's page."""

import os
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.synthetic import dataset
from galaxies.ml.evaluation import Settings
from galaxies.ml.evaluation.of_bundle import evaluate_bundle, write_metrics
from galaxies.models import ModelVersion

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def numbers(tiny_bundle: Path) -> dict[str, Any]:
    """What `manage.py evaluate` would write, from few shapes because each takes a quarter of a second."""
    settings = Settings(samples=1000, morphology_samples=12, workers=1, kid_subsets=20, split="drawn for tests")
    return evaluate_bundle(load_bundle(tiny_bundle), dataset(1400, 32, seed=7), settings)


@pytest.fixture
def metrics(numbers: dict[str, Any]) -> dict[str, Any]:
    """The numbers, to be changed at will."""
    return deepcopy(numbers)


@pytest.fixture
def measured(version: ModelVersion, metrics: dict[str, Any]) -> ModelVersion:
    """The active model, its numbers in its folder."""
    write_metrics(version.path, metrics)
    return version


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed (apt install chromium)")
    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as patch:
        # Playwright's synchronous API runs an event loop in this thread, which makes Django refuse the database here.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test if anything was written to the console, such as a breach of the policy."""
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    # The browser and htmx note every answer of 400 and above.
    assert [each for each in complaints if not re.search("(status of|Status Error Code) 4", each)] == []
