"""Two processes prepare an empty site at the same moment, as two machines that start together would.

    python bench/faults/migrating_at_once.py --rounds 3

Promise: both end well, and every migration is applied once.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, Site, arguments


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    failed = 0
    for number in range(asked.rounds):
        with tempfile.TemporaryDirectory() as place:
            hurt = Site(Path(place), asked.bundle)
            command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "env": hurt.environment}
            both = [subprocess.Popen(command, **quiet) for _ in range(2)]
            said = [each.communicate()[1] for each in both]
            codes = [each.returncode for each in both]
            twice = hurt.rows("SELECT app, name FROM django_migrations GROUP BY app, name HAVING count(*) > 1")
            missing = hurt.manage("migrate", "--check", check=False).returncode
            print(f"round {number + 1}: status {codes}, {len(twice)} applied twice, all there: {not missing}")
            for text, code in zip(said, codes, strict=True):
                if code:
                    print(text.strip().splitlines()[-1])
            failed += any(codes) or bool(twice) or bool(missing)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
