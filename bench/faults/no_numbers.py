"""The networks of the active model answer some recipes with values that are no numbers.

    python bench/faults/no_numbers.py --bundle models_store/NAME     # a model that can be steered

Promise: such a recipe is 503 in a sentence, no black picture is stored, all other recipes are painted as before; and a
model of which no recipe can be painted is refused, while the one before serves on.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from harness import GENERATE, ROOT, Site, Visitor, arguments, told

ROUNDS = 10


def poison(bundle: Path, name: str, keys: slice, value: float) -> None:
    """Put a value into some arrays of a file of a bundle, whose checksum then holds again."""
    with np.load(bundle / name) as file:
        arrays = {key: file[key].copy() for key in file.files}
    for key in sorted(arrays)[keys]:
        arrays[key].flat[0] = value
    np.savez(bundle / name, **arrays)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def main() -> None:
    asked = arguments(__doc__).parse_args()
    source = asked.bundle or max(ROOT.glob("models_store/*/manifest.json")).parent
    if not (source / "directions.npz").exists():
        sys.exit(f"{source} cannot be steered, by which this script leads its networks astray: name another --bundle.")
    with tempfile.TemporaryDirectory() as place:
        bundle = Path(shutil.copytree(source, Path(place) / source.name))
        poison(bundle, "directions.npz", slice(0, 1), np.inf)
        with np.load(bundle / "directions.npz") as file:
            astray = sorted(file.files)[0]
        hurt = Site(Path(place) / "site", bundle)
        hurt.manage("prepare")
        try:
            hurt.start()
            fine = is_survived(hurt, astray, bundle)
        finally:
            hurt.stop()
    sys.exit(not fine)


def is_survived(hurt: Site, astray: str, bundle: Path) -> bool:
    """Ask for pictures with and without numbers, then activate a model without any; tell whether the promise held."""
    good, bad = Visitor(hurt), Visitor(hurt)
    for number in range(ROUNDS):
        good.post("/generate", GENERATE | {"seed": str(number)})
        bad.post("/generate", GENERATE | {"seed": str(number), f"steer_{astray}": "1"})
    rows, files = len(hurt.galaxies()), sum(path.is_file() for path in hurt.media.rglob("*"))
    hollow = Path(shutil.copytree(bundle, hurt.folder / "store" / "hollow"))
    manifest = json.loads((hollow / "manifest.json").read_text()) | {"version": "hollow"}
    (hollow / "manifest.json").write_text(json.dumps(manifest))
    poison(hollow, "generator.npz", slice(None), np.nan)
    hurt.manage("prepare")
    hurt.manage("activate", "hollow")
    while "no numbers: train or import" not in hurt.log.read_text():
        hurt.wait()
    after = good.post("/generate", GENERATE | {"version": bundle.name, "seed": str(ROUNDS)})
    status, wrong = after.status_code if after is not None else "none", hurt.wrong_tallies()
    print(f"{ROUNDS} recipes without numbers: {dict(bad.answers)}, {bad.rough} without a sentence")
    print(f"the others: {dict(good.answers)}; {rows} rows, {files} files; {told(hurt.log)}")
    print(f"a model without any number: refused, and the one before answers {status}; {wrong} wrong tallies")
    fair = bad.answers == {"503": ROUNDS} and not bad.rough and good.answers == {"302": ROUNDS + 1}
    return fair and rows == files == ROUNDS and not wrong


if __name__ == "__main__":
    main()
