"""Looking in Slant for the record of a create whose answer was lost: candidates, and when absence is proven.

The rules are reliability 2.2 (2)-(4). A scan reads a household's list, or the book's; it proves something
only when it was complete: every page read, the count never fell, as many distinct records as were counted. A
household's list proves nothing by itself: whoever gives the record to another household takes it out of
there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opportunities.clock import Clock
from opportunities.delivery.kinds import Match, kind_of
from opportunities.models import Instance, Kind, Opportunity, Submission
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.pages import RecordPage, Scan
from opportunities.slant.types import OpportunityRecord

HOUSEHOLD, BOOK = "household", "book"

BEFORE_SEND = timedelta(minutes=2)
AFTER_SEND = timedelta(minutes=10)
# How far our clock may have been off when it was sent; what it is now says nothing about that.
CLOCK_TOLERANCE = timedelta(hours=3)
JUMP_RELEVANT_FOR = timedelta(hours=24)


class CannotList(Exception):
    """Slant has no list in which this record would have to be (Slant API 10.2)."""


@dataclass(frozen=True)
class ListScan:
    """One finished scan: whose list, what was there, when, whether it proves, how far Slant's clock is from
    ours.
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


def merge_scans(sights: Sequence[ListScan]) -> ListScan:
    """Several scans as one: what any of them showed, as old as the oldest, and a proof only if each of them
    is.
    """
    first, last = sights[0], sights[-1]
    return ListScan(
        of=last.of,
        records=tuple({record.id: record for sight in sights for record in sight.records}.values()),
        began_at=min(sight.began_at for sight in sights),
        ended_at=max(sight.ended_at for sight in sights),
        complete=all(sight.complete for sight in sights),
        pages=sum(sight.pages for sight in sights),
        count_first=first.count_first,
        count_last=last.count_last,
        skew=max(sight.skew for sight in sights),
    )


@dataclass(frozen=True)
class Candidates:
    """Candidates of one submission in a sight, oldest first."""

    exact: tuple[OpportunityRecord, ...]
    near: tuple[OpportunityRecord, ...]


class Scanner:
    """Reads lists at most once a round: one scan serves every open check of that household or book.

    `after_page` is called after each page, with the submission it is read for.
    """

    def __init__(
        self, slant: SlantClient, clock: Clock, after_page: Callable[[Submission], None] = lambda reader: None
    ) -> None:
        self._slant, self._clock, self._after_page = slant, clock, after_page
        self._seen: dict[tuple[str, str], ListScan] = {}
        self._filters_refused = False

    def look(self, submission: Submission) -> ListScan:
        """The sight in which the record of `submission` would be. Raises the client's errors, or
        `CannotList`.
        """
        if submission.household_id:
            try:
                return self._sight(HOUSEHOLD, submission.household_id, submission)
            except errors.SlantNotFound:
                pass  # no such list, or the household is gone: its deals are still in the book's
        return self.look_around(submission)

    def look_around(self, submission: Submission) -> ListScan:
        """The sight in which it is still, when somebody gave it to another household. Raises as `look` does."""
        try:
            return self._sight(BOOK, submission.book_id, submission)
        except errors.SlantNotFound as error:
            raise CannotList("Slant does not list opportunities") from error

    def _sight(self, kind: str, of: str, reader: Submission) -> ListScan:
        if (kind, of) not in self._seen:
            self._seen[kind, of] = self._read(kind, of, reader)
        return self._seen[kind, of]

    def _read(self, kind: str, of: str, reader: Submission) -> ListScan:
        if kind == HOUSEHOLD:
            return self._scan(kind, self._slant.household_opportunity_pages(of), reader)
        if not self._filters_refused:
            try:
                return self._scan(kind, self._slant.opportunity_pages(book_id=of), reader)
            except errors.SlantNotFound:
                raise
            except errors.SlantRejected:
                self._filters_refused = True
        return self._scan(kind, self._slant.opportunity_pages(), reader)

    def _scan(
        self, kind: str, pages: Iterator[RecordPage[OpportunityRecord]], reader: Submission
    ) -> ListScan:
        began, scan, skew = self._clock.now(), Scan[OpportunityRecord](), timedelta(0)
        for page in pages:
            scan.add(page)
            if page.server_date:
                skew = max(skew, abs(page.server_date - self._clock.now()))
            self._after_page(reader)
        return ListScan(
            of=kind,
            records=tuple(scan),
            began_at=began,
            ended_at=self._clock.now(),
            complete=scan.complete,
            pages=scan.pages_read,
            count_first=scan.total_count_first,
            count_last=scan.total_count_last,
            skew=skew,
        )


def find_candidates(
    submission: Submission, sight: ListScan, *, ruled_out: frozenset[str] = frozenset()
) -> Candidates:
    """Records of `sight` that could be the one `submission` made (reliability 2.2 (2)), oldest first.

    Left out: records outside the time window, owned by another submission, in our mirror before the first
    send, or ruled out by a manager. A record without `created_at` cannot be left out by time. One that only a
    wrong clock of ours could explain is not adopted, but it stands in the way of a proof of absence, as a
    near one does.
    """
    first = (submission.first_sent_at or submission.created_at) - BEFORE_SEND - sight.skew
    last = (submission.last_sent_at or submission.created_at) + AFTER_SEND + sight.skew
    possible = [
        record
        for record in sight.records
        if record.id not in ruled_out
        and _was_made_between(record, first - CLOCK_TOLERANCE, last + CLOCK_TOLERANCE)
    ]
    known = _excluded_ids(submission, [record.id for record in possible], sight.began_at)
    possible = [record for record in possible if record.id not in known]
    possible.sort(key=_age_key)
    kind = kind_of(submission)
    like = {record.id: kind.matches(record, submission) for record in possible}
    exact = [r for r in possible if like[r.id] is Match.EXACT and _was_made_between(r, first, last)]
    return Candidates(
        exact=tuple(exact),
        near=tuple(r for r in possible if like[r.id] is not Match.NONE and r not in exact),
    )


def _was_made_between(record: OpportunityRecord, first: datetime, last: datetime) -> bool:
    """Whether it was made then, or does not say when."""
    return record.created_at is None or first <= record.created_at <= last


def _excluded_ids(submission: Submission, ids: list[str], now: datetime) -> set[str]:
    """Of `ids`, those that belong to a submission or that we had before this one was first sent.

    What we had before is told by our clock; if that jumped, records of ours could seem older than their
    sending.
    """
    owned = Submission.objects.filter(kind=Kind.CREATE, opportunity_id__in=ids).exclude(pk=submission.pk)
    known = set(owned.values_list("opportunity_id", flat=True))
    jumped = Instance.current().clock_jumped_at
    if jumped is None or abs(now - jumped) > JUMP_RELEVANT_FOR:
        sent = submission.first_sent_at or submission.created_at
        mirrored = Opportunity.objects.filter(pk__in=ids, first_seen_at__lt=sent)
        known |= set(mirrored.values_list("pk", flat=True))
    return known


def _age_key(record: OpportunityRecord) -> tuple[float, str]:
    """Oldest first; records that do not say when they were made last."""
    return (record.created_at.timestamp() if record.created_at else float("inf"), record.id)
