"""The signal by which an action asks for a round of work; `worker.tasks` receives it and uses the queue.

A lost wake-up is only a delay, so an unreachable queue never fails what is already committed.
"""

import logging

from django.dispatch import Signal

logger = logging.getLogger(__name__)

work_waiting = Signal()


def wake() -> None:
    """Ask any worker for a round, soon."""
    for _, failure in work_waiting.send_robust(sender=None):
        if isinstance(failure, Exception):
            logger.warning("could not wake a worker: %s", type(failure).__name__)
