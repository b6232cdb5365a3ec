"""What huey runs. It only wakes and schedules; all work is `tick()` over rows, so a lost message is a delay.

Queued messages name these functions and the appointment, so their names stay.
"""

import os
import socket
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.dispatch import receiver
from huey import crontab
from huey.contrib.djhuey import HUEY, db_periodic_task, db_task

from opportunities.clock import SystemClock
from opportunities.runtime.stopping import never_stopping
from opportunities.runtime.wakeup import work_waiting
from opportunities.worker.tick import tick

SOONEST_SECONDS = 0.2
LATEST_SECONDS = 5.0
# Kept in the queue's own store, so that all processes on one queue share one appointment. If each wake-up
# made one of its own, and each of those the next, workers would become busier with every deal.
APPOINTMENT = "appointment"


class Ending:
    """Whether this process was asked to end, which the command `work` answers. A round then ends early."""

    asked: Callable[[], bool] = staticmethod(never_stopping)


def worker_name() -> str:
    """The name of this process in heartbeats and leases."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


@db_task()
def round_of_work() -> None:
    """One round of everything due. The next one is scheduled first, in case this one dies."""
    _appoint(LATEST_SECONDS)
    due_in = tick(SystemClock(), worker=worker_name(), stopping=Ending.asked)
    if due_in is not None:
        _appoint(due_in)


@db_task()
def appointed_round(number: str) -> None:
    """The round scheduled as `number`, unless a sooner one replaced it."""
    kept = HUEY.get(APPOINTMENT, peek=True)
    if kept and kept[0] == number:
        HUEY.delete(APPOINTMENT)
        round_of_work.call_local()


@db_periodic_task(crontab(minute="*"))
def sweep() -> None:
    """Find what a killed worker or a lost message left. Every consumer runs it; claims keep rounds apart."""
    round_of_work.call_local()


@receiver(work_waiting)
def wake_a_worker(**kwargs: Any) -> None:
    round_of_work()


def _appoint(wait: float) -> None:
    """Schedule a round in `wait` seconds, unless one that is not overdue is scheduled for then or sooner.

    By the machine's own time, as in huey, because the database's clock may be unreachable.
    """
    wait = min(max(wait, SOONEST_SECONDS), LATEST_SECONDS)
    now = time.time()
    kept = HUEY.get(APPOINTMENT, peek=True)
    if kept and now < kept[1] <= now + wait:
        return
    number = uuid4().hex
    HUEY.put(APPOINTMENT, (number, now + wait))
    appointed_round.schedule((number,), delay=wait)
