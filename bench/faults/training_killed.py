"""A training is killed (-9) at random moments, and resumed each time.

    python bench/faults/training_killed.py --kills 4

Promise: it goes on from its last checkpoint, ends, and its bundle is whole.
"""

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import ROOT, Site, arguments


def log(hurt: Site) -> str:
    """What the run has written of itself."""
    return "".join(path.read_text() for path in (hurt.folder / "var" / "training").glob("*/run.log"))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--longest", type=float, default=40, help="seconds in its phases until a kill, at most")
    asked = parser.parse_args()
    moment = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        hurt = Site(Path(place), asked.bundle)
        hurt.manage("prepare")
        begin = ["train", "--synthetic", "600", "--preset", "tiny"]
        killed = []
        for _ in range(asked.kills):
            command = [sys.executable, str(ROOT / "manage.py"), *(["train", "--resume"] if log(hurt) else begin)]
            before = log(hurt).count("Phase ")
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            child = subprocess.Popen(command, env=hurt.environment, **quiet)
            while child.poll() is None and log(hurt).count("Phase ") == before:
                time.sleep(0.5)
            time.sleep(moment.uniform(0, asked.longest))
            if child.poll() is not None:
                break
            child.kill()
            child.wait()
            killed.append(log(hurt).rpartition("Phase ")[2].partition(".")[0])
        end = hurt.manage("train", "--resume", check=False)
        states = hurt.rows("SELECT name, state FROM galaxies_trainingrun")
        version = str(hurt.rows("SELECT version FROM galaxies_modelversion ORDER BY id DESC LIMIT 1")[0][0])
        whole = hurt.manage("activate", version, check=False)
    print(f"killed {len(killed)} times, in the phases {', '.join(killed)}")
    said = whole.stdout.strip() or whole.stderr.strip()
    print(f"then resumed: status {end.returncode}; rows {states}; {version}: {said}")
    sys.exit(bool(end.returncode or whole.returncode or [state for _, state in states] != ["done"]))


if __name__ == "__main__":
    main()
