"""History: data that Slant does not keep, recorded since our first day (design: mirror, sync and history).

It is the changes of deals, the meanings of stages, the lost reasons, and the targets. Ids are Slant's and
kept as values, so that history survives a removed stage, a colleague who left, or a deal that is gone.
"""

from django.db import models


class Meaning(models.TextChoices):
    """What a stage means for a deal in it. Slant has no field for that (Slant API 8)."""

    OPEN = "open", "Open"
    WON = "won", "Won"
    LOST = "lost", "Lost"
    ARCHIVED = "archived", "Archived"


class OpportunityVersion(models.Model):
    """One observed state of a deal, from `valid_from` until `valid_to` (null: still so).

    `by` names the person whose submission changed it; empty for changes that sync found. `gone` is
    true for the version that begins when a deal left Slant. `stage_since` is Slant's own date of the last
    change of stage, which may be earlier than the first version. `value` is whole US dollars.
    """

    opportunity_id = models.CharField(max_length=200)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)
    name = models.CharField(max_length=500)
    book_id = models.CharField(max_length=200)
    pipeline_id = models.CharField(max_length=200)
    stage_id = models.CharField(max_length=200)
    household_id = models.CharField(max_length=200, blank=True)
    assigned_to_id = models.CharField(max_length=200, blank=True)
    value = models.BigIntegerField(null=True, blank=True)
    probability = models.IntegerField(null=True, blank=True)
    target_close_date = models.DateField(null=True, blank=True)
    stage_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    gone = models.BooleanField(default=False)
    by = models.CharField(max_length=320, blank=True)

    class Meta:
        ordering = ["opportunity_id", "valid_from", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["opportunity_id"], condition=models.Q(valid_to=None), name="version_one_current"
            )
        ]
        indexes = [
            models.Index(fields=["opportunity_id", "valid_from"], name="version_deal"),
            models.Index(fields=["book_id", "valid_from"], name="version_book_from"),
            # Reports compute their sums from the next four indexes alone, because fetching each row would
            # cost many times as much. First: versions that began in a period.
            models.Index(
                fields=[
                    "valid_from",
                    "opportunity_id",
                    "valid_to",
                    "gone",
                    "book_id",
                    "pipeline_id",
                    "stage_id",
                    "assigned_to_id",
                    "value",
                    "probability",
                    "created_at",
                ],
                name="version_from",
            ),
            # The version before each of those, even when a thousand deals changed at one moment.
            models.Index(
                fields=[
                    "opportunity_id",
                    "valid_to",
                    "valid_from",
                    "gone",
                    "book_id",
                    "pipeline_id",
                    "stage_id",
                    "assigned_to_id",
                    "value",
                ],
                name="version_until",
            ),
            # Deals won and lost in a period.
            models.Index(
                fields=[
                    "stage_id",
                    "valid_from",
                    "opportunity_id",
                    "valid_to",
                    "gone",
                    "book_id",
                    "pipeline_id",
                    "assigned_to_id",
                    "value",
                    "created_at",
                    "stage_since",
                ],
                name="version_stage",
            ),
            # The state of all deals at a moment.
            models.Index(
                fields=[
                    "valid_to",
                    "valid_from",
                    "gone",
                    "book_id",
                    "pipeline_id",
                    "stage_id",
                    "assigned_to_id",
                    "value",
                    "probability",
                ],
                name="version_at",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opportunity_id} from {self.valid_from:%Y-%m-%d %H:%M}"


class StageMeaning(models.Model):
    """What a stage means, and after how many days in it a deal is stale. One row a stage, written by sync.

    Suggested from name and probability until a manager sets it (`set_by` names them). With `stale_after_days`
    null the setting STALE_AFTER_DAYS applies.
    """

    stage_id = models.CharField(max_length=200, primary_key=True)
    meaning = models.CharField(max_length=10, choices=Meaning.choices, default=Meaning.OPEN)
    stale_after_days = models.PositiveIntegerField(null=True, blank=True)
    set_by = models.CharField(max_length=320, blank=True)
    set_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["meaning"], name="stage_meaning")]

    def __str__(self) -> str:
        return f"{self.stage_id}: {self.meaning}"


class LostReason(models.Model):
    """Why a deal was moved to a lost stage, in the words of the person who moved it."""

    opportunity_id = models.CharField(max_length=200, db_index=True)
    stage_id = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    by = models.CharField(max_length=320)
    submission_id = models.UUIDField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.reason


class Target(models.Model):
    """The target of one owner for one fiscal quarter, in whole US dollars. `quarter` is its first day."""

    member_id = models.CharField(max_length=200)
    quarter = models.DateField()
    amount = models.BigIntegerField()
    set_by = models.CharField(max_length=320)
    set_at = models.DateTimeField()

    class Meta:
        ordering = ["quarter", "member_id"]
        constraints = [models.UniqueConstraint(fields=["member_id", "quarter"], name="target_owner_quarter")]

    def __str__(self) -> str:
        return f"{self.member_id} {self.quarter}"
