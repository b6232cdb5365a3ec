"""Many deals changed at once: each row a submission of its own, so that one refusal holds up nothing else.

All rows share the form's token; `row` tells them apart. Rows are committed a few at a time, and with the
first of them what the token was sent for: sent for the same again, it completes what a crash left out; for
anything else, it is refused. What could not be asked for at all is kept in the trail with the rest of the
action.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from opportunities.access import visible_books, writable_books
from opportunities.actions import moving, submissions
from opportunities.clock import Clock
from opportunities.delivery.kinds import Changes
from opportunities.models import (
    WRITING_ROLES,
    AuditEvent,
    BulkOrder,
    Kind,
    Member,
    Opportunity,
    OpportunityVersion,
    Person,
    Stage,
    Submission,
)
from opportunities.trail import audit
from opportunities.trail.audit import Actor

MOST = 500
AT_ONCE = 25
ASKED = "bulk.asked"
OBJECT = "bulk"


@dataclass(frozen=True)
class Order:
    """What to do with which deals: move them to `stage_id` or give them to `owner_id`, one of the two.

    `seen_at` is when the person saw them: what was there then is what they mean to change.
    """

    ids: tuple[str, ...]
    stage_id: str = ""
    owner_id: str = ""
    lost_reason: str = ""
    seen_at: datetime | None = None

    @property
    def kind(self) -> str:
        return Kind.MOVE if self.stage_id else Kind.EDIT

    @property
    def digest(self) -> str:
        """What makes it this order: which deals, in which order, to where and why. Not when they were looked
        at.
        """
        parts = [list(self.ids), self.stage_id, self.owner_id, self.lost_reason]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Impossible(Exception):
    """A row that cannot be asked for; `str()` is its code in deals_words.BULK_REFUSED."""


@dataclass(frozen=True)
class _Row:
    number: int
    deal: Opportunity
    seen: dict[str, str | None]


def take(*, order: Order, person: Person, by: Actor, clock: Clock, form_token: str) -> str:
    """Take every row that can be asked for and record the others; returns the key its result is found by.

    Raises `BadToken` and `TokenReused`, before anything of another order is written. The same order again
    writes nothing but what is missing of it.
    """
    key = submissions.check_token(form_token, person)
    take_row = _moving(order) if order.stage_id else _giving(order)
    deals = Opportunity.objects.filter(gone_at=None, book__in=visible_books(person)).in_bulk(list(order.ids))
    writable = set(writable_books(person).values_list("pk", flat=True))
    seen = _seen(order, deals)
    refused: dict[str, str] = {}
    for first in range(0, len(order.ids), AT_ONCE):
        with transaction.atomic():
            _remember(order, key, person=person, clock=clock)
            if asked(key, person) is not None:
                return key
            taken = set(Submission.objects.of(person).filter(form_token=key).values_list("row", flat=True))
            for number, id in enumerate(order.ids[first : first + AT_ONCE], start=first):
                if number in taken:
                    continue
                deal = deals.get(id)
                try:
                    if deal is None or deal.book_id not in writable:
                        raise Impossible("out_of_reach")
                    take_row(_Row(number, deal, seen[id]), person, by, clock, form_token)
                except submissions.ConflictQuestion:
                    refused[id] = "conflict"
                except submissions.NotAllowed:
                    refused[id] = "out_of_reach"
                except Impossible as why:
                    refused[id] = str(why)
    _record(order, key, refused, person=person, by=by, clock=clock)
    return key


TakeRow = Callable[[_Row, Person, Actor, Clock, str], object]


def _moving(order: Order) -> TakeRow:
    pipeline_id = Stage.objects.filter(pk=order.stage_id).values_list("pipeline_id", flat=True).first()

    def take_row(row: _Row, person: Person, by: Actor, clock: Clock, form_token: str) -> object:
        if row.deal.pipeline_id != pipeline_id:
            raise Impossible("other_pipeline")
        if row.seen["stage"] == order.stage_id:
            raise Impossible("already")
        aim = moving.Aim(row.deal.pk, order.stage_id, row.seen["stage"] or "", lost_reason=order.lost_reason)
        return moving.move(aim=aim, person=person, by=by, clock=clock, form_token=form_token, row=row.number)

    return take_row


def _giving(order: Order) -> TakeRow:
    owners = Member.objects.filter(user_id=order.owner_id, role__in=WRITING_ROLES)
    books = set(owners.values_list("book_id", flat=True))

    def take_row(row: _Row, person: Person, by: Actor, clock: Clock, form_token: str) -> object:
        if row.deal.book_id not in books:
            raise Impossible("not_in_book")
        if row.seen["owner"] == order.owner_id:
            raise Impossible("already_owner")
        changes = Changes(
            row.deal.pk, {"assigned_to_id": order.owner_id}, {"assigned_to_id": row.seen["owner"]}
        )
        return submissions.change(
            changes=changes,
            kind=Kind.EDIT,
            person=person,
            by=by,
            clock=clock,
            form_token=form_token,
            row=row.number,
        )

    return take_row


def _seen(order: Order, deals: dict[str, Opportunity]) -> dict[str, dict[str, str | None]]:
    """Stage and owner of each deal when the person looked, from its history; of one without any, as it is
    now.
    """
    seen = {id: {"stage": deal.stage_id, "owner": deal.assigned_to_id or None} for id, deal in deals.items()}
    if order.seen_at is None:
        return seen
    lasted = Q(valid_to=None) | Q(valid_to__gt=order.seen_at)
    then = OpportunityVersion.objects.filter(lasted, opportunity_id__in=deals, valid_from__lte=order.seen_at)
    for version in then.values("opportunity_id", "stage_id", "assigned_to_id"):
        seen[version["opportunity_id"]] = {
            "stage": version["stage_id"],
            "owner": version["assigned_to_id"] or None,
        }
    return seen


def _remember(order: Order, key: str, *, person: Person, clock: Clock) -> None:
    """Bind the token to this order, committed with its first rows. Raises `TokenReused` if it was sent for
    another.
    """
    row, is_new = BulkOrder.objects.get_or_create(
        person=person, form_token=key, defaults={"digest": order.digest, "asked_at": clock.now()}
    )
    used = is_new and (
        asked(key, person) is not None or Submission.objects.of(person).filter(form_token=key).exists()
    )
    if used or row.digest != order.digest:
        raise submissions.TokenReused("the same form was sent before with other content")


def _record(
    order: Order, key: str, refused: dict[str, str], *, person: Person, by: Actor, clock: Clock
) -> None:
    """One event for the whole action, with what was left out and why. The same form sent twice makes no
    second one.
    """
    with transaction.atomic():
        # Two halves of a double click may both come here; the second waits, and finds the event.
        BulkOrder.objects.select_for_update().get(person=person, form_token=key)
        if asked(key, person) is not None:
            return
        audit.record(
            clock=clock,
            by=by,
            action=ASKED,
            object_type=OBJECT,
            object_id=key,
            change=audit.AuditChange(
                after={
                    "kind": str(order.kind),
                    "target": order.stage_id or order.owner_id,
                    "rows": len(order.ids),
                    "refused": refused,
                }
            ),
            outcome="ok",
        )


def asked(key: str, person: Person) -> AuditEvent | None:
    """The event of a bulk action of `person`'s."""
    events = AuditEvent.objects.filter(action=ASKED, object_type=OBJECT, object_id=key)
    return events.filter(actor_iss=person.iss, actor_sub=person.sub).first()


def distinct(ids: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order they came."""
    return tuple(dict.fromkeys(ids))
