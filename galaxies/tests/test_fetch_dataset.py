"""manage.py fetch_dataset from a server of this test's own."""

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from galaxies.ml.data import galaxy10

CONTENT = bytes(range(256)) * 40_000  # 10 MB


class Server(BaseHTTPRequestHandler):
    """Serves CONTENT from where it is asked to; breaks off after `most` bytes."""

    asked: list[str | None] = []
    most = len(CONTENT)
    resumes = True

    def do_GET(self) -> None:
        where = self.headers.get("Range")
        Server.asked.append(where)
        start = int(where.removeprefix("bytes=").rstrip("-")) if where and Server.resumes else 0
        if start >= len(CONTENT):
            self.send_response(416)
            self.end_headers()
            return
        self.send_response(206 if where and Server.resumes else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : start + Server.most])

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(autouse=True)
def server(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    Server.asked, Server.most, Server.resumes = [], len(CONTENT), True
    here = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=here.serve_forever, daemon=True).start()
    for name, known in list(galaxy10.DATASETS.items()):
        url = f"http://127.0.0.1:{here.server_port}/{known.file}"
        there = replace(known, url=url, sha256=hashlib.sha256(CONTENT).hexdigest())
        monkeypatch.setitem(galaxy10.DATASETS, name, there)
    yield
    here.shutdown()
    here.server_close()


def fetch(name: str = "galaxy10-sdss") -> str:
    output = io.StringIO()
    call_command("fetch_dataset", name, stdout=output)
    return output.getvalue()


def test_it_works(tmp_path: Path) -> None:
    for name, file in (("galaxy10-sdss", "Galaxy10.h5"), ("galaxy10-decals", "Galaxy10_DECals.h5")):
        assert f"manage.py train --images {tmp_path / 'datasets' / file}" in fetch(name)
        assert (tmp_path / "datasets" / file).read_bytes() == CONTENT
    fetch()
    assert len(Server.asked) == 2  # what is there is not fetched again


def test_an_interrupted_download_goes_on_where_it_was(tmp_path: Path) -> None:
    Server.most = 3_000_000
    with pytest.raises(CommandError, match="cannot be fetched: check the connection and run this again"):
        fetch()
    there = (tmp_path / "datasets/Galaxy10.h5.partial").stat().st_size
    assert 0 < there <= 3_000_000
    Server.most = len(CONTENT)
    fetch()
    assert Server.asked == [None, f"bytes={there}-"]
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == ["Galaxy10.h5"]


def test_a_server_that_cannot_resume_sends_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/Galaxy10.h5.partial").write_bytes(b"first bytes")
    Server.resumes = False
    fetch()
    assert (tmp_path / "datasets/Galaxy10.h5").read_bytes() == CONTENT


def test_what_arrives_damaged_is_refused_and_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/Galaxy10.h5.partial").write_bytes(b"x" * 1000)
    with pytest.raises(CommandError, match="arrived damaged"):
        fetch()
    assert not (tmp_path / "datasets/Galaxy10.h5").exists()
    fetch()


def test_the_checksums_are_those_of_the_data_sets_documentation() -> None:
    assert galaxy10.SDSS.sha256.upper() == "969A6B1CEFCC36E09FFFA86FEBD2F699A4AA19B837BA0427F01B0BC6DED458AF"
    assert galaxy10.DECALS.sha256.upper() == "19AEFC477C41BB7F77FF07599A6B82A038DC042F889A111B0D4D98BB755C1571"
