from django.apps import AppConfig


class OpportunitiesConfig(AppConfig):
    name = "opportunities"

    def ready(self) -> None:
        from opportunities import checks, tasks  # noqa: F401 - registers the system checks and the queue's tasks
