"""Records of Slant that we cannot read: kept for managers, one by one, while they stay unreadable.

One alert names the records and their fields, and closes itself. Raw forms are only in `UnreadableRecord`, for
managers: an alert is mailed, so it names the fields and never their content.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from datetime import datetime
from typing import TypeVar

from django.db.models import Q

from opportunities.clock import Clock
from opportunities.models import Opportunity, UnreadableRecord
from opportunities.models.unreadable import DEALS
from opportunities.runtime import alerts
from opportunities.runtime.alerts import AlertText
from opportunities.slant.pages import RecordPage
from opportunities.slant.record_types import WHOLE_RECORD, SlantRecord
from opportunities.slant.types import OpportunityRecord

Record = TypeVar("Record", bound=SlantRecord)

CAUSE = "unreadable_records"
NAMED_AT_MOST = 20
DEAL = "deal"
# A new record without a readable name is shown under this one.
UNREADABLE_NAME = "(name cannot be read)"
DATA_QUALITY = "/reports/data-quality/"
MEANING = (
    "Everything else in Slant is read as always. A deal keeps what was read of it last, and says so. "
    "A new deal that has no stage or no id we can read is not shown yet."
)
REMEDY = (
    "Look at these records in Slant and correct what is odd there, or ask Slant's support. "
    "The report on data quality shows what Slant sent. This alert closes by itself."
)


@dataclass(frozen=True)
class UnreadableFinding:
    """One record that cannot be read whole. `fields` is the raw form of each such place."""

    key: str
    label: str
    fields: Mapping[str, str]
    name: str = ""
    book_id: str = ""


@dataclass
class Findings:
    """What reading one list found. `kind` is the word for its records."""

    resource: str
    kind: str
    by_key: dict[str, UnreadableFinding] = field(default_factory=dict)

    def add(
        self, record: SlantRecord, *, place: str = "", within: str = "", kind: str = "", book_id: str = ""
    ) -> None:
        """Keep `record` if it cannot be read whole. `place` names it if it has no usable id.

        `within` is the record that holds it, and `kind` the word for it there.
        """
        if not record.unreadable:
            return
        kind = kind or self.kind
        key = f"{within}{record.id or place or 'without a usable id'}"[:420]
        around = f" of {within.split()[0]}" if within else f", {place}"
        named = f"{kind} {record.id}" if record.has_id else f"{kind} without a usable id{around}"
        name = "" if record.cannot_read("name") else str(getattr(record, "name", ""))
        self.by_key[key] = UnreadableFinding(key, named[:300], dict(record.unreadable), name[:500], book_id)

    def add_page(self, page: RecordPage[Record]) -> None:
        """Keep the records of a page that cannot be read, or the page itself."""
        if page.is_broken:
            key = f"page {page.current_page}"
            label = f"page {page.current_page} of the list of {self.resource}"
            self.by_key[key] = UnreadableFinding(key, label, {WHOLE_RECORD: "no list"})
        for record in (*page.items, *page.without_id):
            place = f"page {page.current_page}, record {page.places.get(record.id, 0)}"
            self.add(record, place=place, book_id=book_of(record))


def book_of(record: SlantRecord) -> str:
    """The id of the book that decides who sees `record`; "" if Slant does not say."""
    book_id = getattr(record, "book_id", "") or ""
    return "" if record.cannot_read("book_id") else str(book_id)


def deal_findings(records: Iterable[OpportunityRecord]) -> list[UnreadableFinding]:
    findings = Findings(DEALS, DEAL)
    for record in records:
        findings.add(record, book_id=book_of(record))
    return list(findings.by_key.values())


def keep(resource: str, findings: Sequence[UnreadableFinding], *, now: datetime) -> None:
    """Store `findings`. A record that is stored already keeps the time it was first seen."""
    UnreadableRecord.objects.bulk_create(
        [
            UnreadableRecord(
                resource=resource,
                key=finding.key,
                label=finding.label,
                name=finding.name,
                book_id=finding.book_id,
                fields=dict(finding.fields),
                first_seen_at=now,
                seen_at=now,
            )
            for finding in findings
        ],
        update_conflicts=True,
        unique_fields=["resource", "key"],
        update_fields=["label", "name", "book_id", "fields", "seen_at"],
    )


def replace(findings: Findings, *, now: datetime) -> None:
    """Store what reading the whole list found, and delete what the list no longer shows."""
    stored_rows = UnreadableRecord.objects.filter(resource=findings.resource)
    stored_rows.exclude(key__in=list(findings.by_key)).delete()
    keep(findings.resource, list(findings.by_key.values()), now=now)


def first_seen(keys: Iterable[str]) -> dict[str, datetime]:
    """When each deal that could not be shown on the board was first seen, by key."""
    key_list = list(keys)
    rows = UnreadableRecord.objects.filter(resource=DEALS, key__in=key_list)
    return {} if not key_list else dict(rows.values_list("key", "first_seen_at"))


def forget_deals(keys: Iterable[str]) -> None:
    """Delete the findings of deals that can be read again, or are gone."""
    UnreadableRecord.objects.filter(resource=DEALS, key__in=list(keys)).delete()


def keep_page(page: RecordPage[OpportunityRecord], *, now: datetime) -> None:
    """Store the deals of a page that have no usable id, or the page itself. `writing` stores the others."""
    if page.is_broken or page.without_id:
        findings = Findings(DEALS, DEAL)
        findings.add_page(replace_fields(page, items=()))
        keep(DEALS, list(findings.by_key.values()), now=now)


def forget_unseen_deals(ids_shown: Collection[str], *, began: datetime, now: datetime) -> None:
    """Delete the findings that a complete walk no longer showed: the record was repaired, or is gone.

    A deal on the board is not deleted here: it may be missing for another reason, and is requested by its id.
    """
    # A time in the future was stored before the clock was set back.
    earlier = UnreadableRecord.objects.filter(resource=DEALS).filter(
        Q(seen_at__lt=began) | Q(seen_at__gt=now)
    )
    unseen = [key for key in earlier.values_list("key", flat=True) if key not in ids_shown]
    on_board = Opportunity.objects.filter(pk__in=unseen, gone_at=None).values_list("pk", flat=True)
    forget_deals(set(unseen) - set(on_board))


def report(*, clock: Clock) -> None:
    """Open, update or close the one alert."""
    rows = list(UnreadableRecord.objects.order_by("resource", "first_seen_at", "key")[:NAMED_AT_MOST])
    if not rows:
        alerts.report(CAUSE, None, clock=clock)
        return
    count = UnreadableRecord.objects.count()
    lines = [f"{row.label}: {_places(row.fields)}" for row in rows]
    lines += [f"and {count - len(rows):,} more"] if count > len(rows) else []
    records = "1 record" if count == 1 else f"{count:,} records"
    happened = f"Slant shows something here we cannot read: {records}. {'; '.join(lines)}"
    text = AlertText(happened, MEANING, REMEDY, DATA_QUALITY, tuple(lines))
    alerts.report(CAUSE, text, clock=clock)


def _places(fields: Mapping[str, str]) -> str:
    return ", ".join(place or "the whole record" for place in fields)
