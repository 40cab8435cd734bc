"""The disk is full while visitors generate and log in, then has room again. Needs root, to mount a small tmpfs.

    sudo python bench/faults/disk_full.py

Promise: 503 with a sentence, no traceback, no half file; with room again all goes on by itself.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from harness import Visitor, arguments, is_whole, site, told

SIZE = "64m"


def fill(folder: Path) -> Path:
    """Take all the room there is, to the last byte."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def main() -> None:
    asked = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], check=True)
        try:
            failed = hurt_site(asked.bundle, Path(place))
        finally:
            subprocess.run(["umount", place], check=True)
    sys.exit(failed)


def hurt_site(bundle: Path | None, place: Path) -> bool:
    with site(bundle, folder=place) as hurt:
        visitor = Visitor(hurt)
        visitor.post("/generate", {"cluster": "0", "psi": "0.8"})
        filler = fill(place)
        answers, sentences = Counter[str](), Counter[bool]()
        forms = [("/generate", {"cluster": "0", "psi": "0.8"}, "/")] * 10
        person = {"email": "ada@example.org", "password1": "a-quiet-night-sky", "password2": "a-quiet-night-sky"}
        forms += [("/accounts/signup/", person, "/accounts/signup/")] * 3
        for path, values, page in forms:
            answer = Visitor(hurt).post(path, values, page)
            answers[f"{path} {answer.status_code if answer is not None else 'none'}"] += 1
            if answer is not None and answer.status_code == 503:
                sentences["no room left" in answer.text] += 1
        read = visitor.get("/galaxies/")
        backup = hurt.manage("backup", str(place / "backup"), check=False)
        filler.unlink()
        after = visitor.post("/generate", {"cluster": "0", "psi": "0.8"})
        images = [path for path in hurt.media.rglob("*") if path.is_file()]
        halves = sum(not is_whole(path.read_bytes()) for path in images)
        rows, tracebacks = hurt.rows("SELECT count(*) FROM galaxies_galaxy")[0][0], told(hurt.log)
    print(f"full: {dict(answers)}, {sentences[False]} 503 without the sentence")
    print(f"GET /galaxies/ {read.status_code if read is not None else 'none'}; {tracebacks}")
    print(f"manage.py backup: status {backup.returncode}, {backup.stderr.strip().splitlines()[-1:]}")
    status = after.status_code if after is not None else "none"
    print(f"with room again: POST /generate {status}; {rows} rows, {len(images)} files, {halves} of them half")
    fine = all(each.endswith((" 503", " 302")) for each in answers)
    return not (fine and not halves and status == 302 and rows == len(images) and not sentences[False])


if __name__ == "__main__":
    main()
