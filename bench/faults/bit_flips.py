"""One bit is flipped in each file of a bundle, one after the other.

    python bench/faults/bit_flips.py

Promise: a damaged bundle is named in a sentence and neither activated nor served.
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path

from harness import Site, arguments


def flip(file: Path, chance: random.Random) -> None:
    """Turn one bit of a file round."""
    content = bytearray(file.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--files", type=int, default=1000, help="how many files at most")
    asked = parser.parse_args()
    chance, unseen, tried, rough = random.Random(0), [], 0, 0
    with tempfile.TemporaryDirectory() as place:
        hurt = Site(Path(place), asked.bundle)
        hurt.manage("prepare")
        folder = next((Path(place) / "store").glob("*/manifest.json")).parent
        for file in sorted(path for path in folder.rglob("*") if path.is_file())[: asked.files]:
            whole = file.with_name(f".{file.name}.whole")
            shutil.copy2(file, whole)
            flip(file, chance)
            said = hurt.manage("verify", check=False)
            tried += 1
            rough += "Traceback" in said.stderr
            if not said.returncode:
                unseen.append(str(file.relative_to(folder)))
            whole.replace(file)
        well = hurt.manage("verify", check=False).returncode == 0
    print(
        f"{tried} files with a flipped bit: {tried - len(unseen)} refused, {rough} with a traceback; unseen: {unseen}"
    )
    print(f"whole again: {'served' if well else 'refused'}")
    sys.exit(bool(set(unseen) - {"metrics.json", "MODEL_CARD.md"} or rough or not well))


if __name__ == "__main__":
    main()
