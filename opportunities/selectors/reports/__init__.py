"""The rows of each report, for one person and one set of filters, and the report made of them.

What is counted is counted by the database: a report costs the same few queries for a hundred deals as for a
hundred thousand. Reports of the past read versions (`history`), those of today the mirror. What a person may
not see is in no row.
"""

from .ageing import ageing_of
from .behind import Behind, behind, open_behind
from .changes import board_at, changes_of
from .forecast import forecast_of
from .funnel import funnel_of
from .ground import NOBODY, Ground, ground
from .overview import overview_of
from .owners import owners_of
from .quality import quality_of
from .report import Report
from .targets import TargetRow, target_quarters, targets
from .velocity import velocity_of

__all__ = [
    "NOBODY",
    "Behind",
    "Ground",
    "Report",
    "TargetRow",
    "ageing_of",
    "behind",
    "board_at",
    "changes_of",
    "forecast_of",
    "funnel_of",
    "ground",
    "open_behind",
    "overview_of",
    "owners_of",
    "quality_of",
    "target_quarters",
    "targets",
    "velocity_of",
]
