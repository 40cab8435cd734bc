"""Jobs that wait for one thread, in fair turns: whoever asks for many keeps nobody waiting behind all of them.

turns: Turns[int] = Turns(limit=128)
turns.put([1, 2, 3])        # all of them, or Full
batch = turns.take(32)      # waits for the first, for no other; [] once the turns are closed and nothing waits
"""

from collections import deque
from collections.abc import Sequence
from queue import Full
from threading import Condition
from typing import Generic, TypeVar

Job = TypeVar("Job")


class Turns(Generic[Job]):
    """A queue for each who asked, of which every one in turn gives a job; `limit` is how many jobs may wait."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._queues: deque[deque[Job]] = deque()
        self._closed = False
        self._changed = Condition()

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._queues))

    def put(self, jobs: Sequence[Job]) -> None:
        """Add the jobs of one who asks. Raises: Full if not all of them find room."""
        with self._changed:
            if sum(map(len, self._queues)) + len(jobs) > self.limit:
                raise Full
            if jobs:
                self._queues.append(deque(jobs))
            self._changed.notify()

    def take(self, most: int) -> list[Job]:
        """Return up to `most` of the jobs that wait, one of each queue in turn, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._queues or self._closed)
            taken: list[Job] = []
            while self._queues and len(taken) < most:
                queue = self._queues.popleft()
                taken.append(queue.popleft())
                if queue:
                    self._queues.append(queue)
            return taken

    def close(self) -> None:
        """Let `take` return nothing once nothing waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
