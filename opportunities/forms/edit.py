"""The form that changes a deal: the rules, errors and words of the form that makes one, for the fields PATCH
takes.

Each field comes with `seen_<field>`, what the person saw when they opened the form. What is as it was seen is
neither checked nor sent: a past close date or an owner who left is no reason to refuse a new name (Slant API
10.14).
"""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from opportunities.deal_fields import EDITABLE, Fields, ValueType, as_typed, type_of
from opportunities.delivery.kinds import DealChanges
from opportunities.forms.create import NewOpportunityForm
from opportunities.forms.rows import Text
from opportunities.models import Opportunity
from opportunities.offer import Offer, PipelineChoice, StageChoice
from opportunities.wording import deals as deals_words
from opportunities.wording import fields as fields_words


def typed_and_seen(values: Fields) -> dict[str, str]:
    """What the form opens with: each value as a person would type it, and as they saw it."""
    seen = {f"seen_{name}": "" if values.get(name) is None else str(values[name]) for name in EDITABLE}
    return as_typed(values, EDITABLE) | seen


class EditOpportunityForm(NewOpportunityForm):
    """Checks what differs from what was seen. `offer` is of the deal's own book and pipeline."""

    refused, refused_no_words = deals_words.SLANT_REFUSED, deals_words.SLANT_REFUSED_NO_WORDS

    # Where a deal lies is not changed here: Slant moves none to another book or pipeline, and stages have
    # `move/`.
    book_id = None  # type: ignore[assignment]
    pipeline_id = None  # type: ignore[assignment]
    pipeline_type = None  # type: ignore[assignment]
    pipeline_stage_id = None  # type: ignore[assignment]
    name_suggested = None  # type: ignore[assignment]

    confirm_overwrite = Text(widget=forms.HiddenInput())

    def __init__(self, *args: Any, row: Opportunity, offer: Offer, **kwargs: Any) -> None:
        self.row = row
        super().__init__(*args, offer=offer, **kwargs)

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
        """For the hidden fields that carry what was seen through every redraw."""
        return [(name, self.seen(name)) for name in EDITABLE]

    def seen(self, name: str) -> str:
        """What the person saw in `name`, as text; a form that does not say saw nothing."""
        shown = str((self.data if self.is_bound else self.initial).get(f"seen_{name}", ""))
        # It is kept with the change, and NUL can be kept nowhere.
        return shown.replace("\0", "").strip()

    def is_as_seen(self, name: str) -> bool:
        return f"seen_{name}" in self.data and self._plain(name, self.now(name)) == self._plain(
            name, self.seen(name)
        )

    def changes(self) -> DealChanges:
        """After `is_valid()`: the fields whose value differs from what was seen."""
        wanted: Fields = {}
        seen: Fields = {}
        for name in EDITABLE:
            value, before = self.cleaned_data[name], self._seen_value(name)
            value = None if value == "" else value
            if (value.isoformat() if isinstance(value, date) else value) != before:
                wanted[name], seen[name] = value, before
        return DealChanges(self.row.pk, wanted, seen)

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data

    def clean_name(self) -> str:
        return self.now("name") if self.is_as_seen("name") else super().clean_name()

    def clean_household_id(self) -> str:
        if self.is_as_seen("household_id") and not (self.now("q") and not self.now("household_id")):
            return self.now("household_id")
        return super().clean_household_id()

    def clean_target_close_date(self) -> date | None:
        if self.is_as_seen("target_close_date") and (day := _day(self.now("target_close_date"))):
            return day
        return super().clean_target_close_date()

    def clean_assigned_to_id(self) -> str:
        if self.is_as_seen("assigned_to_id"):
            return self.now("assigned_to_id")
        if not self.now("assigned_to_id"):
            raise ValidationError(fields_words.OWNER_MISSING)
        return super().clean_assigned_to_id()

    def _seen_value(self, name: str) -> Any:
        """As the mirror would hold it; what cannot be read was seen by nobody, and so differs from
        everything.
        """
        text = self.seen(name)
        if type_of(name) in (ValueType.DOLLARS, ValueType.PERCENT):
            return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text or None
        return text or None

    @staticmethod
    def _plain(name: str, text: str) -> str:
        return text.replace(",", "") if type_of(name) is ValueType.DOLLARS else text

    def _fill_choices(self) -> None:
        self._fill_households()
        self._fill_owners()
        self._name("assigned_to_id", self.row.assigned_to_id, self._owner_now())
        self.fields["probability"].help_text = self._probability_hint()

    def _owner_now(self) -> str:
        """How the present owner is called where they may own nothing here any more."""
        owner = self.offer.owner(self.row.assigned_to_id)
        if owner is None:
            return self.row.assigned_to_name or deals_words.FORMER_OWNER
        return "" if owner.may_write else f"{owner.name} (reads only)"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
