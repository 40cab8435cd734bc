"""How large the image of deploy/Dockerfile is: packages as installed here, TensorFlow from its wheel, added up.

pip download --no-deps tensorflow-cpu==2.21.0
python bench/image_size.py tensorflow_cpu-2.21.0-*.whl
"""

import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = ("tensorflow/include/", "clang/")  # deleted in the Dockerfile
BASE, CLIENT = 130e6, 57e6  # python:3.11-slim as published; postgresql-client with perl, by apt-cache show


def canonical(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def installed(name: str) -> int:
    """Bytes of a package and of its compiled modules; 0 if it is not installed."""
    found = {canonical(each.metadata["Name"]): each for each in metadata.distributions()}.get(name)
    files = [each for each in (found.files or [] if found else []) if not str(each).startswith(LEFT_OUT)]
    return sum(os.path.getsize(path) for each in files if (path := str(each.locate())) and os.path.exists(path))


def in_wheel(path: str) -> int:
    with zipfile.ZipFile(path) as wheel:
        return sum(each.file_size for each in wheel.infolist() if not each.filename.startswith(LEFT_OUT))


def main(wheel: str) -> None:
    lock = (ROOT / "requirements-server.lock").read_text()
    names = sorted({canonical(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)})
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()  # noqa: S607
    code = [each for each in listed if not re.search(r"^(docs|bench|\.)|/tests/", each)]
    compiled = metadata.distribution("tensorflow").files or []
    parts = {
        "base image": BASE,
        "PostgreSQL's client": CLIENT,
        "TensorFlow": in_wheel(wheel)
        + sum(os.path.getsize(str(each.locate())) for each in compiled if str(each).endswith(".pyc")),
        "other packages": sum(map(installed, names)),
        "the site and its models": sum(os.path.getsize(ROOT / each) for each in code),
    }
    for part, size in parts.items():
        print(f"{size / 1e6:7.0f} MB  {part}")
    print(f"{sum(parts.values()) / 1e6:7.0f} MB")
    missing = [name for name in names if name != "tensorflow-cpu" and not installed(name)]
    print("not installed here, so not counted:", ", ".join(missing) or "none")


if __name__ == "__main__":
    main(sys.argv[1])
