"""Possible duplicates in Slant: a second record that could not be prevented is found within the hour.

Matching by fields is not certain. A server that writes after the quiet period and does not distinguish keys
can still make a second record (reliability 2.2, "Limits"). So once an hour we read the lists of the books in
which a create was confirmed in the last two hours, and count the records made since that no submission owns.
One alert is opened for each that equals a confirmed one. It closes by itself when the second record is gone
or differs, or when the record we own is gone.

**What it costs.** No calls while no create was confirmed. Otherwise one call for each hundred deals of each
such book; when Slant's list ignores `book_id`, once for each hundred deals of the whole account. Of a list of
more than PAGE_LIMIT pages only the first is read, so that lost answers keep their share of the hour. Then, as
when Slant has no list (Slant API 10.2), the list of each household concerned is read instead, and a deal
without a household is not searched for.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from opportunities.clock import Clock
from opportunities.delivery import restore_guard
from opportunities.delivery.kinds import Match, kind_of
from opportunities.delivery.scanning import BEFORE_SEND
from opportunities.models import OPEN, Alert, Kind, Opportunity, State, Submission
from opportunities.runtime import alerts, leases
from opportunities.runtime.alerts import AlertText
from opportunities.runtime.budget import BudgetSpent, SlantAway
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
        return _cause(self.submission, self.record_id)

    @property
    def message(self) -> AlertText:
        submission = self.submission
        return AlertText(
            f"Possible duplicate in Slant: {self.record_id} equals {submission.opportunity_id}, "
            f"which {submission.reference} made. "
            "Compare the two in Slant and delete the one that is not wanted.",
            "Boards and reports may count this deal twice.",
            "This closes by itself once one of the two is deleted or changed in Slant.",
            f"/submissions/{submission.pk}/",
        )


@dataclass
class SweepResult:
    """What a sweep found. `unclaimed` counts records made in the last two hours that no submission owns.

    `not_listed` counts submissions whose lists Slant does not have. `failure` says why the sweep was not
    finished; then nothing was decided and no alert was changed.
    """

    books: int = 0
    calls: int = 0
    records: int = 0
    unclaimed: int = 0
    duplicates: list[PossibleDuplicate] = field(default_factory=list)
    opened: int = 0
    closed: int = 0
    not_listed: int = 0
    failure: str = ""


@dataclass(frozen=True)
class ReadList:
    """A list that was read. `whole`: every page came and the count never fell."""

    records: dict[str, OpportunityRecord]
    whole: bool
    skew: timedelta


Watched = list[tuple[Submission, ReadList]]


def sweep_due(slant: SlantClient, *, worker: Actor, clock: Clock) -> SweepResult | None:
    """Sweep if an hour has passed and no other worker does. None when it is not due.

    `slant` must take its calls from the checks' share of the budget. The first sweep comes an hour after the
    first round. One that could not be finished is tried again after ten minutes.
    """
    if not leases.is_free(LEASE, first_after=timedelta(seconds=INTERVAL_SECONDS), clock=clock):
        return None
    fence = leases.take(LEASE, owner=worker.display, seconds=LEASE_SECONDS, clock=clock)
    if fence is None:
        return None
    swept = sweep(slant, by=worker, clock=clock)
    wait = RETRY_SECONDS if swept.failure else INTERVAL_SECONDS
    leases.renew(LEASE, owner=worker.display, fence=fence, seconds=wait, clock=clock)
    return swept


def sweep(slant: SlantClient, *, by: Actor, clock: Clock) -> SweepResult:
    """Sweep now. Recorded as `reconcile.ran`, with counts only.

    Two sweeps at the same time are safe, because an alert is one row for each cause.
    """
    result = SweepResult()
    submissions = _watched_submissions(clock)
    if not submissions:
        return result
    if wrong := restore_guard.reason_not_to_read():  # another Slant's lists say nothing about our records
        result.failure = wrong
        return result
    reader = _ListReader(slant, clock)
    try:
        lists = [(submission, reader.list_of(submission)) for submission in submissions]
    except SlantAway:
        result.failure = "Slant does not answer. Workers ask until it does."
        return result
    except BudgetSpent as spent:
        result.failure = f"Our share of calls is used up until {spent.until:%H:%M} UTC."
        return result
    except errors.SlantError as error:
        logger.warning("the sweep for doubles failed: %s", error.log_line)
        result.failure = error.message
        return result
    result.calls = reader.calls
    result.books = len({submission.book_id for submission in submissions})
    result.not_listed = sum(read_list is None for _, read_list in lists)
    read_lists = [(submission, read_list) for submission, read_list in lists if read_list is not None]
    _compare(read_lists, result, clock)
    _record_result(read_lists, result, by=by, clock=clock)
    return result


def open_alert_texts() -> list[str]:
    """The text of every open alert of a possible duplicate, oldest first."""
    return list(_open_alerts().order_by("opened_at").values_list("text", flat=True))


def _open_alerts() -> QuerySet[Alert]:
    return Alert.objects.filter(closed_at=None, cause__startswith=CAUSE_PREFIX)


def _open_causes() -> list[str]:
    return list(_open_alerts().values_list("cause", flat=True))


def _cause(submission: Submission, record_id: str) -> str:
    """The cause of the one alert of a record; its id is hashed, as Slant's may be longer than a cause."""
    return f"{CAUSE_PREFIX}{submission.reference}:{hashlib.sha256(record_id.encode()).hexdigest()[:32]}"


def _watched_submissions(clock: Clock) -> list[Submission]:
    """Creates confirmed in the last two hours, and those with an open alert, oldest first."""
    confirmed = Submission.objects.filter(kind=Kind.CREATE, state=State.CONFIRMED)
    recent = confirmed.filter(settled_at__gte=clock.now() - LOOK_BACK)
    alerted = confirmed.filter(reference__in={cause.split(":")[1] for cause in _open_causes()})
    return list((recent | alerted).order_by("created_at", "pk"))


class _ListTooLong(Exception):
    """A list with more pages than a sweep reads."""


class _ListReader:
    """Reads each list once. One that ignores `book_id` is the whole account, and serves every book."""

    def __init__(self, slant: SlantClient, clock: Clock) -> None:
        self._slant, self._clock = slant, clock
        self._lists: dict[str, ReadList | None] = {}
        self._everything: ReadList | None = None
        self._has_no_list = False
        self.calls = 0

    def list_of(self, submission: Submission) -> ReadList | None:
        """The list that would hold a duplicate of `submission`, or None when Slant has no such list."""
        if self._everything is not None:
            return self._everything
        if not self._has_no_list:
            try:
                return self._of_book(submission.book_id)
            except (errors.SlantNotFound, _ListTooLong):
                self._has_no_list = True
        return self._of_household(submission.household_id)

    def _of_book(self, book_id: str) -> ReadList | None:
        if book_id not in self._lists:
            try:
                read_list = self._read(self._slant.opportunity_pages(book_id=book_id))
            except errors.SlantNotFound:
                raise
            except errors.SlantRejected:  # the filter is refused (Slant API 10.2)
                read_list = self._everything = self._read(self._slant.opportunity_pages())
            if any(
                record.book_id != book_id and not record.cannot_read("book_id")
                for record in read_list.records.values()
            ):
                self._everything = read_list
            self._lists[book_id] = read_list
        return self._lists[book_id]

    def _of_household(self, household_id: str) -> ReadList | None:
        name = f"household {household_id}"
        if household_id and name not in self._lists:
            try:
                self._lists[name] = self._read(self._slant.household_opportunity_pages(household_id))
            except (errors.SlantNotFound, _ListTooLong):
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
                raise _ListTooLong
            yield page


def _compare(read_lists: Watched, result: SweepResult, clock: Clock) -> None:
    """Count the records that no submission owns, and find those that equal an owned one. Changes no row."""
    records = {id: record for _, read_list in read_lists for id, record in read_list.records.items()}
    owned = _owned_ids(records)
    result.records = len(records)
    result.unclaimed = sum(record.id not in owned for record in _recent(records.values(), read_lists, clock))
    result.duplicates = list(_possible_duplicates(read_lists, owned))


def _owned_ids(records: Iterable[str]) -> set[str]:
    owned = Submission.objects.filter(kind=Kind.CREATE, opportunity_id__in=list(records))
    return set(owned.values_list("opportunity_id", flat=True))


def _recent(
    records: Iterable[OpportunityRecord], read_lists: Watched, clock: Clock
) -> Iterator[OpportunityRecord]:
    """Records of the watched books that were made in the last two hours."""
    books = {submission.book_id for submission, _ in read_lists}
    since = (
        clock.now() - LOOK_BACK - max((read_list.skew for _, read_list in read_lists), default=timedelta(0))
    )
    for record in records:
        if record.book_id in books and record.created_at is not None and record.created_at >= since:
            yield record


def _possible_duplicates(read_lists: Watched, owned: set[str]) -> Iterator[PossibleDuplicate]:
    """One for each record that equals an owned one, except those that an open submission may soon own."""
    expected = _expected_owners()
    known_ids = set(owned)
    for submission, read_list in read_lists:
        for record in read_list.records.values():
            if record.id in known_ids or not _equals(record, submission, read_list):
                continue
            if not any(kind_of(owner).matches(record, owner) is Match.EXACT for owner in expected):
                known_ids.add(record.id)
                yield PossibleDuplicate(submission, record.id)


def _expected_owners() -> list[Submission]:
    """Creates that were sent and are still open: a record that equals one of them may become its own."""
    creates = Submission.objects.filter(kind=Kind.CREATE, state__in=OPEN, opportunity_id="")
    return list(creates.exclude(first_sent_at=None))


def _equals(record: OpportunityRecord, submission: Submission, read_list: ReadList) -> bool:
    """Whether `record` equals what `submission` sent and was made since, beside the record it owns."""
    if read_list.whole and submission.opportunity_id not in read_list.records:
        return False
    # The name is compared first, because that is cheap and a list may hold ten thousand.
    if record.name.strip()[:500] != submission.name.strip():
        return False
    if kind_of(submission).matches(record, submission) is not Match.EXACT:
        return False
    sent_at = submission.first_sent_at or submission.created_at
    if record.created_at is not None:
        return record.created_at >= sent_at - BEFORE_SEND - read_list.skew
    return not Opportunity.objects.filter(pk=record.id, first_seen_at__lt=sent_at).exists()


def _ended_causes(read_lists: Watched, duplicates: list[PossibleDuplicate]) -> set[str]:
    """Open alerts whose cause has ended: the record differs now, or is gone from a list that was read
    whole.
    """
    standing = {duplicate.cause for duplicate in duplicates}
    ended = set()
    for cause in set(_open_causes()) - standing:
        for submission, read_list in read_lists:
            if cause.startswith(f"{CAUSE_PREFIX}{submission.reference}:") and (
                read_list.whole or cause in {_cause(submission, id) for id in read_list.records}
            ):
                ended.add(cause)
    return ended


def _record_result(read_lists: Watched, result: SweepResult, *, by: Actor, clock: Clock) -> None:
    """Open and close alerts and record the counts, in one transaction."""
    with transaction.atomic():
        for cause in _ended_causes(read_lists, result.duplicates):
            result.closed += alerts.close_alert(cause, clock=clock)
        for duplicate in result.duplicates:
            result.opened += alerts.open_alert(duplicate.cause, duplicate.message, clock=clock)
        counts = {
            "books": result.books,
            "calls": result.calls,
            "records": result.records,
            "unclaimed": result.unclaimed,
            "doubles": len(result.duplicates),
            "opened": result.opened,
            "closed": result.closed,
            "not_listed": result.not_listed,
        }
        audit.record(
            clock=clock,
            by=by,
            action="reconcile.ran",
            object_type="reconcile",
            change=AuditChange(after=counts),
        )
