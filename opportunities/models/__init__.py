"""What Slantweb remembers. Each room is one file; this is their index."""

from .audit import ActorType, AuditEvent, ChainHead
from .mirror import (
    WRITING_ROLES,
    Book,
    BookRole,
    Household,
    Member,
    Opportunity,
    Pipeline,
    Stage,
    SyncState,
)
from .people import Draft, Person, Role
from .running import Alert, Budget, Heartbeat, Hold, Instance, Lease
from .submissions import FINAL, OPEN, Attempt, Kind, Outcome, State, Submission

__all__ = [
    "FINAL",
    "OPEN",
    "WRITING_ROLES",
    "ActorType",
    "Alert",
    "Attempt",
    "AuditEvent",
    "Book",
    "BookRole",
    "Budget",
    "ChainHead",
    "Draft",
    "Heartbeat",
    "Hold",
    "Household",
    "Instance",
    "Kind",
    "Lease",
    "Member",
    "Opportunity",
    "Outcome",
    "Person",
    "Pipeline",
    "Role",
    "Stage",
    "State",
    "Submission",
    "SyncState",
]
