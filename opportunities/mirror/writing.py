"""Writing Slant's records into the mirror. The only code that changes a mirrored deal.

One transaction under one lock writes the row, its version, the totals of the stages that it left and entered,
and the revision by which open boards know what to fetch.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import transaction

from opportunities.clock import Clock
from opportunities.mirror import totals, unreadable, versions
from opportunities.mirror.unreadable import UNREADABLE_NAME
from opportunities.mirror.versions import Observed, observe
from opportunities.models import Opportunity
from opportunities.models.unreadable import DEALS
from opportunities.slant import types

BATCH = 500
# They place a deal on the board. A new deal without them cannot be shown.
PLACES = ("book_id", "pipeline.id", "pipeline_stage.id")
CHANGING = tuple(
    column.attname
    for column in Opportunity._meta.concrete_fields
    if column.attname not in ("id", "first_seen_at")
)
# The columns that a read may change. The time of the read is not among them.
_read_values = attrgetter(*(name for name in CHANGING if name not in ("seen_at", "revision")))


def apply(record: types.OpportunityRecord, *, clock: Clock, by: str = "") -> None:
    """Write the record in Slant's answer to a write of ours. `by` is the display name of the person who asked
    for it.
    """
    write([record], now=clock.now(), by=by)


def write(
    records: Iterable[types.OpportunityRecord],
    *,
    now: datetime,
    by: str = "",
    asked_at: int | None = None,
) -> int:
    """Write `records` as Slant showed them, unless the mirrored deal is newer. Returns how many changed.

    A deal is newer by a later `updated_at` of Slant's. Where both are equal, or one is missing, it is newer
    if it was written since the mirror's revision `asked_at`, read before the call that brought these records.
    Our clock is not used, because it may have been set back meanwhile.
    """
    distinct = list({record.id: record for record in records}.values())
    batches = [distinct[start : start + BATCH] for start in range(0, len(distinct), BATCH)]
    return sum(_write(batch, now, by, asked_at) for batch in batches)


def mark_gone(ids: Sequence[str], *, now: datetime) -> None:
    """Mark deals that Slant no longer has. The rows stay, with their history."""
    with transaction.atomic():
        revision = totals.lock()
        changes = _Changes(now)
        for row in Opportunity.objects.filter(pk__in=ids, gone_at=None):
            before = _Before(row)
            row.gone_at = now
            changes.note(before, row)
        changes.save("", revision)
        unreadable.forget_deals(ids)


def _write(records: Sequence[types.OpportunityRecord], now: datetime, by: str, asked_at: int | None) -> int:
    with transaction.atomic():
        revision = totals.lock()
        held = Opportunity.objects.in_bulk([record.id for record in records])
        changes = _Changes(now)
        newer = [
            record
            for record in records
            if (row := held.get(record.id)) is None or not _is_older(record, row, asked_at)
        ]
        first_seen = _keep_unreadable(newer, held, now)
        for record in newer:
            row = held.get(record.id)
            if row is None and any(record.cannot_read(place) for place in PLACES):
                continue
            before = _Before(row)
            row = row or Opportunity(pk=record.id, first_seen_at=first_seen.get(record.id, now))
            changes.note(before, _filled(row, record, now))
        return changes.save(by, revision)


def _keep_unreadable(
    records: Sequence[types.OpportunityRecord], held: Mapping[str, Opportunity], now: datetime
) -> dict[str, datetime]:
    """Store which of `records` cannot be read, and delete the findings of those that can be read again.

    Returns when new deals were first seen, if an earlier read could not show them on the board.
    """
    first_seen = unreadable.first_seen(record.id for record in records if record.id not in held)
    marked = {pk for pk, row in held.items() if row.unreadable} | first_seen.keys()
    odd = [record for record in records if record.unreadable]
    readable = marked & {record.id for record in records} - {record.id for record in odd}
    if readable:
        unreadable.forget_deals(readable)
    if odd:
        unreadable.keep(DEALS, unreadable.deal_findings(odd), now=now)
    return first_seen


class _Before:
    """A row before the change. `observation` is None for a deal that is new."""

    def __init__(self, row: Opportunity | None) -> None:
        self.observation = observe(row) if row else None
        self.seen_at = row.seen_at if row else None
        self.values = _values(row) if row else ()


class _Changes:
    """The rows of one transaction that differ from before."""

    def __init__(self, now: datetime) -> None:
        self._at = now
        self._rows: list[Opportunity] = []
        self._moves: list[tuple[str, Observed | None, Observed]] = []

    def note(self, before: _Before, row: Opportunity) -> None:
        if before.observation is not None and before.values == _values(row):
            return
        # After the clock was set back, a version must not begin before the one it ends.
        self._at = max(self._at, before.seen_at or self._at)
        self._rows.append(row)
        self._moves.append((row.pk, before.observation, observe(row)))

    def save(self, by: str, revision: Any) -> int:
        if not self._rows:
            return 0
        revision.number += 1
        for row in self._rows:
            row.seen_at, row.revision = self._at, revision.number
        Opportunity.objects.bulk_create(
            self._rows, update_conflicts=True, unique_fields=["id"], update_fields=CHANGING
        )
        versions.write(
            {pk: after for pk, before, after in self._moves if before != after}, at=self._at, by=by
        )
        totals.write(self._deltas(), revision)
        revision.save(update_fields=["number"])
        return len(self._rows)

    def _deltas(self) -> totals.Deltas:
        states = [state for _, before, after in self._moves for state in (before, after) if state]
        needed = {state.stage_id for state in states if state.value and state.probability is None}
        deltas = totals.Deltas(totals.default_probabilities(needed) if needed else {})
        for _, before, after in self._moves:
            if before:
                deltas.leave(before)
            deltas.enter(after)
        return deltas


def _is_older(record: types.OpportunityRecord, row: Opportunity, asked_at: int | None) -> bool:
    if row.updated_at is None or record.updated_at is None or row.updated_at == record.updated_at:
        return asked_at is not None and row.revision > asked_at
    return row.updated_at > record.updated_at


def _values(row: Opportunity) -> tuple[Any, ...]:
    values: tuple[Any, ...] = _read_values(row)
    return values


def _filled(row: Opportunity, record: types.OpportunityRecord, now: datetime) -> Opportunity:
    """`row` with the readable fields of `record`. The other fields keep their last readable values."""
    columns_of = _columns_of(record)
    if (
        record.cannot_read("assigned_to")
        and columns_of["assigned_to.id"]["assigned_to_id"] == row.assigned_to_id
    ):
        columns_of["assigned_to.id"]["assigned_to_name"] = row.assigned_to_name
    is_odd = bool(record.unreadable)
    for place, columns in columns_of.items():
        if not (is_odd and record.cannot_read(place)):
            for column, value in columns.items():
                setattr(row, column, value)
    row.name = row.name or (UNREADABLE_NAME if record.cannot_read("name") else "")
    row.unreadable = ",".join(place or "record" for place in record.unreadable)[:200]
    row.seen_at, row.gone_at = now, None
    return row


def _columns_of(record: types.OpportunityRecord) -> dict[str, dict[str, Any]]:
    """The columns of a deal by the place in Slant's record that fills them."""
    owner = record.assigned_to
    return {
        "name": {"name": record.name[:500]},
        "book_id": {"book_id": record.book_id},
        "pipeline.id": {"pipeline_id": record.pipeline.id},
        "pipeline_stage.id": {"stage_id": record.pipeline_stage.id},
        "household_id": {"household_id": record.household_id},
        "assigned_to.id": {
            "assigned_to_id": (owner.id or "") if owner else "",
            "assigned_to_name": _full_name(owner) if owner else "",
        },
        "value": {"value": record.value},
        "probability": {"probability": record.probability},
        "target_close_date": {"target_close_date": record.close_day},
        "custom_fields": {"custom_fields": record.custom_fields},
        "stage_updated_at": {"stage_updated_at": record.stage_updated_at},
        "created_at": {"created_at": record.created_at},
        "updated_at": {"updated_at": record.updated_at},
    }


def _full_name(person: types.Assignee) -> str:
    return (f"{person.first_name} {person.last_name}".strip() or person.email)[:400]
