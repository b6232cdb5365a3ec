"""How often a person did something: one count for each time window, shared by all processes."""

from django.db import models


class LimitCount(models.Model):
    """`times` a thing was done in one window of time. `key` is a keyed hash, so a row names nobody."""

    key = models.CharField(max_length=64, primary_key=True)
    times = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.times} until {self.ends_at}"
