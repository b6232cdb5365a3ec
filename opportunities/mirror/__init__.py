"""Our copy of what Slant has, and the history Slant does not keep.

| room | does |
| --- | --- |
| `writing` | takes records into the mirror: every change of a deal goes through here, and through here only |
| `versions` | one row an observed change (`OpportunityVersion`) |
| `totals` | what lies in each place, kept and never recounted (`StageTotal`, `MirrorRevision`) |
| `meanings` | what a stage means: suggested, then set by a manager (`StageMeaning`) |
| `directory` | reads and writes the short lists: books, members, pipelines, stages, households |
| `definitions` | what Slant's custom fields are called, once a day |
| `walking` | reads deals: what changed, or everything, a page at a time |
| `sync` | what is due, by one leader at a time, within the call budget |
"""

from opportunities.mirror.sync import (
    LEASE,
    LEASE_SECONDS,
    RESOURCES,
    due,
    interval_seconds,
    sync,
    sync_if_due,
)
from opportunities.mirror.writing import apply, mark_gone, write

__all__ = [
    "LEASE",
    "LEASE_SECONDS",
    "RESOURCES",
    "apply",
    "due",
    "interval_seconds",
    "mark_gone",
    "sync",
    "sync_if_due",
    "write",
]
