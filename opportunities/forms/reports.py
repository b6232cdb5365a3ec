"""The filters in a report's address, and the form of the targets that managers set."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from django import forms

from opportunities.forms.money import parse_money
from opportunities.forms.selection import ChoiceParameter, TextParameter
from opportunities.periods import NAMES, Period, named
from opportunities.reports.rows import ReportFilters
from opportunities.wording import reports as reports_words

LONGEST_DAYS = 3660
OWN_DAYS = "own"


class DayField(TextParameter):
    """A calendar day as a browser sends it."""

    def clean(self, value: Any) -> date | None:
        text = self.to_python(value)
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise forms.ValidationError(reports_words.DAY_UNREADABLE) from error
        if not 1990 <= day.year <= 2200:
            raise forms.ValidationError(reports_words.DAY_UNREADABLE)
        return day


class ReportForm(forms.Form):
    """The filters of a report. An unreadable value is left out and named; it never makes a page fail.

    `was` are the days the page was drawn with. Days that differ from it were typed, and have priority over
    the name of a period.
    """

    period = ChoiceParameter((*NAMES, OWN_DAYS), reports_words.PERIOD_UNKNOWN)
    was = TextParameter()
    book = TextParameter()
    team = TextParameter()
    pipeline = TextParameter()
    owner = TextParameter()
    by = TextParameter()
    show = TextParameter()
    day = DayField()

    def __init__(self, data: Mapping[str, Any], *, usual: str, today: date, year_starts: int) -> None:
        super().__init__(data)
        self.fields["from"], self.fields["to"] = DayField(), DayField()
        self.usual, self.today, self.year_starts = usual, today, year_starts
        self.full_clean()

    def clean(self) -> dict[str, Any]:
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last:
            if last < first:
                self.add_error("to", reports_words.DAYS_BACKWARDS)
            elif (last - first).days > LONGEST_DAYS:
                self.add_error("to", reports_words.PERIOD_TOO_LONG)
        return self.cleaned_data

    @property
    def period_name(self) -> str:
        """The period chosen by name, unless days were typed."""
        chosen = str(self.cleaned_data.get("period") or "")
        typed = "..".join(str(self.cleaned_data.get(side) or "") for side in ("from", "to"))
        if chosen == OWN_DAYS or (typed != ".." and typed != self.cleaned_data.get("was", typed or "")):
            return ""
        return chosen

    @property
    def chosen_period(self) -> Period:
        """The chosen days; without any, the report's default period."""
        if self.period_name:
            return named(self.period_name, self.today, self.year_starts)
        first, last = self.cleaned_data.get("from"), self.cleaned_data.get("to")
        if first and last:
            return Period(first, last)
        usual = named(self.usual, self.today, self.year_starts)
        if first:
            return Period(first, max(first, usual.last))
        return Period(min(usual.first, last), last) if last else usual

    @property
    def filters(self) -> ReportFilters:
        return ReportFilters(
            book=self._text("book"),
            team=self._text("team"),
            pipeline=self._text("pipeline"),
            owner=self._text("owner"),
            day=self.cleaned_data.get("day"),
            by_quarter=self._text("by") == "quarter",
            show=self._text("show"),
        )

    def _text(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "")

    @property
    def needs_address(self) -> bool:
        """Whether the address names a period instead of days. The same name means other days tomorrow."""
        return bool(self.data.get("period") or self.data.get("was"))

    def address(self) -> dict[str, str]:
        """The filters as they were understood, empty ones left out, the period as days."""
        period = self.chosen_period
        filters = {
            "from": str(period.first),
            "to": str(period.last),
            **{name: self._text(name) for name in ("book", "team", "pipeline", "owner", "by", "day")},
        }
        return {name: value for name, value in filters.items() if value}

    @property
    def problems(self) -> list[str]:
        return [str(message) for messages in self.errors.values() for message in messages]


class TargetsForm(forms.Form):
    """A field for each member and quarter, named `target-<quarter>-<member>`; empty means no target."""

    def __init__(self, data: Any = None, *, members: Collection[str], quarters: Collection[date]) -> None:
        super().__init__(data)
        self.places = {
            self.named(member, quarter): (member, quarter) for member in members for quarter in quarters
        }
        for name in self.places:
            self.fields[name] = forms.CharField(required=False, max_length=40)

    @staticmethod
    def named(member: str, quarter: date) -> str:
        return f"target-{quarter.isoformat()}-{member}"

    def clean(self) -> dict[str, Any]:
        for name in self.places:
            text = (self.cleaned_data.get(name) or "").strip()
            try:
                self.cleaned_data[name] = parse_money(text) if text else None
            except ValueError as error:
                self.add_error(name, str(error))
        return self.cleaned_data

    @property
    def amounts(self) -> dict[tuple[str, date], int | None]:
        """The amount of each field that was sent; a field that was not sent changes nothing."""
        return {
            place: self.cleaned_data[name]
            for name, place in self.places.items()
            if name in self.data and name in self.cleaned_data
        }
