import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from nebulai.locks import alone

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_at_a_time() -> None:
    inside, most = [0], [0]
    guard = threading.Lock()

    def work(number: int) -> None:
        try:
            with alone():
                with guard:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0.02)
                with guard:
                    inside[0] -= 1
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert most == [1]


def test_a_failure_lets_the_next_one_in() -> None:
    with pytest.raises(ValueError, match="broken"), alone():
        raise ValueError("broken")
    with alone():
        pass
