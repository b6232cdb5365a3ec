"""What every sheet needs to know besides its numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from opportunities.periods import Period
from opportunities.reports.rows import Amount, Stages
from opportunities.reports.sheets import Links
from opportunities.wording import formats
from opportunities.wording import reports as words


@dataclass(frozen=True)
class About:
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
    def within(self) -> str:
        return words.within(self.period, self.today, self.year_starts)

    def day(self, value: date) -> str:
        return formats.day(value, self.today)

    def span(self, period: Period) -> str:
        return words.span(period, self.today)

    def owner(self, id: str) -> str:
        if not id:
            return "Nobody"
        return self.owners.get(id, "Someone who left")

    @property
    def open_stages(self) -> list[str]:
        return [stage.id for stage in self.stages.values() if stage.meaning == "open"]

    def open_deals(self, **selection: object) -> str:
        return self.links.deals(**{"stage": self.open_stages} | selection)

    def history(self) -> tuple[str, ...]:
        """Since when is known what a report of the past needs, where that is not long before its period."""
        if self.known_from is None:
            return (words.NO_HISTORY,)
        return (words.KNOWN_FROM.format(day=formats.day(self.known_from, self.today)),)

    def nothing_happened(self) -> str:
        """Why there is nothing to show: quiet, or too early to know."""
        if self.known_from and self.known_from > self.period.first:
            return words.NOTHING_SINCE.format(day=self.day(self.known_from))
        return words.NOTHING_HAPPENED

    def gaps(self, amount: Amount) -> tuple[str, ...]:
        """What is not in the sums, so that nobody takes it for counted."""
        found = []
        if amount.valueless:
            found.append(words.VALUELESS.format(deals=formats.deals(amount.valueless)))
        if amount.unweighted:
            found.append(words.UNWEIGHTED.format(deals=formats.deals(amount.unweighted)))
        return tuple(found)
