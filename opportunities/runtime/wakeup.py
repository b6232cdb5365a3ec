"""How an action says that there is something to do; `tasks.py` listens and wakes a worker through the queue.

Losing a wake-up is only a delay, so a queue that cannot be reached never fails what is already committed.
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
