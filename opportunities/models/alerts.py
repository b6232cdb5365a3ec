"""Rows about what managers must know: alerts, those that are about to open, and the mails about them."""

from django.db import models


class Alert(models.Model):
    """Something a manager must know. One row is open for each cause, and closes when the cause ends.

    `text` says what happened, `meaning` what it means for deals, `remedy` what to do, `path` on which page of
    ours. `details` are lines for whoever needs them all, such as the records concerned.
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
    """A mail about an alert: the outbox. Written with what it tells, sent later, as often as it takes.

    `event` is what it tells: that the alert opened, or that it closed. `due_at` is when it is tried next.
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
