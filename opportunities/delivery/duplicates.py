"""Finding a double that could not be prevented, within the hour (reliability 2.2, "Limits").

Matching by fields is likely, not certain, and a server that writes later than the quiet period and does not
hold keys apart can still make a second record. So once an hour we read the lists of the books in which a
create was confirmed in the last two hours, count the records made since that no submission owns, and raise
one alert for each that equals a confirmed one. It closes by itself when the double is gone, or differs, or
the record we claimed is gone.

**What it costs**: nothing while no create was confirmed; else one call for each hundred deals of each such book, or of
the whole account, once, when Slant's list does not obey `book_id`. A list of more than MOST_PAGES pages is not read
past its first, so that lost answers keep their share of the hour: as when Slant has no list (Slant API 10.2), the list
of each household concerned is read instead, and a deal without a household is not looked for.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction

from opportunities.clock import Clock
from opportunities.delivery import restore_guard
from opportunities.delivery.kinds import Match, kind_of
from opportunities.delivery.scanning import BEFORE_SEND
from opportunities.models import OPEN, Alert, Kind, Lease, Opportunity, State, Submission
from opportunities.runtime import alerts, budget, leases
from opportunities.runtime.budget import BudgetSpent
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.pages import RecordPage, Scan
from opportunities.slant.types import OpportunityRecord
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange

logger = logging.getLogger(__name__)

LEASE = "reconcile"
LEASE_SECONDS = 120
INTERVAL_SECONDS = 3600
RETRY_SECONDS = 600
PAGE_LIMIT = 100
LOOK_BACK = timedelta(hours=2)
CAUSE_PREFIX = "possible_double:"


@dataclass(frozen=True)
class PossibleDuplicate:
    """A record in Slant that equals the one a submission made, and that no submission owns."""

    submission: Submission
    record_id: str

    @property
    def cause(self) -> str:
        """One alert a record. The id is hashed: Slant's may be longer than a cause."""
        return _cause(self.submission, self.record_id)

    @property
    def words(self) -> str:
        mine = self.submission
        return (
            f"Possible duplicate in Slant: {self.record_id} equals {mine.opportunity_id}, which {mine.reference} made. "
            "Compare the two in Slant and delete the one that is not wanted."
        )


@dataclass
class SweepResult:
    """What a sweep found. `unclaimed` are records made in the last two hours that no submission owns.

    `not_listed` are submissions whose lists Slant does not have; `failure` says why the sweep could not be
    finished, or is "": then nothing was decided and no alert was touched.
    """

    books: int = 0
    calls: int = 0
    records: int = 0
    unclaimed: int = 0
    doubles: list[PossibleDuplicate] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    not_listed: int = 0
    failure: str = ""


@dataclass(frozen=True)
class ReadList:
    """A list as it was read: `whole` when every page came and the count never fell."""

    records: dict[str, OpportunityRecord]
    whole: bool
    skew: timedelta


def sweep_due(slant: SlantClient, *, worker: Actor, clock: Clock) -> SweepResult | None:
    """Sweep if an hour has passed and nobody else does. None when it is not due.

    `slant` must take its calls from the checks' share of the budget. The first is an hour after the first
    round; one that could not be finished is tried again after ten minutes.
    """
    now = clock.now()
    row, _ = Lease.objects.get_or_create(
        pk=LEASE, defaults={"until": now + timedelta(seconds=INTERVAL_SECONDS)}
    )
    if row.until and row.until > now:
        return None
    fence = leases.take(LEASE, owner=worker.display, seconds=LEASE_SECONDS, clock=clock)
    if fence is None:
        return None
    swept = sweep(slant, by=worker, clock=clock)
    rest = RETRY_SECONDS if swept.failure else INTERVAL_SECONDS
    leases.renew(LEASE, owner=worker.display, fence=fence, seconds=rest, clock=clock)
    return swept


def sweep(slant: SlantClient, *, by: Actor, clock: Clock) -> SweepResult:
    """Look now. Two at once do no harm: an alert is one row a cause. Audited as `reconcile.ran`, counts only."""
    swept = SweepResult()
    watched = _watched(clock)
    if not watched:
        return swept
    if wrong := restore_guard.reason_not_to_read():  # its lists say nothing about our records
        swept.failure = wrong
        return swept
    reader = _ListReader(slant, clock)
    try:
        seen = [(mine, reader.list_of(mine)) for mine in watched]
        budget.record_success()
    except BudgetSpent as spent:
        swept.failure = f"Our share of calls is used up until {spent.until:%H:%M} UTC."
        return swept
    except errors.SlantError as error:
        budget.record_failure(error, clock=clock)
        logger.warning("the sweep for doubles failed: %s", error.log_line)
        swept.failure = error.message
        return swept
    swept.calls = reader.calls
    swept.books = len({mine.book_id for mine in watched})
    swept.not_listed = sum(found is None for _, found in seen)
    listed = [(mine, found) for mine, found in seen if found is not None]
    _weigh(listed, swept, clock)
    _record_result(listed, swept, by=by, clock=clock)
    return swept


def open_alert_texts() -> list[str]:
    """The words of every open alert of a double, oldest first."""
    found = Alert.objects.filter(closed_at=None, cause__startswith=CAUSE_PREFIX).order_by("opened_at")
    return list(found.values_list("text", flat=True))


def _watched(clock: Clock) -> list[Submission]:
    """Creates confirmed in the last two hours, and those an open alert is about, oldest first."""
    confirmed = Submission.objects.filter(kind=Kind.CREATE, state=State.CONFIRMED)
    recent = confirmed.filter(settled_at__gte=clock.now() - LOOK_BACK)
    return list((recent | confirmed.filter(reference__in=_alerted())).order_by("created_at", "pk"))


def _alerted() -> set[str]:
    causes = Alert.objects.filter(closed_at=None, cause__startswith=CAUSE_PREFIX).values_list(
        "cause", flat=True
    )
    return {cause.split(":")[1] for cause in causes}


def _cause(submission: Submission, record_id: str) -> str:
    return f"{CAUSE_PREFIX}{submission.reference}:{hashlib.sha256(record_id.encode()).hexdigest()[:32]}"


class _TooLong(Exception):
    """A list with more pages than a sweep reads."""


class _ListReader:
    """Reads each list once. One that holds other books' deals too is the whole account, and serves every
    book.
    """

    def __init__(self, slant: SlantClient, clock: Clock) -> None:
        self._slant, self._clock = slant, clock
        self._lists: dict[str, ReadList | None] = {}
        self._everything: ReadList | None = None
        self._no_list = False
        self.calls = 0

    def list_of(self, submission: Submission) -> ReadList | None:
        """The list in which a double of `submission` would be, or None when Slant has none."""
        if self._everything is not None:
            return self._everything
        if not self._no_list:
            try:
                return self._of_book(submission.book_id)
            except (errors.SlantNotFound, _TooLong):
                self._no_list = True
        return self._of_household(submission.household_id)

    def _of_book(self, book_id: str) -> ReadList | None:
        if book_id not in self._lists:
            try:
                seen = self._read(self._slant.opportunity_pages(book_id=book_id))
            except errors.SlantNotFound:
                raise
            except errors.SlantRejected:  # the filter is refused (Slant API 10.2)
                seen = self._everything = self._read(self._slant.opportunity_pages())
            if any(record.book_id != book_id for record in seen.records.values()):
                self._everything = seen
            self._lists[book_id] = seen
        return self._lists[book_id]

    def _of_household(self, household_id: str) -> ReadList | None:
        name = f"household {household_id}"
        if household_id and name not in self._lists:
            try:
                self._lists[name] = self._read(self._slant.household_opportunity_pages(household_id))
            except (errors.SlantNotFound, _TooLong):
                self._lists[name] = None
        return self._lists.get(name)

    def _read(self, pages: Iterable[RecordPage[OpportunityRecord]]) -> ReadList:
        scan, skew = Scan[OpportunityRecord](), timedelta(0)
        for page in self._counted(pages):
            scan.add(page)
            if page.server_date:
                skew = max(skew, abs(page.server_date - self._clock.now()))
        return ReadList({record.id: record for record in scan}, scan.complete, skew)

    def _counted(
        self, pages: Iterable[RecordPage[OpportunityRecord]]
    ) -> Iterator[RecordPage[OpportunityRecord]]:
        for page in pages:
            self.calls += 1
            if (page.total_pages or 0) > PAGE_LIMIT:
                raise _TooLong
            yield page


def _weigh(seen: list[tuple[Submission, ReadList]], swept: SweepResult, clock: Clock) -> None:
    """Count what nobody owns, and find what equals a claimed record. Changes nothing."""
    records = {id: record for _, found in seen for id, record in found.records.items()}
    owned = _owned(records)
    books = {mine.book_id for mine, _ in seen}
    since = clock.now() - LOOK_BACK - max((found.skew for _, found in seen), default=timedelta(0))
    recent = [
        record
        for record in records.values()
        if record.book_id in books and record.created_at is not None and record.created_at >= since
    ]
    swept.records = len(records)
    swept.unclaimed = sum(record.id not in owned for record in recent)
    expected = _expected()
    taken: set[str] = set()
    for mine, found in seen:
        for record in found.records.values():
            if record.id in owned or record.id in taken or not _equals(record, mine, found):
                continue
            if not any(kind_of(other).matches(record, other) is Match.EXACT for other in expected):
                taken.add(record.id)
                swept.doubles.append(PossibleDuplicate(mine, record.id))


def _owned(records: Iterable[str]) -> set[str]:
    mine = Submission.objects.filter(kind=Kind.CREATE, opportunity_id__in=list(records))
    return set(mine.values_list("opportunity_id", flat=True))


def _expected() -> list[Submission]:
    """Creates that were sent and are not settled: what equals one of these is about to be claimed, or in
    review.
    """
    sent = Submission.objects.filter(kind=Kind.CREATE, state__in=OPEN, opportunity_id="")
    return list(sent.exclude(first_sent_at=None))


def _equals(record: OpportunityRecord, mine: Submission, found: ReadList) -> bool:
    """Whether `record` equals what `mine` sent and was made since (reliability 2.2 (2)), beside the claimed
    one.
    """
    if found.whole and mine.opportunity_id not in found.records:
        return False
    # The name first: it is cheap to compare, and a list may hold ten thousand.
    if (
        record.name.strip()[:500] != mine.name.strip()
        or kind_of(mine).matches(record, mine) is not Match.EXACT
    ):
        return False
    sent = mine.first_sent_at or mine.created_at
    if record.created_at is not None:
        return record.created_at >= sent - BEFORE_SEND - found.skew
    return not Opportunity.objects.filter(pk=record.id, first_seen_at__lt=sent).exists()


def _ended(seen: list[tuple[Submission, ReadList]], doubles: list[PossibleDuplicate]) -> set[str]:
    """Causes of open alerts that hold no longer: the record is there and differs, or is gone from a whole
    list.
    """
    standing = {double.cause for double in doubles}
    causes = Alert.objects.filter(closed_at=None, cause__startswith=CAUSE_PREFIX).values_list(
        "cause", flat=True
    )
    ended = set()
    for cause in set(causes) - standing:
        for mine, found in seen:
            if cause.startswith(f"{CAUSE_PREFIX}{mine.reference}:") and (
                found.whole or cause in {_cause(mine, id) for id in found.records}
            ):
                ended.add(cause)
    return ended


def _record_result(
    seen: list[tuple[Submission, ReadList]], swept: SweepResult, *, by: Actor, clock: Clock
) -> None:
    """Alerts and the event of the trail, in one transaction."""
    with transaction.atomic():
        for cause in _ended(seen, swept.doubles):
            swept.closed += alerts.close_alert(cause, clock=clock)
        for double in swept.doubles:
            swept.opened += alerts.open_alert(double.cause, double.words, clock=clock)
        counts = {
            "books": swept.books,
            "calls": swept.calls,
            "records": swept.records,
            "unclaimed": swept.unclaimed,
            "doubles": len(swept.doubles),
            "opened": swept.opened,
            "closed": swept.closed,
            "not_listed": swept.not_listed,
        }
        audit.record(
            clock=clock,
            by=by,
            action="reconcile.ran",
            object_type="reconcile",
            change=AuditChange(after=counts),
        )
