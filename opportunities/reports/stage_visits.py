"""The stays of deals in stages, from the turns they took: what was undone is none, and a deal counts once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from .rows import ELSEWHERE

# A move that was taken back within this time is none.
UNDONE_WITHIN = timedelta(days=1)


class StageTurn(NamedTuple):
    """A deal came into a stage, or left Slant (`ELSEWHERE`). `shown` is its version then."""

    id: str
    at: datetime
    shown: int
    stage: str
    came_from: str
    value: int
    is_in_scope: bool


class VisitedStage(NamedTuple):
    """A deal's last stay in one open stage in the period, and the stage that followed; empty: still there."""

    turn: StageTurn
    then: str


def stays_of(turns: Iterable[StageTurn], is_closed: Callable[[str], bool]) -> Iterator[VisitedStage]:
    """The stays of all deals in open stages, from their turns deal by deal: each stage once a deal."""
    for _, group in groupby(turns, attrgetter("id")):
        yield from _stays_of_deal(_lasting(_without_undone(group), is_closed), is_closed)


def _without_undone(turns: Iterable[StageTurn]) -> list[StageTurn]:
    lasting: list[StageTurn] = []
    for turn in turns:
        if lasting and lasting[-1].came_from == turn.stage and turn.at - lasting[-1].at < UNDONE_WITHIN:
            lasting.pop()
        else:
            lasting.append(turn)
    return lasting


def _lasting(turns: Sequence[StageTurn], is_closed: Callable[[str], bool]) -> list[StageTurn]:
    """Without the closed stages that a deal left again: what was reopened was not won or lost."""
    last = len(turns) - 1
    return [turn for place, turn in enumerate(turns) if place == last or not is_closed(turn.stage)]


def _stays_of_deal(turns: Sequence[StageTurn], is_closed: Callable[[str], bool]) -> Iterator[VisitedStage]:
    stays = {
        turn.stage: VisitedStage(turn, then)
        for turn, then in zip(turns, [*(turn.stage for turn in turns[1:]), ""], strict=False)
    }
    for stay in stays.values():
        if stay.turn.is_in_scope and stay.turn.stage != ELSEWHERE and not is_closed(stay.turn.stage):
            yield stay
