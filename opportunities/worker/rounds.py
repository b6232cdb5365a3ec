"""When a worker's rounds begin: on a wake-up, when something is due, and every few seconds.

Several rounds run at the same time, so that one slow answer of Slant does not delay the others; claims and
leases coordinate them. All times here are on the monotonic clock, which nobody can set.
"""

import logging
import os
import select
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any

from django.db import close_old_connections

from opportunities.clock import SystemClock
from opportunities.runtime.stopping import Stopping
from opportunities.worker.hearing import Hearing
from opportunities.worker.tick import tick

logger = logging.getLogger(__name__)

THREADS = 4
# Seconds between two rounds: at least, even when woken often; while something is due that cannot be done; at
# most.
WOKEN_SECONDS = 0.05
SOONEST_SECONDS = 0.2
LATEST_SECONDS = 5.0

RoundOfWork = Callable[[Stopping], float | None]


def worker_name() -> str:
    """The name of this process in heartbeats and leases."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


class Rounds:
    """The rounds of one process, from `run()` to `stop()`."""

    def __init__(self, round_of_work: RoundOfWork) -> None:
        self._round_of_work = round_of_work
        self._lock = Lock()
        self._began_at = self._due_at = time.monotonic()
        self._running = 0
        self._stopping = False
        self._reader, self._writer = os.pipe()
        for end in (self._reader, self._writer):
            os.set_blocking(end, False)

    def run(self) -> None:
        """Run rounds until `stop()`, then wait until the running ones have ended."""
        with ThreadPoolExecutor(THREADS, thread_name_prefix="round") as threads:
            while not self.stopping():
                if self._begin_round():
                    threads.submit(self._run_round)
                self._wait(self._seconds_to_wait())

    def stop(self, *_: object) -> None:
        """Begin no more rounds. Safe to call in a signal handler, so it takes no lock."""
        self._stopping = True
        self._interrupt_wait()

    def stopping(self) -> bool:
        return self._stopping

    def wake(self) -> None:
        """Begin a round now, or `WOKEN_SECONDS` after the last began."""
        with self._lock:
            self._due_at = min(self._due_at, self._began_at + WOKEN_SECONDS)
        self._interrupt_wait()

    def _begin_round(self) -> bool:
        """Whether a round must begin now. The next one is scheduled first, in case this one dies."""
        with self._lock:
            now = time.monotonic()
            if now < self._due_at or self._running == THREADS:
                return False
            self._running += 1
            self._began_at, self._due_at = now, now + LATEST_SECONDS
            return True

    def _run_round(self) -> None:
        due_in = None
        close_old_connections()
        try:
            due_in = self._round_of_work(self.stopping)
        except Exception:
            logger.exception("a round failed; the next begins within %.0f s", LATEST_SECONDS)
        close_old_connections()
        with self._lock:
            self._running -= 1
            if due_in is not None:
                self._due_at = min(self._due_at, time.monotonic() + max(due_in, SOONEST_SECONDS))
        self._interrupt_wait()

    def _seconds_to_wait(self) -> float:
        """Seconds until the next round. If the maximum is running, the wait ends when one of them ends."""
        with self._lock:
            if self._running == THREADS:
                return LATEST_SECONDS
            return max(0.0, self._due_at - time.monotonic())

    def _wait(self, seconds: float) -> None:
        if select.select([self._reader], [], [], seconds)[0]:
            os.read(self._reader, 4096)

    def _interrupt_wait(self) -> None:
        # A full pipe also interrupts the wait.
        with suppress(BlockingIOError):
            os.write(self._writer, b".")


class Worker:
    """One worker process: its rounds, and the thread that hears wake-ups."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.rounds = Rounds(self._run_round)
        self._hearing = Hearing(self.rounds.wake, retry_seconds=LATEST_SECONDS)

    def run(self) -> None:
        self._hearing.start()
        self.rounds.run()

    def _run_round(self, stopping: Stopping) -> Any:
        due_in = tick(self._clock, worker=worker_name(), stopping=stopping)
        self._hearing.check(self._clock)
        return due_in
