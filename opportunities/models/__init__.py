"""The models: what Slantweb stores. Each subject is one file, and this is their index."""

from .alerts import Alert, AlertMail, PendingAlert
from .audit import ActorType, AuditEvent, ChainHead, ExportSignature
from .event_counts import EventCount
from .history import LostReason, Meaning, OpportunityVersion, StageMeaning, Target
from .limits import LimitCount
from .mirror import (
    WRITING_ROLES,
    Book,
    BookRole,
    Household,
    Member,
    MirrorRevision,
    Opportunity,
    Pipeline,
    Stage,
    StageTotal,
    SyncState,
)
from .people import Draft, Person, Role, SavedView
from .runtime import Budget, Heartbeat, Hold, Instance, Lease
from .sessions import OpenSession
from .submissions import FINAL, OPEN, Attempt, BulkOrder, Kind, Outcome, State, Submission
from .unreadable import UnreadableRecord

__all__ = [
    "FINAL",
    "OPEN",
    "WRITING_ROLES",
    "ActorType",
    "Alert",
    "AlertMail",
    "Attempt",
    "AuditEvent",
    "Book",
    "BookRole",
    "Budget",
    "BulkOrder",
    "ChainHead",
    "Draft",
    "EventCount",
    "ExportSignature",
    "Heartbeat",
    "Hold",
    "Household",
    "Instance",
    "Kind",
    "Lease",
    "LimitCount",
    "LostReason",
    "Meaning",
    "Member",
    "MirrorRevision",
    "OpenSession",
    "Opportunity",
    "OpportunityVersion",
    "Outcome",
    "PendingAlert",
    "Person",
    "Pipeline",
    "Role",
    "SavedView",
    "Stage",
    "StageMeaning",
    "StageTotal",
    "State",
    "Submission",
    "SyncState",
    "Target",
    "UnreadableRecord",
]
