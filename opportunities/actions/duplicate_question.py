"""The duplicate question: a deal like this one was entered within 24 hours, so its person is asked first."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from opportunities import access
from opportunities.actions.refusals import SubmissionRefused
from opportunities.clock import Clock
from opportunities.delivery.kinds import NewDeal
from opportunities.models import Kind, Opportunity, Person, State, Submission

DUPLICATE_HOURS = 24


@dataclass(frozen=True)
class SimilarDeal:
    """A deal like the one just entered. One of `submission_id` and `opportunity_id` is empty."""

    name: str
    value: int | None
    by_display: str
    created_at: datetime
    submission_id: str = ""
    opportunity_id: str = ""


class DuplicateQuestion(SubmissionRefused):
    """A deal of the same household, name and value was entered or made within 24 hours: create it anyway?"""

    def __init__(self, similar: list[SimilarDeal]) -> None:
        super().__init__("a deal like this was entered within 24 hours")
        self.similar = similar


def similar_deals(deal: NewDeal, *, person: Person, clock: Clock) -> list[SimilarDeal]:
    """Submissions and mirrored deals of the same household, name and value within 24 hours.

    Rejected and withdrawn submissions do not count, nor do deals in books that `person` may not see.
    """
    since = clock.now() - timedelta(hours=DUPLICATE_HOURS)
    same = {"household_id": deal.household_id, "name__iexact": deal.name, "value": deal.value}
    books = list(access.visible_books(person).values_list("pk", flat=True))
    submitted = (
        Submission.objects.filter(kind=Kind.CREATE, created_at__gte=since, book_id__in=books, **same)
        .exclude(state__in=[State.REJECTED, State.WITHDRAWN])
        .order_by("-created_at")[:5]
    )
    similar = [
        SimilarDeal(row.name, row.value, row.by_display, row.created_at, submission_id=str(row.pk))
        for row in submitted
    ]
    own_ids = {row.opportunity_id for row in submitted}
    mirrored = (
        Opportunity.objects.filter(
            created_at__gte=since,
            gone_at=None,
            book_id__in=books,
            **same | {"household_id": deal.household_id or None},
        )
        .exclude(pk__in=own_ids)
        .order_by("-created_at")[:5]
    )
    return similar + [
        SimilarDeal(row.name, row.value, row.assigned_to_name, row.created_at or since, opportunity_id=row.pk)
        for row in mirrored
    ]
