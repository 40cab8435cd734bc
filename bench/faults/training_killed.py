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


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--longest", type=float, default=40, help="seconds until a kill, at most")
    asked = parser.parse_args()
    moment = random.Random(0)
    with tempfile.TemporaryDirectory() as place:
        hurt = Site(Path(place), asked.bundle)
        hurt.manage("prepare")
        begin = ["train", "--synthetic", "600", "--preset", "tiny"]
        killed = []
        for _ in range(asked.kills):
            has_run = list((hurt.folder / "var" / "training").glob("*/run.json"))
            command = [sys.executable, str(ROOT / "manage.py"), *(["train", "--resume"] if has_run else begin)]
            began = time.monotonic()
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            child = subprocess.Popen(command, env=hurt.environment, **quiet)
            try:
                child.wait(moment.uniform(8, asked.longest))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                killed.append(time.monotonic() - began)
            else:
                break
        end = hurt.manage("train", "--resume", check=False)
        states = hurt.rows("SELECT name, state FROM galaxies_trainingrun")
        version = str(hurt.rows("SELECT version FROM galaxies_modelversion ORDER BY id DESC LIMIT 1")[0][0])
        whole = hurt.manage("activate", version, check=False)
    print(f"killed {len(killed)} times, after {', '.join(f'{each:.0f}' for each in killed)} s")
    said = whole.stdout.strip() or whole.stderr.strip()
    print(f"then resumed: status {end.returncode}; rows {states}; {version}: {said}")
    sys.exit(bool(end.returncode or whole.returncode or [state for _, state in states] != ["done"]))


if __name__ == "__main__":
    main()
