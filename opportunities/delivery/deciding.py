"""Deciding what one look at an unknown submission means (reliability 2.2). It changes no submission.

Adopting an exact match is always safe and may happen at any look. Absence counts only after the quiet period,
in two complete scans SCAN_GAP_SECONDS apart, the second of which has read the whole book. Anything merely
similar prevents it and goes to a manager.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from opportunities.clock import Clock
from opportunities.delivery import unknown_outcome
from opportunities.delivery.evidence import (
    Evidence,
    candidate_evidence,
    deal_evidence,
    earlier_evidence,
    forget_absence,
    scan_evidence,
)
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
from opportunities.delivery.states import NO_REASON, Reason
from opportunities.models import OPEN, Kind, Outcome, State, Submission
from opportunities.slant import errors
from opportunities.slant.comparison import is_unit_alarm
from opportunities.slant.types import OpportunityRecord

LATER_SECONDS = 60
REVIEW_LOOK_SECONDS = 600
# A manager is asked within two hours of Slant answering again; the first look and the last may come late.
LOOKS_LIMIT = timedelta(minutes=115)
NO_BUDGET_LIMIT = timedelta(minutes=30)
INCOMPLETE_LIMIT = 5
SENDS_LIMIT = 3


@dataclass(frozen=True)
class Decision:
    """What one look decided. `state` None means: look again at `due_at`. `record` is the one to adopt.

    `rule` names the rule that decided, for the trail. `answered` is whether Slant answered the look. `alarm`
    is a value in Slant that is 100 times the one sent, or a hundredth of it.
    """

    state: State | None
    reason: Reason = NO_REASON
    record: OpportunityRecord | None = None
    due_at: datetime | None = None
    evidence: Evidence | None = None
    absent_at: datetime | None = None
    rule: str = ""
    was_answered: bool = True
    alarm: int | None = None


def decide_create(submission: Submission, scanner: Scanner, clock: Clock) -> Decision:
    """Read the household's list; absence counts only when the book's list also lacks the record.

    A candidate that a manager sees because of the book's list is looked for there again, so that it stays on
    their page.
    """
    scans = [scanner.scan_for(submission)]
    decision = _decide_from_scans(submission, scans, clock)
    shown_in_book = submission.state == State.REVIEW and submission.check_state.get("around")
    if scans[0].of == BOOK or decision.state != (None if shown_in_book else State.QUEUED):
        return decision
    try:
        scans.append(scanner.scan_book_for(submission))
    except CannotList:
        if "ruled_out" in submission.check_state:  # a manager, who can search where we cannot, has decided
            return decision
        raise
    return _decide_from_scans(submission, scans, clock)


def decide_change(
    submission: Submission, record: OpportunityRecord, began: datetime, clock: Clock
) -> Decision:
    """Settle an edit or move by reading its deal: it is as wanted, as before, or changed by somebody else."""
    evidence = earlier_evidence(submission) | deal_evidence(began, clock)
    match = kind_of(submission).matches(record, submission)
    if match is Match.EXACT:
        return Decision(State.CONFIRMED, Reason("found"), record=record, evidence=evidence, rule="as_wanted")
    if submission.state == State.REVIEW:
        return Decision(None, due_at=later(clock, REVIEW_LOOK_SECONDS), evidence=evidence)
    if began < unknown_outcome.quiet_until(submission):
        return _look_again(submission, evidence, clock)
    if match is Match.NEAR or evidence.get("answer_id"):
        evidence["candidates"] = [candidate_evidence(submission, record, "near")]
        alarm = _unit_alarm_value(submission, [record] if match is Match.NEAR else [])
        return Decision(State.REVIEW, Reason("changed_meanwhile"), evidence=evidence, alarm=alarm)
    return _decide_absence(began, evidence, clock)


def decide_without_budget(submission: Submission, until: datetime, clock: Clock) -> Decision:
    """The checks' share of calls is spent. After half an hour of that without a proof a manager decides."""
    evidence = dict(submission.check_state)
    since = datetime.fromisoformat(evidence.setdefault("no_budget_since", clock.now().isoformat()))
    if clock.now() - since > NO_BUDGET_LIMIT and submission.state == State.UNKNOWN:
        return Decision(State.REVIEW, Reason("no_budget"), evidence=evidence)
    return Decision(None, due_at=max(until, later(clock, 1)), evidence=evidence, was_answered=False)


def decide_while_away(submission: Submission, clock: Clock) -> Decision:
    """The breaker refuses the look: the submission stays due, and no time counts meanwhile."""
    evidence = unknown_outcome.without_counted_time(submission.check_state)
    return Decision(None, due_at=later(clock, 1), evidence=evidence, was_answered=False)


def decide_after_error(submission: Submission, error: errors.SlantError, clock: Clock) -> Decision:
    """The look failed (reliability 2.2 (5)): the submission stays unknown and is looked for later.

    No time counts meanwhile, unless Slant did answer and the answer was of no use.
    """
    was_answered = isinstance(error, (errors.SlantRejected, errors.PageLimitHit)) or (
        isinstance(error, errors.SlantNoAnswer) and error.undocumented
    )
    evidence = dict(submission.check_state)
    if not was_answered:
        evidence.pop("answered_since", None)
    due = later(clock, LATER_SECONDS if submission.looks >= len(settings.LOOK_AFTER_SECONDS) else 5)
    return Decision(None, due_at=due, evidence=evidence, was_answered=was_answered)


def limit(submission: Submission, decision: Decision, clock: Clock) -> Decision:
    """Ask a manager when a search might never end: two hours of answered looks, or three sends without an
    answer.

    Slant itself says to repeat at most once or twice after a server error (Slant API 6.2). When a manager
    sends a submission again, the count starts again.
    """
    if submission.state != State.UNKNOWN:
        return decision
    if decision.state is None and decision.was_answered and _answered_for(submission, clock) > LOOKS_LIMIT:
        return replace(decision, state=State.REVIEW, reason=Reason("too_long"))
    if decision.state == State.QUEUED and _unanswered_sends(submission) >= SENDS_LIMIT:
        return replace(decision, state=State.REVIEW, reason=Reason("sent_in_vain"), rule="")
    return decision


def later(clock: Clock, seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)


def _decide_from_scans(submission: Submission, scans: list[ListScan], clock: Clock) -> Decision:
    """Reliability 2.2 (3): adopt one exact match; nothing in two complete scans is absence; else review."""
    evidence = earlier_evidence(submission)
    ruled_out = frozenset(evidence.get("ruled_out", []))
    scan = merge_scans(scans)
    candidates = find_candidates(submission, scan, ruled_out=ruled_out)
    evidence |= scan_evidence(submission, scans, candidates)
    evidence.pop("no_budget_since", None)
    if record := _record_to_adopt(candidates, submission):
        rule = "one_exact" if len(candidates.exact) == 1 else "oldest_of_equals"
        return Decision(State.CONFIRMED, Reason("found"), record=record, evidence=evidence, rule=rule)
    if submission.state == State.REVIEW:
        return Decision(None, due_at=later(clock, REVIEW_LOOK_SECONDS), evidence=evidence)
    if evidence.get("answer_id"):
        return Decision(State.REVIEW, Reason(submission.reason_code), evidence=evidence)
    if scan.began_at < unknown_outcome.quiet_until(submission):
        return _look_again(submission, evidence, clock)
    if candidates.exact or candidates.near:
        code = "two_matches" if len(candidates.exact) > 1 else "similar_found"
        alarm = _unit_alarm_value(submission, candidates.near)
        return Decision(State.REVIEW, Reason(code), evidence=evidence, alarm=alarm)
    if not scan.complete:
        return _decide_incomplete(submission, evidence, clock, broken_pages=scan.broken_pages)
    return _decide_absence(scan.began_at, evidence, clock)


def _record_to_adopt(candidates: Candidates, submission: Submission) -> OpportunityRecord | None:
    """The oldest exact candidate, if at least as many submissions could own one as there are exact
    candidates.
    """
    if not candidates.exact:
        return None
    twins = Submission.objects.filter(
        kind=Kind.CREATE, state__in=OPEN, body_sha256=submission.body_sha256
    ).exclude(first_sent_at=None)
    return candidates.exact[0] if len(candidates.exact) <= max(1, twins.count()) else None


def _unit_alarm_value(submission: Submission, near: Iterable[OpportunityRecord]) -> int | None:
    """The value of a record that equals what was sent except for a factor of 100 in the value (Slant API
    10.1).
    """
    body_fields = sent_fields(submission)
    for record in near:
        as_sent = record.model_copy(update={"value": body_fields.get("value")})
        if (
            is_unit_alarm(body_fields, record)
            and kind_of(submission).matches(as_sent, submission) is Match.EXACT
        ):
            return record.value
    return None


def _decide_absence(began: datetime, evidence: Evidence, clock: Clock) -> Decision:
    """The first look after the quiet period that finds nothing is stored; a second one, begun late enough,
    proves absence.

    The wait counts from the end of the first, because nothing shows when within a scan Slant was read.
    """
    first = evidence.get("absent_since")
    gap = timedelta(seconds=settings.SCAN_GAP_SECONDS)
    if first and began - datetime.fromisoformat(first) >= gap:
        now = clock.now()
        return Decision(
            State.QUEUED, Reason("absent"), due_at=now, absent_at=now, evidence=evidence, rule="absent_twice"
        )
    if not first:
        evidence["absent_since"] = clock.now().isoformat()
        evidence["first_scan"] = evidence["scan"]
    due = datetime.fromisoformat(evidence["absent_since"]) + gap
    return Decision(None, due_at=max(due, clock.now()), evidence=evidence)


def _look_again(submission: Submission, evidence: Evidence, clock: Clock) -> Decision:
    """During the quiet period: look again at the next early look, and then at the end of the period."""
    began = submission.ambiguous_at or submission.unknown_since or clock.now()
    quiet_until = unknown_outcome.quiet_until(submission)
    early_looks = [began + timedelta(seconds=wait) for wait in settings.LOOK_AFTER_SECONDS]
    due = next((moment for moment in early_looks if moment > clock.now()), quiet_until)
    return Decision(None, due_at=min(due, quiet_until), evidence=evidence)


def _decide_incomplete(
    submission: Submission, evidence: Evidence, clock: Clock, *, broken_pages: int
) -> Decision:
    """Rows shifted during the scan, so it proves nothing. A few more scans are tried, then a manager is
    asked.

    A page that could not be read is a failure of Slant that may pass; only the two hours of `limit` end that
    search.
    """
    forget_absence(evidence)
    if broken_pages:
        return Decision(None, due_at=later(clock, settings.SCAN_GAP_SECONDS), evidence=evidence)
    evidence["incomplete"] = evidence.get("incomplete", 0) + 1
    if evidence["incomplete"] >= INCOMPLETE_LIMIT or _answered_for(submission, clock) > LOOKS_LIMIT:
        return Decision(State.REVIEW, Reason("incomplete_scan"), evidence=evidence)
    return Decision(None, due_at=later(clock, settings.SCAN_GAP_SECONDS), evidence=evidence)


def _answered_for(submission: Submission, clock: Clock) -> timedelta:
    """How long Slant has been answering our looks without a decision."""
    since = submission.check_state.get("answered_since")
    return clock.now() - datetime.fromisoformat(since) if since else timedelta(0)


def _unanswered_sends(submission: Submission) -> int:
    """How many sends got no answer since a person last asked for it to be sent."""
    sends = submission.attempts.filter(outcome__in=[Outcome.NO_ANSWER, Outcome.ABANDONED])
    if submission.still_wanted_at:
        sends = sends.filter(started_at__gte=submission.still_wanted_at)
    return sends.count()
