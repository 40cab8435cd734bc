"""The folder of images becomes read-only, then all of it is deleted, while the site serves. Needs root, to mount.

    sudo python bench/faults/media_gone.py

Promise: what would store is 503 in a sentence, pages and pictures go on; what is deleted is painted again, the same.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import GENERATE, Site, Visitor, arguments, is_whole, site, told


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def pictures(hurt: Site) -> dict[str, bytes]:
    """What the site sends for each galaxy; nothing unless it is a whole image."""
    answers = {galaxy: Visitor(hurt).get(f"/g/{galaxy}.webp") for galaxy in hurt.galaxies()}
    return {
        galaxy: answer.content
        for galaxy, answer in answers.items()
        if answer is not None and answer.status_code == 200 and is_whole(answer.content)
    }


def main() -> None:
    asked = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", place], check=True)
        try:
            fine = is_survived(asked.bundle, Path(place))
        finally:
            subprocess.run(["umount", place], check=True)
    sys.exit(not fine)


def is_survived(bundle: Path | None, disk: Path) -> bool:
    """Take the disk with the images away from a site in both ways, print how it went, and tell whether all held."""
    with site(bundle) as hurt:
        hurt.media.mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", str(disk), str(hurt.media)], check=True)
        try:
            visitor = Visitor(hurt)
            for _ in range(2):
                visitor.post("/generate", GENERATE | {"count": "9"})
            before = pictures(hurt)
            remount(hurt.media, "ro,bind")
            makers = [Visitor(hurt) for _ in range(8)]
            for each in makers:
                each.post("/generate", GENERATE)
            read, still = visitor.get("/galaxies/"), pictures(hurt)
            remount(hurt.media, "rw,bind")
            after = visitor.post("/generate", GENERATE)
            for folder in hurt.media.iterdir():
                shutil.rmtree(folder)
            again = pictures(hurt)
            stored = [path for path in hurt.media.rglob("*") if path.is_file()]
            remount(hurt.media, "ro,bind")
            shutil.rmtree(disk / "galaxies")
            neither = pictures(hurt)
            remount(hurt.media, "rw,bind")
            rows, wrong, tracebacks = len(hurt.galaxies()), hurt.wrong_tallies(), told(hurt.log)
        finally:
            subprocess.run(["umount", "--lazy", str(hurt.media)], check=True)
    refused, rough = sum(each.answers["503"] for each in makers), sum(each.rough for each in makers)
    statuses = [answer.status_code if answer is not None else "none" for answer in (read, after)]
    same = sum(again.get(galaxy) == picture for galaxy, picture in before.items())
    print(f"read-only: {refused} of {len(makers)} generations 503, {rough} without a sentence; gallery {statuses[0]}")
    print(f"  {len(still)} of {len(before)} pictures; writable again: {statuses[1]}; {tracebacks}")
    print(f"emptied: {len(again)} of {rows} pictures painted again, {same} of {len(before)} to the byte, ", end="")
    print(f"{len(stored)} stored again; emptied and read-only: {len(neither)} of {rows}; {wrong} wrong tallies")
    fair = refused == len(makers) and not rough and statuses == [200, 302] and still == before
    return fair and same == len(before) and len(again) == len(stored) == len(neither) == rows and not wrong


if __name__ == "__main__":
    main()
