"""What every sheet needs to know besides its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from opportunities.periods import Period
from opportunities.wording import formats
from opportunities.wording import reports as words

from .rows import OPEN, Amount, Stages
from .sheets import Links


@dataclass(frozen=True)
class SheetContext:
    """`known_from` is the first day of history, None when there is none."""

    period: Period
    today: date
    year_starts: int
    stages: Stages
    owners: Mapping[str, str]
    books: Mapping[str, str]
    links: Links
    known_from: date | None = None

    @property
    def period_phrase(self) -> str:
        return words.period_phrase(self.period, self.today, self.year_starts)

    def day(self, value: date) -> str:
        return formats.day(value, self.today)

    def span(self, period: Period) -> str:
        return words.span(period, self.today)

    def owner_name(self, id: str) -> str:
        if not id:
            return "Nobody"
        return self.owners.get(id, "Someone who left")

    def link_open_deals(self, **selection: object) -> str:
        """The open deals of today; `stage` in the selection replaces all open stages."""
        open_stages = [stage.id for stage in self.stages.values() if stage.meaning == OPEN]
        return self.links.deals(**{"stage": open_stages} | selection)

    @property
    def has_not_begun(self) -> bool:
        return self.period.first > self.today

    @property
    def is_over(self) -> bool:
        return self.period.last < self.today

    @property
    def is_before_history(self) -> bool:
        """Whether the whole period lies before anything was seen."""
        return self.known_from is not None and self.known_from > self.period.last

    @property
    def begins_later(self) -> date | None:
        """The day history begins, where that is within the period."""
        first_day = self.known_from
        return first_day if first_day and self.period.first < first_day <= self.period.last else None

    def history_hints(self, *, compares: bool = False) -> tuple[str, ...]:
        """Since when history is known, where that matters and the headline does not say it.

        `compares`: the report also looks at as many days before the period.
        """
        if self.known_from is None:
            return (words.NO_HISTORY,)
        first = self.period.first
        needed = first - (self.period.last - first) - timedelta(days=1)
        if not compares or self.known_from <= needed:
            return ()
        return (words.KNOWN_FROM.format(day=self.day(self.known_from)),)

    def why_nothing_happened(self) -> str:
        """Why there is nothing to show: nothing changed, or it is too early to know."""
        if self.has_not_begun:
            return words.NOT_BEGUN
        if self.known_from and self.is_before_history:
            return words.BEFORE_HISTORY.format(day=self.day(self.known_from))
        if self.known_from and self.known_from > self.period.first:
            return words.NOTHING_SINCE.format(day=self.day(self.known_from))
        return words.NOTHING_HAPPENED

    def gap_hints(self, amount: Amount) -> tuple[str, ...]:
        """What is missing from the sums, so that it is not taken as counted."""
        hints = []
        if amount.valueless:
            hints.append(words.VALUELESS.format(deals=formats.deals(amount.valueless)))
        if amount.unweighted:
            hints.append(words.UNWEIGHTED.format(deals=formats.deals(amount.unweighted)))
        return tuple(hints)
