"""The mirror: our copy of what Slant has, filled by background sync and by Slant's answers to our writes.

Pages read only these tables. Ids are Slant's own and opaque (Slant API 1). Foreign keys carry no database
constraint: a page of Slant's list may name a book or a stage that was not read yet, and the mirror must
accept it. `gone_at` marks rows that Slant no longer has. No row is deleted, so old submissions keep their
labels.
"""

from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce


class BookRole(models.TextChoices):
    PRINCIPAL = "principal"
    CONTRIBUTOR = "contributor"
    VIEWER = "viewer"


WRITING_ROLES = (BookRole.PRINCIPAL, BookRole.CONTRIBUTOR)


class Book(models.Model):
    """One advisor's workspace (Slant API 7.2).

    `role` is the token's own; it is empty for a company admin without membership.
    """

    id = models.CharField(max_length=200, primary_key=True)
    name = models.CharField(max_length=500)
    role = models.CharField(max_length=40, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def token_may_write(self) -> bool:
        """A viewer's token only reads; a null role (company admin) is tried (Slant API 10.25)."""
        return self.role != BookRole.VIEWER


class Member(models.Model):
    """A person's place in a book: Slant's `users[]` (Slant API 7.2). E-mail is kept lower-cased."""

    book = models.ForeignKey(Book, on_delete=models.CASCADE, related_name="members")
    user_id = models.CharField(max_length=200, db_index=True)
    email = models.CharField(max_length=320, blank=True, db_index=True)
    first_name = models.CharField(max_length=200, blank=True)
    last_name = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["first_name", "last_name", "user_id"]
        constraints = [models.UniqueConstraint(fields=["book", "user_id"], name="member_book_user")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or self.user_id

    @property
    def may_write(self) -> bool:
        return self.role in WRITING_ROLES


class Pipeline(models.Model):
    """A pipeline of one book, or of the whole company where `book` is null (Slant API 7.3).

    `pipeline_type` is `prospect`, `client` or, for a pipeline without restriction, anything else (Slant API
    10.9). `revision` is `MirrorRevision.pipelines` when it or one of its stages last changed.
    """

    id = models.CharField(max_length=200, primary_key=True)
    name = models.CharField(max_length=500)
    pipeline_type = models.CharField(max_length=40, blank=True)
    book = models.ForeignKey(
        Book,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="pipelines",
    )
    position = models.IntegerField(default=0)
    gone_at = models.DateTimeField(null=True, blank=True)
    revision = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        ordering = ["position", "name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def household_type(self) -> str:
        """`prospect`, `client`, or empty when households of any kind may enter."""
        return self.pipeline_type if self.pipeline_type in ("prospect", "client") else ""


class Stage(models.Model):
    """A stage (Slant API 7.3), sorted by `stage_order`, then by its place in Slant's array (10.21)."""

    id = models.CharField(max_length=200, primary_key=True)
    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.CASCADE, db_constraint=False, related_name="stages"
    )
    name = models.CharField(max_length=500)
    stage_order = models.IntegerField(default=0)
    position = models.IntegerField(default=0)
    visible = models.BooleanField(default=True)
    default_probability = models.IntegerField(null=True, blank=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["stage_order", "position", "id"]

    def __str__(self) -> str:
        return self.name


class Household(models.Model):
    """A household: only these four of the many fields that Slant sends (Slant API 7.10, privacy)."""

    id = models.CharField(max_length=200, primary_key=True)
    name = models.CharField(max_length=500)
    type = models.CharField(max_length=40, blank=True)
    book = models.ForeignKey(
        Book, on_delete=models.DO_NOTHING, db_constraint=False, related_name="households"
    )
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["book", "name"], name="household_book_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        """`prospect`, `client`, or another word of Slant's, in lower case (Slant API 10.28)."""
        return self.type.lower()


class Opportunity(models.Model):
    """A deal as Slant last showed it (Slant API 7.4), in whole US dollars; `probability` is 0-100 or null.

    `unreadable` names the places that we cannot read, separated by commas. Their columns hold the last
    readable values.
    """

    id = models.CharField(max_length=200, primary_key=True)
    name = models.CharField(max_length=500)
    book = models.ForeignKey(
        Book, on_delete=models.DO_NOTHING, db_constraint=False, related_name="opportunities"
    )
    pipeline = models.ForeignKey(
        Pipeline, on_delete=models.DO_NOTHING, db_constraint=False, related_name="opportunities"
    )
    stage = models.ForeignKey(
        Stage, on_delete=models.DO_NOTHING, db_constraint=False, related_name="opportunities"
    )
    household = models.ForeignKey(
        Household,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="opportunities",
    )
    assigned_to_id = models.CharField(max_length=200, blank=True, db_index=True)
    assigned_to_name = models.CharField(max_length=400, blank=True)
    value = models.BigIntegerField(null=True, blank=True)
    probability = models.IntegerField(null=True, blank=True)
    target_close_date = models.DateField(null=True, blank=True)
    custom_fields = models.JSONField(default=dict)
    unreadable = models.CharField(max_length=200, blank=True, default="", db_default="")
    stage_updated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(null=True, blank=True)
    # When we first saw it, and when it was last written. A pass that finds it unchanged does not write it.
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    # The `MirrorRevision` of its last write, which shows the later of two writes even if the clock was set.
    revision = models.BigIntegerField(default=0, db_default=0)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["book", "pipeline", "stage"], name="opportunity_place"),
            models.Index(fields=["household"], name="opportunity_household"),
            # A lane's window: newest in the stage first. Book, owner and value are included, so that skipping
            # the deals of others and summing up recent wins reads no row.
            models.Index(
                F("stage"),
                Coalesce("stage_updated_at", "created_at", "first_seen_at").desc(),
                F("id").desc(),
                F("book"),
                F("assigned_to_id"),
                F("value"),
                condition=models.Q(gone_at=None),
                name="opportunity_window",
            ),
            # The list by value and by close date, in both directions, read from a cursor. Stage, book and
            # owner are included, so that skipping other deals reads no row. On PostgreSQL nulls come last in
            # the first one, too (0009_list_indexes).
            models.Index(
                F("pipeline"),
                F("value").desc(),
                F("id"),
                F("stage"),
                F("book"),
                F("assigned_to_id"),
                condition=models.Q(gone_at=None),
                name="opportunity_by_value",
            ),
            models.Index(
                F("pipeline"),
                F("target_close_date"),
                F("id"),
                F("stage"),
                F("book"),
                F("assigned_to_id"),
                condition=models.Q(gone_at=None),
                name="opportunity_by_close",
            ),
            # Won and lost deals without a date, which are counted separately. They are few, and read from
            # this index alone.
            models.Index(
                fields=["stage", "book", "pipeline", "assigned_to_id", "value", "id"],
                condition=models.Q(gone_at=None, stage_updated_at=None),
                name="opportunity_undated",
            ),
            # All that reports sum up, with the largest deals at its end: sums read no row, and the ten
            # largest deals are found at once. `gone_at` is included for SQLite, which would read the rows
            # otherwise.
            models.Index(
                fields=[
                    "value",
                    "id",
                    "stage",
                    "book",
                    "pipeline",
                    "assigned_to_id",
                    "household",
                    "probability",
                    "target_close_date",
                    "created_at",
                    "stage_updated_at",
                    "first_seen_at",
                    "gone_at",
                ],
                condition=models.Q(gone_at=None),
                name="opportunity_report",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SyncState(models.Model):
    """How current one mirrored resource is: its last complete pass, and why the newest one failed, if it did.

    `cursor` is small and read by pages: the start of the next pass, the cost of the last one, the progress of
    the present one. `walk` is what the present pass needs to continue after a restart. It may be large, so
    pages and probes do not load it (`defer`).
    """

    resource = models.CharField(max_length=40, primary_key=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=200, blank=True)
    cursor = models.JSONField(default=dict)
    walk = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return self.resource


class StageTotal(models.Model):
    """Totals of one owner's deals in one stage of one book. They are kept up to date and never recounted.

    `value` is whole US dollars; `weighted` is the sum of value x probability in hundredths of a dollar, so
    that it stays a whole number. Deals without a value are counted in `count` and `valueless`. `revision` is
    the `MirrorRevision` of the last change here, of a total or of a card's words. Open boards poll for it.
    """

    book_id = models.CharField(max_length=200)
    pipeline_id = models.CharField(max_length=200)
    stage_id = models.CharField(max_length=200)
    assigned_to_id = models.CharField(max_length=200, blank=True)
    count = models.IntegerField(default=0)
    valueless = models.IntegerField(default=0)
    value = models.BigIntegerField(default=0)
    weighted = models.BigIntegerField(default=0)
    revision = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline_id", "stage_id", "book_id", "assigned_to_id"], name="stage_total_place"
            )
        ]
        indexes = [models.Index(fields=["pipeline_id", "revision"], name="stage_total_revision")]

    def __str__(self) -> str:
        return f"{self.stage_id}: {self.count}"


class MirrorRevision(models.Model):
    """The one row that counts changes of mirrored deals. Its lock orders them, so no poll misses one.

    It also shows which of two states of a deal was read later, because no clock is reliable for that.
    `pipelines` counts changes of pipelines and stages: their number, names, order and meanings.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)
    pipelines = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="mirror_revision_single")]

    def __str__(self) -> str:
        return str(self.number)
