"""The trail: append-only, chained, written by `trail.audit.record()` alone (docs/audit.md)."""

import uuid

from django.db import models


class ActorType(models.TextChoices):
    USER = "user"
    WORKER = "worker"
    OPERATOR = "operator"
    SYSTEM = "system"


class AuditEvent(models.Model):
    """One event: when, who, from where, what, with what result. It holds no floats.

    `hash` = SHA-256(0x00 || canonical JSON of every other field, `prev_hash` and `seq` included); see
    trail/audit.py. Who and what are copied as values, so that an event survives a removed person or a renamed
    stage. `mac` is over `hash` and so outside of it; see trail/event_macs.py. Older events have none.
    """

    seq = models.BigIntegerField(primary_key=True)
    event_id = models.UUIDField(default=uuid.uuid4, unique=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_index=True)
    actor_type = models.CharField(max_length=10, choices=ActorType.choices)
    actor_iss = models.CharField(max_length=255, blank=True)
    actor_sub = models.CharField(max_length=255, blank=True)
    actor_display = models.CharField(max_length=320, blank=True)
    actor_roles = models.JSONField(default=list)
    session_ref = models.CharField(max_length=64, blank=True)
    source_ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=200, blank=True)
    object_version = models.CharField(max_length=60, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    outcome = models.CharField(max_length=20, blank=True)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.CharField(max_length=1000, blank=True)
    remote_status = models.IntegerField(null=True, blank=True)
    remote_request_id = models.CharField(max_length=200, blank=True)
    remote_object_id = models.CharField(max_length=200, blank=True)
    key_id = models.CharField(max_length=64, blank=True)
    attempt = models.IntegerField(null=True, blank=True)
    generation = models.IntegerField(null=True, blank=True)
    body_sha256 = models.CharField(max_length=64, blank=True)
    app_version = models.CharField(max_length=40)
    schema_version = models.IntegerField(default=1)
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)
    # NULL in events of older versions.
    mac = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001
    mac_key = models.CharField(max_length=30, null=True, blank=True)  # noqa: DJ001

    class Meta:
        ordering = ["seq"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "seq"], name="audit_object"),
            models.Index(fields=["actor_iss", "actor_sub", "seq"], name="audit_actor"),
            models.Index(fields=["action", "seq"], name="audit_action"),
            models.Index(fields=["outcome", "seq"], name="audit_outcome"),
            models.Index(fields=["actor_type", "seq"], name="audit_actor_type"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.action}"

    @classmethod
    def chained_columns(cls) -> list[str]:
        """The names of the columns that a line of the trail holds: those that are hashed, and the hash."""
        names = [column.attname for column in cls._meta.concrete_fields]
        return [name for name in names if name not in ("mac", "mac_key")]


class ChainHead(models.Model):
    """The one row whose lock orders appends: the chain's last number and hash."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="chain_head_single")]

    def __str__(self) -> str:
        return f"head at {self.seq}"


class ExportSignature(models.Model):
    """The lines that a worker signed for the end of an export from the page; empty until it has signed.

    `started` is the number of the event `audit.export_started`, which says who asked for what.
    """

    started = models.PositiveBigIntegerField(primary_key=True)
    asked_at = models.DateTimeField()
    closing = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"signature of export {self.started}"
