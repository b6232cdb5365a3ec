"""The pipeline at a glance: eight measures, each against the stretch before."""

from .numbers import OverviewRows, PeriodOutcome, add_closings, calculate
from .sheet import build_sheet, title_behind

__all__ = ["OverviewRows", "PeriodOutcome", "add_closings", "build_sheet", "calculate", "title_behind"]
