"""Fetch public training images: manage.py fetch_dataset galaxy10-decals (2.5 GB) or galaxy10-sdss (0.2 GB), once."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pooch
import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from galaxies.ml.data.galaxy10 import DATASETS

CHUNK = 2**20
TIMEOUT = 60  # seconds without a byte
DONE = 416  # how a server says that there is no more


class Command(BaseCommand):
    help = "Fetch a public data set into NEBULAI_DATA_DIR/datasets and check it; an interrupted download goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(DATASETS))

    def handle(self, *args: Any, **options: Any) -> None:
        found = DATASETS[options["name"]]
        folder = Path(settings.DATA_DIR) / "datasets"
        try:
            path = pooch.retrieve(
                found.url, f"sha256:{found.sha256}", found.file, folder, downloader=Resuming(folder / found.file)
            )
        except requests.RequestException as error:
            raise CommandError(f"{found.url} cannot be fetched: check the connection and run this again.") from error
        except ValueError as error:
            raise CommandError(f"{found.file} arrived damaged (its checksum differs): run this again.") from error
        except OSError as error:
            raise CommandError(f"{folder} cannot be written ({error.strerror}): make room there.") from error
        self.stdout.write(f"Train on it with: manage.py train --images {path}")


class Resuming:
    """Fetches a file beside its place, and goes on there after an interruption; pooch checks what came."""

    def __init__(self, target: Path) -> None:
        self.partial = target.with_name(f"{target.name}.partial")

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Fetch `url` to `output_file`."""
        there = self.partial.stat().st_size if self.partial.exists() else 0
        headers = {"Range": f"bytes={there}-"} if there else {}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code != DONE:
                response.raise_for_status()
                there = there if response.status_code == requests.codes.partial_content else 0
                self._write(response, there)
        os.replace(self.partial, output_file)

    def _write(self, response: requests.Response, there: int) -> None:
        total = there + int(response.headers.get("Content-Length", 0))
        bar = tqdm(total=total, initial=there, unit="B", unit_scale=True, desc=self.partial.stem)
        with self.partial.open("ab" if there else "wb") as file, bar:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        if self.partial.stat().st_size < total:
            raise requests.ConnectionError("The connection ended early.")
