import threading
from queue import Full

import pytest

from galaxies.turns import Turns


def test_who_asks_for_one_does_not_wait_behind_one_who_asks_for_many() -> None:
    turns: Turns[str] = Turns(limit=20)
    turns.put([f"many {number}" for number in range(9)])
    turns.put(["one"])
    turns.put(["two 0", "two 1"])
    assert turns.take(4) == ["many 0", "one", "two 0", "many 1"]
    assert turns.take(3) == ["two 1", "many 2", "many 3"]
    assert [len(turns), len(turns.take(32)), len(turns)] == [5, 5, 0]


def test_all_jobs_find_room_or_none() -> None:
    turns: Turns[int] = Turns(limit=3)
    turns.put([1, 2])
    with pytest.raises(Full):
        turns.put([3, 4])
    turns.put([5])
    assert turns.take(9) == [1, 5, 2]


def test_taking_waits_for_the_first_job_and_ends_when_closed() -> None:
    turns: Turns[int] = Turns(limit=3)
    taken: list[list[int]] = []
    thread = threading.Thread(target=lambda: taken.extend(iter(lambda: turns.take(2), [])))
    thread.start()
    turns.put([])
    turns.put([1])
    turns.put([2])
    turns.close()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert sorted(job for batch in taken for job in batch) == [1, 2]
