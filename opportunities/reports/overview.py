"""The pipeline at a glance: eight measures, each against the stretch before."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add

from .rows import LOST, OPEN, WON, Amount, Closing, Lost, Made, Pile, Stages, dollars, median, total, worth

OPEN_VALUE, WEIGHTED, WON_VALUE, LOST_VALUE = "open", "weighted", "won", "lost"
CREATED, WIN_RATE, AVERAGE, DAYS_TO_WIN = "created", "win-rate", "average", "days-to-win"


@dataclass(frozen=True)
class Measure:
    """One figure now and before; `deals` and `deals_before` are the deals behind them. None: nothing to
    measure.
    """

    key: str
    now: float | int | None
    before: float | int | None
    deals: int
    deals_before: int
    # What it was, stretch by stretch (of a stock: at their edges); None where there was nothing to measure.
    trail: tuple[float | None, ...] = ()

    @property
    def change(self) -> float | None:
        """By how much of the figure before it rose; None where there is nothing to compare."""
        if self.now is None or not self.before:
            return None
        return (self.now - self.before) / self.before


@dataclass(frozen=True)
class Overview:
    measures: tuple[Measure, ...]
    open_now: Amount
    reasons: tuple[Lost, ...]

    def __getitem__(self, key: str) -> Measure:
        return next(each for each in self.measures if each.key == key)


@dataclass(frozen=True)
class Outcome:
    """What one stretch of time brought."""

    won: int
    won_value: int
    lost: int
    lost_value: int
    valueless_won: int
    days: Counter[int]

    @property
    def win_rate(self) -> float | None:
        """Won of won and lost, by number."""
        decided = self.won + self.lost
        return self.won / decided if decided else None

    @property
    def average(self) -> float | None:
        """The mean value of what was won; a deal without a value cannot speak for it."""
        valued = self.won - self.valueless_won
        return self.won_value / valued if valued else None

    @property
    def days_to_win(self) -> float | None:
        return median(self.days)


def outcome(closings: Iterable[Closing]) -> Outcome:
    """Closings of one stretch, owner or book, added up."""
    closings = list(closings)
    won = [each for each in closings if each.meaning == WON]
    lost = [each for each in closings if each.meaning == LOST]
    days: Counter[int] = Counter()
    for each in won:
        if each.days is not None:
            days[each.days] += each.deals
    return Outcome(
        sum(each.deals for each in won),
        sum(each.value for each in won),
        sum(each.deals for each in lost),
        sum(each.value for each in lost),
        sum(each.valueless for each in won),
        days,
    )


def by_reason(found: Iterable[Lost]) -> tuple[Lost, ...]:
    """Reasons that differ only in case and spaces as one, in the spelling used most; the commonest first,
    none last.
    """
    alike: dict[str, list[Lost]] = {}
    for each in found:
        alike.setdefault(" ".join(each.reason.split()).casefold(), []).append(each)
    merged = [
        Lost(
            " ".join(max(group, key=lambda each: (each.deals, each.reason)).reason.split()),
            sum(each.deals for each in group),
            sum(each.value for each in group),
        )
        for group in alike.values()
    ]
    return tuple(sorted(merged, key=lambda each: (not each.reason, -each.deals, -each.value, each.reason)))


def overview(
    *,
    now: Iterable[Pile],
    back: Sequence[Iterable[Pile]],
    closings: Sequence[Closing],
    made: Sequence[Made],
    reasons: Iterable[Lost],
    stages: Stages,
    buckets: tuple[int, int],
) -> Overview:
    """`buckets` says how many stretches `closings` and `made` have before the period, and how many in it.

    `back` leads from the pipeline of now to what it was as each stretch began, the last stretch last: piles
    to add, and negative ones to take away. It reaches as far as history does.
    """
    earlier, current = buckets
    stocks = list(accumulate([_open(now, stages), *(_open(piles, stages) for piles in reversed(back))], add))
    held = stocks[0]
    held_before = stocks[current] if len(stocks) > current else None
    then, here = (
        outcome(each for each in closings if (each.bucket >= earlier) is wanted) for wanted in (False, True)
    )
    slices = [
        outcome(each for each in closings if each.bucket == place) for place in range(earlier + current)
    ]
    created = [(sum(m.deals for m in made if (m.bucket >= earlier) is wanted)) for wanted in (False, True)]
    created_trail = tuple(
        float(sum(m.deals for m in made if m.bucket == place)) for place in range(earlier + current)
    )

    def stock(key: str, value: Callable[[Amount], int]) -> Measure:
        deals_before = held_before.deals if held_before else 0
        then = value(held_before) if held_before else None
        return Measure(
            key, value(held), then, held.deals, deals_before, tuple(value(each) for each in reversed(stocks))
        )

    measures = (
        stock(OPEN_VALUE, lambda amount: amount.value),
        stock(WEIGHTED, lambda amount: dollars(amount.weighted)),
        Measure(
            WON_VALUE, here.won_value, then.won_value, here.won, then.won, tuple(s.won_value for s in slices)
        ),
        Measure(
            LOST_VALUE,
            here.lost_value,
            then.lost_value,
            here.lost,
            then.lost,
            tuple(s.lost_value for s in slices),
        ),
        Measure(CREATED, created[1], created[0], created[1], created[0], created_trail),
        Measure(
            WIN_RATE,
            here.win_rate,
            then.win_rate,
            here.won + here.lost,
            then.won + then.lost,
            tuple(s.win_rate for s in slices),
        ),
        Measure(AVERAGE, here.average, then.average, here.won, then.won, tuple(s.average for s in slices)),
        Measure(
            DAYS_TO_WIN,
            here.days_to_win,
            then.days_to_win,
            here.won,
            then.won,
            tuple(s.days_to_win for s in slices),
        ),
    )
    return Overview(measures, held, by_reason(reasons))


def _open(piles: Iterable[Pile], stages: Stages) -> Amount:
    return total(
        worth(pile, stages)
        for pile in piles
        if pile.stage not in stages or stages[pile.stage].meaning == OPEN
    )
