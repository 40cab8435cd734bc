"""The files of deploy/: by the programs that read them, where these are installed, and by running what they say."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from nebulai.tests.running import Site, free_port, until

ROOT = Path(settings.BASE_DIR)
DEPLOY = ROOT / "deploy"
README = (ROOT / "README.md").read_text()


def program(name: str) -> str:
    """Return where a program is; skip the test if it is not installed."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [str(each) for each in command], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize(
    ("file", "idle"), [("nginx.conf", r"keepalive_timeout (\d+)s;"), ("Caddyfile", r"keepalive (\d+)s")]
)
def test_the_site_closes_no_connection_that_a_proxy_may_use_again(file: str, idle: str) -> None:
    ours = re.search(r"^keepalive = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)
    theirs = re.search(rf"^\s+{idle}", (DEPLOY / file).read_text(), re.MULTILINE)
    assert ours and theirs and int(ours[1]) > int(theirs[1])


def test_hadolint_has_nothing_to_say() -> None:
    done = run(program("hadolint"), DEPLOY / "Dockerfile")
    assert done.returncode == 0, done.stdout


def test_the_image_is_nobody_s_root_and_says_whether_it_is_ready() -> None:
    last = (DEPLOY / "Dockerfile").read_text().split("\nFROM ")[-1]
    assert re.search(r"^USER (?!0)\d+", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK .*\"deploy/healthcheck.py\"", last, re.MULTILINE)


def test_the_image_has_the_versions_that_are_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==[^ ;\\]+", (ROOT / name).read_text(), re.MULTILINE))

    ours = pins("requirements-dev.lock")
    others = {pin for pin in pins("requirements-server.lock") - ours if not pin.startswith("async-timeout")}
    tensorflow = next(pin for pin in ours if pin.startswith("tensorflow=="))
    assert others == {tensorflow.replace("tensorflow", "tensorflow-cpu")}, "make lock"


@pytest.mark.slow
def test_what_the_image_copies_is_enough_to_prepare_a_site(tmp_path: Path) -> None:
    image, store = tmp_path / "image", tmp_path / "store"
    image.mkdir()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source = ROOT / line[1:]
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, image / source.name)
    for tests in list(image.rglob("tests")):
        shutil.rmtree(tests)
    own = {"PYTHON": sys.executable, "PYTHONPATH": "", "DJANGO_SETTINGS_MODULE": ""}
    site = Site(tmp_path, store)
    environment = {key: value for key, value in (site.environment | own).items() if value}
    for _ in range(2):
        done = run(image / "deploy" / "prepare", env=environment)
        assert done.returncode == 0, done.stderr
    committed = {path.name for path in (ROOT / "models_store").iterdir()}
    assert {path.name for path in store.iterdir()} == committed
    assert (tmp_path / "var" / "static" / "staticfiles.json").exists()
    check = run(sys.executable, "manage.py", "verify", cwd=image, env=environment)
    assert check.returncode == 0, check.stderr


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_compose_names_variables_and_secrets_that_exist() -> None:
    found = compose()
    variables = {name for service in found["services"].values() for name in service.get("environment", {})}
    ours = {re.sub("_FILE$", "", name) for name in variables if name.startswith("NEBULAI_")}
    assert {name for name in ours if f"`{name}`" not in README} == set()
    used = {name for service in found["services"].values() for name in service.get("secrets", [])}
    assert used == set(found["secrets"])
    named = set(re.findall(r"/run/secrets/(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert named == used
    told = (ROOT / "docs" / "operate.md").read_text()
    assert {name for name in used if f"deploy/secrets/{name}" not in told} == set()


def test_compose_opens_one_port_to_this_machine_alone() -> None:
    services = compose()["services"]
    assert [port for each in services.values() for port in each.get("ports", [])] == ["127.0.0.1:8000:8000"]
    for name in ("prepare", "site", "worker"):
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"]
    mounts = {mount.split(":")[0] for each in services.values() for mount in each.get("volumes", [])}
    assert mounts == set(compose()["volumes"])


@pytest.mark.parametrize("name", ["nebulai.service", "nebulai-worker.service"])
def test_systemd_reads_the_units(tmp_path: Path, name: str) -> None:
    analyze = program("systemd-analyze")
    unit = tmp_path / name
    text = (DEPLOY / "systemd" / name).read_text()
    unit.write_text(text.replace("/srv/nebulai/.venv/bin/", f"{Path(sys.executable).parent}/"))
    verified = run(analyze, "verify", unit)
    about_it = [line for line in (verified.stdout + verified.stderr).splitlines() if name in line]
    assert not about_it
    rated = run(analyze, "security", "--offline=true", unit)
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", rated.stdout)
    assert exposure, rated.stdout + rated.stderr
    assert float(exposure[1]) <= 2


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that signs itself. Returns: it, and its key."""
    chain, key = folder / "chain.pem", folder / "key.pem"
    names = ["-subj", "/CN=galaxies.example", "-days", "1"]
    made = run(
        program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", chain, *names
    )
    assert made.returncode == 0, made.stderr
    return chain, key


@contextmanager
def started(command: list[str | Path], port: int, log: Path, **options: Any) -> Iterator[None]:
    """Run a proxy until the block ends, which begins once it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            [str(each) for each in command], stdout=output, stderr=output, **options
        )
    try:
        until(lambda: listens(port) or process.poll() is not None, log.read_text)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as there:
        return there.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(folder: Path, upstream: int, http: int, https: int) -> Iterator[None]:
    chain, key = certificate(folder)
    text = (DEPLOY / "nginx.conf").read_text()
    changes = {
        r"listen \[::\].*\n": "\n",
        r"listen 80;": f"listen {http};",
        r"listen 443 ": f"listen {https} ",
        r"127\.0\.0\.1:8000": f"127.0.0.1:{upstream}",
        r"/etc/letsencrypt/live/galaxies.example/fullchain.pem": str(chain),
        r"/etc/letsencrypt/live/galaxies.example/privkey.pem": str(key),
        r"/var/log/nginx/nebulai.log": str(folder / "proxy-errors"),
    }
    for old, new in changes.items():
        text, count = re.subn(old, new, text)
        assert count, old
    temporary = "".join(
        f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    conf = folder / "nginx.conf"
    conf.write_text(f"{user} pid {folder}/pid; events {{}} http {{ {temporary}\n{text}\n}}\n")
    binary = program("nginx")
    tested = run(binary, "-t", "-p", folder, "-c", conf, "-e", folder / "errors")
    assert tested.returncode == 0, tested.stderr
    command: list[str | Path] = [binary, "-p", folder, "-c", conf, "-e", folder / "errors", "-g", "daemon off;"]
    with started(command, https, folder / "proxy-output"):
        yield


@contextmanager
def caddy(folder: Path, upstream: int, http: int, https: int) -> Iterator[None]:
    binary = program("caddy")
    validated = run(binary, "validate", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile")
    assert validated.returncode == 0, validated.stderr
    text = (DEPLOY / "Caddyfile").read_text()
    ports = f"{{\n\tadmin off\n\tskip_install_trust\n\thttp_port {http}\n\thttps_port {https}\n"
    text = re.sub(r"^\{\n", ports, text, count=1, flags=re.MULTILINE)
    text = text.replace("galaxies.example {\n", "galaxies.example {\n\ttls internal\n")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    (folder / "Caddyfile").write_text(text)
    command: list[str | Path] = [binary, "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    own = {name: str(folder / "caddy") for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    with started(command, https, folder / "proxy-errors", env=os.environ | own):
        yield


Answer = tuple[int, dict[str, str], bytes]


def ask_by_https(port: int, path: str, headers: dict[str, str] | None = None, *, body: bytes | None = None) -> Answer:
    """Ask the proxy as a browser would. Returns: status, headers with small letters, and body."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection("galaxies.example", timeout=60)
    there = socket.create_connection(("127.0.0.1", port), timeout=60)
    connection.sock = context.wrap_socket(there, server_hostname="galaxies.example")
    try:
        connection.request("POST" if body else "GET", path, body, headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def is_up(port: int) -> bool:
    try:
        return ask_by_https(port, "/healthz")[0] == 200
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_the_site_behind_a_proxy(tmp_path: Path, bundle: Path, proxy: Callable[..., Any]) -> None:
    program(proxy.__name__)
    site = Site(tmp_path, settings.MODELS_STORE, {"NEBULAI_TRUSTED_PROXY_COUNT": "1"})
    site.manage("prepare")
    http, https = free_port(), free_port()
    with site.served(path="/healthz"), proxy(tmp_path, site.port, http, https):
        until(lambda: is_up(https), (tmp_path / "proxy-errors").read_text)  # Caddy makes its certificate first
        status, headers, page = ask_by_https(https, "/model/", {"Accept-Encoding": "gzip"})
        assert status == 200  # and no redirect to where it is already
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert headers["content-encoding"] == "gzip"
        status, headers, page = ask_by_https(https, "/accounts/login/")
        assert "Secure" in headers["set-cookie"]
        assert headers["x-request-id"]

        style = re.search(rb'href="(/static/css/[^"]+\.css)"', page)
        assert style
        status, headers, _ = ask_by_https(https, style[1].decode(), {"Accept-Encoding": "gzip"})
        assert (status, headers["content-encoding"]) == (200, "gzip")
        assert "immutable" in headers["cache-control"]

        plain = Site(tmp_path, settings.MODELS_STORE, port=http)
        status, moved, _ = plain.ask("/galaxies/?page=2")
        assert status in (301, 308)
        assert re.fullmatch(rf"https://galaxies\.example(:{https})?/galaxies/\?page=2", moved["Location"])

        form = {"Content-Type": "multipart/form-data; boundary=X"}
        assert ask_by_https(https, "/upload/", form, body=picture(11_000_000))[0] == 403  # the site's: without a token
        assert sent_too_much(https, picture(17_000_000)) == 413
        assert ask_by_https(https, "/nowhere", {"X-Forwarded-For": "203.0.113.77"})[0] == 404
    assert "127.0.0.1" not in (tmp_path / "proxy-errors").read_text().replace(f"127.0.0.1:{site.port}", "")
    assert "203.0.113.77" not in site.log.read_text()


def picture(size: int) -> bytes:
    """A form with a file of so many bytes."""
    return b'--X\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n%s\r\n--X--\r\n' % (
        b"a" * size
    )


def sent_too_much(port: int, body: bytes) -> int:
    """Send a body that is refused. Returns: the status; 413 too where the proxy hangs up before it is all sent."""
    try:
        return ask_by_https(port, "/upload/", body=body)[0]
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        return 413


@pytest.mark.slow
def test_the_image_s_health_is_the_site_s(tmp_path: Path, bundle: Path) -> None:
    site = Site(tmp_path, settings.MODELS_STORE, {"NEBULAI_ALLOWED_HOSTS": ".galaxies.example,other"})
    check = DEPLOY / "healthcheck.py"
    ill = run(sys.executable, check, env=site.environment)
    assert ill.returncode == 1
    assert "does not answer" in ill.stderr
    site.manage("prepare")
    with site.served():
        assert run(sys.executable, check, env=site.environment).returncode == 0


def test_the_dashboard_is_json() -> None:
    assert json.loads((DEPLOY / "grafana.json").read_text())["uid"] == "nebulai"
