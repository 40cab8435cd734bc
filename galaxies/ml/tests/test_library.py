"""docs/library.md: its lines run, on the tiny model, without Django."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from galaxies.ml.bundle import Direction, Directions, load_bundle
from galaxies.ml.bundle.directions import VALUES
from galaxies.ml.steering import add_directions

ROOT = Path(__file__).parents[3]


def lines() -> str:
    return (ROOT / "docs" / "library.md").read_text().split("```python\n")[1].split("```")[0]


@pytest.fixture
def steered(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny bundle with directions of no meaning."""
    path = Path(shutil.copytree(tiny_bundle, tmp_path / tiny_bundle.name))
    w_dim = load_bundle(path).manifest["generator"]["w_dim"]
    rows = np.random.default_rng(0).standard_normal((len(VALUES), w_dim)).astype(np.float32)
    directions = {name: Direction(unit="", mean=0.0, deviation=1.0, r2=0.5) for name in VALUES}
    add_directions(path, Directions(directions, {}), dict(zip(VALUES, rows, strict=True)))
    return path


@pytest.mark.slow
def test_the_lines_of_the_page_run_without_django(steered: Path, tmp_path: Path) -> None:
    script = lines().replace("models_store/sdss-256-g", str(steered))
    assert script != lines()
    body = "\n".join(f"    {line}" for line in script.splitlines())
    checks = (
        "    import sys\n    assert 'django' not in sys.modules\n"
        "    assert images.shape[0] == 3 and steered.shape == blended.shape and len(measured) == 3\n"
        "    assert (steered != images[:1]).any() and len(steerable) == 5 and content.startswith(b'\\x89PNG')\n"
        "    assert (Path('set') / 'shard-00000.h5').exists() and len(assigned) == len(features)\n"
    )
    (tmp_path / "lines.py").write_text(f'if __name__ == "__main__":\n{body}\n{checks}')
    run = subprocess.run(
        [sys.executable, "lines.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
