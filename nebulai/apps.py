from django.apps import AppConfig


class NebulaiConfig(AppConfig):
    """The project itself, an app so that its system checks run."""

    name = "nebulai"

    def ready(self) -> None:
        from nebulai import checks, request_ids  # noqa: F401  (registers checks)

        request_ids.connect()
