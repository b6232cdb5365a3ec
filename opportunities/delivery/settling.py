"""Settling lost answers: look at once, adopt what is found, prove absence slowly, hand the rest to a manager.

The rule is reliability 2.2; docs/exactly-once.md tells it in plain words. Adopting an exact match is always
safe and may happen at any look. Absence counts only after the quiet period, in two complete scans
SCAN_GAP_SECONDS apart, the second of which has read the whole book, and only when nothing merely similar was
seen either.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from opportunities import mirror
from opportunities.clock import Clock
from opportunities.deal_fields import values_of_record
from opportunities.delivery import states
from opportunities.delivery.kinds import Match, kind_of, sent_fields
from opportunities.delivery.scanning import (
    BOOK,
    Candidates,
    CannotList,
    ListScan,
    Scanner,
    find_candidates,
    merge_scans,
)
from opportunities.delivery.states import LostRace, Reason
from opportunities.delivery.unit_alarm import sound_unit_alarm
from opportunities.models import OPEN, Kind, Outcome, State, Submission
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent
from opportunities.runtime.stopping import Stopping, never_stopping
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.comparison import is_unit_alarm
from opportunities.slant.types import OpportunityRecord
from opportunities.trail.audit import Actor, Remote

LEASE_SECONDS = 120
LATER_SECONDS = 60
REVIEW_LOOK_SECONDS = 600
TOO_LONG = timedelta(hours=2)
NO_BUDGET_TOO_LONG = timedelta(minutes=30)
INCOMPLETE_AT_MOST = 5
SENDS_AT_MOST = 3


@dataclass(frozen=True)
class Decision:
    """What one look decided. `record` is the one to adopt; `state` None means: look again at `due_at`.

    `rule` is what decided, as the trail tells it; `answered` says whether Slant let itself be asked. `alarm`
    is a value in Slant that is 100 times the one sent, or a hundredth.
    """

    state: State | None
    reason: Reason = states.NO_REASON
    record: OpportunityRecord | None = None
    due_at: datetime | None = None
    check_state: dict[str, Any] | None = None
    absent_at: datetime | None = None
    rule: str = ""
    answered: bool = True
    alarm: int | None = None


class Interrupted(Exception):
    """We were asked to end while a list was read. Whoever finds its lease run out reads it again."""


def settle_due(
    slant: SlantClient, *, worker: Actor, clock: Clock, stopping: Stopping = never_stopping
) -> int:
    """Look after every doubtful submission that is due. Returns how many were looked at.

    `slant` must take its calls from the checks' share of the budget. Each is looked after once a round: what
    the scanner saw in this round tells a second look nothing new, and the round would never end.
    """

    def after_page(reader: Submission) -> None:
        if stopping():
            raise Interrupted
        _renew_lease(reader, clock)

    scanner = Scanner(slant, clock, after_page)
    looked = 0
    # Most rounds find none: nothing is locked to find that out.
    for pk in list(_due_for_look(clock.now()).order_by("due_at", "created_at").values_list("pk", flat=True)):
        if stopping():
            break
        if submission := _lease_for_look(pk, worker=worker, clock=clock):
            _settle(submission, slant, scanner, worker=worker, clock=clock)
            looked += 1
    return looked


def _due_for_look(now: datetime) -> QuerySet[Submission]:
    return Submission.objects.filter(
        Q(lease_until=None) | Q(lease_until__lte=now),
        state__in=[State.UNKNOWN, State.REVIEW],
        due_at__lte=now,
    )


def _lease_for_look(pk: UUID, *, worker: Actor, clock: Clock) -> Submission | None:
    """Lease a doubtful submission to this round, if it is still due; a worker that dies here is only a delay."""
    now = clock.now()
    with transaction.atomic():
        submission = _due_for_look(now).select_for_update().filter(pk=pk).first()
        if submission is None:
            return None
        # The fence as it is under the lock: later, whoever took over from a worker that froze would lend it
        # theirs.
        submission.fence += 1
        submission.lease_owner = worker.display[:100]
        submission.lease_until = now + timedelta(seconds=LEASE_SECONDS)
        Submission.objects.filter(pk=pk).update(
            fence=submission.fence, lease_owner=submission.lease_owner, lease_until=submission.lease_until
        )
    return submission


def _renew_lease(submission: Submission, clock: Clock) -> None:
    """Hold on to a submission while its list is long in coming, or whoever reads it never gets to decide.

    Raises `LostRace` when somebody has taken it over.
    """
    now = clock.now()
    if submission.lease_until and submission.lease_until - now > timedelta(seconds=LEASE_SECONDS / 2):
        return
    submission.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    held = Submission.objects.filter(pk=submission.pk, state=submission.state, fence=submission.fence)
    if not held.update(lease_until=submission.lease_until):
        raise LostRace(str(submission.pk))


def _settle(
    submission: Submission, slant: SlantClient, scanner: Scanner, *, worker: Actor, clock: Clock
) -> None:
    try:
        if submission.makes_record:
            verdict = _weigh_create(submission, scanner, clock)
        else:
            began = clock.now()
            record = slant.opportunity(submission.opportunity_id)
            verdict = _weigh_change(submission, record, began, clock)
        budget.record_success()
    except (LostRace, Interrupted):
        return
    except CannotList:
        verdict = Decision(State.REVIEW, Reason("cannot_list"))
    except BudgetSpent as spent:
        verdict = _no_budget(submission, spent.until, clock)
    except errors.SlantNotFound:
        verdict = Decision(State.REVIEW, Reason("record_gone"))
    except errors.SlantError as error:
        verdict = _no_sight(submission, error, clock)
    _apply(submission, _within_bounds(submission, verdict, clock), worker=worker, clock=clock)


def _within_bounds(submission: Submission, verdict: Decision, clock: Clock) -> Decision:
    """What could go on for ever goes to a manager: two hours of looking while Slant answers, three sends
    without one.

    Slant itself asks to repeat after a server error at most once or twice (Slant API 6.2). A manager who
    sends it again begins the count anew.
    """
    if submission.state != State.UNKNOWN:
        return verdict
    if verdict.state is None and verdict.answered and _answered_for(submission, clock) > TOO_LONG:
        return replace(verdict, state=State.REVIEW, reason=Reason("too_long"))
    if verdict.state == State.QUEUED and _sends_in_vain(submission) >= SENDS_AT_MOST:
        return replace(verdict, state=State.REVIEW, reason=Reason("sent_in_vain"), rule="")
    return verdict


def _sends_in_vain(submission: Submission) -> int:
    """How many sends may have been executed for all that was answered, since a person last said to send it."""
    sends = submission.attempts.filter(outcome__in=[Outcome.NO_ANSWER, Outcome.ABANDONED])
    if submission.still_wanted_at:
        sends = sends.filter(started_at__gte=submission.still_wanted_at)
    return sends.count()


def _weigh_create(submission: Submission, scanner: Scanner, clock: Clock) -> Decision:
    """What the household's list says; before it is believed that the record is not there, the book's must
    agree.

    What the book's list has shown to a manager is looked for there again, or it would vanish from their page.
    """
    sights = [scanner.look(submission)]
    verdict = _weigh_sights(submission, sights, clock)
    in_book = submission.state == State.REVIEW and submission.check_state.get("around")
    if sights[0].of == BOOK or verdict.state != (None if in_book else State.QUEUED):
        return verdict
    try:
        sights.append(scanner.look_around(submission))
    except CannotList:
        if "ruled_out" in submission.check_state:  # a manager has decided, who can look where we cannot
            return verdict
        raise
    return _weigh_sights(submission, sights, clock)


def _weigh_sights(submission: Submission, sights: list[ListScan], clock: Clock) -> Decision:
    """Reliability 2.2 (3): one exact, adopt; nothing at all in two complete scans, absent; anything else,
    review.
    """
    evidence = _so_far(submission)
    ruled_out = frozenset(evidence.get("ruled_out", []))
    sight = merge_scans(sights)
    found = find_candidates(submission, sight, ruled_out=ruled_out)
    evidence |= _told(sights, found)
    evidence.pop("no_budget_since", None)
    if adopted := _one_of(found, submission):
        rule = "one_exact" if len(found.exact) == 1 else "oldest_of_equals"
        return Decision(State.CONFIRMED, Reason("found"), record=adopted, check_state=evidence, rule=rule)
    if submission.state == State.REVIEW:
        return Decision(None, due_at=_later(clock, REVIEW_LOOK_SECONDS), check_state=evidence)
    if evidence.get("answer_id"):
        return Decision(State.REVIEW, Reason(submission.reason_code), check_state=evidence)
    if sight.began_at < _quiet_until(submission):
        return _look_again(submission, evidence, clock)
    if found.exact or found.near:
        code = "two_matches" if len(found.exact) > 1 else "similar_found"
        return Decision(
            State.REVIEW, Reason(code), check_state=evidence, alarm=_in_cents(submission, found.near)
        )
    if not sight.complete:
        return _incomplete(submission, evidence, clock)
    return _absence(sight.began_at, evidence, clock)


def _so_far(submission: Submission) -> dict[str, Any]:
    """What earlier looks left. An absence from before the quiet began, for it may have begun again, counts no
    longer.
    """
    evidence = dict(submission.check_state)
    if (first := evidence.get("absent_since")) and datetime.fromisoformat(first) < _quiet_until(submission):
        _forget_absence(evidence)
    return evidence


def _forget_absence(evidence: dict[str, Any]) -> None:
    for name in ("absent_since", "first_scan"):
        evidence.pop(name, None)


def _in_cents(submission: Submission, near: Iterable[OpportunityRecord]) -> int | None:
    """The value of a record that is like what was sent but for 100 times its value, or a hundredth (Slant API
    10.1).
    """
    sent = sent_fields(submission)
    for record in near:
        as_sent = record.model_copy(update={"value": sent.get("value")})
        if is_unit_alarm(sent, record) and kind_of(submission).matches(as_sent, submission) is Match.EXACT:
            return record.value
    return None


def _one_of(found: Candidates, submission: Submission) -> OpportunityRecord | None:
    """The oldest exact candidate, if there are no more of them than submissions that could each own one."""
    if not found.exact:
        return None
    twins = Submission.objects.filter(
        kind=Kind.CREATE, state__in=OPEN, body_sha256=submission.body_sha256
    ).exclude(first_sent_at=None)
    return found.exact[0] if len(found.exact) <= max(1, twins.count()) else None


def _weigh_change(
    submission: Submission, record: OpportunityRecord, began: datetime, clock: Clock
) -> Decision:
    """An edit or move is settled by reading: it is so, it is as before, or somebody made it something else."""
    evidence = _so_far(submission) | {
        "scan": {"of": "deal", "began_at": began.isoformat(), "ended_at": clock.now().isoformat()}
    }
    match = kind_of(submission).matches(record, submission)
    if match is Match.EXACT:
        return Decision(
            State.CONFIRMED, Reason("found"), record=record, check_state=evidence, rule="as_wanted"
        )
    if submission.state == State.REVIEW:
        return Decision(None, due_at=_later(clock, REVIEW_LOOK_SECONDS), check_state=evidence)
    if began < _quiet_until(submission):
        return _look_again(submission, evidence, clock)
    if match is Match.NEAR or evidence.get("answer_id"):
        evidence["candidates"] = [_shown(record, "near")]
        alarm = _in_cents(submission, [record] if match is Match.NEAR else [])
        return Decision(State.REVIEW, Reason("changed_meanwhile"), check_state=evidence, alarm=alarm)
    return _absence(began, evidence, clock)


def _absence(began: datetime, evidence: dict[str, Any], clock: Clock) -> Decision:
    """The first quiet look that finds nothing is kept; a second one, begun long enough after its end, is the
    proof.

    After its end: how long a reading was under way says nothing of when Slant looked.
    """
    first = evidence.get("absent_since")
    gap = timedelta(seconds=settings.SCAN_GAP_SECONDS)
    if first and began - datetime.fromisoformat(first) >= gap:
        now = clock.now()
        return Decision(
            State.QUEUED,
            Reason("absent"),
            due_at=now,
            absent_at=now,
            check_state=evidence,
            rule="absent_twice",
        )
    if not first:
        evidence["absent_since"] = clock.now().isoformat()
        evidence["first_scan"] = evidence["scan"]
    due = datetime.fromisoformat(evidence["absent_since"]) + gap
    return Decision(None, due_at=max(due, clock.now()), check_state=evidence)


def _look_again(submission: Submission, evidence: dict[str, Any], clock: Clock) -> Decision:
    """Still in the quiet period: the next of the early looks, then the end of the quiet."""
    waits = settings.LOOK_AFTER_SECONDS
    began = submission.ambiguous_at or submission.unknown_since or clock.now()
    quiet = _quiet_until(submission)
    ahead = [began + timedelta(seconds=wait) for wait in waits]
    due = next((moment for moment in ahead if moment > clock.now()), quiet)
    return Decision(None, due_at=min(due, quiet), check_state=evidence)


def _incomplete(submission: Submission, evidence: dict[str, Any], clock: Clock) -> Decision:
    """Rows shifted while we read: no proof of anything. Try again a few times, then ask a manager."""
    evidence["incomplete"] = evidence.get("incomplete", 0) + 1
    _forget_absence(evidence)
    if evidence["incomplete"] >= INCOMPLETE_AT_MOST or _answered_for(submission, clock) > TOO_LONG:
        return Decision(State.REVIEW, Reason("incomplete_scan"), check_state=evidence)
    return Decision(None, due_at=_later(clock, settings.SCAN_GAP_SECONDS), check_state=evidence)


def _no_budget(submission: Submission, until: datetime, clock: Clock) -> Decision:
    """Our share of calls is used up. Half an hour without proof for that reason goes to a manager."""
    evidence = dict(submission.check_state)
    since = datetime.fromisoformat(evidence.setdefault("no_budget_since", clock.now().isoformat()))
    resting = budget.is_paused(clock)
    if resting:
        evidence.pop("no_budget_since")
        evidence.pop("answered_since", None)
    elif clock.now() - since > NO_BUDGET_TOO_LONG and submission.state == State.UNKNOWN:
        return Decision(State.REVIEW, Reason("no_budget"), check_state=evidence)
    return Decision(None, due_at=max(until, _later(clock, 1)), check_state=evidence, answered=False)


def _no_sight(submission: Submission, error: errors.SlantError, clock: Clock) -> Decision:
    """Slant cannot be asked (reliability 2.2 (5)): stay in doubt, say so, come back.

    No time counts meanwhile, unless Slant does answer and it is the answer that says nothing.
    """
    answered = isinstance(error, (errors.SlantRejected, errors.PageLimitHit)) or (
        isinstance(error, errors.SlantNoAnswer) and error.undocumented
    )
    evidence = dict(submission.check_state)
    if not answered:
        evidence.pop("answered_since", None)
    if isinstance(error, errors.SlantBusy):
        due = budget.back_off(error.retry_after, clock=clock)
    else:
        if not answered:
            budget.record_read_failure(clock=clock, retry_after=error.retry_after)
        due = _later(clock, LATER_SECONDS if submission.looks >= len(settings.LOOK_AFTER_SECONDS) else 5)
    return Decision(None, due_at=due, check_state=evidence, answered=answered)


def _answered_for(submission: Submission, clock: Clock) -> timedelta:
    """How long Slant has been answering our looks without a decision."""
    since = submission.check_state.get("answered_since")
    return clock.now() - datetime.fromisoformat(since) if since else timedelta(0)


def _quiet_until(submission: Submission) -> datetime:
    return submission.quiet_until or submission.created_at


def _later(clock: Clock, seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def _told(sights: list[ListScan], found: Candidates) -> dict[str, Any]:
    """What a look leaves on the submission for people: what was read, and the candidates side by side."""
    scans = [
        {
            "of": sight.of,
            "began_at": sight.began_at.isoformat(),
            "ended_at": sight.ended_at.isoformat(),
            "pages": sight.pages,
            "count_first": sight.count_first,
            "count_last": sight.count_last,
            "complete": sight.complete,
        }
        for sight in sights
    ]
    return {
        "scan": scans[0],
        "around": scans[1] if len(scans) > 1 else None,
        "candidates": [_shown(record, "exact") for record in found.exact]
        + [_shown(record, "near") for record in found.near],
    }


def _shown(record: OpportunityRecord, match: str) -> dict[str, Any]:
    return {
        "id": record.id,
        "match": match,
        "created_at": record.created_at.isoformat() if record.created_at else "",
        "fields": values_of_record(record),
    }


def _apply(submission: Submission, verdict: Decision, *, worker: Actor, clock: Clock) -> None:
    """Write the verdict down, in one commit, if the lease is still ours."""
    free = {"lease_owner": "", "lease_until": None, "looks": submission.looks + 1}
    evidence = _timed(submission, verdict, clock)
    try:
        with transaction.atomic():
            if verdict.state is None or verdict.state == submission.state:
                held = Submission.objects.filter(
                    pk=submission.pk, state=submission.state, fence=submission.fence
                )
                due = verdict.due_at or _later(clock, REVIEW_LOOK_SECONDS)
                held.update(**free, due_at=due, check_state=evidence)
                return
            _change(submission, verdict, free | {"check_state": evidence}, worker=worker, clock=clock)
    except LostRace:
        return
    except IntegrityError:
        _give_back(submission.pk, clock)


def _change(
    submission: Submission, verdict: Decision, fields: dict[str, Any], *, worker: Actor, clock: Clock
) -> None:
    assert verdict.state is not None  # noqa: S101 - for the type checker; the caller looked
    if verdict.state == State.REVIEW:
        fields["due_at"] = _later(clock, REVIEW_LOOK_SECONDS)
    if verdict.state == State.QUEUED:
        fields |= {"due_at": verdict.due_at, "absent_at": verdict.absent_at}
    if verdict.record is not None:
        fields["opportunity_id"] = verdict.record.id
    states.transition(
        submission,
        verdict.state,
        by=worker,
        clock=clock,
        reason=verdict.reason,
        remote=Remote.showing(verdict.record) if verdict.record else Remote(),
        evidence=_evidence(fields["check_state"], verdict),
        **fields,
    )
    if verdict.record is not None:
        mirror.apply(verdict.record, clock=clock, by=submission.by_display)
    if verdict.alarm is not None:
        sound_unit_alarm(submission, verdict.alarm, worker=worker, clock=clock)


def _evidence(check_state: dict[str, Any], verdict: Decision) -> dict[str, Any]:
    """What the trail keeps of a decision: what was read for it, in order, what was found, and the rule."""
    scans = [check_state.get(name) for name in ("first_scan", "scan", "around")]
    return {
        "rule": verdict.rule or verdict.reason.code,
        "scans": [scan for scan in scans if scan],
        "candidates": [shown["id"] for shown in check_state.get("candidates", [])],
    }


def _timed(submission: Submission, verdict: Decision, clock: Clock) -> dict[str, Any]:
    """The evidence with the moment from which Slant has been answering our looks without a break."""
    evidence = dict(verdict.check_state if verdict.check_state is not None else submission.check_state)
    if verdict.answered:
        evidence.setdefault("answered_since", clock.now().isoformat())
    return evidence


def _give_back(pk: UUID, clock: Clock) -> None:
    """Another submission took the record in the same moment: look again with that known."""
    Submission.objects.filter(pk=pk, state__in=[State.UNKNOWN, State.REVIEW]).update(
        lease_owner="", lease_until=None, due_at=_later(clock, 1)
    )
