"""What Slant shows and we cannot read: one row for each record of a list, for managers."""

from django.db import models

# The list of Slant that a row is from, under the name of its `SyncState`.
DEALS = "opportunities"


class UnreadableRecord(models.Model):
    """A record of a list that is not as Slant documents it, for as long as Slant shows it so.

    `key` is Slant's id, or for a record without a usable id a key of ours that stays while the record does.
    `label` is how people find it: by its id, or by its place in the list. `fields` has the raw form of each
    place that cannot be read, and of no other. `book_id` is empty where Slant does not say the book.
    """

    resource = models.CharField(max_length=40)
    key = models.CharField(max_length=420)
    label = models.CharField(max_length=300)
    name = models.CharField(max_length=500, blank=True)
    book_id = models.CharField(max_length=200, blank=True)
    fields = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["resource", "key"]
        constraints = [models.UniqueConstraint(fields=["resource", "key"], name="unreadable_record_once")]

    def __str__(self) -> str:
        return self.label
