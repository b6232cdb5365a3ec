from django.apps import AppConfig


class OpportunitiesConfig(AppConfig):
    name = "opportunities"

    def ready(self) -> None:
        # For what importing does: registering the system checks and the queue's tasks.
        from opportunities import checks  # noqa: F401
        from opportunities.worker import tasks  # noqa: F401
