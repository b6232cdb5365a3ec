"""Checks the installation regularly, and opens and closes alerts.

Web and worker processes all check. A lease lets only one of them do so at a time. So the alert that no worker
runs needs no worker. A database that stores nothing, as on a full disk, cannot store an alert either. Then
each process reports what it finds in the log and by one mail, and reports when that has ended.
"""

import logging
from datetime import timedelta

from django.db import DatabaseError

from opportunities.clock import Clock
from opportunities.models import Alert, AlertMail
from opportunities.runtime import alert_mail, alerts, leases
from opportunities.watch.causes import CAUSES, Answer, Found, Hidden, look

logger = logging.getLogger(__name__)

LEASE = "watch"
LOOK_SECONDS = 15.0


class Watcher:
    """The checks of one process. It keeps in memory only what the database could not store."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen_since: dict[str, float] = {}
        self._unrecorded: dict[str, Alert] = {}

    def look_around(self, clock: Clock) -> None:
        """One look, unless another process has looked just now."""
        if not self._is_my_turn(clock):
            return
        situation = look(clock)
        if situation is None:
            return
        for cause, judge in CAUSES.items():
            self._report(cause, judge(situation), clock)

    def _is_my_turn(self, clock: Clock) -> bool:
        """Whether this process checks now, by a lease that ends before the next check is due. If no lease can
        be written, every process checks.
        """
        try:
            seconds, longest = LOOK_SECONDS - 1, timedelta(seconds=LOOK_SECONDS)
            fence = leases.take(LEASE, owner=self._name, seconds=seconds, clock=clock, longest=longest)
            return fence is not None
        except DatabaseError:
            return True

    def _report(self, cause: str, answer: Answer, clock: Clock) -> None:
        if answer is Hidden.UNDECIDED:
            return
        try:
            if isinstance(answer, Hidden):
                alerts.begin_anew(cause)
            elif answer is None:
                alerts.report(cause, None, clock=clock)
            else:
                alerts.report(cause, answer.text, after=answer.after, clock=clock)
        except DatabaseError as refused:
            if not isinstance(answer, Hidden):
                self._keep_in_mind(cause, answer, refused, clock)
            return
        self._seen_since.pop(cause, None)
        alert = self._unrecorded.pop(cause, None)
        # From here on the alert's row is stored, as long as the cause exists.
        if alert and answer is None:
            alert.closed_at = clock.now()
            _tell(alert, AlertMail.CLOSED)

    def _keep_in_mind(self, cause: str, answer: Found | None, refused: DatabaseError, clock: Clock) -> None:
        if answer is None:
            self._seen_since.pop(cause, None)
            return
        since = self._seen_since.setdefault(cause, clock.monotonic())
        if cause not in self._unrecorded and clock.monotonic() - since >= answer.after.total_seconds():
            logger.error("the database takes no alert: %s", refused)
            alert = Alert(cause=cause, opened_at=clock.now(), **answer.text.as_columns())
            self._unrecorded[cause] = alert
            _tell(alert, AlertMail.OPENED)


def _tell(alert: Alert, event: str) -> None:
    alerts.log_event(alert.cause, event, alert.text)
    alert_mail.send_unrecorded(alert, event)
