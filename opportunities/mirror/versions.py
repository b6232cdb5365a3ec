"""The history of deals: one row for each observed change, valid from its observation until the next one."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from opportunities.models import Opportunity, OpportunityVersion


class Observed(NamedTuple):
    """What a version keeps of a deal, under the names of `OpportunityVersion`."""

    name: str
    book_id: str
    pipeline_id: str
    stage_id: str
    household_id: str
    assigned_to_id: str
    value: int | None
    probability: int | None
    target_close_date: date | None
    stage_since: datetime | None
    created_at: datetime | None
    gone: bool


def observe(row: Opportunity) -> Observed:
    return Observed(
        name=row.name,
        book_id=row.book_id,
        pipeline_id=row.pipeline_id,
        stage_id=row.stage_id,
        household_id=row.household_id or "",
        assigned_to_id=row.assigned_to_id,
        value=row.value,
        probability=row.probability,
        target_close_date=row.target_close_date,
        stage_since=row.stage_updated_at,
        created_at=row.created_at,
        gone=row.gone_at is not None,
    )


def write(changes: Mapping[str, Observed], *, at: datetime, by: str) -> None:
    """End the current version of each deal and begin the next one at the same moment. Two statements."""
    if not changes:
        return
    OpportunityVersion.objects.filter(opportunity_id__in=changes, valid_to=None).update(valid_to=at)
    OpportunityVersion.objects.bulk_create(
        [
            OpportunityVersion(opportunity_id=deal_id, valid_from=at, by=by[:320], **observation._asdict())
            for deal_id, observation in changes.items()
        ]
    )
