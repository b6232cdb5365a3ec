"""Reviewing: what a person decides about a submission that a worker cannot decide."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction

from opportunities import access
from opportunities.actions.refusals import NotAllowed, SubmissionRefused
from opportunities.clock import Clock
from opportunities.delivery import states
from opportunities.delivery.states import Reason
from opportunities.models import Person, State, Submission
from opportunities.runtime import wakeup
from opportunities.slant.record_reading import WITHOUT_ID
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange, Remote


class NotInReview(SubmissionRefused):
    """The submission is no longer in review, so there is nothing to decide."""


class NotACandidate(SubmissionRefused):
    """The record named is not among those found for this submission, or another submission owns it."""


class MoreFound(SubmissionRefused):
    """More candidates were found than the manager has seen."""


class ReasonMissing(SubmissionRefused):
    """The reason is missing; a decision is recorded with it."""


def candidate_ids(submission: Submission) -> list[str]:
    """Ids of records that a manager may link: candidates found, and records in Slant's own answers."""
    evidence = submission.check_state
    candidates = [candidate["id"] for candidate in evidence.get("candidates", [])]
    answer_ids = submission.attempts.exclude(record_id="").values_list("record_id", flat=True)
    return list(dict.fromkeys([*candidates, *answer_ids]))


def has_usable_id(candidate: str) -> bool:
    """Whether a candidate has Slant's own id: one that Slant shows without an id has a key of ours."""
    return not candidate.startswith(WITHOUT_ID)


def link(
    *, submission: Submission, opportunity_id: str, reason: str, person: Person, by: Actor, clock: Clock
) -> Submission:
    """Link a reviewed submission to the record `opportunity_id`, one of its candidates."""
    try:
        with transaction.atomic():
            row = _lock_for_review(submission, person, reason)
            offered = candidate_ids(row)
            if opportunity_id not in offered or not has_usable_id(opportunity_id):
                raise NotACandidate(opportunity_id)
            states.transition(
                row,
                State.CONFIRMED,
                by=by,
                clock=clock,
                reason=Reason("linked", reason),
                remote=Remote(object_id=opportunity_id),
                evidence={"candidates": offered},
                opportunity_id=opportunity_id,
            )
    except IntegrityError as error:
        raise NotACandidate("another submission owns that record") from error
    return row


def send_again(
    *,
    submission: Submission,
    reason: str,
    person: Person,
    by: Actor,
    clock: Clock,
    seen_ids: Iterable[str] = (),
) -> Submission:
    """Queue a reviewed submission again. Its next send needs a fresh proof of absence first.

    `seen_ids` are the candidates the manager was shown; they no longer prevent that proof. If another was
    found while the page was open, nothing is decided (`MoreFound`). An edit or move may overwrite the
    values that were shown, and no later ones.
    """
    with transaction.atomic():
        row = _lock_for_review(submission, person, reason)
        offered = candidate_ids(row)
        if new_ids := set(offered) - set(seen_ids):
            raise MoreFound(", ".join(sorted(new_ids)))
        ruled_out = list(dict.fromkeys([*row.check_state.get("ruled_out", []), *offered]))
        decided: dict[str, Any] = {"ruled_out": ruled_out}
        if overwrites := _shown_values(row):
            decided["overwrites"] = overwrites
        states.transition(
            row,
            State.QUEUED,
            by=by,
            clock=clock,
            reason=Reason("send_again", reason),
            evidence=decided,
            due_at=clock.now(),
            absent_at=None,
            still_wanted_at=clock.now(),
            check_state=decided,
        )
        transaction.on_commit(wakeup.wake)
    return row


def _shown_values(row: Submission) -> dict[str, Any]:
    """The values a manager saw in the fields that an edit or move changes. Empty for a create."""
    fields = [
        candidate["fields"] for candidate in row.check_state.get("candidates", []) if not row.makes_record
    ]
    return {field: fields[0].get(field) for field in row.seen} if fields else {}


def close(*, submission: Submission, reason: str, person: Person, by: Actor, clock: Clock) -> Submission:
    """Close a reviewed submission without a record, with a reason."""
    with transaction.atomic():
        row = _lock_for_review(submission, person, reason)
        evidence = {"candidates": candidate_ids(row)}
        states.transition(
            row, State.WITHDRAWN, by=by, clock=clock, reason=Reason("closed", reason), evidence=evidence
        )
    return row


def confirm_still_wanted(*, submission: Submission, person: Person, by: Actor, clock: Clock) -> Submission:
    """Send a submission that waited for a day, because its owner still wants it."""
    if submission.person_id != person.pk:
        raise NotAllowed("only its owner says whether it is still wanted")
    with transaction.atomic():
        row = Submission.objects.select_for_update().get(pk=submission.pk)
        if row.state != State.QUEUED or row.reason_code != "still_send":
            raise NotInReview("there is nothing to decide")
        now = clock.now()
        Submission.objects.filter(pk=row.pk).update(
            still_wanted_at=now, due_at=now, reason_code="", told=True
        )
        audit.record(
            clock=clock,
            by=by,
            action="submission.still_wanted",
            submission=row,
            change=AuditChange(after={"still_wanted": True}),
        )
        transaction.on_commit(wakeup.wake)
    row.refresh_from_db()
    return row


def _lock_for_review(submission: Submission, person: Person, reason: str) -> Submission:
    if not access.may(person, access.Action.REVIEW):
        raise NotAllowed("managers decide what is in review")
    if not reason.strip():
        raise ReasonMissing("say why, in a few words")
    row = Submission.objects.select_for_update().get(pk=submission.pk)
    if row.state != State.REVIEW:
        raise NotInReview(str(row.state))
    return row
