"""What Slant's custom fields are called (Slant API 7.11): a few words for the whole company, read once a day.

Kept whole with the state of their reading, `[key, display name, type, choices]` in Slant's order. Deals are shown
without them just as well, so nothing waits for this and no failure of it is anybody's trouble.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from opportunities.clock import Clock
from opportunities.deal_fields import DealField, custom_field
from opportunities.models import SyncState
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent
from opportunities.slant import errors
from opportunities.slant.client import SlantClient

logger = logging.getLogger(__name__)

DEFINITIONS = "custom_fields"
ENTITY = "Opportunity"
EVERY = timedelta(days=1)
AFTER_FAILURE = timedelta(hours=1)


def read_if_due(slant: SlantClient, *, clock: Clock) -> bool:
    """Whether they were read now. Of definitions of other things nothing is kept."""
    state, _ = SyncState.objects.get_or_create(pk=DEFINITIONS)
    now = clock.now()
    if (again := state.cursor.get("again_at")) and now < datetime.fromisoformat(again):
        return False
    state.started_at = now
    try:
        found = [each for each in slant.custom_fields(entity_type=ENTITY) if each.entity_type == ENTITY]
    except BudgetSpent:
        return False
    except errors.SlantError as error:
        budget.record_failure(error, clock=clock)
        logger.warning("sync of %s failed: %s", DEFINITIONS, error.log_line)
        # Not a failure of the mirror, so not told as one: what was known stays, and it is tried again.
        state.cursor["again_at"] = (now + AFTER_FAILURE).isoformat()
        state.save(update_fields=["started_at", "cursor"])
        return False
    fields = [
        [field.field_key, field.display_name, field.field_type, list(field.options.select_options)]
        for field in found
    ]
    state.cursor = {"fields": fields, "again_at": (now + EVERY).isoformat()}
    state.finished_at = clock.now()
    state.save(update_fields=["started_at", "cursor", "finished_at"])
    return True


def known() -> list[DealField]:
    """The custom fields of deals, in Slant's order; none while they have not been read."""
    return listed(SyncState.objects.filter(pk=DEFINITIONS).values_list("cursor", flat=True).first())


def listed(cursor: dict[str, Any] | None) -> list[DealField]:
    """The same of a cursor that was read along with something else. One read by an older version has no choices."""
    return [
        custom_field(key, label, kind, *choices)
        for key, label, kind, *choices in (cursor or {}).get("fields", [])
    ]
