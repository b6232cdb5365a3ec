"""What people ask for: submitting, asking twice, withdrawing. Nothing here speaks to Slant.

A submission is committed before anybody tries to send it; the worker is woken after the commit, and a wake-up
that gets lost is only a delay.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import Max

from opportunities import access
from opportunities.clock import Clock
from opportunities.deal_fields import Fields, flatten, from_body, values_of_row
from opportunities.delivery import states
from opportunities.delivery.kinds import (
    ChangeKind,
    CreateKind,
    DealChanges,
    NewDeal,
    encode_body,
    sent_fields,
)
from opportunities.models import (
    Attempt,
    Book,
    Household,
    Kind,
    Member,
    Opportunity,
    Outcome,
    Person,
    Pipeline,
    Stage,
    State,
    Submission,
)
from opportunities.runtime import wakeup
from opportunities.trail import audit
from opportunities.trail.audit import Actor

TOKEN_SALT = "opportunities.form"  # noqa: S105 - a salt's name, not a secret
DUPLICATE_HOURS = 24
POLL_SECONDS = 0.05
NOT_EXECUTED = (Outcome.BUSY, Outcome.REFUSED_US, Outcome.UNREACHABLE)


class SubmissionRefused(Exception):
    """A submission that was not taken. Its subclasses say why."""


class NotAllowed(SubmissionRefused):
    """This person may not write in that book."""


class BadToken(SubmissionRefused):
    """A form token that we did not issue, or issued to somebody else."""


class TokenReused(SubmissionRefused):
    """The same form was sent before with other content."""


class TooLate(SubmissionRefused):
    """It can no longer be withdrawn: it is being sent, or may have arrived."""


@dataclass(frozen=True)
class Similar:
    """Something like what was just asked for. One of `submission_id` and `opportunity_id` is empty."""

    name: str
    value: int | None
    by_display: str
    created_at: datetime
    submission_id: str = ""
    opportunity_id: str = ""


class ConflictQuestion(SubmissionRefused):
    """Fields somebody changed to something else since the person looked: overwrite them? `current` is what is
    there.
    """

    def __init__(self, current: Fields) -> None:
        super().__init__("somebody changed this meanwhile")
        self.current = current


class DuplicateQuestion(SubmissionRefused):
    """The same household, name and value was asked for, or made, within 24 hours: create it anyway?"""

    def __init__(self, similar: list[Similar]) -> None:
        super().__init__("a deal like this was entered within 24 hours")
        self.similar = similar


def issue_token(person: Person) -> str:
    """A form token: random, signed, bound to `person`."""
    return signing.dumps([str(person.pk), secrets.token_urlsafe(18)], salt=TOKEN_SALT, compress=False)


def check_token(token: str, person: Person) -> str:
    """The random part of a token issued to `person`. Raises `BadToken` for any other."""
    try:
        owner, nonce = signing.loads(token, salt=TOKEN_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadToken("not a token of ours") from error
    if owner != str(person.pk):
        raise BadToken("somebody else's token")
    return str(nonce)


def check_unused(token: str, person: Person) -> None:
    """For a form that asks for nothing. Raises `BadToken`, or `TokenReused` when it was sent before with
    something.
    """
    if Submission.objects.of(person).filter(form_token=check_token(token, person)).exists():
        raise TokenReused("the same form was sent before with other content")


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
    """Take a new opportunity: commit it, wake the worker, return its row.

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
        # The second half of a double click may find what its first half committed a moment ago.
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
        labels=_labels(deal, book),
        form_token=nonce,
        supersedes=supersedes,
        duplicate_of=similar[0].submission_id or similar[0].opportunity_id if similar else "",
    )

    def ask_again() -> None:
        """Whoever submitted the same deal in the same moment was not to be seen before."""
        found = similar_deals(deal, person=person, clock=clock)
        others = [each for each in found if each.submission_id != str(submission.pk)]
        if others and not confirm_duplicate:
            raise DuplicateQuestion(others)

    return _commit(submission, person=person, by=by, clock=clock, ask_again=ask_again)


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
    """Take an edit or a move of an existing deal: commit it, wake the worker, return its row.

    `row` tells the rows of one bulk action apart, which share a form token. Raises `BadToken`, `TokenReused`,
    `NotAllowed` (also for a deal out of reach) or `ConflictQuestion`. With `confirm_overwrite` what is there
    now counts as seen, so that only a still later change in Slant is a conflict again.
    """
    nonce = check_token(form_token, person)
    path, body = Kind(kind).path(changes.opportunity_id), encode_body(ChangeKind.body(changes))
    if earlier := _find_earlier(person, nonce, path, body, row=row):
        return earlier
    deal = Opportunity.objects.filter(pk=changes.opportunity_id, gone_at=None).select_related("book").first()
    if deal is None or not access.may(person, access.Action.WRITE, deal.book):
        raise NotAllowed("this deal cannot be changed")
    seen = changes.seen
    current = expected_fields(deal)
    wanted = from_body(changes.wanted)
    differing = {
        field: current.get(field)
        for field in seen
        if current.get(field) not in (seen[field], wanted.get(field))
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
        seen=seen | differing,
        labels={"book": deal.book.name} | _labels_of(changes.wanted, deal.book),
        form_token=nonce,
        row=row,
        supersedes=supersedes,
    )
    return _commit(submission, person=person, by=by, clock=clock, overwrote=differing)


def expected_fields(deal: Opportunity) -> Fields:
    """What `deal` will hold once everything asked for before has arrived: the mirror, and open changes over
    it in turn.

    Changes of one deal go out in order, so this is what the next one meets in Slant.
    """
    fields = values_of_row(deal)
    waiting = Submission.objects.open().filter(opportunity_id=deal.pk, kind__in=(Kind.EDIT, Kind.MOVE))
    for earlier in waiting.order_by("created_at"):
        fields |= sent_fields(earlier)
    return fields


def _find_earlier(person: Person, nonce: str, path: str, body: str, *, row: int = 0) -> Submission | None:
    """The submission made with this token, if it asked for the same of the same. Raises `TokenReused` if it
    did not.
    """
    earlier = Submission.objects.filter(person=person, form_token=nonce, row=row).first()
    if earlier is None:
        return None
    if (earlier.path, earlier.body) != (path, body):
        raise TokenReused("the same form was sent before with other content")
    earlier.is_repeat = True
    return earlier


def _queued_change(submission: Submission, overwrote: Iterable[str]) -> audit.AuditChange:
    """What was asked for, field by field, for the trail; `overwrote` are fields somebody else had changed
    meanwhile.
    """
    sent = flatten(json.loads(submission.body))
    told = {
        "state": str(State.QUEUED),
        "kind": submission.kind,
        "reference": submission.reference,
        "supersedes": str(submission.supersedes_id or ""),
        "duplicate_of": submission.duplicate_of,
        "overwrote": sorted(overwrote),
    }
    return audit.AuditChange(
        before={name: _trail_value(submission.seen[name]) for name in sent if name in submission.seen},
        after={name: _trail_value(value) for name, value in sent.items()}
        | {k: v for k, v in told.items() if v},
    )


def _trail_value(value: Any) -> Any:
    """A field as the trail takes it: no floats, which custom fields may be, and nothing nested."""
    return value if value is None or isinstance(value, (str, int)) else json.dumps(value, sort_keys=True)


def _commit(
    submission: Submission,
    *,
    person: Person,
    by: Actor,
    clock: Clock,
    overwrote: Iterable[str] = (),
    ask_again: Callable[[], None] | None = None,
) -> Submission:
    """Commit `submission` as queued, with its event, and wake the worker.

    `ask_again` is called once nobody else can be taken before the commit; what it raises takes the row back.
    Two requests with one form token race for the unique row; whoever loses gets the winner's submission.
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
            if ask_again:
                audit.wait_turn()
                ask_again()
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
    """When it was entered: after what waits for the same deal, for they are sent in this order.

    A clock that was set back in between must not turn it round; the trail keeps the time of the clock.
    """
    if not submission.opportunity_id:
        return now
    waiting = Submission.objects.open().filter(opportunity_id=submission.opportunity_id)
    last = waiting.aggregate(last=Max("created_at"))["last"]
    return now if last is None else max(now, last + timedelta(microseconds=1))


def similar_deals(deal: NewDeal, *, person: Person, clock: Clock) -> list[Similar]:
    """Submissions not refused or withdrawn, and mirrored deals, of the same household, name and value within
    24 hours.

    Deals in books out of `person`'s reach are not told of.
    """
    since = clock.now() - timedelta(hours=DUPLICATE_HOURS)
    same = {"household_id": deal.household_id, "name__iexact": deal.name, "value": deal.value}
    books = list(access.visible_books(person).values_list("pk", flat=True))
    submitted = (
        Submission.objects.filter(kind=Kind.CREATE, created_at__gte=since, book_id__in=books, **same)
        .exclude(state__in=[State.REJECTED, State.WITHDRAWN])
        .order_by("-created_at")[:5]
    )
    found = [
        Similar(row.name, row.value, row.by_display, row.created_at, submission_id=str(row.pk))
        for row in submitted
    ]
    ours = {row.opportunity_id for row in submitted}
    mirrored = (
        Opportunity.objects.filter(
            created_at__gte=since,
            gone_at=None,
            book_id__in=books,
            **same | {"household_id": deal.household_id or None},
        )
        .exclude(pk__in=ours)
        .order_by("-created_at")[:5]
    )
    return found + [
        Similar(row.name, row.value, row.assigned_to_name, row.created_at or since, opportunity_id=row.pk)
        for row in mirrored
    ]


def withdraw(*, submission: Submission, person: Person, by: Actor, clock: Clock) -> Submission:
    """Take back what has surely not reached Slant. Raises `TooLate` when a send was ambiguous or may still
    succeed.

    A send that runs this moment is waited for, up to VIEW_WAIT_SECONDS: while Slant is down most end without
    a trace.
    """
    deadline = clock.monotonic() + settings.VIEW_WAIT_SECONDS
    while True:
        try:
            return _withdraw_now(submission, person=person, by=by, clock=clock)
        except TooLate:
            submission.refresh_from_db()
            ending = submission.state == State.SENDING or may_be_withdrawn(submission)
            if not ending or clock.monotonic() >= deadline:
                raise
            clock.sleep(POLL_SECONDS)


def _withdraw_now(submission: Submission, *, person: Person, by: Actor, clock: Clock) -> Submission:
    if submission.person_id != person.pk:
        raise NotAllowed("only its owner withdraws a submission")
    try:
        with transaction.atomic():
            row = Submission.objects.select_for_update().get(pk=submission.pk)
            if row.state == State.WITHDRAWN:
                return row
            if not may_be_withdrawn(row):
                raise TooLate("it may have reached Slant")
            states.transition(
                row, State.WITHDRAWN, by=by, clock=clock, reason=states.Reason("withdrawn_by_owner")
            )
    except states.LostRace as error:
        raise TooLate("it is being sent") from error
    Submission.objects.filter(pk=row.pk).update(told=True)
    return row


def mark_news_read(person: Person) -> int:
    """`person` has read the news of their submissions."""
    return Submission.objects.of(person).filter(told=False).update(told=True)


def may_be_withdrawn(submission: Submission) -> bool:
    """Queued, and every send of it so far (if any) surely not executed (design: the life of a submission)."""
    if submission.state != State.QUEUED:
        return False
    return not Attempt.objects.filter(submission=submission).exclude(outcome__in=NOT_EXECUTED).exists()


def wait_for_outcome(submission: Submission, *, clock: Clock) -> Submission:
    """Re-read the row until it is final or doubtful, or VIEW_WAIT_SECONDS have passed."""
    deadline = clock.monotonic() + settings.VIEW_WAIT_SECONDS
    while submission.state in (State.QUEUED, State.SENDING) and clock.monotonic() < deadline:
        if submission.state == State.QUEUED and submission.reason_code:
            break
        clock.sleep(POLL_SECONDS)
        submission.refresh_from_db()
    return submission


def _reference() -> str:
    """A short name people can say on the phone: SW-4K7Q-M9."""
    alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    letters = "".join(secrets.choice(alphabet) for _ in range(6))
    return f"SW-{letters[:4]}-{letters[4:]}"


def _labels(deal: NewDeal, book: Book) -> dict[str, Any]:
    """The words the person saw for the ids they sent, kept so that a later rename does not rewrite history."""
    household = Household.objects.filter(pk=deal.household_id).first()
    pipeline = Pipeline.objects.filter(pk=deal.pipeline_id).first()
    stage = Stage.objects.filter(pk=deal.pipeline_stage_id).first()
    owner = Member.objects.filter(book=book, user_id=deal.assigned_to_id).first()
    labels: Fields = {
        "book": book.name,
        "household": household.name if household else "",
        "household_kind": household.kind if household else "",
        "pipeline": pipeline.name if pipeline else "",
        "stage": stage.name if stage else "",
        "owner": owner.name if owner else "",
    }
    return labels


def _labels_of(wanted: Fields, book: Book) -> dict[str, Any]:
    """The same for a change: a word for each id among the new values."""
    labels = {}
    if id := wanted.get("pipeline_stage_id"):
        labels["stage"] = Stage.objects.filter(pk=id).values_list("name", flat=True).first() or ""
    if id := wanted.get("household_id"):
        labels["household"] = Household.objects.filter(pk=id).values_list("name", flat=True).first() or ""
    if id := wanted.get("assigned_to_id"):
        owner = Member.objects.filter(book=book, user_id=id).first()
        labels["owner"] = owner.name if owner else ""
    return labels
