"""Images in S3, asked for with a patience that leaves threads for visitors who need none of it."""

from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage

CONNECT_SECONDS, READ_SECONDS, TRIES = 3, 10, 2  # instead of 60, 60 and 5


class PatientS3Storage(S3Storage):
    """django-storages' own, but a bucket that does not answer is given up after half a minute."""

    def get_default_settings(self) -> dict[str, Any]:
        """Return the settings of a storage that names none."""
        patience = Config(
            connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": TRIES}
        )
        return {**super().get_default_settings(), "client_config": patience}
