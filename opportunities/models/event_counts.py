"""How often something happened since this database exists, for `/metrics`."""

from django.db import models


class EventCount(models.Model):
    """`times` an event `name` happened, with its `outcome` where it has several."""

    name = models.CharField(max_length=40)
    outcome = models.CharField(max_length=40, blank=True)
    times = models.PositiveBigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "outcome"], name="event_count_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.outcome}: {self.times}"
