import socket

import pytest
from botocore.exceptions import ReadTimeoutError

from nebulai.outages import outage
from nebulai.s3 import PatientS3Storage


def test_a_bucket_that_does_not_answer_is_given_up_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nebulai.s3.READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        keys = {"access_key": "nobody", "secret_key": "nothing", "region_name": "us-east-1"}
        storage = PatientS3Storage(bucket_name="galaxies", endpoint_url=endpoint, **keys)
        with pytest.raises(ReadTimeoutError) as given_up:
            storage.exists("a.webp")
    assert "does not answer" in outage(given_up.value)
