"""Stored totals by stage, book and owner, adjusted by the difference that each write makes and never
recounted.

Every write into the mirror holds the lock of `MirrorRevision` from its first read. So no two writes start
from the same sum, and a poll that has seen revision n has missed no change up to n.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

from django.db.models import BigIntegerField, Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from opportunities.mirror.versions import Observed
from opportunities.models import MirrorRevision, Opportunity, Pipeline, Stage, StageTotal


class TotalKey(NamedTuple):
    """Deals with the same key are counted together."""

    pipeline_id: str
    stage_id: str
    book_id: str
    assigned_to_id: str


@dataclass
class StageSums:
    """The sums under one key, or the change of these sums. Units as in `StageTotal`."""

    count: int = 0
    valueless: int = 0
    value: int = 0
    weighted: int = 0


Defaults = Mapping[str, int | None]


def lock() -> MirrorRevision:
    """Lock the revision until the end of the transaction."""
    return MirrorRevision.objects.select_for_update().get(pk=1)


def current_revision() -> int:
    """How many changes of mirrored deals there have been."""
    return MirrorRevision.objects.values_list("number", flat=True).get(pk=1)


def default_probabilities(stage_ids: Iterable[str]) -> Defaults:
    """The default probability by stage id; a stage that was not read yet is left out."""
    return dict(Stage.objects.filter(pk__in=set(stage_ids)).values_list("pk", "default_probability"))


class Deltas:
    """Changes of the sums by key, collected deal by deal. A key may be in it without a change of its sums."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults
        self.places: dict[TotalKey, StageSums] = {}

    def leave(self, deal: Observed) -> None:
        self._move(deal, -1)

    def enter(self, deal: Observed) -> None:
        self._move(deal, 1)

    def _move(self, deal: Observed, sign: int) -> None:
        if deal.gone:
            return
        place = TotalKey(deal.pipeline_id, deal.stage_id, deal.book_id, deal.assigned_to_id)
        sums = self.places.setdefault(place, StageSums())
        probability = self._defaults.get(deal.stage_id) if deal.probability is None else deal.probability
        sums.count += sign
        sums.valueless += sign * (deal.value is None)
        sums.value += sign * (deal.value or 0)
        sums.weighted += sign * (deal.value or 0) * (probability or 0)


def write(deltas: Deltas, revision: MirrorRevision) -> None:
    """Apply the changes and set the revision of every key in them. The caller has increased the revision."""
    if not deltas.places:
        return
    held = {
        TotalKey(row.pipeline_id, row.stage_id, row.book_id, row.assigned_to_id): row
        for row in StageTotal.objects.filter(stage_id__in={place.stage_id for place in deltas.places})
    }
    rows = []
    for place, change in deltas.places.items():
        row = held.get(place) or StageTotal(**place._asdict())
        row.count += change.count
        row.valueless += change.valueless
        row.value += change.value
        row.weighted += change.weighted
        row.revision = revision.number
        rows.append(row)
    _save(rows)


def recount(stage_ids: Collection[str], revision: MirrorRevision) -> None:
    """Count the deals of these stages again, because a new default probability changes their weighted
    values.
    """
    if not stage_ids:
        return
    revision.number += 1
    StageTotal.objects.filter(stage_id__in=stage_ids).update(
        count=0, valueless=0, value=0, weighted=0, revision=revision.number
    )
    counts = count_totals(Q(stage_id__in=stage_ids))
    _save(
        [
            StageTotal(**place._asdict(), **asdict(sums), revision=revision.number)
            for place, sums in counts.items()
        ]
    )
    revision.save(update_fields=["number"])


def touch(stage_ids: Collection[str]) -> None:
    """Give these stages the next revision for a change other than of a sum, such as of their meaning."""
    revision = lock()
    revision.number += 1
    StageTotal.objects.filter(stage_id__in=stage_ids).update(revision=revision.number)
    revision.save(update_fields=["number"])
    pipelines = Stage.objects.filter(pk__in=stage_ids).values_list("pipeline_id", flat=True)
    pipelines_changed(revision, set(pipelines))


def pipelines_changed(revision: MirrorRevision, pipeline_ids: Collection[str]) -> None:
    """Make the open boards of these pipelines fetch their columns again, because Slant's stages changed."""
    revision.pipelines += 1
    Pipeline.objects.filter(pk__in=pipeline_ids).update(revision=revision.pipelines)
    revision.save(update_fields=["pipelines"])


def count_totals(condition: Q | None = None) -> dict[TotalKey, StageSums]:
    """The correct totals, counted from the deals; keys without a deal are left out."""
    default = Stage.objects.filter(pk=OuterRef("stage_id")).values("default_probability")
    weight = F("value") * Coalesce("probability", Subquery(default))
    rows = (
        Opportunity.objects.filter(condition or Q(), gone_at=None)
        .order_by()
        .values_list(*TotalKey._fields)
        .annotate(
            how_many=Count("pk"),
            without=Count("pk", filter=Q(value=None)),
            worth=Coalesce(Sum("value"), 0),
            weighed=Coalesce(Sum(weight, output_field=BigIntegerField()), 0),
        )
    )
    return {TotalKey(*row[:4]): StageSums(*row[4:]) for row in rows}


def _save(rows: list[StageTotal]) -> None:
    StageTotal.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=list(TotalKey._fields),
        update_fields=["count", "valueless", "value", "weighted", "revision"],
        batch_size=500,
    )
