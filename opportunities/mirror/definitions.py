"""The definitions of Slant's custom fields (Slant API 7.11), company-wide and read once a day.

The cursor of their sync state holds them as `[key, display name, type, choices]` in Slant's order. Deals are
shown without them too, so nothing waits for this and a failure is not a failure of the mirror.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from opportunities.clock import Clock, is_due
from opportunities.deal_fields import DealField, custom_field
from opportunities.mirror import unreadable
from opportunities.mirror.unreadable import Findings
from opportunities.models import SyncState
from opportunities.runtime.budget import BudgetSpent
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.pages import Scan
from opportunities.slant.types import CustomField

logger = logging.getLogger(__name__)

DEFINITIONS = "custom_fields"
ENTITY = "Opportunity"
EVERY = timedelta(days=1)
AFTER_FAILURE = timedelta(hours=1)


def read_if_due(slant: SlantClient, *, clock: Clock) -> bool:
    """Read the definitions of deals if a day has passed. Returns whether they were read."""
    state, _ = SyncState.objects.get_or_create(pk=DEFINITIONS)
    now = clock.now()
    again = state.cursor.get("again_at")
    if again and not is_due(datetime.fromisoformat(again), now, longest=EVERY):
        return False
    state.started_at = now
    try:
        scan, findings = Scan[CustomField](), Findings(DEFINITIONS, "custom field")
        for page in slant.custom_field_pages(entity_type=ENTITY):
            scan.add(page)
            findings.add_page(page)
    except BudgetSpent:
        return False
    except errors.SlantError as error:
        logger.warning("sync of %s failed: %s", DEFINITIONS, error.log_line)
        # Not recorded as a failure of the mirror: the known definitions are kept, and the read is tried
        # again.
        state.cursor["again_at"] = (now + AFTER_FAILURE).isoformat()
        state.save(update_fields=["started_at", "cursor"])
        return False
    # A deal shows a field without a definition under its key, so one that cannot be read is left out.
    fields = [
        [field.field_key, field.display_name, field.field_type, list(field.options.select_options)]
        for field in scan
        if field.entity_type == ENTITY and not field.cannot_read("field_key")
    ]
    unreadable.replace(findings, now=now)
    state.cursor = {"fields": fields, "again_at": (now + EVERY).isoformat()}
    state.finished_at = clock.now()
    state.save(update_fields=["started_at", "cursor", "finished_at"])
    return True


def load_definitions() -> list[DealField]:
    """The custom fields of deals, in Slant's order; empty until they were read."""
    return listed(SyncState.objects.filter(pk=DEFINITIONS).values_list("cursor", flat=True).first())


def listed(cursor: dict[str, Any] | None) -> list[DealField]:
    """The same from a cursor. A cursor that an older version stored has no choices."""
    return [
        custom_field(key, label, kind, *choices)
        for key, label, kind, *choices in (cursor or {}).get("fields", [])
    ]
