"""The filters of the trail as its page, its export and its printed copy read them from an address."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from opportunities.trail.query import TrailQuery
from opportunities.wording import formats
from opportunities.wording import trail as trail_words

EXAMPLE = "2026-11-30"
LONGEST = 300


@dataclass(frozen=True)
class TrailChip:
    """An active filter in words, and the query string without it."""

    label: str
    value: str
    without: str


class TrailDayField(forms.DateField):
    """A day before the last one that dates can have, because a filter needs the next day."""

    EARLIEST, LATEST = date(1970, 1, 2), date(9000, 1, 1)

    def __init__(self) -> None:
        unreadable = trail_words.DATE_UNREADABLE.format(example=EXAMPLE)
        within = [MinValueValidator(self.EARLIEST, unreadable), MaxValueValidator(self.LATEST, unreadable)]
        super().__init__(required=False, error_messages={"invalid": unreadable}, validators=within)


class TrailForm(forms.Form):
    """The filters of the trail. A day that cannot be read is an error.

    An unknown person, event or outcome finds nothing.
    """

    q = forms.CharField(required=False, max_length=LONGEST)
    who = forms.CharField(required=False, max_length=600)
    what = forms.CharField(required=False, max_length=60)
    outcome = forms.ChoiceField(
        required=False, choices=[("", "Any"), *trail_words.OUTCOME.items()], label="Outcome"
    )
    saw = forms.CharField(required=False, max_length=LONGEST)
    object = forms.CharField(required=False, max_length=LONGEST)
    since = TrailDayField()
    until = TrailDayField()
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62)
    print = forms.BooleanField(required=False)
    format = forms.ChoiceField(
        required=False, choices=[("jsonl", "JSON Lines"), ("csv", "CSV"), ("zip", "ZIP")]
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", trail_words.DATES_SWAPPED)
        return cleaned

    @property
    def trail_query(self) -> TrailQuery:
        cleaned = self.cleaned_data
        return TrailQuery(
            who=cleaned.get("who") or "",
            actions=trail_words.actions_of(cleaned.get("what") or ""),
            outcome=cleaned.get("outcome") or "",
            object=cleaned.get("object") or "",
            saw=cleaned.get("saw") or "",
            text=cleaned.get("q") or "",
            since=cleaned.get("since"),
            until=cleaned.get("until"),
        )

    @property
    def before_seq(self) -> int:
        return int(self.cleaned_data.get("before") or 0)

    @property
    def chosen_format(self) -> str:
        return str(self.cleaned_data.get("format") or "jsonl")

    @property
    def has_more_filters(self) -> bool:
        """Whether a filter under "More filters" is active."""
        return any(self.cleaned_data.get(name) for name in ("saw", "since", "until")) or bool(self.errors)

    @property
    def for_print(self) -> bool:
        return bool(self.cleaned_data.get("print"))

    def query(self, *leave_out: str) -> str:
        """The filters as a query string, for the next page, the export and the printed copy."""
        names = ("q", "who", "what", "outcome", "saw", "object", "since", "until")
        filters = {
            name: self.cleaned_data[name]
            for name in names
            if name not in leave_out and self.cleaned_data.get(name)
        }
        return urlencode(filters)

    def chips(self, people: list[tuple[str, str]]) -> list[TrailChip]:
        """All active filters, which no control shows while the form is closed."""
        cleaned = self.cleaned_data
        filter_words = {
            "who": ("Who", _person_name(cleaned.get("who"), people)),
            "what": ("What", trail_words.WHAT.get(cleaned.get("what", ""), (cleaned.get("what", ""),))[0]),
            "outcome": ("Outcome", trail_words.OUTCOME.get(cleaned.get("outcome", ""), "")),
            "saw": ("Who saw the deals of", cleaned.get("saw", "")),
            "object": ("Trail of", cleaned.get("object", "")),
        }
        chips = [
            TrailChip(label, value, self.query(name))
            for name, (label, value) in filter_words.items()
            if value
        ]
        if days := self._days():
            chips.append(TrailChip("Days", days, self.query("since", "until")))
        return chips

    def _days(self) -> str:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        today = timezone.localdate()
        if since and until:
            return (
                f"{formats.day(since, today)} to {formats.day(until, today)}"
                if since != until
                else formats.day(since, today)
            )
        if since:
            return f"from {formats.day(since, today)}"
        return f"up to {formats.day(until, today)}" if until else ""


def _person_name(person_key: str | None, people: list[tuple[str, str]]) -> str:
    if not person_key:
        return ""
    return (
        dict(people).get(person_key)
        or trail_words.MACHINES.get(person_key)
        or person_key.partition(" ")[2]
        or person_key
    )
