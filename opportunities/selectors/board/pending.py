"""Changes of deals that Slant has not confirmed yet, or that were refused recently."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from opportunities.access import visible_books
from opportunities.models import OPEN, Kind, Opportunity, Person, State, Submission
from opportunities.selection import Selection
from opportunities.selectors.board.seen import digest

# After this time a change is shown as waiting.
LATE = timedelta(seconds=12)
REFUSED_FOR = timedelta(hours=1)
CHANGING = (Kind.EDIT, Kind.MOVE)


class ChangeUnderWay(NamedTuple):
    """The newest submission of a deal that is not confirmed yet, or that was refused to this person
    recently.
    """

    id: UUID
    kind: str
    state: str
    opportunity_id: str
    body: str
    seen: dict[str, Any]
    by_display: str
    person_id: UUID
    reason_code: str
    reason_text: str
    field_errors: dict[str, Any]
    created_at: datetime

    @property
    def aim(self) -> str:
        """The stage it moves the deal to; empty if it is not a move."""
        return str(json.loads(self.body).get("pipeline_stage_id") or "")


def on_their_way(person: Person) -> QuerySet[Submission]:
    return Submission.objects.filter(
        state__in=OPEN, kind__in=CHANGING, book_id__in=visible_books(person).values("pk")
    )


def pending_of(person: Person, now: datetime) -> list[ChangeUnderWay]:
    """All unconfirmed changes of deals, and the person's own that were refused recently."""
    open_ = Q(state__in=OPEN, book_id__in=visible_books(person).values("pk"))
    refused = Q(state=State.REJECTED, person=person, settled_at__gte=now - REFUSED_FOR)
    rows = (
        Submission.objects.filter(open_ | refused, kind__in=CHANGING)
        .order_by("created_at")
        .values_list(*ChangeUnderWay._fields)
    )
    return [ChangeUnderWay(*row) for row in rows]


def by_deal(pending: Iterable[ChangeUnderWay]) -> dict[str, list[ChangeUnderWay]]:
    """The changes by deal, oldest first. A refusal with a newer change after it is left out."""
    changes_by_deal: dict[str, list[ChangeUnderWay]] = {}
    for row in pending:
        earlier = changes_by_deal.setdefault(row.opportunity_id, [])
        earlier[:] = [submission for submission in earlier if submission.state in OPEN]
        earlier.append(row)
    return changes_by_deal


def touched_stages(person: Person, selection: Selection) -> set[str]:
    """The stages that unconfirmed changes move deals from and to."""
    rows = list(on_their_way(person).values_list("opportunity_id", "body"))
    aims = {str(json.loads(body).get("pipeline_stage_id") or "") for _, body in rows}
    standing = Opportunity.objects.filter(pk__in=[id for id, _ in rows], pipeline_id=selection.pipeline)
    from_ = set(standing.values_list("stage_id", flat=True)) if rows else set()
    return (aims | from_) - {""}


def progress_key(id: object, state: str, reason_code: str, *, is_late: bool) -> str:
    """The progress of a change as one text. Once it is late, the card says that it waits."""
    return f"{id} {state} {reason_code or ('late' if is_late else '')}"


def digest_progress(pending: Iterable[ChangeUnderWay], now: datetime) -> str:
    """The digest of the unconfirmed changes in `pending`, equal to the one a poll computes."""
    return digest(
        progress_key(row.id, row.state, row.reason_code, is_late=row.created_at < now - LATE)
        for row in pending
        if row.state in OPEN
    )
