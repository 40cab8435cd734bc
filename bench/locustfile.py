"""Visitors who generate one galaxy after the other; bench/load.py starts them.

locust -f bench/locustfile.py --headless --users 8 --spawn-rate 8 --run-time 20s --host http://127.0.0.1:8000
"""

import os
import re

from locust import FastHttpUser, task

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
FORM = {"cluster": "0", "psi": "0.8", "count": os.environ.get("NEBULAI_BENCH_COUNT", "1")}


class Visitor(FastHttpUser):
    """Asks as htmx does, and asks again as soon as there is an answer."""

    def on_start(self) -> None:
        """Open the studio, whose form brings the token."""
        found = TOKEN.search(self.client.get("/", name="studio").text)
        self.token = found[1] if found else ""

    @task
    def generate(self) -> None:
        """Ask. A 503 that says when to come back is counted by itself; what is no galaxy else is a failure."""
        form = {**FORM, "csrfmiddlewaretoken": self.token}
        with self.client.post(
            "/generate", form, headers={"HX-Request": "true"}, name="generate", catch_response=True
        ) as answer:
            if answer.status_code == 503 and "Retry-After" in answer.headers:
                answer.request_meta["name"] = "busy"
                answer.success()
            elif answer.status_code != 200 or "data-galaxy-id" not in answer.text:
                answer.failure(f"{answer.status_code} without a galaxy")
