"""Scanning: reading Slant's lists for the record of a create whose answer was lost.

The rules are reliability 2.2 (2)-(4). A scan reads a household's list, or the book's. It proves absence only
when it was complete: every page was read, the count never fell, and as many distinct records came as Slant
counted. A household's list alone proves nothing, because somebody may have moved the record to another
household.

An unreadable record is never ignored, because it could be ours. It is a near candidate if its household or
its name may match, even without an id, unless our mirror knew it before the first send.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opportunities.clock import Clock
from opportunities.delivery.kinds import Match, kind_of
from opportunities.models import Instance, Kind, Opportunity, Submission, UnreadableRecord
from opportunities.models.unreadable import DEALS
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.pages import RecordPage, Scan
from opportunities.slant.types import OpportunityRecord

HOUSEHOLD, BOOK = "household", "book"

BEFORE_SEND = timedelta(minutes=2)
AFTER_SEND = timedelta(minutes=10)
# How wrong our clock may have been when the submission was sent; its present error does not show that.
CLOCK_TOLERANCE = timedelta(hours=3)
JUMP_RELEVANT_FOR = timedelta(hours=24)


class CannotList(Exception):
    """Slant has no list in which this record would have to be (Slant API 10.2)."""


@dataclass(frozen=True)
class ListScan:
    """One finished scan: which list, its records, when, and whether it was complete.

    `records` holds those without a usable id too, each under its key; `without_id` counts them. `skew` is how
    far Slant's clock was from ours.
    """

    of: str
    records: tuple[OpportunityRecord, ...]
    began_at: datetime
    ended_at: datetime
    complete: bool
    pages: int
    count_first: int | None
    count_last: int | None
    skew: timedelta
    without_id: int = 0
    broken_pages: int = 0


def merge_scans(scans: Sequence[ListScan]) -> ListScan:
    """Several scans as one: the records of all, the earliest beginning, and complete only if each scan is."""
    first, last = scans[0], scans[-1]
    return ListScan(
        of=last.of,
        records=tuple({record.id: record for scan in scans for record in scan.records}.values()),
        began_at=min(scan.began_at for scan in scans),
        ended_at=max(scan.ended_at for scan in scans),
        complete=all(scan.complete for scan in scans),
        pages=sum(scan.pages for scan in scans),
        count_first=first.count_first,
        count_last=last.count_last,
        skew=max(scan.skew for scan in scans),
        without_id=max(scan.without_id for scan in scans),
        broken_pages=sum(scan.broken_pages for scan in scans),
    )


class Scanner:
    """Reads each list at most once a round: one scan serves every look at that household or book.

    `after_page` is called after each page, with the submission for which the list is read.
    """

    def __init__(
        self,
        slant: SlantClient,
        clock: Clock,
        after_page: Callable[[Submission], None] = lambda submission: None,
    ) -> None:
        self._slant, self._clock, self._after_page = slant, clock, after_page
        self._scans: dict[tuple[str, str], ListScan] = {}
        self._filters_refused = False

    def scan_for(self, submission: Submission) -> ListScan:
        """The list that would hold the record of `submission`. Raises `CannotList` or the client's errors."""
        if submission.household_id:
            try:
                return self._scan_once(HOUSEHOLD, submission.household_id, submission)
            except errors.SlantNotFound:
                pass  # no such list, or the household is gone; the book's list still holds its deals
        return self.scan_book_for(submission)

    def scan_book_for(self, submission: Submission) -> ListScan:
        """The book's list, which holds the record even under another household. Raises as `scan_for` does."""
        try:
            return self._scan_once(BOOK, submission.book_id, submission)
        except errors.SlantNotFound as error:
            raise CannotList("Slant does not list opportunities") from error

    def _scan_once(self, kind: str, id: str, submission: Submission) -> ListScan:
        if (kind, id) not in self._scans:
            self._scans[kind, id] = self._scan(kind, id, submission)
        return self._scans[kind, id]

    def _scan(self, kind: str, id: str, submission: Submission) -> ListScan:
        if kind == HOUSEHOLD:
            return self._read_pages(kind, self._slant.household_opportunity_pages(id), submission)
        if not self._filters_refused:
            try:
                return self._read_pages(kind, self._slant.opportunity_pages(book_id=id), submission)
            except errors.SlantNotFound:
                raise
            except errors.SlantRejected:
                self._filters_refused = True
        return self._read_pages(kind, self._slant.opportunity_pages(), submission)

    def _read_pages(
        self, kind: str, pages: Iterator[RecordPage[OpportunityRecord]], submission: Submission
    ) -> ListScan:
        began, scan, skew = self._clock.now(), Scan[OpportunityRecord](), timedelta(0)
        for page in pages:
            scan.add(page)
            if page.server_date:
                skew = max(skew, abs(page.server_date - self._clock.now()))
            self._after_page(submission)
        return ListScan(
            of=kind,
            records=(*scan, *scan.without_id),
            began_at=began,
            ended_at=self._clock.now(),
            complete=scan.complete,
            pages=scan.pages_read,
            count_first=scan.total_count_first,
            count_last=scan.total_count_last,
            skew=skew,
            without_id=len(scan.without_id),
            broken_pages=len(scan.broken_pages),
        )


@dataclass(frozen=True)
class Candidates:
    """Records in a scan that may be the one a submission made, oldest first."""

    exact: tuple[OpportunityRecord, ...]
    near: tuple[OpportunityRecord, ...]


@dataclass(frozen=True)
class _Period:
    first: datetime
    last: datetime

    def holds(self, record: OpportunityRecord) -> bool:
        """Whether `record` was made in this period, or does not say when."""
        return record.created_at is None or self.first <= record.created_at <= self.last

    def widened(self, by: timedelta) -> "_Period":
        return _Period(self.first - by, self.last + by)


def find_candidates(
    submission: Submission, scan: ListScan, *, ruled_out: frozenset[str] = frozenset()
) -> Candidates:
    """Records of `scan` that may be the one `submission` made (reliability 2.2 (2)), oldest first.

    Left out: records made outside the period of sending, owned by another submission, in our mirror before
    the first send, or ruled out by a manager. A record without `created_at` cannot be left out by time. A
    record that lies in the period only if our clock was wrong is not adopted, but like a near match it
    prevents a proof of absence.
    """
    period = _sending_period(submission, scan)
    possible = _possible_records(submission, scan, period.widened(CLOCK_TOLERANCE), ruled_out)
    kind = kind_of(submission)
    match = {record.id: kind.matches(record, submission) for record in possible}
    exact = [record for record in possible if match[record.id] is Match.EXACT and period.holds(record)]
    near = [record for record in possible if match[record.id] is not Match.NONE and record not in exact]
    return Candidates(exact=tuple(exact), near=tuple(near))


def _sending_period(submission: Submission, scan: ListScan) -> _Period:
    """The period in which Slant may have made the record, by Slant's clock."""
    first = (submission.first_sent_at or submission.created_at) - BEFORE_SEND
    last = (submission.last_sent_at or submission.created_at) + AFTER_SEND
    return _Period(first, last).widened(scan.skew)


def _possible_records(
    submission: Submission, scan: ListScan, period: _Period, ruled_out: frozenset[str]
) -> list[OpportunityRecord]:
    """Records made in `period` that are not known to be others, oldest first; undated ones last."""
    records = [record for record in scan.records if record.id not in ruled_out and period.holds(record)]
    excluded = _excluded_ids(submission, [record.id for record in records], scan.began_at)
    return sorted((record for record in records if record.id not in excluded), key=_age_key)


def _excluded_ids(submission: Submission, ids: list[str], now: datetime) -> set[str]:
    """Of `ids`, those that belong to another submission or that we mirrored before this one was first sent.

    "Before" is decided by our clock. After it jumped, a new record could seem older than its own sending.
    """
    owned = Submission.objects.filter(kind=Kind.CREATE, opportunity_id__in=ids).exclude(pk=submission.pk)
    excluded = set(owned.values_list("opportunity_id", flat=True))
    jumped = Instance.current().clock_jumped_at
    if jumped is None or abs(now - jumped) > JUMP_RELEVANT_FOR:
        sent_at = submission.first_sent_at or submission.created_at
        mirrored = Opportunity.objects.filter(pk__in=ids, first_seen_at__lt=sent_at)
        excluded |= set(mirrored.values_list("pk", flat=True))
        # Deals that cannot be shown on the board are known too, and so are those without a usable id.
        unreadable = UnreadableRecord.objects.filter(resource=DEALS, key__in=ids, first_seen_at__lt=sent_at)
        excluded |= set(unreadable.values_list("key", flat=True))
    return excluded


def _age_key(record: OpportunityRecord) -> tuple[float, str]:
    return (record.created_at.timestamp() if record.created_at else float("inf"), record.id)
