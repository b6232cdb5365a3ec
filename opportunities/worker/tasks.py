"""What huey runs. It only wakes and schedules; all work is `tick()` over rows, so a lost message is a delay."""

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
# In the queue's own store: all processes on one queue keep one appointment between them. Were each wake-up to
# make one of its own, and each of those the next, a worker would be busier with every deal until it did
# nothing else.
APPOINTMENT = "appointment"


class Ending:
    """Whether this process was asked to end: `work` says how to tell. A round then ends after its exchange."""

    asked: Callable[[], bool] = staticmethod(never_stopping)


def worker_name() -> str:
    """This process, as heartbeats and leases name it."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


@db_task()
def round_of_work() -> None:
    """One round of everything due. Another is appointed before it, in case it dies, and sooner after it if
    need be.
    """
    _appoint(LATEST_SECONDS)
    due_in = tick(SystemClock(), worker=worker_name(), stopping=Ending.asked)
    if due_in is not None:
        _appoint(due_in)


@db_task()
def appointed_round(number: str) -> None:
    """The round appointed as `number`, unless a sooner one took its place."""
    kept = HUEY.get(APPOINTMENT, peek=True)
    if kept and kept[0] == number:
        HUEY.delete(APPOINTMENT)
        round_of_work.call_local()


@db_periodic_task(crontab(minute="*"))
def sweep() -> None:
    """Picks up what a killed worker or a lost message left. Runs on every consumer; claims keep rounds apart."""
    round_of_work.call_local()


@receiver(work_waiting)
def wake_a_worker(**kwargs: Any) -> None:
    round_of_work()


def _appoint(wait: float) -> None:
    """Ask for a round in `wait` seconds, unless one that is not overdue is appointed for then or sooner.

    By the machine's own time, as huey goes by it too: the database's may not be there to be asked.
    """
    wait = min(max(wait, SOONEST_SECONDS), LATEST_SECONDS)
    now = time.time()
    kept = HUEY.get(APPOINTMENT, peek=True)
    if kept and now < kept[1] <= now + wait:
        return
    number = uuid4().hex
    HUEY.put(APPOINTMENT, (number, now + wait))
    appointed_round.schedule((number,), delay=wait)
