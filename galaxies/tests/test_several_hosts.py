"""Two hosts, one site: what one does, the other knows, and what one loses, the other has."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests

from galaxies.tests.hosts import Host, Visitor, two_hosts, until

pytestmark = pytest.mark.slow

Hosts = tuple[Host, Host]


@pytest.fixture(scope="module")
def hosts(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Both serve the tiny bundle, which was put into the store of the first alone."""
    with two_hosts(tmp_path_factory.mktemp("hosts")) as (one, two):
        shutil.copytree(tiny_bundle, one.folder / "store" / tiny_bundle.name)
        for host in (one, two):
            host.manage("prepare")
            host.start()
        for host in (one, two):
            until(partial(host.serves, tiny_bundle.name))
        yield one, two


def test_a_galaxy_made_on_one_is_served_by_the_other(hosts: Hosts) -> None:
    one, two = hosts
    made = Visitor().post(one, "/generate", cluster="0", seed="11", psi="0.8")
    image = Visitor().get(two, f"{made.headers['location'].rstrip('/')}.webp")
    assert image.status_code == 200
    assert image.content.startswith(b"RIFF")
    assert not list((two.folder / "var").rglob("*.webp"))


def test_a_visit_goes_on_wherever_it_is_sent(hosts: Hosts) -> None:
    one, two = hosts
    visitor = Visitor()
    made = visitor.post(one, "/generate", cluster="0", seed="12", psi="0.8")
    assert made.headers["location"].rstrip("/") in visitor.get(two, "/").text


def test_limits_count_together(hosts: Hosts) -> None:
    """Five failed logins with an address, then none: three here, two there."""
    visitor = Visitor()
    one, two = hosts

    def refused(host: Host) -> bool:
        answer = visitor.post(host, "/accounts/login/", login="eve@example.org", password="guess")
        return "Too many failed login attempts" in answer.text

    assert not any(refused(host) for host in (one, two, one, two, one))
    assert refused(two)
    assert refused(one)


def test_a_version_imported_and_activated_on_one_serves_on_both(
    hosts: Hosts, tiny_bundle: Path, tmp_path: Path
) -> None:
    one, two = hosts
    one.manage("import_bundle", str(renamed(tiny_bundle, tmp_path, "second")), "--activate")
    for host in (one, two):
        until(partial(host.serves, "second"))
    assert (two.folder / "store" / "second" / "manifest.json").is_file()
    made = Visitor().post(two, "/generate", version="second", cluster="0", seed="13", psi="0.8")
    assert made.status_code == 302


def renamed(bundle: Path, folder: Path, name: str) -> Path:
    """The bundle as a zip under another version's name."""
    with ZipFile(folder / f"{name}.zip", "w") as archive:
        for file in bundle.rglob("*"):
            inside = f"{name}/{file.relative_to(bundle).as_posix()}"
            if file.name == "manifest.json":
                archive.writestr(inside, json.dumps(json.loads(file.read_text()) | {"version": name}))
            elif file.is_file():
                archive.write(file, inside)
    return folder / f"{name}.zip"


def test_killing_one_loses_nothing(hosts: Hosts) -> None:
    """The last test: what the killed host has answered for, the other has.

    A host that dies while it counts a request leaves allauth's lock of that count behind; for the ten seconds that the
    lock lives, other hosts refuse who comes from the same address.
    """
    one, two = hosts
    made: list[str] = []

    def generates_again() -> bool:
        answer = Visitor().post(two, "/generate", cluster="0", seed="9", psi="0.8")
        assert answer.status_code in (302, 429)
        return answer.status_code == 302

    def visit(first: int) -> None:
        visitor = Visitor()
        for seed in range(first, first + 12):  # all together fewer than a minute's limit
            answer = visitor.post(one, "/generate", cluster="0", seed=str(seed), psi="0.8")
            if answer.status_code == 302:
                made.append(answer.headers["location"].rstrip("/"))

    with ThreadPoolExecutor(4) as pool:
        visits = [pool.submit(visit, 1000 * number) for number in range(1, 5)]
        until(lambda: len(made) >= 8)
        one.kill()
    assert any(isinstance(each.exception(), requests.RequestException) for each in visits)
    for place in made:
        assert Visitor().get(two, f"{place}.webp").status_code == 200
    until(generates_again)
