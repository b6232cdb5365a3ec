"""The mirror: our copy of what Slant has, and the history that Slant does not keep.

| module | what it does |
| --- | --- |
| `writing` | takes records into the mirror; the only module that changes a mirrored deal |
| `versions` | one row for each observed change (`OpportunityVersion`) |
| `totals` | number and value of the deals in each stage, always up to date (`StageTotal`, `MirrorRevision`) |
| `meanings` | what a stage means: suggested, then set by a manager (`StageMeaning`) |
| `directory` | reads and writes the short lists: books, members, pipelines, stages, households |
| `definitions` | reads the definitions of custom fields once a day |
| `reader` | reads deals: what changed, or everything, a page at a time |
| `walk` | the progress of a walk, which reads every deal |
| `sync` | reads what is due, by one worker at a time, within the call budget |
| `sync_event` | the hourly event of the trail about the mirror |
"""

from opportunities.mirror.sync import (
    ANSWERS,
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
    "ANSWERS",
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
