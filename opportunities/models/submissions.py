"""Submissions: what people asked for, and every exchange with Slant about it."""

import uuid

from django.db import models
from django.db.models import Q

from .people import Person


class Kind(models.TextChoices):
    CREATE = "create"
    EDIT = "edit"
    MOVE = "move"

    @property
    def makes_record(self) -> bool:
        """Whether it creates a record in Slant instead of changing one."""
        return self is Kind.CREATE

    def path(self, opportunity_id: str = "") -> str:
        """The address it is sent to, below the API's base URL (Slant API 7.5 and 7.7)."""
        return "/opportunities" if self.makes_record else f"/opportunities/{opportunity_id}"


class State(models.TextChoices):
    """The seven of the life of a submission (docs/architecture.md). The last three are final."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    REVIEW = "review"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


FINAL = (State.CONFIRMED, State.REJECTED, State.WITHDRAWN)
OPEN = (State.QUEUED, State.SENDING, State.UNKNOWN, State.REVIEW)


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def of(self, person: Person) -> "SubmissionQuerySet":
        return self.filter(person=person)

    def open(self) -> "SubmissionQuerySet":
        return self.filter(state__in=OPEN)


class Submission(models.Model):
    """One thing a person asked for. `body` is frozen when saved: the exact bytes (UTF-8) of every send.

    Who asked is copied as values beside the foreign key, so that the record outlives a removed person.
    `labels` are the words the person saw (book, household, pipeline, stage, owner), for the same reason.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="submissions")
    by_iss = models.CharField(max_length=255)
    by_sub = models.CharField(max_length=255)
    by_display = models.CharField(max_length=320)

    method = models.CharField(max_length=6)
    path = models.CharField(max_length=300)
    body = models.TextField()
    body_sha256 = models.CharField(max_length=64)
    book_id = models.CharField(max_length=200)
    household_id = models.CharField(max_length=200, blank=True)
    opportunity_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=500)
    value = models.BigIntegerField(null=True, blank=True)
    seen = models.JSONField(default=dict)
    labels = models.JSONField(default=dict)
    form_token = models.CharField(max_length=64)
    row = models.PositiveIntegerField(default=0)
    supersedes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )
    duplicate_of = models.CharField(max_length=200, blank=True)

    idempotency_key = models.UUIDField(default=uuid.uuid4, unique=True)
    generation = models.PositiveIntegerField(default=1)
    fence = models.PositiveBigIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    attempts_count = models.PositiveIntegerField(default=0)
    ambiguous_at = models.DateTimeField(null=True, blank=True)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    unknown_since = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveIntegerField(default=0)
    check_state = models.JSONField(default=dict)
    absent_at = models.DateTimeField(null=True, blank=True)
    still_wanted_at = models.DateTimeField(null=True, blank=True)

    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.CharField(max_length=1000, blank=True)
    field_errors = models.JSONField(default=dict)
    remote_status = models.PositiveIntegerField(null=True, blank=True)
    mismatches = models.JSONField(default=list)

    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    told = models.BooleanField(default=True)

    # Not a column: whether this row was made by an earlier request with the same form.
    is_repeat = False

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="submission_kind"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="submission_state"),
            models.UniqueConstraint(fields=["person", "form_token", "row"], name="submission_form_token"),
            models.UniqueConstraint(
                fields=["opportunity_id"],
                condition=Q(kind="create") & ~Q(opportunity_id=""),
                name="submission_one_record",
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | ~Q(opportunity_id=""),
                name="submission_confirmed_has_record",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"], name="submission_due"),
            models.Index(fields=["person", "-created_at"], name="submission_mine"),
            models.Index(fields=["opportunity_id", "created_at"], name="submission_order"),
            models.Index(fields=["household_id", "created_at"], name="submission_household"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.state}"

    @property
    def makes_record(self) -> bool:
        return Kind(self.kind).makes_record

    @property
    def is_final(self) -> bool:
        return self.state in FINAL


class BulkOrder(models.Model):
    """The bulk request a form token is bound to, committed with its first rows. One request a token.

    `digest` is of the deals, where they go and why (actions/bulk.py). What became of each deal is in its
    submission.
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="bulk_orders")
    form_token = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "form_token"], name="bulk_order_form_token"),
        ]

    def __str__(self) -> str:
        return f"bulk order of {self.person_id}"


class Outcome(models.TextChoices):
    """How one exchange ended: the class names of the client's error family (Slant API 3), or `ok`."""

    OK = "ok"
    REJECTED = "rejected"
    FORBIDDEN = "forbidden"
    REFUSED_US = "refused_us"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    ABANDONED = "abandoned"


class Attempt(models.Model):
    """One write exchange, committed before its first byte and finished once (a trigger enforces it)."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField()
    idempotency_key = models.UUIDField()
    generation = models.PositiveIntegerField()
    method = models.CharField(max_length=6)
    path = models.CharField(max_length=300)
    body_sha256 = models.CharField(max_length=64)
    fence = models.PositiveBigIntegerField()
    worker = models.CharField(max_length=100)
    started_at = models.DateTimeField()
    lease_until = models.DateTimeField()

    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True)
    status = models.PositiveIntegerField(null=True, blank=True)
    code = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=1000, blank=True)
    field_errors = models.JSONField(default=dict)
    bytes_sent = models.BooleanField(null=True, blank=True)
    remote_request_id = models.CharField(max_length=200, blank=True)
    remote_date = models.DateTimeField(null=True, blank=True)
    record_id = models.CharField(max_length=200, blank=True)
    answer = models.JSONField(default=dict)
    elapsed_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["submission", "number"], name="attempt_number"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.submission_id}"
