"""The rendering of forms: a row for each field (templates/django/forms/field.html), and our widgets."""

from typing import Any

from django import forms
from django.core.validators import ProhibitNullCharactersValidator

from opportunities.offer import NO_HOUSEHOLD, Offer, PipelineChoice


class FieldRow(forms.BoundField):
    """A field with our ids: `<field>-error` and `<field>-hint`, named to screen readers in that order."""

    @property
    def aria_describedby(self) -> str:
        parts = [f"{self.name}-error"] if self.errors else []
        if self.help_text:
            parts.append(f"{self.name}-hint")
        return " ".join(parts)

    @property
    def optional(self) -> bool:
        return bool(getattr(self.field, "optional", False))

    @property
    def row_class(self) -> str:
        classes: dict[str, str] = getattr(self.form, "row_classes", {})
        return "" if self.errors else classes.get(self.name, "")

    @property
    def label_for(self) -> str:
        return getattr(self.field.widget, "label_for", "") or self.id_for_label


class Text(forms.CharField):
    """Text as it was typed. The form checks it, with its own messages."""

    def __init__(self, *, optional: bool = False, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.optional = optional
        self.validators = [
            check for check in self.validators if not isinstance(check, ProhibitNullCharactersValidator)
        ]


class Select(forms.Select):
    """A select that never replaces what was sent: a value it does not offer is kept, and marked as not
    offered.
    """

    def __init__(self) -> None:
        super().__init__({"class": "form-select", "autocomplete": "off"})
        self.names: dict[str, str] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Select":
        # Django copies a form's widgets shallowly. The names of one request must not be shown in the next.
        copy: Select = super().__deepcopy__(memo)
        copy.names = {}
        return copy

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> Any:
        chosen = value[0] if value else ""
        offered = {str(key) for key, _ in self.choices}
        if chosen and chosen not in offered:
            self.choices = [*self.choices, (chosen, self.names.get(chosen, "Not available"))]
        return super().optgroups(name, value, attrs)


class Affixed(forms.TextInput):
    """A text box with a sign before or after it that people need not type."""

    template_name = "forms/affixed.html"

    def __init__(self, *, before: str = "", after: str = "") -> None:
        super().__init__({"class": "form-control", "inputmode": "decimal", "autocomplete": "off"})
        self.before, self.after = before, after

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, value, attrs) | {"before": self.before, "after": self.after}


class HouseholdPicker(Select):
    """Type-ahead with scripts; a search box, a button and a select without. The select is what is posted."""

    template_name = "forms/household.html"
    label_for = "id_q"

    def __init__(self) -> None:
        super().__init__()
        self.offer = Offer()
        self.q = ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        chosen = self.offer.household if self.offer.household and self.offer.household.id == value else None
        kept_household = "" if chosen or value == NO_HOUSEHOLD else self.offer.kept_household
        # A household that the deal may only keep is not a choice; an empty value keeps it.
        return super().get_context(name, "" if kept_household else value, attrs) | {
            "chosen": chosen,
            "kept_household": kept_household,
            "picked": chosen.name if chosen else kept_household,
            "no_household": NO_HOUSEHOLD,
            "offer": self.offer,
            "q": self.q,
            "invalid": (attrs or {}).get("aria-invalid", ""),
            "about": (attrs or {}).get("aria-describedby", ""),
        }


class StagePicker(forms.RadioSelect):
    """One card a stage; hidden stages behind "More stages"."""

    template_name = "forms/stage_picker.html"

    def __init__(self) -> None:
        super().__init__()
        self.pipeline: PipelineChoice | None = None

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        stages = self.pipeline.stages if self.pipeline else ()
        hidden = [stage for stage in stages if not stage.visible]
        return super().get_context(name, value, attrs) | {
            "picked": value or "",
            "visible": [stage for stage in stages if stage.visible],
            "hidden": hidden,
            "hidden_picked": any(stage.id == value for stage in hidden),
        }
