"""Bulk changes: each row is a submission of its own, so that one refusal does not stop the others.

All rows share the form's token; `row` tells them apart. Rows are committed a few at a time, and the first
commit binds the token to this request. When the same request is sent again, it completes the rows that a
crash left out. Any other request with that token is refused. Rows that could not be submitted are recorded in
the trail with the event of the whole action.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from opportunities.access import visible_books, writable_books
from opportunities.actions import form_tokens, moving, refusals, submissions
from opportunities.clock import Clock
from opportunities.delivery.kinds import DealChanges
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

ROW_LIMIT = 500
ROWS_PER_COMMIT = 25
ASKED = "bulk.asked"
OBJECT = "bulk"


@dataclass(frozen=True)
class BulkRequest:
    """The change and its deals: either to the stage `stage_id` or to the owner `owner_id`.

    `seen_at` is when the person saw the deals. They mean to change the values of that time.
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
        """Identifies the request: which deals, in which order, to where and why. `seen_at` does not count."""
        parts = [list(self.ids), self.stage_id, self.owner_id, self.lost_reason]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class RowRefused(Exception):
    """A row that cannot be submitted; `str()` is its code in the wording."""


@dataclass(frozen=True)
class _BulkRow:
    number: int
    deal: Opportunity
    seen_place: dict[str, str | None]


def submit(*, order: BulkRequest, person: Person, by: Actor, clock: Clock, form_token: str) -> str:
    """Submit every row that can be submitted, record the others, and return the key of the result.

    Raises `BadToken` and `TokenReused` before anything is written. The same request again writes only what is
    missing.
    """
    key = form_tokens.check_token(form_token, person)
    take_row = _move_row(order) if order.stage_id else _reassign_row(order)
    deals = Opportunity.objects.filter(gone_at=None, book__in=visible_books(person)).in_bulk(list(order.ids))
    writable = set(writable_books(person).values_list("pk", flat=True))
    seen_places = _seen_places(order, deals)
    refused: dict[str, str] = {}
    for first in range(0, len(order.ids), ROWS_PER_COMMIT):
        with transaction.atomic():
            _bind_token(order, key, person=person, clock=clock)
            if find_event(key, person) is not None:
                return key
            existing_rows = set(
                Submission.objects.of(person).filter(form_token=key).values_list("row", flat=True)
            )
            for number, id in enumerate(order.ids[first : first + ROWS_PER_COMMIT], start=first):
                if number in existing_rows:
                    continue
                deal = deals.get(id)
                try:
                    if deal is None or deal.book_id not in writable:
                        raise RowRefused("out_of_reach")
                    take_row(_BulkRow(number, deal, seen_places[id]), person, by, clock, form_token)
                except submissions.ConflictQuestion:
                    refused[id] = "conflict"
                except refusals.NotAllowed:
                    refused[id] = "out_of_reach"
                except RowRefused as why:
                    refused[id] = str(why)
    _record_event(order, key, refused, person=person, by=by, clock=clock)
    return key


SubmitRow = Callable[[_BulkRow, Person, Actor, Clock, str], object]


def _move_row(order: BulkRequest) -> SubmitRow:
    pipeline_id = Stage.objects.filter(pk=order.stage_id).values_list("pipeline_id", flat=True).first()

    def take_row(row: _BulkRow, person: Person, by: Actor, clock: Clock, form_token: str) -> object:
        if row.deal.pipeline_id != pipeline_id:
            raise RowRefused("other_pipeline")
        if row.seen_place["stage"] == order.stage_id:
            raise RowRefused("already")
        move_request = moving.MoveRequest(
            row.deal.pk, order.stage_id, row.seen_place["stage"] or "", lost_reason=order.lost_reason
        )
        return moving.move(
            move_request=move_request,
            person=person,
            by=by,
            clock=clock,
            form_token=form_token,
            row=row.number,
        )

    return take_row


def _reassign_row(order: BulkRequest) -> SubmitRow:
    owners = Member.objects.filter(user_id=order.owner_id, role__in=WRITING_ROLES)
    books = set(owners.values_list("book_id", flat=True))

    def take_row(row: _BulkRow, person: Person, by: Actor, clock: Clock, form_token: str) -> object:
        if row.deal.book_id not in books:
            raise RowRefused("not_in_book")
        if row.seen_place["owner"] == order.owner_id:
            raise RowRefused("already_owner")
        changes = DealChanges(
            row.deal.pk, {"assigned_to_id": order.owner_id}, {"assigned_to_id": row.seen_place["owner"]}
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


def _seen_places(order: BulkRequest, deals: dict[str, Opportunity]) -> dict[str, dict[str, str | None]]:
    """Stage and owner of each deal when the person looked, by its history; without one, as they are now."""
    places = {
        id: {"stage": deal.stage_id, "owner": deal.assigned_to_id or None} for id, deal in deals.items()
    }
    if order.seen_at is None:
        return places
    lasted = Q(valid_to=None) | Q(valid_to__gt=order.seen_at)
    versions = OpportunityVersion.objects.filter(
        lasted, opportunity_id__in=deals, valid_from__lte=order.seen_at
    )
    for version in versions.values("opportunity_id", "stage_id", "assigned_to_id"):
        places[version["opportunity_id"]] = {
            "stage": version["stage_id"],
            "owner": version["assigned_to_id"] or None,
        }
    return places


def _bind_token(order: BulkRequest, key: str, *, person: Person, clock: Clock) -> None:
    """Bind the token to this request. Raises `TokenReused` if it is bound to another."""
    row, is_new = BulkOrder.objects.get_or_create(
        person=person, form_token=key, defaults={"digest": order.digest, "asked_at": clock.now()}
    )
    used = is_new and (
        find_event(key, person) is not None or Submission.objects.of(person).filter(form_token=key).exists()
    )
    if used or row.digest != order.digest:
        raise form_tokens.TokenReused("the same form was sent before with other content")


def _record_event(
    order: BulkRequest, key: str, refused: dict[str, str], *, person: Person, by: Actor, clock: Clock
) -> None:
    """Record one event for the whole action, with what was left out and why; once for each form token."""
    with transaction.atomic():
        # Both requests of a double click may reach this line. The second waits, and then finds the event.
        BulkOrder.objects.select_for_update().get(person=person, form_token=key)
        if find_event(key, person) is not None:
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


def find_event(key: str, person: Person) -> AuditEvent | None:
    """The event of a bulk action of `person`, if there is one."""
    events = AuditEvent.objects.filter(action=ASKED, object_type=OBJECT, object_id=key)
    return events.filter(actor_iss=person.iss, actor_sub=person.sub).first()


def unique_ids(ids: Iterable[str]) -> tuple[str, ...]:
    """The ids without repetitions, in their order."""
    return tuple(dict.fromkeys(ids))
