"""What huey runs. It only wakes and schedules; all work is `tick()` over rows, so a lost message is a delay."""

import os
import socket
import threading
from typing import Any

from django.dispatch import receiver
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from opportunities.actions.tick import tick
from opportunities.actions.wakeup import work_waiting
from opportunities.clock import SystemClock

SOONEST_SECONDS = 0.2
LATEST_SECONDS = 5.0

_appointment = threading.Lock()
_appointed: dict[str, float] = {}


def worker_name() -> str:
    """This process, as heartbeats and leases name it."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


@db_task()
def round_of_work() -> None:
    """One round of everything due; then an appointment for the next."""
    clock = SystemClock()
    try:
        due_in = tick(clock, worker=worker_name())
    finally:
        with _appointment:
            _appointed.pop("at", None)
    _appoint(clock, due_in)


@db_task()
def appointed_round() -> None:
    round_of_work.call_local()


@db_periodic_task(crontab(minute="*"))
def sweep() -> None:
    """Picks up what a killed worker or a lost message left. Runs on every consumer; claims keep rounds apart."""
    round_of_work.call_local()


@receiver(work_waiting)
def wake_a_worker(**kwargs: Any) -> None:
    round_of_work()


def _appoint(clock: SystemClock, due_in: float | None) -> None:
    """Ask for one round when the next thing is due; a process keeps a single appointment, the soonest."""
    wait = min(max(due_in if due_in is not None else LATEST_SECONDS, SOONEST_SECONDS), LATEST_SECONDS)
    at = clock.monotonic() + wait
    with _appointment:
        if _appointed.get("at", at + 1) <= at and _appointed["at"] > clock.monotonic():
            return
        _appointed["at"] = at
    appointed_round.schedule(delay=wait)
