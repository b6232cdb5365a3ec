import logging

from django.apps import AppConfig
from django.conf import settings

logger = logging.getLogger(__name__)


class OpportunitiesConfig(AppConfig):
    name = "opportunities"

    def ready(self) -> None:
        # Importing registers the system checks.
        from opportunities import checks  # noqa: F401

        if settings.QUEUE_URL:
            logger.warning(
                "QUEUE_URL is set and ignored: there is no queue any more, the database wakes the workers"
            )
