"""Submissions: what people ask for, committed before anything is sent. Nothing here calls Slant.

A worker is woken after the commit, and a lost wake-up is only a delay. `delivery` does the rest.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from opportunities import access
from opportunities.actions.duplicate_question import DuplicateQuestion, similar_deals
from opportunities.actions.form_tokens import TokenReused, check_token
from opportunities.actions.labels import labels_of_changes, labels_of_deal
from opportunities.actions.refusals import NotAllowed, SubmissionRefused
from opportunities.clock import Clock
from opportunities.deal_fields import Fields, flatten, from_body, values_of_row
from opportunities.delivery.kinds import (
    ChangeKind,
    CreateKind,
    DealChanges,
    NewDeal,
    encode_body,
    sent_fields,
)
from opportunities.models import (
    Book,
    Kind,
    Opportunity,
    Person,
    State,
    Submission,
)
from opportunities.runtime import wakeup
from opportunities.trail import audit
from opportunities.trail.audit import Actor

POLL_SECONDS = 0.05


class ConflictQuestion(SubmissionRefused):
    """Somebody changed these fields since the person looked: overwrite them? `current` holds their values."""

    def __init__(self, current: Fields) -> None:
        super().__init__("somebody changed this meanwhile")
        self.current = current


def create(
    *,
    deal: NewDeal,
    person: Person,
    by: Actor,
    clock: Clock,
    form_token: str,
    confirm_duplicate: bool = False,
    supersedes: Submission | None = None,
) -> Submission:
    """Commit a new opportunity as a submission, wake a worker, and return the row.

    The same token with the same body returns the first submission, marked `is_repeat`, and writes nothing.
    Raises `BadToken`, `TokenReused`, `NotAllowed` or `DuplicateQuestion`.
    """
    nonce = check_token(form_token, person)
    body = encode_body(CreateKind.body(deal))
    if earlier := _find_earlier(person, nonce, Kind.CREATE.path(), body):
        return earlier
    book = Book.objects.filter(pk=deal.book_id).first()
    if book is None or not access.may(person, access.Action.WRITE, book):
        raise NotAllowed("this book cannot be written to")
    similar = similar_deals(deal, person=person, clock=clock)
    if similar and not confirm_duplicate:
        # The second request of a double click may find the row that the first has just committed.
        if earlier := _find_earlier(person, nonce, Kind.CREATE.path(), body):
            return earlier
        raise DuplicateQuestion(similar)
    submission = Submission(
        kind=Kind.CREATE,
        method="POST",
        path=Kind.CREATE.path(),
        body=body,
        book_id=book.pk,
        household_id=deal.household_id,
        name=deal.name,
        value=deal.value,
        labels=labels_of_deal(deal, book),
        form_token=nonce,
        supersedes=supersedes,
        duplicate_of=similar[0].submission_id or similar[0].opportunity_id if similar else "",
    )

    def check_again() -> None:
        """Find the same deal that another request committed in the same moment."""
        similar_now = similar_deals(deal, person=person, clock=clock)
        rivals = [deal_found for deal_found in similar_now if deal_found.submission_id != str(submission.pk)]
        if rivals and not confirm_duplicate:
            raise DuplicateQuestion(rivals)

    return _commit(submission, person=person, by=by, clock=clock, check_again=check_again)


def change(
    *,
    changes: DealChanges,
    kind: Kind,
    person: Person,
    by: Actor,
    clock: Clock,
    form_token: str,
    row: int = 0,
    confirm_overwrite: bool = False,
    supersedes: Submission | None = None,
) -> Submission:
    """Commit an edit or a move of a deal as a submission, wake a worker, and return the row.

    `row` tells the rows of one bulk action apart, which share a form token. Raises `BadToken`, `TokenReused`,
    `NotAllowed` (also for a deal out of reach) or `ConflictQuestion`. With `confirm_overwrite` the present
    values count as seen, so that only a later change in Slant is a conflict again.
    """
    nonce = check_token(form_token, person)
    path, body = Kind(kind).path(changes.opportunity_id), encode_body(ChangeKind.body(changes))
    if earlier := _find_earlier(person, nonce, path, body, row=row):
        return earlier
    deal = Opportunity.objects.filter(pk=changes.opportunity_id, gone_at=None).select_related("book").first()
    if deal is None or not access.may(person, access.Action.WRITE, deal.book):
        raise NotAllowed("this deal cannot be changed")
    seen_values = changes.seen_values
    current = expected_fields(deal)
    new_values = from_body(changes.new_values)
    differing = {
        field: current.get(field)
        for field in seen_values
        if current.get(field) not in (seen_values[field], new_values.get(field))
    }
    if differing and not confirm_overwrite:
        raise ConflictQuestion(differing)
    submission = Submission(
        kind=kind,
        method="PATCH",
        path=path,
        body=body,
        book_id=deal.book_id,
        household_id=deal.household_id or "",
        opportunity_id=deal.pk,
        name=deal.name,
        value=deal.value,
        seen=seen_values | differing,
        labels={"book": deal.book.name} | labels_of_changes(changes.new_values, deal.book),
        form_token=nonce,
        row=row,
        supersedes=supersedes,
    )
    return _commit(submission, person=person, by=by, clock=clock, overwrote=differing)


def expected_fields(deal: Opportunity) -> Fields:
    """The values of `deal` once its open changes are confirmed: the mirror with each change applied.

    Changes of one deal are sent in order, so these are Slant's values when the next one is sent.
    """
    fields = values_of_row(deal)
    waiting = Submission.objects.open().filter(opportunity_id=deal.pk, kind__in=(Kind.EDIT, Kind.MOVE))
    for earlier in waiting.order_by("created_at"):
        fields |= sent_fields(earlier)
    return fields


def _find_earlier(person: Person, nonce: str, path: str, body: str, *, row: int = 0) -> Submission | None:
    """The submission made with this token. Raises `TokenReused` if it asked for something else."""
    earlier = Submission.objects.filter(person=person, form_token=nonce, row=row).first()
    if earlier is None:
        return None
    if (earlier.path, earlier.body) != (path, body):
        raise TokenReused("the same form was sent before with other content")
    earlier.is_repeat = True
    return earlier


def _queued_change(submission: Submission, overwrote: Iterable[str]) -> audit.AuditChange:
    """The requested values by field, for the trail. `overwrote` names fields that somebody else had
    changed.
    """
    body_fields = flatten(json.loads(submission.body))
    facts = {
        "state": str(State.QUEUED),
        "kind": submission.kind,
        "reference": submission.reference,
        "supersedes": str(submission.supersedes_id or ""),
        "duplicate_of": submission.duplicate_of,
        "overwrote": sorted(overwrote),
    }
    return audit.AuditChange(
        before={name: _trail_value(submission.seen[name]) for name in body_fields if name in submission.seen},
        after={name: _trail_value(value) for name, value in body_fields.items()}
        | {k: v for k, v in facts.items() if v},
    )


def _trail_value(value: Any) -> Any:
    """A value in a form the trail accepts: no floats, which custom fields may have, and nothing nested."""
    return value if value is None or isinstance(value, (str, int)) else json.dumps(value, sort_keys=True)


def _commit(
    submission: Submission,
    *,
    person: Person,
    by: Actor,
    clock: Clock,
    overwrote: Iterable[str] = (),
    check_again: Callable[[], None] | None = None,
) -> Submission:
    """Commit `submission` as queued, with its event, and wake the worker.

    `check_again` is called when no other submission can be committed before this one. What it raises rolls
    the row back. Two requests with one form token compete for the unique row; the one that loses gets the
    winner's submission.
    """
    now = clock.now()
    submission.reference = _reference()
    submission.person = person
    submission.by_iss, submission.by_sub, submission.by_display = person.iss, person.sub, person.display
    submission.body_sha256 = hashlib.sha256(submission.body.encode()).hexdigest()
    submission.state = State.QUEUED
    submission.created_at, submission.due_at = _in_order(submission, now), now
    try:
        with transaction.atomic():
            submission.save(force_insert=True)
            if check_again:
                audit.wait_turn()
                check_again()
            audit.record(
                clock=clock,
                by=by,
                action="submission.queued",
                submission=submission,
                change=_queued_change(submission, overwrote),
                outcome=str(State.QUEUED),
            )
            transaction.on_commit(wakeup.wake)
    except IntegrityError:
        winner = _find_earlier(
            person, submission.form_token, submission.path, submission.body, row=submission.row
        )
        if winner is None:
            raise
        return winner
    return submission


def _in_order(submission: Submission, now: datetime) -> datetime:
    """The time at which it was entered, or just after the last open submission of the same deal if that is
    later.

    Submissions are sent in this order, so a clock that was set back must not reverse it. The trail keeps the
    time of the clock.
    """
    if not submission.opportunity_id:
        return now
    waiting = Submission.objects.open().filter(opportunity_id=submission.opportunity_id)
    last = waiting.aggregate(last=Max("created_at"))["last"]
    return now if last is None else max(now, last + timedelta(microseconds=1))


def mark_news_read(person: Person) -> int:
    """Record that `person` has read the news of their submissions."""
    return Submission.objects.of(person).filter(told=False).update(told=True)


def wait_for_outcome(submission: Submission, *, clock: Clock) -> Submission:
    """Read the row again until its state is final or unknown, or VIEW_WAIT_SECONDS have passed."""
    deadline = clock.monotonic() + settings.VIEW_WAIT_SECONDS
    while submission.state in (State.QUEUED, State.SENDING) and clock.monotonic() < deadline:
        if submission.state == State.QUEUED and submission.reason_code:
            break
        clock.sleep(POLL_SECONDS)
        submission.refresh_from_db()
    return submission


def _reference() -> str:
    """A short reference that people can read out on the phone: SW-4K7Q-M9."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    letters = "".join(secrets.choice(alphabet) for _ in range(6))
    return f"SW-{letters[:4]}-{letters[4:]}"
