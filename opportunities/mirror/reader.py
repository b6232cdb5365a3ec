"""Reading Slant's deals, however its list behaves (Slant API 7.9, 10.2): what changed, or everything.

* **Changes** are asked for with `updated_since`, five minutes before the highest `updated_at` we have seen. Whether
  Slant honours that is seen, not assumed: nothing older may come, and the deal that set the mark must come.
* A **walk** reads everything: on the first load, whenever the filter is ignored or refused, and seldom beside the
  changes, because nothing tells of what was deleted. It keeps where it is, and a restart goes on from there.
* Where Slant has no list at all, a walk reads each household's list and each deal no household showed: partial data.

A deal is gone when two walks that each saw as many deals as Slant counted missed it, and Slant says 404 for
its id. A 403 says no more than that our token may not see it: the deal stays.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from opportunities.clock import Clock
from opportunities.mirror import writing
from opportunities.models import Household, Opportunity, SyncState
from opportunities.runtime.budget import BudgetSpent, Meter, Share
from opportunities.slant import errors, types
from opportunities.slant.client import SlantClient
from opportunities.slant.pages import RecordPage

Record = types.OpportunityRecord
Page = RecordPage[types.OpportunityRecord]
Going = Callable[[], bool]

OVERLAP = timedelta(minutes=5)
REFUSED_FOR = timedelta(hours=1)
CHANGES_AT_MOST = 20  # pages; more than that is read as a walk, which can stop and go on
WALK_EVERY = 4  # passes for changes between two walks
SAVE_EVERY = 10  # pages
TRIES = 3  # of a list that shifts while it is read
LOOKS_AT_MOST = 50  # deals a walk asks for by id
SILENT_AT_MOST = 5  # households without a list before we take it that none has one


@dataclass
class Walk:
    """One reading of everything, so far. `beside`: at its leisure, while changes are read as they come.

    `began` is our clock's, `slants_began` Slant's where it tells: no mark is set later than that.
    """

    began: datetime
    slants_began: str = ""
    beside: bool = False
    by_household: bool = False
    page: int = 1
    pages: int | None = None
    after: str = ""
    silent: int = 0
    count: int | None = None
    fell: bool = False
    calls: int = 0
    tries: int = 1
    top: tuple[str, str] = ("", "")
    ids: set[str] = field(default_factory=set)

    @classmethod
    def kept(cls, data: dict[str, Any]) -> "Walk | None":
        if not data:
            return None
        data = data | {"began": datetime.fromisoformat(data["began"]), "ids": set(data["ids"])}
        return cls(**data | {"top": tuple(data["top"])})

    def keep(self) -> dict[str, Any]:
        return vars(self) | {"began": self.began.isoformat(), "ids": sorted(self.ids)}

    def turn(self, page: Page) -> None:
        """Take notice of a page of the list."""
        if page.server_date and not self.calls:
            self.slants_began = page.server_date.isoformat()
        if page.total_count is not None and self.count is not None and page.total_count < self.count:
            self.fell = True
        self.count, self.pages = page.total_count, page.total_pages
        self.page, self.calls = page.current_page + 1, self.calls + 1

    @property
    def proves(self) -> bool:
        """Whether what it did not show is missing."""
        return self.by_household or (not self.fell and self.count is not None and len(self.ids) >= self.count)


class NotLeading(Exception):
    """Another worker took the lease: stop, and write nothing more down."""


class Answered(Enum):
    """What became of asking for changes."""

    WHOLE = auto()
    SHIFTED = auto()
    IGNORED = auto()
    REFUSED = auto()
    DOUBTED = auto()
    TOO_MANY = auto()
    NO_LIST = auto()


class DealReader:
    """One turn at reading deals. `going` says before each call whether to go on, and raises if we lead no
    more.
    """

    def __init__(self, state: SyncState, slant: SlantClient, *, clock: Clock, going: Going) -> None:
        self.state, self.clock, self.going = state, clock, going
        self.cursor = dict(state.cursor)
        self.walk = Walk.kept(state.walk.get("walk", {}))
        self.missing: list[str] = state.walk.get("missing", [])
        self._slant = slant
        # Long readings leave room for what is small and urgent: who may see what, and what changed.
        self._patient = slant.using(before_send=Meter(Share.WALKS, clock))
        self._calls = 0

    def take_turn(self) -> bool:
        """Whether a pass came to its end; False: there is more to read, from where `keep` leaves it."""
        try:
            ended = self._pass()
        except NotLeading:
            raise  # whoever leads now has written down where they are
        except Exception:
            self.keep()
            raise
        self.keep()
        return ended

    def keep(self) -> None:
        self.state.cursor = self.cursor
        self.state.walk = {"walk": self.walk.keep() if self.walk else {}, "missing": self.missing}
        self.state.save(update_fields=["cursor", "walk"])

    def _pass(self) -> bool:
        if self.cursor.get("since") and (self.walk is None or self.walk.beside):
            if self._ask_for_changes():
                self._stroll()
                self.cursor["calls"] = self._calls
                return True
        elif self.walk is None:
            self._set_out()
        return self._walk_on()

    # What changed

    def _ask_for_changes(self) -> bool:
        """True if this pass has all changes; False leaves a walk to be made."""
        answered, first = (Answered.REFUSED, None) if self._was_refused_lately() else self._changes()
        if answered in (Answered.WHOLE, Answered.SHIFTED) and self.cursor.get("partial"):
            answered = Answered.DOUBTED  # the list is back: what it never showed is older than any change
        self.cursor["filter"] = answered.name.lower()
        self.cursor["passes"] = self.cursor.get("passes", 0) + 1
        if answered in (Answered.WHOLE, Answered.SHIFTED):
            return True
        if answered is Answered.NO_LIST:
            self._set_out(by_household=True)
        elif self.walk is not None:
            self.walk.beside = False
        else:
            self._set_out()
            self._begin_with(first)
        return False

    def _begin_with(self, first: Page | None) -> None:
        """The page that came in spite of the filter is the first of everything."""
        if first is not None and self.walk is not None:
            self._take(first)
            self.walk.turn(first)

    def _was_refused_lately(self) -> bool:
        refused_at: str = self.cursor.get("refused_at", "")
        return bool(refused_at) and self.clock.now() < datetime.fromisoformat(refused_at) + REFUSED_FOR

    def _changes(self) -> tuple[Answered, Page | None]:
        """What came of asking; with an ignored filter also the page that came, which is the first of
        everything.
        """
        since = datetime.fromisoformat(self.cursor["since"]) - OVERLAP
        began = slants_began = self.clock.now()
        seen, count = set[str](), None
        top: tuple[str, str] = ("", "")
        try:
            for page in self._each(self._slant.opportunity_pages(updated_since=since)):
                slants_began = page.server_date if page.server_date and not seen else slants_began
                self._calls += 1
                if any(item.updated_at and item.updated_at < _second(since) for item in page.items):
                    return Answered.IGNORED, page if page.current_page == 1 else None
                if (page.total_pages or page.current_page) > CHANGES_AT_MOST:
                    return Answered.TOO_MANY, None
                self._take(page)
                self.going()
                count = page.total_count
                seen |= {item.id for item in page.items}
                top = max(top, _top(page.items))
        except errors.SlantNotFound:
            return Answered.NO_LIST, None
        except errors.SlantRejected:
            self.cursor["refused_at"] = self.clock.now().isoformat()
            return Answered.REFUSED, None
        if self._top_is_missing(seen):
            return Answered.DOUBTED, None
        if count is not None and len(seen) < count:
            return Answered.SHIFTED, None
        self._move_cursor(top, slants_began.isoformat())
        self.cursor["as_of"] = began.isoformat()
        return Answered.WHOLE, None

    def _top_is_missing(self, seen: set[str]) -> bool:
        """Whether the deal that set the mark did not come, although it must: then what came proves nothing."""
        top: str = self.cursor.get("top", "")
        return top not in seen and Opportunity.objects.filter(pk=top, gone_at=None).exists()

    def _move_cursor(self, top: tuple[str, str], began: str) -> None:
        """To the highest time of Slant's seen, but not past the beginning: what changed meanwhile is still to
        come.
        """
        moment, deal = top
        if moment:
            self.cursor["since"] = min(moment, began)
            self.cursor["top"] = deal

    # Everything

    def _set_out(self, *, by_household: bool = False, tries: int = 1, beside: bool = False) -> None:
        self.walk = Walk(self.clock.now(), by_household=by_household, tries=tries, beside=beside)

    def _stroll(self) -> None:
        """Beside the changes: a page or a few of a walk, so that it takes about an hour of passes."""
        if self.walk is None:
            if self.cursor["passes"] < WALK_EVERY:
                return
            self._set_out(beside=True)
        walk = self.walk
        assert walk is not None  # noqa: S101 - for the type checker; it was there or has just set out
        pages = min(4, max(1, -(-(walk.pages or 1) // 60)))
        before = walk.calls
        with suppress(BudgetSpent):
            self._walk_on(pages)
        self._calls += walk.calls - before

    def _walk_on(self, at_most: int | None = None) -> bool:
        """Go on with the walk until its end, our turn's, or `at_most` pages."""
        walk = self.walk
        if walk is None:
            return True
        try:
            ended = self._by_household(walk) if walk.by_household else self._by_page(walk, at_most)
        except errors.SlantNotFound:
            self.cursor["partial"] = True
            self._set_out(by_household=True)
            return False
        return ended and self._arrive(walk)

    def _by_page(self, walk: Walk, at_most: int | None) -> bool:
        if walk.pages is not None and walk.page > walk.pages:
            return True
        begun = walk.calls
        for page in self._each(self._patient.opportunity_pages(start_page=walk.page)):
            self._take(page)
            walk.turn(page)
            if page.is_last:
                return True
            if (at_most and walk.calls - begun >= at_most) or not self._may_go_on(walk):
                return False
        return True

    def _by_household(self, walk: Walk) -> bool:
        """Each household's list in turn (Slant API 10.2)."""
        households = Household.objects.filter(gone_at=None, pk__gt=walk.after).order_by("pk")
        for household in list(households.values_list("pk", flat=True)):
            if walk.silent >= SILENT_AT_MOST and not walk.ids:
                break
            try:
                for page in self._each(self._patient.household_opportunity_pages(household)):
                    self._take(page)
                    walk.calls += 1
            except errors.SlantNotFound:
                walk.silent += 1
                walk.calls += 1
            walk.after = household
            if not self._may_go_on(walk):
                return False
        for deal in sorted(_known(walk) - walk.ids)[:LOOKS_AT_MOST]:
            if not self._is_gone(deal):
                walk.ids.add(deal)
        return True

    def _may_go_on(self, walk: Walk) -> bool:
        if self.cursor.get("since") is None:
            self.cursor["progress"] = {"read": len(walk.ids), "of": walk.count}
        on = self.going()
        if walk.calls % SAVE_EVERY == 0:
            self.keep()
        return on

    def _arrive(self, walk: Walk) -> bool:
        """The walk is at its end. One that shifted begins again, a few times; what it brought is kept either
        way.
        """
        if not walk.proves and walk.count is not None and not walk.beside and walk.tries < TRIES:
            self._set_out(tries=walk.tries + 1)
            return False
        if walk.proves:
            self._look_for_the_missing(walk)
        if not walk.beside or not self.cursor.get("since"):
            self._move_cursor(walk.top, walk.slants_began or walk.began.isoformat())
            self.cursor["as_of"] = walk.began.isoformat()
        self.cursor.setdefault("since", walk.began.isoformat())
        self.cursor.pop("progress", None)
        self.cursor |= {"calls": max(1, walk.calls), "passes": 0, "partial": walk.by_household}
        self.cursor["deals"] = len(walk.ids)
        self.walk = None
        return True

    def _look_for_the_missing(self, walk: Walk) -> None:
        missing = _known(walk) - walk.ids
        # Those that were not asked about last time first, or as many that stay missing would keep the rest
        # from it.
        last: str = self.cursor.get("asked_last", "")
        suspects = sorted(missing & set(self.missing), key=lambda deal: (deal <= last, deal))[:LOOKS_AT_MOST]
        gone = []
        try:
            for deal in suspects:
                if self._is_gone(deal):
                    gone.append(deal)
                self.cursor["asked_last"] = deal
        except (BudgetSpent, errors.SlantError):
            pass  # asked again after the next walk
        if gone:
            writing.mark_gone(gone, now=self.clock.now())
        self.missing = sorted(missing - set(gone))

    def _is_gone(self, deal: str) -> bool:
        asked = self.clock.now()
        self.going()
        try:
            record = self._patient.opportunity(deal)
        except errors.SlantNotFound:
            return True
        except (errors.SlantForbidden, errors.SlantRefusedUs) as error:
            if error.status != 403:
                raise
            return False  # a token that may only read is told the same by another class (Slant API 3)
        writing.write([record], now=self.clock.now(), asked_at=asked)
        return False

    # Pages

    def _each(self, pages: Iterator[Page]) -> Iterator[Page]:
        """Pages, each remembering in `self._asked` when we asked for it."""
        while True:
            self._asked = self.clock.now()
            page = next(pages, None)
            if page is None:
                return
            yield page

    def _take(self, page: Page) -> None:
        writing.write(page.items, now=self.clock.now(), asked_at=self._asked)
        if self.walk is not None:
            self.walk.ids |= {item.id for item in page.items}
            self.walk.top = max(self.walk.top, _top(page.items))


def _known(walk: Walk) -> set[str]:
    """The deals we had before the walk began."""
    known = Opportunity.objects.filter(gone_at=None, first_seen_at__lt=walk.began)
    return set(known.values_list("pk", flat=True))


def _top(items: Iterable[Record]) -> tuple[str, str]:
    return max(
        ((item.updated_at.isoformat(), item.id) for item in items if item.updated_at), default=("", "")
    )


def _second(moment: datetime) -> datetime:
    """As it is sent: rounded down to the second."""
    return moment.replace(microsecond=0)
