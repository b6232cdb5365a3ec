"""Rows by which processes coordinate: leases, the call budget, holds, and this database's identity."""

import uuid

from django.db import models


class Lease(models.Model):
    """A named right to do something alone until `until`; `fence` grows each time it is taken.

    `seconds` is its length: a lease that ends further ahead was given before the clock was set back.
    """

    name = models.CharField(max_length=60, primary_key=True)
    owner = models.CharField(max_length=100, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    until = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0, db_default=0)

    def __str__(self) -> str:
        return self.name


class Budget(models.Model):
    """Calls to Slant by minute over the last hour, `{"<minute since the epoch>": calls}`: one row for all.

    `minutes` counts every call, `sync_minutes` those of background sync among them. The rest is the breaker
    (`runtime.breaker`):

    failures       exchanges in a row without an answer
    busy_until     until when Slant asked for a pause; `busy_in_a_row` counts its 429s in a row
    opened_at      since when only probes are sent; None while the breaker is closed
    probe_at       when the next probe is due; its column has the name it had in earlier versions
    probes         probes without an answer, which decide the length of the next wait
    released_at    when the breaker last closed
    answered_at    when Slant last answered after exchanges without an answer
    last_error     how the last failed exchange ended
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    minutes = models.JSONField(default=dict)
    sync_minutes = models.JSONField(default=dict)
    busy_until = models.DateTimeField(null=True, blank=True)
    busy_in_a_row = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    probe_at = models.DateTimeField(null=True, blank=True, db_column="reads_rest_until")
    opened_at = models.DateTimeField(null=True, blank=True)
    probes = models.PositiveIntegerField(default=0)
    released_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="budget_single")]

    def __str__(self) -> str:
        return "call budget"


class Hold(models.Model):
    """A reason why nothing is sent. Sending goes on when no row is left; each cause lifts its own."""

    code = models.CharField(max_length=60, primary_key=True)
    reason = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=320, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return self.code


class Instance(models.Model):
    """Who this database is, which Slant it belongs to, and what `/me` last said of our token."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    instance_id = models.UUIDField(default=uuid.uuid4)
    slant_base_url = models.CharField(max_length=300, blank=True)
    slant_user_id = models.CharField(max_length=200, blank=True)
    can_write = models.BooleanField(null=True, blank=True)
    me_checked_at = models.DateTimeField(null=True, blank=True)
    ever_could_write = models.BooleanField(default=False)
    clock_jumped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="instance_single")]

    def __str__(self) -> str:
        return str(self.instance_id)

    @classmethod
    def current(cls) -> "Instance":
        """The one row there is. A migration makes it."""
        return cls.objects.get(pk=1)


class Heartbeat(models.Model):
    """When each worker last began a round, by the wall clock and by its monotonic clock in seconds.

    `completed_at` is when a round last came to its end without an error. `failures` counts the failed rounds
    since then, the first of them at `failing_since` and the last with `failure`.
    """

    worker = models.CharField(max_length=100, primary_key=True)
    at = models.DateTimeField()
    monotonic = models.FloatField(default=0)
    completed_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, db_default=0)
    failure = models.CharField(max_length=200, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return self.worker
