"""Reading Slant's deals, either the changes or all of them, for each way its list may behave (Slant API 7.9,
10.2).

* **Changes** are asked for with `updated_since`, five minutes before the highest `updated_at` seen so far.
  Each pass checks that Slant honours the filter: no older deal may come, and the deal with that highest time
  must come.
* A **walk** reads every deal: on the first load, whenever the filter is ignored or refused, and regularly in
  the background, because no filter shows deletions. Its position survives restarts.
* If Slant has no list of deals, a walk reads each household's list, and each known deal that no list showed.
  The data is partial then.

A deal is gone when two complete walks did not show it and Slant answers 404 for its id. A 403 says only that
our token may not see the deal, so it stays.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from opportunities.clock import Clock, is_due
from opportunities.mirror import totals, unreadable, writing
from opportunities.mirror.changes import ChangedDeals, ChangesResult, has_older
from opportunities.mirror.walk import DealPage, Walk, known_deals
from opportunities.models import Household, Opportunity, SyncState
from opportunities.runtime.budget import BudgetSpent, Meter, Share
from opportunities.slant import errors
from opportunities.slant.client import SlantClient

MayContinue = Callable[[], bool]

OVERLAP = timedelta(minutes=5)
REFUSED_FOR = timedelta(hours=1)
CHANGES_AT_MOST = 20  # pages; a longer answer is read as a walk, which can pause
WALK_EVERY = 4  # passes for changes between two walks
SAVE_EVERY = 10  # pages
TRIES = 3  # of a list that shifts while it is read
LOOKS_AT_MOST = 50  # deals that a walk requests by id
SILENT_AT_MOST = 5  # households without a list, after which Slant counts as having none for any household


class NotLeading(Exception):
    """Another worker took the lease: stop, and save no more."""


class DealReader:
    """One turn of reading deals.

    `may_continue` is asked before each call. False ends the turn; it raises NotLeading when another worker
    has the lease. `asks_for_all`: request every deal that two walks missed, not only LOOKS_AT_MOST of them.
    """

    def __init__(
        self,
        state: SyncState,
        slant: SlantClient,
        *,
        clock: Clock,
        may_continue: MayContinue,
        asks_for_all: bool = False,
    ) -> None:
        self.state, self.clock, self.may_continue = state, clock, may_continue
        self.cursor = dict(state.cursor)
        self.walk = Walk.load(state.walk.get("walk", {}))
        self.missing: list[str] = state.walk.get("missing", [])
        self._slant = slant
        self._looks_at_most = None if asks_for_all else LOOKS_AT_MOST
        # Walks get a smaller share, so that they never delay short lists and changes.
        self._patient = slant.using(before_send=Meter(Share.WALKS, clock))
        self._calls = 0

    def take_turn(self) -> bool:
        """Read for one turn. Returns False while there is more to read; the next turn continues at the saved
        position.
        """
        try:
            ended = self._pass()
        except NotLeading:
            raise  # the worker that holds the lease now has saved its own position
        except Exception:
            self.save()
            raise
        self.save()
        return ended

    def save(self) -> None:
        self.state.cursor = self.cursor
        self.state.walk = {"walk": self.walk.dump() if self.walk else {}, "missing": self.missing}
        self.state.save(update_fields=["cursor", "walk"])

    def _pass(self) -> bool:
        if self.cursor.get("since") and (self.walk is None or self.walk.beside):
            if self._read_changes():
                self._continue_background_walk()
                self.cursor["calls"] = self._calls
                return True
        elif self.walk is None:
            self._start_walk()
        return self._continue_walk()

    # What changed

    def _read_changes(self) -> bool:
        """Read what changed. True if this pass has all changes; False if a walk has to follow."""
        refused_lately = self._was_refused_lately()
        result, first = (ChangesResult.REFUSED, None) if refused_lately else self._ask_for_changes()
        if result in (ChangesResult.WHOLE, ChangesResult.SHIFTED) and self.cursor.get("partial"):
            # Slant has the list again. A walk has to read what changed while it was missing.
            result = ChangesResult.DOUBTED
        self.cursor["filter"] = result.name.lower()
        self.cursor["passes"] = self.cursor.get("passes", 0) + 1
        if result in (ChangesResult.WHOLE, ChangesResult.SHIFTED):
            return True
        if result is ChangesResult.NO_LIST:
            self._start_walk(by_household=True)
        elif self.walk is not None:
            self.walk.beside = False
        else:
            self._begin_with(self._start_walk(), first)
        return False

    def _begin_with(self, walk: Walk, first: DealPage | None) -> None:
        """Use the unfiltered page that came as the first page of the walk."""
        if first is not None:
            self._write_page(first)
            walk.count_page(first)

    def _was_refused_lately(self) -> bool:
        refused_at: str = self.cursor.get("refused_at", "")
        until = datetime.fromisoformat(refused_at) + REFUSED_FOR if refused_at else None
        return not is_due(until, self.clock.now(), longest=REFUSED_FOR)

    def _ask_for_changes(self) -> tuple[ChangesResult, DealPage | None]:
        """Ask for changes. If the filter was ignored, also returns the page, which is the first of the whole
        list.
        """
        since = datetime.fromisoformat(self.cursor["since"]) - OVERLAP
        now = self.clock.now()
        changes = ChangedDeals(began=now, slants_began=now)
        try:
            for page in self._numbered(self._slant.opportunity_pages(updated_since=since)):
                self._calls += 1
                changes.note_server_date(page)
                if has_older(page, since):
                    return ChangesResult.IGNORED, page if page.current_page == 1 else None
                if (page.total_pages or page.current_page) > CHANGES_AT_MOST:
                    return ChangesResult.TOO_MANY, None
                self._write_page(page)
                self.may_continue()
                changes.add(page)
        except errors.SlantNotFound:
            return ChangesResult.NO_LIST, None
        except errors.SlantRejected:
            self.cursor["refused_at"] = self.clock.now().isoformat()
            return ChangesResult.REFUSED, None
        return self._judge_changes(changes), None

    def _judge_changes(self, changes: ChangedDeals) -> ChangesResult:
        """Whether all changes came. Only then does the mark move."""
        if self._top_is_missing(changes.ids):
            return ChangesResult.DOUBTED
        if changes.broken:
            return ChangesResult.DOUBTED  # the unreadable page may hold new deals, so a walk reads everything
        if changes.count is not None and changes.deal_count < changes.count:
            return ChangesResult.SHIFTED
        self._move_mark(changes.top, changes.slants_began.isoformat())
        self.cursor["as_of"] = changes.began.isoformat()
        return ChangesResult.WHOLE

    def _top_is_missing(self, ids: set[str]) -> bool:
        """Whether the deal with the highest time is missing. Then the answer proves nothing."""
        top: str = self.cursor.get("top", "")
        return top not in ids and Opportunity.objects.filter(pk=top, gone_at=None).exists()

    def _move_mark(self, top: tuple[str, str], began: str) -> None:
        """Move the mark to the highest time seen, but not past the beginning of the pass, because later
        changes may follow.
        """
        moment, deal = top
        if moment:
            self.cursor["since"] = min(moment, began)
            self.cursor["top"] = deal

    # Everything

    def _start_walk(self, *, by_household: bool = False, tries: int = 1, beside: bool = False) -> Walk:
        self.walk = Walk(self.clock.now(), by_household=by_household, tries=tries, beside=beside)
        return self.walk

    def _continue_background_walk(self) -> None:
        """Read a few pages of a walk besides the changes, so that the walk takes passes of about an hour."""
        if self.walk is None and self.cursor["passes"] < WALK_EVERY:
            return
        walk = self.walk or self._start_walk(beside=True)
        pages = min(4, max(1, -(-(walk.pages or 1) // 60)))
        before = walk.calls
        with suppress(BudgetSpent):
            self._continue_walk(pages)
        self._calls += walk.calls - before

    def _continue_walk(self, at_most: int | None = None) -> bool:
        """Read to the end of the walk, to the end of the turn, or `at_most` pages. True if the walk ended."""
        walk = self.walk
        if walk is None:
            return True
        try:
            ended = self._by_household(walk) if walk.by_household else self._by_page(walk, at_most)
        except errors.SlantNotFound:
            self.cursor["partial"] = True
            self._start_walk(by_household=True)
            return False
        return ended and self._finish_walk(walk)

    def _by_page(self, walk: Walk, at_most: int | None) -> bool:
        if walk.pages is not None and walk.page > walk.pages:
            return True
        begun = walk.calls
        for page in self._numbered(self._patient.opportunity_pages(start_page=walk.page)):
            self._write_page(page)
            walk.count_page(page)
            if page.is_last:
                return True
            if (at_most and walk.calls - begun >= at_most) or not self._save_progress(walk):
                return False
        return True

    def _by_household(self, walk: Walk) -> bool:
        """Read each household's list in turn (Slant API 10.2)."""
        households = Household.objects.filter(gone_at=None, pk__gt=walk.after).order_by("pk")
        for household in list(households.values_list("pk", flat=True)):
            if walk.silent >= SILENT_AT_MOST and not walk.ids:
                break
            try:
                for page in self._numbered(self._patient.household_opportunity_pages(household)):
                    self._write_page(page)
                    walk.calls += 1
            except errors.SlantNotFound:
                walk.silent += 1
                walk.calls += 1
            walk.after = household
            if not self._save_progress(walk):
                return False
        for deal in sorted(known_deals(walk, self.clock.now()) - walk.ids)[:LOOKS_AT_MOST]:
            if not self._is_gone(deal):
                walk.ids.add(deal)
        return True

    def _save_progress(self, walk: Walk) -> bool:
        """Save the position every few pages. Returns whether the turn continues."""
        if self.cursor.get("since") is None:
            self.cursor["progress"] = {"read": len(walk.ids), "of": walk.count}
        turn_goes_on = self.may_continue()
        if walk.calls % SAVE_EVERY == 0:
            self.save()
        return turn_goes_on

    def _finish_walk(self, walk: Walk) -> bool:
        """End the walk, or restart it if the list shifted meanwhile. The deals it read are kept in both
        cases.
        """
        may_try_again = walk.count is not None and not walk.broken
        if not walk.is_complete and may_try_again and not walk.beside and walk.tries < TRIES:
            self._start_walk(tries=walk.tries + 1)
            return False
        if walk.is_complete:
            self._look_for_the_missing(walk)
            ids_shown = walk.ids | walk.without_id
            unreadable.forget_unseen_deals(ids_shown, began=walk.began, now=self.clock.now())
        if not walk.beside or not self.cursor.get("since"):
            self._move_mark(walk.top, walk.slants_began or walk.began.isoformat())
            self.cursor["as_of"] = walk.began.isoformat()
        self.cursor.setdefault("since", walk.began.isoformat())
        self.cursor.pop("progress", None)
        # After an unreadable page the whole list is read again soon.
        passes = WALK_EVERY if walk.broken else 0
        self.cursor |= {"calls": max(1, walk.calls), "passes": passes, "partial": walk.by_household}
        self.cursor["deals"] = len(walk.ids)
        self.walk = None
        return True

    def _look_for_the_missing(self, walk: Walk) -> None:
        """Request the deals that two walks missed, and mark those gone that Slant does not have."""
        missing = known_deals(walk, self.clock.now()) - walk.ids
        # Deals that were not requested last time come first, so that each missing deal gets its turn.
        last: str = self.cursor.get("asked_last", "")
        suspects = sorted(missing & set(self.missing), key=lambda deal: (deal <= last, deal))
        gone_ids = []
        try:
            for deal in suspects[: self._looks_at_most]:
                if self._is_gone(deal):
                    gone_ids.append(deal)
                self.cursor["asked_last"] = deal
        except (BudgetSpent, errors.SlantError):
            pass  # requested again after the next walk
        if gone_ids:
            writing.mark_gone(gone_ids, now=self.clock.now())
        self.missing = sorted(missing - set(gone_ids))

    def _is_gone(self, deal: str) -> bool:
        revision = totals.current_revision()
        self.may_continue()
        try:
            record = self._patient.opportunity(deal)
        except errors.SlantNotFound:
            return True
        except (errors.SlantForbidden, errors.SlantRefusedUs) as error:
            if error.status != 403:
                raise
            return False  # for a token that may only read, the same status is another class (Slant API 3)
        writing.write([record], now=self.clock.now(), asked_at=revision)
        return False

    # Pages

    def _numbered(self, pages: Iterator[DealPage]) -> Iterator[DealPage]:
        """Pass on the pages, and set `self._asked` to the mirror's revision from before each request."""
        while True:
            self._asked = totals.current_revision()
            page = next(pages, None)
            if page is None:
                return
            yield page

    def _write_page(self, page: DealPage) -> None:
        writing.write(page.items, now=self.clock.now(), asked_at=self._asked)
        unreadable.keep_page(page, now=self.clock.now())
        if self.walk is not None:
            self.walk.add_deals(page)
