"""Rows for alerts, for causes whose alert is not open yet, and for the mails about alerts."""

from django.db import models


class Alert(models.Model):
    """A message to managers. One row is open for each cause, and closes when the cause ends.

    `text` says what happened, `meaning` what it means for deals, `remedy` what to do, `path` on which of our
    pages. `details` are further lines, such as all records concerned.
    """

    cause = models.CharField(max_length=120)
    text = models.CharField(max_length=500)
    meaning = models.CharField(max_length=500, blank=True, default="", db_default="")
    remedy = models.CharField(max_length=500, blank=True, default="", db_default="")
    path = models.CharField(max_length=300, blank=True, default="", db_default="")
    details = models.TextField(blank=True, default="", db_default="")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["cause"], condition=models.Q(closed_at__isnull=True), name="alert_one_open"
            )
        ]

    def __str__(self) -> str:
        return self.cause


class PendingAlert(models.Model):
    """A cause that has been reported since `since`, but not yet for long enough to open its alert."""

    cause = models.CharField(max_length=120, primary_key=True)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.cause


class AlertMail(models.Model):
    """A mail about an alert: the outbox. It is committed with the alert, sent later, and retried.

    `event` says whether the alert opened or closed. `due_at` is the time of the next try.
    """

    OPENED, CLOSED = "opened", "closed"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="mails")
    event = models.CharField(max_length=10, choices=[(OPENED, OPENED), (CLOSED, CLOSED)])
    written_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["alert", "event"], name="alert_mail_once")]
        indexes = [models.Index(fields=["due_at"], name="alert_mail_due")]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.event}"
