"""What selectors hand to reports: deals counted together, by what the report needs to tell apart.

A row may stand for one deal or for many: reports only ever add rows up, so the database counts where there
are a hundred thousand deals and a test writes single ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from .sums import Sums

OPEN, WON, LOST, ARCHIVED = "open", "won", "lost", "archived"
# Where a deal was before its first change we saw, or is after the last: not in Slant; in Slant but outside
# the filters.
NOWHERE, ELSEWHERE = "", "elsewhere"


@dataclass(frozen=True)
class Stage:
    """A stage as of today. `limit` is after how many days in it a deal is stuck."""

    id: str
    name: str
    pipeline: str
    pipeline_name: str
    meaning: str
    default_probability: int | None
    order: int
    limit: int = 30


Stages = Mapping[str, Stage]


@dataclass(frozen=True)
class Pile:
    """Deals of one stage (owner, book) at one moment. Units: dollars, and dollars times percent where
    weighted.

    `own_weighted` sums value times probability over deals with a probability of their own; `rest_value` sums
    the value of the `rest` that follow their stage's default (only deals with a value count there). `stale`
    of the deals are that, where it was asked.
    """

    stage: str
    owner: str = ""
    book: str = ""
    deals: int = 0
    valueless: int = 0
    value: int = 0
    own_weighted: int = 0
    rest: int = 0
    rest_value: int = 0
    stale: int = 0

    def __neg__(self) -> "Pile":
        """The same deals taken away."""
        figures: dict[str, Any] = {
            name: -figure for name, figure in vars(self).items() if isinstance(figure, int)
        }
        return replace(self, **figures)


@dataclass(frozen=True)
class Amount(Sums):
    """Deals with their worth. `weighted` is in hundredths of a dollar; `unweighted` deals have a value but
    neither a probability nor a stage that has one, and are not in it (Slant API 10.12).
    """

    deals: int = 0
    value: int = 0
    weighted: int = 0
    valueless: int = 0
    unweighted: int = 0


NOTHING = Amount()


def worth(pile: Pile, stages: Stages) -> Amount:
    """The pile weighted by its deals' probabilities, or by its stage's."""
    stage = stages.get(pile.stage)
    default = stage.default_probability if stage else None
    weighted = pile.own_weighted + pile.rest_value * (default or 0)
    return Amount(pile.deals, pile.value, weighted, pile.valueless, pile.rest if default is None else 0)


def total(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, NOTHING)


def dollars(weighted: int) -> int:
    """Hundredths of a dollar, rounded half up."""
    return (weighted + 50) // 100


@dataclass(frozen=True)
class Closing:
    """Deals that were won, or lost, in one stretch of time. `days` is from creation to that day; None: not
    known.
    """

    meaning: str
    bucket: int = 0
    days: int | None = None
    owner: str = ""
    book: str = ""
    deals: int = 1
    value: int = 0
    valueless: int = 0


@dataclass(frozen=True)
class Made:
    """Deals created in one stretch of time, by their owner and book of today, with their value of today."""

    bucket: int = 0
    owner: str = ""
    book: str = ""
    deals: int = 1
    value: int = 0


@dataclass(frozen=True)
class Movement:
    """Changes of one kind. `before` and `after` say what the deals were: a meaning, `ELSEWHERE` or `NOWHERE`.

    `new`: created since history is known, rather than found late. A missing value counts as nothing.
    """

    before: str
    after: str
    before_value: int
    after_value: int
    deals: int = 1
    new: bool = True


@dataclass(frozen=True)
class Passage:
    """Stays in a stage that began in the period. `then` is the stage they went to; empty: still there.

    `ELSEWHERE`: left the filters or Slant.
    """

    stage: str
    then: str
    deals: int = 1
    value: int = 0


@dataclass(frozen=True)
class Age:
    """Open deals by how many whole days they have been in their stage."""

    stage: str
    days: int
    deals: int = 1
    value: int = 0


@dataclass(frozen=True)
class Lost:
    """Deals lost for one reason, as it was typed; empty: none was kept."""

    reason: str
    deals: int
    value: int


@dataclass(frozen=True)
class Line:
    """One deal, where a report shows deals. `effect` and `at` are what it has to do with the number it stands
    behind.
    """

    id: str
    name: str
    household: str = ""
    owner: str = ""
    owner_name: str = ""
    book: str = ""
    book_name: str = ""
    stage: str = ""
    value: int | None = None
    close: date | None = None
    days: int | None = None
    limit: int | None = None
    effect: int | None = None
    what: str = ""
    at: datetime | None = None
    made: datetime | None = None


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The smallest number that at least `share` of all do not exceed; None of nothing. `counts` says how many
    have it.
    """
    whole = sum(counts.values())
    if not whole:
        return None
    below = 0
    for number in sorted(counts):
        below += counts[number]
        if below >= share * whole - 1e-9:
            return number
    return max(counts)


def median(counts: Mapping[int, int]) -> float | None:
    """The middle one, or the mean of the two in the middle."""
    whole = sum(counts.values())
    if not whole:
        return None
    low, high = _at(counts, (whole - 1) // 2), _at(counts, whole // 2)
    return (low + high) / 2


def _at(counts: Mapping[int, int], place: int) -> int:
    for number in sorted(counts):
        place -= counts[number]
        if place < 0:
            return number
    raise IndexError(place)


@dataclass(frozen=True)
class Asked:
    """What a report is narrowed to; ids are Slant's, empty: not narrowed.

    `team` is a book, and means the deals of the people who work in it, wherever those deals lie: Slant knows
    no teams. `owner` is a member's id, or `none` for deals without an owner. `day` is the past day whose
    board is asked for.
    """

    book: str = ""
    team: str = ""
    pipeline: str = ""
    owner: str = ""
    day: date | None = None
