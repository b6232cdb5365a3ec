"""The numbers of the overview: eight measures, each against the stretch before."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import add

from opportunities.periods import Period
from opportunities.reports.measures import average, whole, win_rate
from opportunities.reports.quantiles import mean, median
from opportunities.reports.rows import (
    LOST,
    WON,
    Amount,
    Closing,
    Creation,
    LossCount,
    StageCount,
    Stages,
    add_open,
    to_dollars,
)

OPEN_VALUE, WEIGHTED, WON_VALUE, LOST_VALUE = "open", "weighted", "won", "lost"
CREATED, WIN_RATE, AVERAGE, DAYS_TO_WIN = "created", "win-rate", "average", "days-to-win"

# A change is told only against at least so many deals.
LEAST_BASE = 5
MONTHS_DIFFER = 3


@dataclass(frozen=True)
class OverviewRows:
    """`closings` and `creations` are counted by stretches: `earlier` before the period, then `current` in it.

    `back` holds the changes between the present pipeline and the one at the beginning of each stretch: counts
    to add, and negative ones to take away. It goes back as far as history does. `now` is the part of the
    period that has begun, and `before` the period it is compared with. `knows_open`: history reaches back to
    the end of `now`.
    """

    now: Period
    before: Period
    held: Sequence[StageCount]
    back: Sequence[Sequence[StageCount]]
    closings: Sequence[Closing]
    creations: Sequence[Creation]
    reasons: Sequence[LossCount]
    stages: Stages
    earlier: int
    current: int
    knows_open: bool = True

    @property
    def are_alike(self) -> bool:
        """Whether both periods are as long, but for what months differ by."""
        return abs(self.now.days - self.before.days) <= MONTHS_DIFFER

    @property
    def stretches(self) -> range:
        return range(self.earlier + self.current)


@dataclass(frozen=True)
class PeriodOutcome:
    """What one stretch of time brought."""

    won: int
    won_value: int
    lost: int
    lost_value: int
    valueless_won: int
    days: Counter[int]

    @property
    def decided(self) -> int:
        return self.won + self.lost

    @property
    def win_rate(self) -> float | None:
        """Won of won and lost, by number."""
        return win_rate(self.won, self.lost)

    @property
    def valued_won(self) -> int:
        """What the average divides by."""
        return self.won - self.valueless_won

    @property
    def average(self) -> float | None:
        """The mean value of what was won, of the deals that have a value."""
        return average(self.won_value, self.won, self.valueless_won)

    @property
    def days_to_win(self) -> float | None:
        middle = median(self.days)
        return None if middle is None else whole(middle)

    @property
    def cycle(self) -> float | None:
        """The mean days from creation to win."""
        return mean(self.days)


def add_closings(closings: Iterable[Closing]) -> PeriodOutcome:
    closings = list(closings)
    won = [row for row in closings if row.meaning == WON]
    lost = [row for row in closings if row.meaning == LOST]
    days: Counter[int] = Counter()
    for row in won:
        if row.days is not None:
            days[row.days] += row.deals
    return PeriodOutcome(
        sum(row.deals for row in won),
        sum(row.value for row in won),
        sum(row.deals for row in lost),
        sum(row.value for row in lost),
        sum(row.valueless for row in won),
        days,
    )


def merge_reasons(counts: Iterable[LossCount]) -> tuple[LossCount, ...]:
    """Merge reasons that differ only in case and spaces, under the spelling used most.

    The most frequent comes first, deals without a reason last.
    """
    alike: dict[str, list[LossCount]] = {}
    for row in counts:
        alike.setdefault(" ".join(row.reason.split()).casefold(), []).append(row)
    merged = [
        LossCount(
            " ".join(max(group, key=lambda row: (row.deals, row.reason)).reason.split()),
            sum(row.deals for row in group),
            sum(row.value for row in group),
        )
        for group in alike.values()
    ]
    return tuple(sorted(merged, key=lambda row: (not row.reason, -row.deals, -row.value, row.reason)))


@dataclass(frozen=True)
class Measure:
    """One figure now and before, with the deals behind each. None: nothing to measure.

    `is_comparable` is false where the base is too small, or the periods differ in length. `trend` is the
    figure stretch by stretch; of what is held at a moment, as each stretch began, and now.
    """

    key: str
    now: float | int | None
    before: float | int | None
    deals: int
    deals_before: int
    trend: tuple[float | None, ...] = ()
    is_comparable: bool = True

    @property
    def change(self) -> float | None:
        """The change as a fraction of the figure before, of a rate in points; None where none is meant."""
        if self.now is None or not self.before or not self.is_comparable:
            return None
        difference = self.now - self.before
        return difference if self.key == WIN_RATE else difference / self.before


@dataclass(frozen=True)
class Overview:
    measures: tuple[Measure, ...]
    open_now: Amount
    reasons: tuple[LossCount, ...]

    def __getitem__(self, key: str) -> Measure:
        return next(measure for measure in self.measures if measure.key == key)

    @property
    def is_empty(self) -> bool:
        happened = any(self[key].deals for key in (WON_VALUE, LOST_VALUE, CREATED))
        return not (self.open_now.deals or happened)


def calculate(rows: OverviewRows) -> Overview:
    counts = [rows.held, *reversed(rows.back)]
    held = list(accumulate((add_open(stretch, rows.stages) for stretch in counts), add))
    changes = (
        _measure_held(OPEN_VALUE, held, rows, lambda amount: amount.value),
        _measure_held(WEIGHTED, held, rows, lambda amount: to_dollars(amount.weighted)),
        _measure_outcome(WON_VALUE, rows, lambda outcome: (outcome.won_value, outcome.won)),
        _measure_outcome(LOST_VALUE, rows, lambda outcome: (outcome.lost_value, outcome.lost)),
        _measure_created(rows),
        _measure_outcome(WIN_RATE, rows, lambda outcome: (outcome.win_rate, outcome.decided)),
        _measure_outcome(AVERAGE, rows, lambda outcome: (outcome.average, outcome.valued_won)),
        _measure_outcome(DAYS_TO_WIN, rows, lambda outcome: (outcome.days_to_win, outcome.won)),
    )
    measures = tuple(
        replace(measure, is_comparable=rows.are_alike and measure.deals_before >= LEAST_BASE)
        for measure in changes
    )
    return Overview(measures, held[0], merge_reasons(rows.reasons))


def _measure_held(
    key: str, held: Sequence[Amount], rows: OverviewRows, value: Callable[[Amount], int]
) -> Measure:
    """`held` is the pipeline now, then at the beginning of each stretch, the latest first."""
    if not rows.knows_open:
        return Measure(key, None, None, 0, 0)
    before = held[rows.current] if len(held) > rows.current else None
    return Measure(
        key,
        value(held[0]),
        value(before) if before else None,
        held[0].deals,
        before.deals if before else 0,
        tuple(value(amount) for amount in reversed(held)),
    )


def _measure_outcome(
    key: str, rows: OverviewRows, figure: Callable[[PeriodOutcome], tuple[float | int | None, int]]
) -> Measure:
    """`figure` gives the value of an outcome, and the deals behind it."""
    before, deals_before = figure(add_closings(row for row in rows.closings if row.bucket < rows.earlier))
    now, deals = figure(add_closings(row for row in rows.closings if row.bucket >= rows.earlier))
    trend = (
        figure(add_closings(row for row in rows.closings if row.bucket == place))[0]
        for place in rows.stretches
    )
    return Measure(key, now, before, deals, deals_before, tuple(trend))


def _measure_created(rows: OverviewRows) -> Measure:
    before = sum(row.deals for row in rows.creations if row.bucket < rows.earlier)
    now = sum(row.deals for row in rows.creations if row.bucket >= rows.earlier)
    trend = (
        float(sum(row.deals for row in rows.creations if row.bucket == place)) for place in rows.stretches
    )
    return Measure(CREATED, now, before, now, before, tuple(trend))
