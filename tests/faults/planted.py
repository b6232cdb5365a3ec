"""Bugs that are put into the real actions one at a time, to check that the tests detect them. Each is a
context manager.

Ten are the list of reliability's section 8. The others are mistakes that somebody could well make here one
day.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.db import DatabaseError, transaction

from opportunities.actions import submissions
from opportunities.delivery import (
    answers,
    claiming,
    deciding,
    holds,
    kinds,
    restore_guard,
    scanning,
    sending,
    states,
    unknown_outcome,
)
from opportunities.delivery.kinds import Match
from opportunities.delivery.states import Reason, Transition
from opportunities.mirror import reader, sync_if_due
from opportunities.models import FINAL, State, Submission, SyncState
from opportunities.runtime import budget
from opportunities.slant import errors
from opportunities.trail import audit
from opportunities.wording import states as states_words
from opportunities.wording import submissions as submissions_words

Bug = Callable[[], AbstractContextManager[Any]]
BUGS: dict[str, Bug] = {}


def _bug(plant: Callable[[], Iterator[Any]]) -> Bug:
    bug = contextmanager(plant)
    BUGS[plant.__name__.replace("_", " ")] = bug
    return bug


@_bug
def blind_retry_after_a_server_error() -> Iterator[None]:
    real = answers.after_error

    def hasty(submission: Submission, error: errors.SlantError, clock: Any) -> Transition:
        if isinstance(error, errors.SlantNoAnswer) and (error.status or 0) >= 500:
            return Transition(State.QUEUED, Reason("busy"), {"due_at": clock.now()})
        return real(submission, error, clock)

    with patch.object(answers, "after_error", hasty):
        yield


@_bug
def no_quiet_period() -> Iterator[None]:
    with patch.object(unknown_outcome, "quiet_until", lambda submission: datetime(2000, 1, 1, tzinfo=UTC)):
        yield


@_bug
def one_scan_only() -> Iterator[None]:
    real = deciding._decide_absence

    def content(began: datetime, evidence: dict[str, Any], clock: Any) -> Any:
        evidence["absent_since"] = (began - timedelta(hours=1)).isoformat()
        return real(began, evidence, clock)

    with patch.object(deciding, "_decide_absence", content):
        yield


@_bug
def sent_again_when_a_lease_runs_out() -> Iterator[None]:
    def sure(submission: Submission, reason: Reason, clock: Any, **when: Any) -> Transition:
        return Transition(State.QUEUED, reason, {"due_at": clock.now()})

    with patch.object(claiming, "to_unknown", sure):
        yield


@_bug
def a_new_key_too_early() -> Iterator[None]:
    with patch.object(claiming, "KEY_LIFETIME", timedelta(minutes=2)):
        yield


@_bug
def a_key_used_for_two_bodies() -> Iterator[None]:
    def send(self: Any, slant: Any, submission: Submission) -> Any:
        return slant.create_opportunity(
            submission.body.encode(), key=str(uuid5(NAMESPACE_URL, submission.book_id))
        )

    with patch.object(kinds.CreateKind, "send", send):
        yield


@_bug
def no_fence() -> Iterator[None]:
    real = states.transition

    def unguarded(submission: Submission, to: State, **rest: Any) -> None:
        row = Submission.objects.get(pk=submission.pk)
        if row.state not in FINAL:
            submission.fence = row.fence
            Submission.objects.filter(pk=row.pk).update(state=submission.state)
        real(submission, to, **rest)

    with patch.object(states, "transition", unguarded):
        yield


@_bug
def the_trail_written_after_the_commit() -> Iterator[None]:
    real = audit.record

    def later(**facts: Any) -> None:
        def write() -> None:
            with transaction.atomic():
                real(**facts)

        transaction.on_commit(write)

    with patch.object(audit, "record", later):
        yield


@_bug
def a_budget_for_each_process() -> Iterator[None]:
    mine: dict[tuple[int, Any], int] = {}

    def take(share: Any, *, calls: int, clock: Any) -> budget.Charge:
        who = clock.scheduler.current
        spent = (id(who), budget._minute(clock.now()) // 60)
        if mine.get(spent, 0) + calls > settings.SLANT_HOURLY_BUDGET - 60:
            raise budget.BudgetSpent(clock.now() + timedelta(seconds=60))
        mine[spent] = mine.get(spent, 0) + calls
        return budget.Charge(share, calls, "")

    with (
        patch.object(budget, "take", take),
        patch.object(budget.Meter, "__call__", lambda self: take(self.share, calls=1, clock=self.clock)),
    ):
        yield


@_bug
def calls_that_sent_no_byte_are_counted() -> Iterator[None]:
    with patch.object(budget, "refund", lambda charge, *, calls: None):
        yield


@_bug
def a_restored_database_goes_unnoticed() -> Iterator[None]:
    with patch.object(restore_guard, "_diagnose", lambda: None):
        yield


@_bug
def recovering_only_lifts_the_hold() -> Iterator[None]:
    def recover(*, by: Any, clock: Any, reason: str) -> int:
        for code in restore_guard.HOLD_MESSAGES:
            holds.release(code, by=by, clock=clock)
        restore_guard.update_head_file()
        return 0

    with patch.object(restore_guard, "recover", recover):
        yield


@_bug
def similar_is_good_enough() -> Iterator[None]:
    real = deciding._record_to_adopt

    def lenient(found: Any, submission: Submission) -> Any:
        return real(found, submission) or (found.near[0] if found.near else None)

    with patch.object(deciding, "_record_to_adopt", lenient):
        yield


@_bug
def a_gateway_that_gave_up_means_no() -> Iterator[None]:
    real = answers.after_error

    def simple(submission: Submission, error: errors.SlantError, clock: Any) -> Transition:
        if error.status in (502, 503, 504):
            return Transition(State.REJECTED, Reason("rejected", error.message))
        return real(submission, error, clock)

    with patch.object(answers, "after_error", simple):
        yield


@_bug
def the_client_tries_twice() -> Iterator[None]:
    real = kinds.CreateKind.send

    def stubborn(self: Any, slant: Any, submission: Submission) -> Any:
        try:
            return real(self, slant, submission)
        except errors.SlantNoAnswer:
            return real(self, slant, submission)

    with patch.object(kinds.CreateKind, "send", stubborn):
        yield


@_bug
def changes_of_one_deal_overtake_each_other() -> Iterator[None]:
    def any_due(now: datetime) -> Submission | None:
        return Submission.objects.filter(state=State.QUEUED, due_at__lte=now).order_by("due_at").first()

    with patch.object(claiming, "_next_due", any_due):
        yield


@_bug
def what_a_colleague_changed_is_overwritten() -> Iterator[None]:
    real = sending._read_before_writing

    def read_and_forgotten(*given: Any) -> list[str]:
        real(*given)
        return []

    with patch.object(sending, "_read_before_writing", read_and_forgotten):
        yield


@_bug
def a_change_goes_out_unread() -> Iterator[None]:
    with patch.object(sending, "_read_before_writing", lambda client, submission, clock: []):
        yield


@_bug
def a_change_that_cannot_be_seen_counts_as_made() -> Iterator[None]:
    with patch.object(kinds.ChangeKind, "matches", lambda self, record, submission: Match.EXACT):
        yield


@_bug
def another_books_list_is_looked_through() -> Iterator[None]:
    real = scanning.Scanner._scan_once

    def elsewhere(self: Any, kind: str, id: str, submission: Submission) -> Any:
        return real(self, scanning.BOOK, "bk_birch4", submission)

    with patch.object(scanning.Scanner, "_scan_once", elsewhere):
        yield


@_bug
def an_unreadable_record_is_passed_over_in_a_proof_of_absence() -> Iterator[None]:
    real = deciding.find_candidates

    def skipping(submission: Submission, scan: scanning.ListScan, **rest: Any) -> Any:
        readable = tuple(record for record in scan.records if not record.unreadable)
        return real(submission, replace(scan, records=readable), **rest)

    with patch.object(deciding, "find_candidates", skipping):
        yield


@_bug
def a_cursor_without_overlap() -> Iterator[None]:
    with patch.object(reader, "OVERLAP", timedelta(0)):
        yield


@_bug
def a_missing_id_is_forgotten_by_a_full_reading() -> Iterator[None]:
    def forget() -> None:
        SyncState.objects.filter(pk="opportunities").update(cursor={}, walk={})

    # The package has a function of the module's name, so the module is not found by it.
    with patch.dict(sync_if_due.__globals__, {"_forget_place": forget}):
        yield


@_bug
def saved_whatever_the_database_says() -> Iterator[None]:
    real = submissions._commit

    def cheerful(submission: Submission, **facts: Any) -> Submission:
        try:
            return real(submission, **facts)
        except DatabaseError:
            return submission

    with patch.object(submissions, "_commit", cheerful):
        yield


@_bug
def the_page_says_created_when_it_was_sent() -> Iterator[None]:
    real = submissions_words.state_words

    def hopeful(kind: str, state: str, reason_code: str = "") -> states_words.StateWords:
        return real(kind, "confirmed" if state in ("sending", "unknown") else state, reason_code)

    with patch.object(submissions_words, "state_words", hopeful):
        yield
