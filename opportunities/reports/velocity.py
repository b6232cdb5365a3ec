"""How fast the pipeline turns into money: (deals x average value x win rate) / cycle length, by month."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from opportunities.periods import Period

from .overview import Outcome, outcome
from .rows import Closing


@dataclass(frozen=True)
class Month:
    """`deals` were worked on: open as the month began, or came into the pipeline in it.

    The average value, the win rate and the cycle (mean days from creation to win) are of what was decided in
    the month.
    """

    period: Period
    deals: int
    outcome: Outcome

    @property
    def cycle(self) -> float | None:
        return _mean(self.outcome.days)

    @property
    def velocity(self) -> float | None:
        """Dollars a day; None in a month without a win, or with one that has no value or no date of creation."""
        cycle, average, rate = self.cycle, self.outcome.average, self.outcome.win_rate
        if cycle is None or average is None or rate is None:
            return None
        # Made and won on one day is a cycle of one day, not of none.
        return self.deals * average * rate / max(cycle, 1.0)


@dataclass(frozen=True)
class Velocity:
    months: tuple[Month, ...]

    @property
    def latest(self) -> Month | None:
        """The newest month that has a figure."""
        return next((month for month in reversed(self.months) if month.velocity is not None), None)


def velocity(*, months: Sequence[Period], worked: Sequence[int], closings: Sequence[Closing]) -> Velocity:
    return Velocity(
        tuple(
            Month(month, deals, outcome(each for each in closings if each.bucket == place))
            for place, (month, deals) in enumerate(zip(months, worked, strict=True))
        )
    )


def _mean(counts: Counter[int]) -> float | None:
    whole = sum(counts.values())
    return sum(number * count for number, count in counts.items()) / whole if whole else None
