"""Alerts: what managers must know. One is open for each cause, and it closes when the cause ends. An alert is
a row. Managers see it as a banner, and `/metrics` counts it. When it opens and when it closes, a line is
logged and a mail goes to ALERT_EMAILS. The mails are rows as well (`AlertMail`), committed with their alert
and sent by `alert_mail` in a separate thread. So no mail server can delay the work that raised an alert, or
make it fail.

Code that meets a cause calls `open_alert()` and `close_alert()`. Code that checks regularly calls `report()`
at each check: the alert opens when the cause has lasted long enough.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import Alert, AlertMail, PendingAlert

logger = logging.getLogger(__name__)

SENDING_PAGE = "/settings/sending/"
AT_ONCE = timedelta(0)


@dataclass(frozen=True)
class AlertText:
    """What an alert says: what happened, what it means for deals, what to do, and on which page of ours.

    `details` are further lines, such as the names of all records concerned.
    """

    happened: str
    meaning: str
    remedy: str
    path: str = SENDING_PAGE
    details: tuple[str, ...] = ()

    def as_columns(self) -> dict[str, str]:
        return {
            "text": self.happened[:500],
            "meaning": self.meaning[:500],
            "remedy": self.remedy[:500],
            "path": self.path[:300],
            "details": "\n".join(self.details),
        }


def open_alert(cause: str, text: AlertText, *, clock: Clock) -> bool:
    """Open the alert `cause`, or update the text of the open one. True when it was opened."""
    columns = text.as_columns()
    with transaction.atomic():
        alert, is_new = Alert.objects.get_or_create(
            cause=cause, closed_at=None, defaults={**columns, "opened_at": clock.now()}
        )
        PendingAlert.objects.filter(pk=cause).delete()
        if is_new:
            _tell(alert, AlertMail.OPENED, clock)
        elif any(getattr(alert, name) != value for name, value in columns.items()):
            Alert.objects.filter(pk=alert.pk, closed_at=None).update(**columns)
    return is_new


def close_alert(*causes: str, clock: Clock) -> bool:
    """Close the alerts of `causes`. False when none was open."""
    closed = False
    for alert in Alert.objects.filter(cause__in=causes, closed_at=None):
        with transaction.atomic():
            alert.closed_at = clock.now()
            if Alert.objects.filter(pk=alert.pk, closed_at=None).update(closed_at=alert.closed_at):
                _tell(alert, AlertMail.CLOSED, clock)
                closed = True
    return closed


def report(cause: str, text: AlertText | None, *, clock: Clock, after: timedelta = AT_ONCE) -> None:
    """Report whether `cause` exists now: `text` if it does, None if it does not.

    The alert opens once the cause was reported without a break for `after`, so that a short problem opens no
    alert. It closes with the first report that the cause has ended.
    """
    if text is None:
        PendingAlert.objects.filter(pk=cause).delete()
        close_alert(cause, clock=clock)
        return
    is_open = Alert.objects.filter(cause=cause, closed_at=None).exists()
    if is_open or after <= AT_ONCE or clock.now() - _pending_since(cause, clock) >= after:
        open_alert(cause, text, clock=clock)


def begin_anew(cause: str) -> None:
    """It is unknown whether `cause` exists: its threshold starts again, and an open alert stays open."""
    PendingAlert.objects.filter(pk=cause).delete()


def installation() -> str:
    """Which installation this is, as its people know it: the name in SITE_URL."""
    return str(settings.SITE_URL).partition("://")[2]


def _pending_since(cause: str, clock: Clock) -> datetime:
    """Since when `cause` has been reported. A time in the future, from before the clock was set back, counts
    as now.
    """
    now = clock.now()
    pending, _ = PendingAlert.objects.get_or_create(pk=cause, defaults={"since": now})
    if pending.since > now:
        PendingAlert.objects.filter(pk=cause).update(since=now)
    return min(pending.since, now)


def _tell(alert: Alert, event: str, clock: Clock) -> None:
    """Write the mail of `event` with it, and log it once it is committed."""
    if settings.ALERT_EMAILS:
        now = clock.now()
        AlertMail.objects.create(alert=alert, event=event, written_at=now, due_at=now)
    transaction.on_commit(lambda: log_event(alert.cause, event, alert.text))


def log_event(cause: str, event: str, text: str) -> None:
    """Log one line that an alert opened (ERROR) or closed (WARNING)."""
    level = logging.ERROR if event == AlertMail.OPENED else logging.WARNING
    about: dict[str, Any] = {"installation": installation(), "cause": cause, "event": event}
    logger.log(level, "alert %s %s: %s", cause, event, text, extra=about)
