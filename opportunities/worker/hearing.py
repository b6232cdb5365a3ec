"""Receives wake-ups in a separate thread, and detects when none arrive.

A connection pooler that shares connections, for example, accepts LISTEN and delivers nothing. So each worker
wakes itself once a minute, as web processes do. If it did not receive that wake-up, it opens an alert.
"""

import logging
import time
from collections.abc import Callable
from threading import Lock, Thread

from opportunities.clock import Clock
from opportunities.runtime import alerts, wakeup
from opportunities.runtime.alerts import AlertText

logger = logging.getLogger(__name__)

CAUSE = "wakeup_unheard"
TEXT = AlertText(
    "A worker does not hear at once that something was entered.",
    "Deals leave up to five seconds later. Nothing is lost.",
    "Usually a connection pooler stands between the worker and the database: connect workers directly "
    '(docs/operations.md, "Wake-ups").',
)
CHECK_SECONDS = 60.0
PATIENCE_SECONDS = 4.0


class Hearing:
    """Calls `woken` for each wake-up, from a separate thread, and listens again after any failure."""

    def __init__(self, woken: Callable[[], None], *, retry_seconds: float) -> None:
        self._woken = woken
        self._retry_seconds = retry_seconds
        self._heard_at = float("-inf")
        self._asked_at: float | None = None
        self._check_at = float("-inf")
        self._is_deaf: bool | None = None
        self._checking = Lock()

    def start(self) -> None:
        Thread(target=self._listen, name="hearing", daemon=True).start()

    def check(self, clock: Clock) -> None:
        """Wake this worker, or check whether its last wake-up of itself arrived. Call it in every round."""
        if not self._checking.acquire(blocking=False):
            return
        try:
            now = time.monotonic()
            if self._asked_at is None:
                if now >= self._check_at and wakeup.wake():
                    self._asked_at = now
            elif now >= self._asked_at + PATIENCE_SECONDS:
                is_deaf = self._heard_at < self._asked_at
                self._asked_at, self._check_at = None, now + CHECK_SECONDS
                self._record(is_deaf, clock)
        finally:
            self._checking.release()

    def _record(self, is_deaf: bool, clock: Clock) -> None:
        """Open or close the alert at the first check and when the result changed. Other workers may receive
        wake-ups or not.
        """
        if is_deaf:
            alerts.open_alert(CAUSE, TEXT, clock=clock)
        elif self._is_deaf is not False:
            alerts.close_alert(CAUSE, clock=clock)
        self._is_deaf = is_deaf

    def _hear(self) -> None:
        self._heard_at = time.monotonic()
        self._woken()

    def _listen(self) -> None:
        while True:
            try:
                wakeup.listen(self._hear)
            except Exception as problem:
                logger.warning("cannot hear wake-ups: %s", type(problem).__name__)
            time.sleep(self._retry_seconds)
