"""The same measures side by side: per person, and per book."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from .overview import Outcome, outcome
from .rows import Amount, Closing, Made, Pile, Stages, total, worth


@dataclass(frozen=True)
class Side:
    """One person's, or one book's, measures. `share` is of everybody's open deals; `stale` of those open
    here.
    """

    key: str
    open: Amount
    outcome: Outcome
    created: int
    stale: int
    share: float


@dataclass(frozen=True)
class Owners:
    people: tuple[Side, ...]
    books: tuple[Side, ...]
    all: Side


def owners(
    *,
    now: Sequence[Pile],
    closings: Sequence[Closing],
    made: Sequence[Made],
    stages: Stages,
) -> Owners:
    """`now` holds open deals only, and how many of them are stale."""
    everything = sum(pile.deals for pile in now)

    def sides(by: str) -> tuple[Side, ...]:
        key = attrgetter(by)
        keys = {key(row) for rows in (now, closings, made) for row in rows}
        found = [
            _side(
                each,
                [row for row in now if key(row) == each],
                [row for row in closings if key(row) == each],
                [row for row in made if key(row) == each],
                stages,
                everything,
            )
            for each in keys
        ]
        return tuple(sorted(found, key=lambda side: (-side.open.weighted, -side.open.value, side.key)))

    whole = _side("", now, closings, made, stages, everything)
    return Owners(sides("owner"), sides("book"), whole)


def _side(
    key: str,
    now: Sequence[Pile],
    closings: Iterable[Closing],
    made: Iterable[Made],
    stages: Stages,
    everything: int,
) -> Side:
    held = total(worth(pile, stages) for pile in now)
    return Side(
        key,
        held,
        outcome(closings),
        sum(each.deals for each in made),
        sum(pile.stale for pile in now),
        held.deals / everything if everything else 0.0,
    )
