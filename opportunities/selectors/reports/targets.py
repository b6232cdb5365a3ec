"""What people are to win, for the settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from opportunities.models import Target
from opportunities.periods import Period, quarter_of

from .scope import ReportScope


@dataclass(frozen=True)
class TargetRow:
    """The targets of one member, by the first day of each quarter; None: no target."""

    member: str
    name: str
    amounts: tuple[tuple[date, int | None], ...]


def target_quarters(today: date, count: int = 4) -> list[Period]:
    """The fiscal quarter we are in and those after it."""
    quarters = [quarter_of(today, settings.FISCAL_YEAR_START_MONTH)]
    while len(quarters) < count:
        quarters.append(quarter_of(quarters[-1].end, settings.FISCAL_YEAR_START_MONTH))
    return quarters


def fetch_targets(scope: ReportScope, quarters: Sequence[Period]) -> list[TargetRow]:
    """Everybody who works in a book, by name."""
    firsts = [quarter.first for quarter in quarters]
    held = {(row.member_id, row.quarter): row.amount for row in Target.objects.filter(quarter__in=firsts)}
    return [
        TargetRow(member, name, tuple((first, held.get((member, first))) for first in firsts))
        for member, name in scope.members.items()
    ]
