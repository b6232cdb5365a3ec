"""Alerts: what managers must know. One is open for each cause, and it closes when the cause ends."""

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import Alert

logger = logging.getLogger(__name__)


def open_alert(cause: str, text: str, *, clock: Clock) -> bool:
    """Open the alert `cause` unless it is open already: a row, an ERROR line, and mail to ALERT_EMAILS."""
    with transaction.atomic():
        alert, made = Alert.objects.get_or_create(
            cause=cause, closed_at=None, defaults={"text": text[:500], "opened_at": clock.now()}
        )
        if made:
            transaction.on_commit(lambda: _notify(alert))
    return made


def close_alert(*causes: str, clock: Clock) -> bool:
    """Close the alerts of `causes`. False when none was open."""
    return bool(Alert.objects.filter(cause__in=causes, closed_at=None).update(closed_at=clock.now()))


def _notify(alert: Alert) -> None:
    logger.error("alert %s: %s", alert.cause, alert.text)
    if settings.ALERT_EMAILS:
        send_mail(
            f"Slantweb: {alert.text[:120]}", alert.text, None, settings.ALERT_EMAILS, fail_silently=True
        )
