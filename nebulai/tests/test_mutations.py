"""A damaged file is read or refused in a sentence, within a gigabyte. MUTATIONS=300 tries more of each than CI does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nebulai.tests.mutations import KINDS

NUMBER = os.environ.get("MUTATIONS", "40")
ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(kind: str) -> None:
    command = [sys.executable, "-m", "nebulai.tests.mutations", kind, "--number", NUMBER]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)  # noqa: S603
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    sys.stdout.write(f"{kind}: {found}\n")
    assert found["faults"] == []
    assert found["read"] + found["refused"] == int(NUMBER)
    assert found["refused"]
