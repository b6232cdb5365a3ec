"""What selectors hand to reports: deals counted together, by what a report needs to tell apart.

A row stands for one deal or for many. Reports only add rows up, so the database counts where there are a
hundred thousand deals, and a test writes single ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from .measures import ARCHIVED, LOST, OPEN, WON, to_dollars

__all__ = ["ARCHIVED", "LOST", "OPEN", "WON", "to_dollars"]

# Where a deal was before its first change, or is after its last: not in Slant, or outside the filters.
NOWHERE, ELSEWHERE = "", "elsewhere"
# What followed a stay in a stage: a loss that is in no figure, because it is undated, or is none any more.
UNCOUNTED = "uncounted"


@dataclass(frozen=True)
class ReportFilters:
    """What an address narrows a report to. Ids are Slant's; empty means not narrowed.

    `team` is a book and means the deals of the people who work in it: Slant knows no teams. `owner` is a
    member's id, or `none` for deals without an owner. `day` is the past day whose board is asked for. `show`
    names the number whose deals are asked for.
    """

    book: str = ""
    team: str = ""
    pipeline: str = ""
    owner: str = ""
    day: date | None = None
    by_quarter: bool = False
    show: str = ""


@dataclass(frozen=True)
class ReportStage:
    """A stage as of today. A deal that has been in it for longer than `limit` days is stale.

    `has_undated`: some deal in it has no date of its last move.
    """

    id: str
    name: str
    pipeline: str
    pipeline_name: str
    meaning: str
    default_probability: int | None
    order: int
    limit: int = 30
    has_undated: bool = False


Stages = Mapping[str, ReportStage]


@dataclass(frozen=True)
class StageCount:
    """Deals of one stage (owner, book) at one moment, in dollars, or dollars times percent where weighted.

    `own_weighted` sums value times probability over deals with a probability of their own. `rest_value` sums
    the value of the `rest`, which follow their stage's default and have a value. `stale` counts the stale
    deals, where the caller asked for them.
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

    def __neg__(self) -> "StageCount":
        """The same deals taken away."""
        return replace(
            self,
            deals=-self.deals,
            valueless=-self.valueless,
            value=-self.value,
            own_weighted=-self.own_weighted,
            rest=-self.rest,
            rest_value=-self.rest_value,
            stale=-self.stale,
        )


@dataclass(frozen=True)
class Amount:
    """Deals with their worth. `weighted` is in hundredths of a dollar.

    `unweighted` deals have a value, but neither they nor their stage have a probability (Slant API 10.12).
    They are not in `weighted`.
    """

    deals: int = 0
    value: int = 0
    weighted: int = 0
    valueless: int = 0
    unweighted: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            self.deals + other.deals,
            self.value + other.value,
            self.weighted + other.weighted,
            self.valueless + other.valueless,
            self.unweighted + other.unweighted,
        )


NOTHING = Amount()


def weigh(count: StageCount, stages: Stages) -> Amount:
    """The amount of a count, weighted by its deals' own probabilities or their stage's."""
    stage = stages.get(count.stage)
    default = stage.default_probability if stage else None
    weighted = count.own_weighted + count.rest_value * (default or 0)
    unweighted = count.rest if default is None else 0
    return Amount(count.deals, count.value, weighted, count.valueless, unweighted)


def add_amounts(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, NOTHING)


def add_open(counts: Iterable[StageCount], stages: Stages) -> Amount:
    """The counts in open stages, added up. An unknown stage counts as open."""
    return add_amounts(weigh(count, stages) for count in counts if is_open(count.stage, stages))


def is_open(stage: str, stages: Stages) -> bool:
    return stage not in stages or stages[stage].meaning == OPEN


@dataclass(frozen=True)
class Closing:
    """Deals won, or lost, in one stretch of time. `days` is from creation to that day, None if unknown."""

    meaning: str
    bucket: int = 0
    days: int | None = None
    owner: str = ""
    book: str = ""
    deals: int = 1
    value: int = 0
    valueless: int = 0


@dataclass(frozen=True)
class Creation:
    """Deals created in one stretch of time, by their owner and book of today, with their value of today."""

    bucket: int = 0
    owner: str = ""
    book: str = ""
    deals: int = 1
    value: int = 0


@dataclass(frozen=True)
class Movement:
    """Changes of one kind. `before` and `after` are a meaning, `ELSEWHERE` or `NOWHERE`.

    `new`: created since history is known, rather than found late. A missing value counts as nothing.
    """

    before: str
    after: str
    before_value: int
    after_value: int
    deals: int = 1
    new: bool = True


@dataclass(frozen=True)
class StageVisit:
    """Deals whose last stay in a stage began in the period, by the stage that followed.

    `then` is empty while they are still there, `ELSEWHERE` when they left Slant, and `UNCOUNTED`.
    """

    stage: str
    then: str
    deals: int = 1


@dataclass(frozen=True)
class AgeCount:
    """Open deals by how many whole days they have been in their stage."""

    stage: str
    days: int
    deals: int = 1
    value: int = 0


@dataclass(frozen=True)
class LossCount:
    """Deals lost for one reason, as it was typed. An empty reason: none was given."""

    reason: str
    deals: int
    value: int


@dataclass(frozen=True)
class DealLine:
    """One deal, where a report lists deals. `effect`, `what` and `at` say why it stands behind a number."""

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
    created: datetime | None = None
