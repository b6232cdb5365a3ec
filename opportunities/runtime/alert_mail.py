"""Sends the mails of alerts that are due in the outbox, one after another. Each mail is claimed before it is
sent, so that several processes never send it at the same time.

A mail that the server did not accept is tried again for three days, first after 30 s and finally every 15
min. Call `send_due()` in a thread of its own: a mail server may hang for as long as `LONGEST_SECONDS`.

When a process dies after sending a mail and before recording that, the mail is sent twice. Both have the same
Message-ID, which mail programs show once.
"""

import logging
import threading
from datetime import datetime, timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from opportunities import dates
from opportunities.clock import Clock, due_condition
from opportunities.models import Alert, AlertMail, Instance
from opportunities.runtime.alerts import installation

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30
RETRY_CAP_SECONDS = 15 * 60
GIVE_UP_AFTER = timedelta(days=3)
CLAIM_SECONDS = 5 * 60
LONGEST_SECONDS = 60.0


def send_due(*, clock: Clock) -> int:
    """Send due mails until the mail server fails or none is left. Returns how many were sent."""
    count = 0
    while mail := _claim(clock):
        failure = send(_message(mail.alert, mail.event))
        if failure:
            _postpone(mail, failure, clock)
            break
        AlertMail.objects.filter(pk=mail.pk).update(sent_at=clock.now(), due_at=None, failure="")
        logger.info("alert mail sent: %s %s", mail.alert.cause, mail.event)
        count += 1
    return count


def send_unrecorded(alert: Alert, event: str) -> None:
    """Send a mail about an alert that the database could not store. It is tried once."""
    if settings.ALERT_EMAILS and (failure := send(_message(alert, event))):
        logger.error("alert mail not sent: %s %s: %s", alert.cause, event, failure)


def _claim(clock: Clock) -> AlertMail | None:
    """The oldest mail that is due. The mail that an alert closed is not sent before the mail that it
    opened.
    """
    now = clock.now()
    untold = AlertMail.objects.filter(event=AlertMail.OPENED).exclude(due_at=None)
    longest = timedelta(seconds=RETRY_CAP_SECONDS)
    due = AlertMail.objects.filter(due_condition("due_at", now, longest=longest)).exclude(
        event=AlertMail.CLOSED, alert__in=untold.values("alert")
    )
    for mail in due.select_related("alert")[:1]:
        claimed = AlertMail.objects.filter(pk=mail.pk, due_at=mail.due_at).update(
            due_at=now + timedelta(seconds=CLAIM_SECONDS), attempts=mail.attempts + 1
        )
        mail.attempts += 1
        return mail if claimed else None
    return None


def _postpone(mail: AlertMail, failure: str, clock: Clock) -> None:
    now = clock.now()
    wait = min(RETRY_SECONDS * 2.0 ** min(mail.attempts - 1, 10), RETRY_CAP_SECONDS)
    due_at: datetime | None = now + timedelta(seconds=wait)
    if now - mail.written_at > GIVE_UP_AFTER:
        due_at = None
    AlertMail.objects.filter(pk=mail.pk).update(due_at=due_at, failure=failure[:300])
    then = f"tried again in {wait:.0f} s" if due_at else "given up"
    logger.error(
        "alert mail not sent, %s: %s %s, attempt %d: %s",
        then,
        mail.alert.cause,
        mail.event,
        mail.attempts,
        failure,
    )


def send(message: EmailMessage) -> str:
    """Send `message`. Returns what went wrong, or "". A thread that never ends is left behind.

    The socket's timeout begins anew with each byte, so a server that sends byte by byte could hold a thread
    without end.
    """
    failures = [f"the mail server took more than {LONGEST_SECONDS:.0f} s"]

    def exchange() -> None:
        try:
            message.send()
            failures.clear()
        except Exception as error:
            failures[0] = f"{type(error).__name__}: {error}"

    thread = threading.Thread(target=exchange, name="slantweb-mail", daemon=True)
    thread.start()
    thread.join(LONGEST_SECONDS)
    return failures[0] if failures else ""


def _message(alert: Alert, event: str) -> EmailMessage:
    """What happened, what it means for deals, what to do, where to look, and which installation says so."""
    is_over = event == AlertMail.CLOSED
    headline = f"Over: {alert.text}" if is_over else alert.text
    parts = [_period(alert) + " " + alert.text if is_over else alert.text]
    if not is_over:
        parts += [f"What it means for deals: {alert.meaning}"] if alert.meaning else []
        parts += [f"What to do: {alert.remedy}"] if alert.remedy else []
        parts += [f"Details:\n{alert.details}"] if alert.details else []
    parts += [f"Where to look: {settings.SITE_URL}{alert.path}"] if alert.path else []
    parts.append(
        f"From Slantweb at {settings.SITE_URL} (machine {settings.MACHINE_NAME}), "
        f"since {_local(alert.opened_at)}. Cause: {alert.cause}"
    )
    subject = " ".join(f"[{installation()}] {headline}".split())
    return EmailMessage(
        subject if len(subject) <= 160 else f"{subject[:157]}...",
        "\n\n".join(parts) + "\n",
        settings.ALERT_FROM,
        settings.ALERT_EMAILS,
        headers=_headers(alert, event),
    )


def _headers(alert: Alert, event: str) -> dict[str, str]:
    """Headers that mark the mail as automatic, and make the mail of the closing a reply to that of the
    opening.
    """
    host = parseaddr(settings.ALERT_FROM)[1].partition("@")[2] or "slantweb.invalid"
    name = (
        f"{alert.cause}.{int(alert.opened_at.timestamp())}"
        if alert.pk is None
        else f"{_instance()}.{alert.pk}"
    )
    name = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in name)
    ids = {kind: f"<alert.{name}.{kind}@{host}>" for kind in (AlertMail.OPENED, AlertMail.CLOSED)}
    headers = {"Message-ID": ids[event], "Auto-Submitted": "auto-generated"}
    if event == AlertMail.CLOSED:
        headers |= {"In-Reply-To": ids[AlertMail.OPENED], "References": ids[AlertMail.OPENED]}
    return headers


def _instance() -> str:
    return str(Instance.current().instance_id)[:8]


def _period(alert: Alert) -> str:
    ended = alert.closed_at or alert.opened_at
    minutes = max(1, round((ended - alert.opened_at).total_seconds() / 60))
    return f"This is over since {_local(ended)}, after {minutes} min:"


def _local(moment: datetime) -> str:
    return dates.exact(timezone.localtime(moment))
