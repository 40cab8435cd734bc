"""Another program locks the SQLite database for a while, and visitors go on.

    python bench/faults/sqlite_locked.py --seconds 20

Promise: pages that only read are answered; what writes waits up to 20 s, then is 503 in a sentence; then all goes on.
"""

import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing

from harness import Visitor, arguments, site, told


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    with site(asked.bundle) as hurt:
        readers, writers = [Visitor(hurt) for _ in range(2)], [Visitor(hurt) for _ in range(4)]
        Visitor(hurt).post("/generate", {"cluster": "0", "psi": "0.8"})
        before = len(hurt.rows("SELECT 1 FROM galaxies_galaxy"))
        stop, slowest, sentences = threading.Event(), {"read": 0.0, "write": 0.0}, Counter[bool]()

        def work(visitor: Visitor, kind: str) -> None:
            while not stop.is_set():
                began = time.monotonic()
                if kind == "read":
                    visitor.get("/galaxies/")
                else:
                    answer = visitor.post("/generate", {"cluster": "0", "psi": "0.8"})
                    if answer is not None and answer.status_code == 503:
                        sentences["The database does not answer" in answer.text] += 1
                slowest[kind] = max(slowest[kind], time.monotonic() - began)

        jobs = [(each, "read") for each in readers] + [(each, "write") for each in writers]
        threads = [threading.Thread(target=work, args=job) for job in jobs]
        with closing(sqlite3.connect(hurt.database, timeout=60, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for thread in threads:
                thread.start()
            time.sleep(asked.seconds)
            stop.set()
            other.execute("ROLLBACK")
        for thread in threads:
            thread.join()
        read: Counter[str] = sum((each.answers for each in readers), Counter())
        write: Counter[str] = sum((each.answers for each in writers), Counter())
        after = Visitor(hurt).post("/generate", {"cluster": "0", "psi": "0.8"})
        rows = len(hurt.rows("SELECT 1 FROM galaxies_galaxy"))
        tracebacks = told(hurt.log)
    print(f"locked for {asked.seconds:.0f} s: GET /galaxies/ {dict(read)}, the slowest {slowest['read']:.1f} s")
    print(
        f"POST /generate {dict(write)}, the slowest {slowest['write']:.1f} s; {sentences[False]} 503 without a sentence"
    )
    status = after.status_code if after is not None else "no answer"
    stored = write["200"] + write["302"] + 1
    print(f"afterwards {status}; {rows - before} rows for {stored} answers that said so; {tracebacks}")
    bad = {"500", "none"} & (read + write).keys()
    sys.exit(bool(bad or sentences[False] or rows - before != stored or status != 302))


if __name__ == "__main__":
    main()
