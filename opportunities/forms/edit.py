"""The form that changes a deal: the fields Slant's PATCH takes, by the rules of a new deal.

Each field comes with `seen_<field>`, what the person saw when they opened the form. A value that is still as
it was seen is neither checked nor sent, so a close date that has passed does not stop a new name (Slant API
10.14).
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse

from opportunities.deal_fields import (
    CUSTOM,
    CUSTOM_PREFIX,
    EDITABLE,
    DealField,
    Fields,
    ValueType,
    as_text,
    as_typed,
    type_of,
)
from opportunities.delivery.answers import RECORD_GONE
from opportunities.delivery.kinds import DealChanges
from opportunities.forms.create import NewOpportunityForm
from opportunities.forms.custom_fields import control_of, read_value, seen_value
from opportunities.forms.rows import Text
from opportunities.forms.typed import LONGEST, storable, typed_values
from opportunities.models import Opportunity
from opportunities.offer import NO_HOUSEHOLD, Offer, PipelineChoice, StageChoice
from opportunities.wording import deals as deals_words
from opportunities.wording import fields as fields_words

# More custom fields than a firm defines. A draft keeps no more, even if a browser sends more.
MOST_CUSTOM = 100


def typed_and_seen(values: Fields, custom: Iterable[DealField] = ()) -> dict[str, str]:
    """What the form opens with: each value as a person would type it, and as they saw it."""
    names = (*EDITABLE, *(field.name for field in custom))
    days = {f.name: as_text(values.get(f.name))[:10] for f in custom if f.type is ValueType.DAY}
    seen_values = {f"seen_{name}": as_text(values.get(name)) for name in names}
    return as_typed(values, names) | days | seen_values


def editable_values(data: Mapping[str, Any]) -> dict[str, str]:
    """What was typed into the fields of this form, custom fields too: only characters a database takes."""
    custom = [name for name in data if name.startswith(CUSTOM_PREFIX)][:MOST_CUSTOM]
    typed = typed_values(data)
    return {name: typed[name] for name in EDITABLE if name in typed} | {
        storable(name[:LONGEST]): storable(str(data[name])[:LONGEST]) for name in custom
    }


def retyped_values(data: Mapping[str, Any], opened: Mapping[str, str]) -> dict[str, str]:
    """The posted values of the fields the form `opened` with, and the text typed to find a household."""
    return {name: storable(value) for name, value in data.items() if name in opened or name == "q"}


def edited_values(data: Mapping[str, Any]) -> dict[str, str]:
    """What was typed into the form of one deal, and the id of the deal."""
    return editable_values(data) | {"deal": storable(data.get("deal", ""))[:200]}


def complete(posted: QueryDict, opened: Mapping[str, str]) -> QueryDict:
    """What was posted. A field that was not posted gets the value that the form opens with."""
    data = posted.copy()
    for name in [name for name in opened if f"seen_{name}" in opened]:
        if name not in data:
            data[name], data[f"seen_{name}"] = opened[name], opened[f"seen_{name}"]
    return data


class EditOpportunityForm(NewOpportunityForm):
    """Checks what differs from what was seen. `offer` is of the deal's own book and pipeline.

    `custom` are the custom fields it shows below the others.
    """

    refused, refused_no_words = deals_words.SLANT_REFUSED, deals_words.SLANT_REFUSED_NO_WORDS

    # Slant moves no deal to another book or pipeline, and stages have `move/`. None removes a field; Django's
    # types do not include that.
    book_id = None  # type: ignore[assignment]
    pipeline_id = None  # type: ignore[assignment]
    pipeline_type = None  # type: ignore[assignment]
    pipeline_stage_id = None  # type: ignore[assignment]
    name_suggested = None  # type: ignore[assignment]

    confirm_overwrite = Text(widget=forms.HiddenInput())

    def __init__(
        self, *args: Any, row: Opportunity, offer: Offer, custom: Iterable[DealField] = (), **kwargs: Any
    ) -> None:
        self.row = row
        self.custom = {field.name: field for field in custom}
        self.names = (*EDITABLE, *self.custom)
        super().__init__(*args, offer=offer, **kwargs)
        self.fields |= {name: control_of(field) for name, field in self.custom.items()}
        self.refusable = (*self.refusable, *self.custom)

    @property
    def custom_rows(self) -> list[forms.BoundField]:
        return [self[name] for name in self.custom]

    @property
    def pipeline(self) -> PipelineChoice | None:
        return self.offer.pipeline(self.row.pipeline_id)

    @property
    def stage(self) -> StageChoice | None:
        return self.pipeline.stage(self.row.stage_id) if self.pipeline else None

    @property
    def action(self) -> str:
        return reverse("opportunities:edit", args=[self.row.pk])

    @property
    def overwrites(self) -> bool:
        return bool(self.cleaned_data.get("confirm_overwrite") == "yes")

    @property
    def seen_values(self) -> list[tuple[str, str]]:
        """The values for the hidden fields that keep, over every redraw, what the person saw."""
        return [(name, self.seen_text(name)) for name in self.names]

    def seen_text(self, name: str) -> str:
        """What the person saw in `name`, as text; empty where the form did not post it."""
        text = str((self.data if self.is_bound else self.initial).get(f"seen_{name}", ""))
        # It is stored with the change, and no text column can hold NUL.
        return text.replace("\0", "").strip()

    def is_as_seen(self, name: str) -> bool:
        return f"seen_{name}" in self.data and self._plain(name, self.current_value(name)) == self._plain(
            name, self.seen_text(name)
        )

    def changes(self) -> DealChanges:
        """After `is_valid()`: the fields whose value differs from what was seen."""
        requested: Fields = {}
        seen_values: Fields = {}
        for name in self.names:
            value, before = self.cleaned_data[name], self._seen_value(name)
            value = None if value == "" else value
            if (value.isoformat() if isinstance(value, date) else value) != before:
                requested[name], seen_values[name] = value, before
        return DealChanges(self.row.pk, requested, seen_values)

    def clean(self) -> dict[str, Any]:
        for name, field in self.custom.items():
            try:
                as_seen = self.is_as_seen(name)
                typed = self.cleaned_data.get(name, "")
                self.cleaned_data[name] = (
                    self._seen_value(name) if as_seen else read_value(field, typed, today=self.today)
                )
            except ValidationError as error:
                self.add_error(name, error)
        return self.cleaned_data

    def add_refusal(self, field_errors: Mapping[str, Any], text: str, code: str = "") -> None:
        """Add Slant's reasons at their fields. For custom fields Slant names one object, and each sentence
        begins with a field's key.
        """
        if code == RECORD_GONE:
            self.add_error(None, deals_words.GONE_WHILE_EDITING)
            return
        placed: dict[str, list[Any]] = {}
        for name, messages in field_errors.items():
            for message in messages if isinstance(messages, list) else [messages]:
                key = f"{CUSTOM_PREFIX}{str(message).partition(' ')[0]}"
                placed.setdefault(key if name == CUSTOM and key in self.custom else name, []).append(message)
        super().add_refusal(placed, text, code)

    def clean_name(self) -> str:
        return self.current_value("name") if self.is_as_seen("name") else super().clean_name()

    def clean_household_id(self) -> str:
        if self.offer.kept_household:
            # An empty value names no household, so the deal keeps the one it has.
            match self.current_value("household_id"):
                case "" if not self.current_value("q"):
                    return self.seen_text("household_id")
                case choice if choice == NO_HOUSEHOLD:
                    return ""
        if self.is_as_seen("household_id") and not (
            self.current_value("q") and not self.current_value("household_id")
        ):
            return self.current_value("household_id")
        return super().clean_household_id()

    def clean_target_close_date(self) -> date | None:
        if self.is_as_seen("target_close_date") and (
            day := _parse_day(self.current_value("target_close_date"))
        ):
            return day
        return super().clean_target_close_date()

    def clean_assigned_to_id(self) -> str:
        if self.is_as_seen("assigned_to_id"):
            return self.current_value("assigned_to_id")
        if not self.current_value("assigned_to_id"):
            raise ValidationError(fields_words.OWNER_MISSING)
        return super().clean_assigned_to_id()

    def _seen_value(self, name: str) -> Any:
        """The seen value as the mirror would hold it. An unreadable text equals no value, so the field counts
        as changed.
        """
        text = self.seen_text(name)
        if name in self.custom:
            return seen_value(self.custom[name], text)
        if type_of(name) in (ValueType.DOLLARS, ValueType.PERCENT):
            return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text or None
        return text or None

    def _plain(self, name: str, text: str) -> str:
        if name in self.custom:
            return text[:10] if self.custom[name].type is ValueType.DAY else text
        return text.replace(",", "") if type_of(name) is ValueType.DOLLARS else text

    def _fill_choices(self) -> None:
        self._fill_households()
        if kept_household := self.offer.kept_household:
            picker = self.fields["household_id"].widget
            offered = list(picker.choices)[1:]
            keep = deals_words.HOUSEHOLD_KEPT.format(household=kept_household)
            self.fields["household_id"].help_text = deals_words.HOUSEHOLD_KEPT_HINT
            self._choices("household_id", [("", keep), (NO_HOUSEHOLD, "No household"), *offered])
        self._fill_owners()
        self._name("assigned_to_id", self.row.assigned_to_id, self._owner_now())
        self.fields["probability"].help_text = self._probability_hint()

    def _owner_now(self) -> str:
        """The label of the present owner, even if they may no longer own deals of this book."""
        owner = self.offer.owner(self.row.assigned_to_id)
        if owner is None:
            return self.row.assigned_to_name or deals_words.FORMER_OWNER
        return "" if owner.may_write else f"{owner.name} (reads only)"


def _parse_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
