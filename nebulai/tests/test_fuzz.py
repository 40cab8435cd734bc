"""No request, however odd, is answered by a fault of ours. make fuzz sends 10,000 of them."""

import os
import sys
import time
import traceback
from collections import Counter
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import Client

from galaxies.models import ModelVersion
from galaxies.serving import Service
from nebulai import wsgi
from nebulai.tests.access import ROLES, World
from nebulai.tests.fuzzing import Request, requests
from nebulai.tests.test_access import undone

REQUESTS, SEED = int(os.environ.get("FUZZ_REQUESTS", "1000")), int(os.environ.get("FUZZ_SEED", "2026"))
OURS = 500


@pytest.mark.slow
def test_no_request_meets_a_fault(version: ModelVersion, loaded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.test.client.WSGIRequest", wsgi.Request)  # as gunicorn has it
    world, faults, answers, slowest = World(version), [], Counter[int](), 0.0
    cookies = {role: world.client(role).cookies for role in ROLES}

    def note(**kwargs: Any) -> None:
        faults.append(traceback.format_exc(limit=-4))

    got_request_exception.connect(note)
    try:
        for request in requests(world, SEED, REQUESTS):
            before, started = len(faults), time.monotonic()
            status = send(request, cookies[request.role])
            slowest = max(slowest, time.monotonic() - started)
            answers[status] += 1
            if status == OURS or len(faults) > before:
                faults[before:] = [f"{request}\nanswered {status}\n{''.join(faults[before:])}"]
    finally:
        got_request_exception.disconnect(note)
    sys.stdout.write(f"\n{REQUESTS:,} requests, the slowest {slowest:.1f} s: {dict(sorted(answers.items()))}\n")
    assert not faults, f"{len(faults)} faults; the first:\n" + "\n".join(faults[:3])


def send(request: Request, cookies: Any) -> int:
    """Send a request from a browser with these cookies and take back what it wrote. Returns: the status."""
    client = Client(raise_request_exception=False)
    client.cookies.update(cookies)
    headers: Any = request.headers
    with undone():
        response: Any = client.generic(
            request.method, request.address, request.body, content_type=request.content_type, **headers
        )
        if response.streaming:
            b"".join(response.streaming_content)
    return int(response.status_code)
