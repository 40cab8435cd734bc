"""What is painted of the shard that is under way, kept beside it, so that a set goes on where it was ended.

    spool = Spool(path)                 # cuts off a record that was not written whole
    for number, finished in spool: ...  # of the run before
    spool.keep(number, finished)        # no second time if it holds the number

Most formats cannot go on with a file that was not closed, but every shard can be written again from these bytes,
without the networks. A record is a checksum, two lengths, a line of JSON and the galaxy's bytes.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from galaxies.ml.sets.encoding import Finished

HEAD = struct.Struct("<III")


class Spool:
    """Galaxies of a shard in their order, in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.path = path
        self.file = path.open("a+b")
        self.last = -1  # number of the last candidate that it holds
        self.file.seek(0)
        whole = 0
        while record := _read(self.file):
            self.last, whole = record[0], self.file.tell()
        self.file.truncate(whole)

    def __iter__(self) -> Iterator[tuple[int, Finished]]:
        """Yield candidates' numbers and galaxies, whatever becomes of the spool meanwhile."""
        with self.path.open("rb") as file:
            while record := _read(file):
                yield record

    def keep(self, number: int, finished: Finished) -> None:
        """Append a galaxy unless it is there, and hand it to the system."""
        if number > self.last:
            said = json.dumps([number, finished.measured]).encode()
            body = said + finished.content
            self.file.write(HEAD.pack(zlib.crc32(body), len(said), len(finished.content)) + body)
            self.file.flush()
            self.last = number

    def close(self) -> None:
        """Close the file and leave it."""
        self.file.close()

    def remove(self) -> None:
        """Drop what a finished shard needs no more."""
        self.close()
        self.path.unlink()


def _read(file: BinaryIO) -> tuple[int, Finished] | None:
    head = file.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    checksum, of_said, of_content = HEAD.unpack(head)
    body = file.read(of_said + of_content)
    if len(body) < of_said + of_content or zlib.crc32(body) != checksum:
        return None
    number, measured = json.loads(body[:of_said])
    return number, Finished(body[of_said:], measured)
