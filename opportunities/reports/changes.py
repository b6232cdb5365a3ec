"""What changed between two moments: from one open pipeline to the other, step by step, without a remainder.

Each change of a deal is told apart into steps whose effects on the open pipeline add up to the difference it
made: a deal that is won at a higher value than it had was first raised, then won at what it was won at.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .rows import (
    ARCHIVED,
    ELSEWHERE,
    LOST,
    NOTHING,
    NOWHERE,
    OPEN,
    WON,
    Amount,
    Line,
    Movement,
    Pile,
    Stages,
    worth,
)

NEW, RAISED, REOPENED, MOVED_IN = "new", "raised", "reopened", "moved-in"
MOVED_OUT, LOWERED, GONE = "moved-out", "lowered", "gone"
STEPS = (NEW, RAISED, REOPENED, MOVED_IN, MOVED_OUT, WON, LOST, LOWERED, ARCHIVED, GONE)
CLOSED = (WON, LOST, ARCHIVED)


@dataclass(frozen=True)
class Step:
    """One bar: how many changes, and what they did to the open pipeline in dollars."""

    key: str
    deals: int
    effect: int


@dataclass(frozen=True)
class Changes:
    opening: Amount
    steps: tuple[Step, ...]
    closing: Amount
    largest: tuple[Line, ...] = ()

    def __getitem__(self, key: str) -> Step:
        return next(each for each in self.steps if each.key == key)

    @property
    def unexplained(self) -> int:
        """Nothing, always: `opening` and `closing` are counted on their own, and the steps lead from one to
        the other.
        """
        return self.closing.value - self.opening.value - sum(step.effect for step in self.steps)


def effects(move: Movement) -> Iterator[tuple[str, int]]:
    """The steps one change is made of, each with its effect; none where the open pipeline is not touched."""
    if move.before == OPEN:
        if move.after in (OPEN, *CLOSED):
            difference = move.after_value - move.before_value
            if difference:
                yield (RAISED if difference > 0 else LOWERED), difference
        if move.after in CLOSED:
            yield move.after, -move.after_value
        elif move.after == ELSEWHERE:
            yield MOVED_OUT, -move.before_value
        elif move.after == NOWHERE:
            yield GONE, -move.before_value
    elif move.after == OPEN:
        yield _entrance(move), move.after_value


def changes(
    *,
    opening: Iterable[Pile],
    movements: Iterable[Movement],
    closing: Iterable[Pile],
    stages: Stages,
    largest: Sequence[Line] = (),
) -> Changes:
    """`movements` may be counted together if they agree in everything but the values, and those in their
    difference's sign.
    """
    deals: dict[str, int] = defaultdict(int)
    sums: dict[str, int] = defaultdict(int)
    for move in movements:
        for key, effect in effects(move):
            deals[key] += move.deals
            sums[key] += effect
    steps = tuple(Step(key, deals[key], sums[key]) for key in STEPS)
    return Changes(_open(opening, stages), steps, _open(closing, stages), tuple(largest))


def _entrance(move: Movement) -> str:
    if move.before in CLOSED:
        return REOPENED
    if move.before == NOWHERE and move.new:
        return NEW
    return MOVED_IN


def _open(piles: Iterable[Pile], stages: Stages) -> Amount:
    held = (
        worth(pile, stages)
        for pile in piles
        if pile.stage not in stages or stages[pile.stage].meaning == OPEN
    )
    return sum(held, NOTHING)
