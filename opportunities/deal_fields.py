"""A deal's fields, described once: what each is called, where it is found, and what may be done with it.

Names are those of Slant's requests (Slant API 7.5, 7.7): forms post them, bodies send them, submissions keep
them. Forms, mirror, delivery, review, history and exports read this table; plain values, no Django.

In values of a deal (`Fields`) money is whole US dollars, a probability 0-100, a close date its calendar day
as `YYYY-MM-DD`, and None is a field without a value. A custom field stands beside the others, under its name
`custom_fields.<field_key>` (Slant API 7.11); `to_body` puts it where Slant expects it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from operator import attrgetter
from typing import Any

Fields = dict[str, Any]

CUSTOM = "custom_fields"
# What stands for a value that Slant shows and we cannot read, with its raw form. It equals no value.
UNREADABLE = "unreadable"
CUSTOM_PREFIX = f"{CUSTOM}."


class ValueType(Enum):
    """How a value is parsed and shown."""

    TEXT = auto()
    DOLLARS = auto()
    PERCENT = auto()
    DAY = auto()
    REFERENCE = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    CHOICE = auto()


@dataclass(frozen=True)
class DealField:
    """One field of a deal.

    name          in requests, forms and stored bodies
    label         as pages call it
    record        its place in a record of the API (Slant API 7.4), "" where records do not show it
    shown_at      its place in Slant's JSON, where that is another than `record`
    column        its attribute on a mirrored deal, "" where the mirror does not keep it
    is_editable   Slant's PATCH takes it and the form that changes a deal shows it (Slant API 7.7)
    identifies    a record whose value differs from the one sent is not the record a create made
    is_reviewed   a manager sees it beside each candidate in review
    choices       what a CHOICE may hold
    """

    name: str
    label: str
    type: ValueType = ValueType.TEXT
    record: str = ""
    shown_at: str = ""
    column: str = ""
    is_editable: bool = False
    identifies: bool = False
    is_reviewed: bool = False
    choices: tuple[str, ...] = ()


# In the order of the forms.
DEAL_FIELDS = (
    DealField("book_id", "Book", ValueType.REFERENCE, record="book_id", column="book_id"),
    DealField(
        "household_id",
        "Household",
        ValueType.REFERENCE,
        record="household_id",
        column="household_id",
        is_editable=True,
        identifies=True,
        is_reviewed=True,
    ),
    DealField("name", "Name", record="name", column="name", is_editable=True, is_reviewed=True),
    DealField(
        "value",
        "Value",
        ValueType.DOLLARS,
        record="value",
        column="value",
        is_editable=True,
        identifies=True,
        is_reviewed=True,
    ),
    DealField(
        "probability",
        "Probability",
        ValueType.PERCENT,
        record="probability",
        column="probability",
        is_editable=True,
        is_reviewed=True,
    ),
    DealField(
        "target_close_date",
        "Target close",
        ValueType.DAY,
        record="close_day",
        shown_at="target_close_date",
        column="target_close_date",
        is_editable=True,
    ),
    DealField(
        "pipeline_id",
        "Pipeline",
        ValueType.REFERENCE,
        record="pipeline.id",
        column="pipeline_id",
        identifies=True,
        is_reviewed=True,
    ),
    # Read by Slant only where neither pipeline nor household is given; no record shows it (Slant API 7.5).
    DealField("pipeline_type", "Kind of pipeline"),
    DealField(
        "pipeline_stage_id",
        "Stage",
        ValueType.REFERENCE,
        record="pipeline_stage.id",
        column="stage_id",
        is_reviewed=True,
    ),
    DealField(
        "assigned_to_id",
        "Owner",
        ValueType.REFERENCE,
        record="assigned_to.id",
        column="assigned_to_id",
        is_editable=True,
        identifies=True,
        is_reviewed=True,
    ),
)

BY_NAME = {field.name: field for field in DEAL_FIELDS}
LABELS = {field.name: field.label for field in DEAL_FIELDS}
EDITABLE = tuple(field.name for field in DEAL_FIELDS if field.is_editable)
IDENTIFYING = tuple(field.name for field in DEAL_FIELDS if field.identifies)
# Its name is what a manager recognises a deal by, so it comes first.
REVIEWED = ("name", *(field.name for field in DEAL_FIELDS if field.is_reviewed and field.name != "name"))
REFERENCES = tuple(field.name for field in DEAL_FIELDS if field.type is ValueType.REFERENCE)

# Slant's own alias of a name, which its refusals use (Slant API 7.7).
ALIASES = {"owner_id": "assigned_to_id"}

# Of a custom field that this does not name, people read the value and Slant's own page changes it.
CUSTOM_TYPES = {
    "text": ValueType.TEXT,
    "number": ValueType.NUMBER,
    "date": ValueType.DAY,
    "boolean": ValueType.BOOLEAN,
    "single_select": ValueType.CHOICE,
}


def custom_field(key: str, label: str, kind: str, choices: Iterable[str] = ()) -> DealField:
    """The field that Slant defines as `key`, with its `field_type` (Slant API 7.11)."""
    return DealField(
        name=f"{CUSTOM_PREFIX}{key}",
        label=label or label_of_key(key),
        type=CUSTOM_TYPES.get(kind, ValueType.TEXT),
        is_editable=kind in CUSTOM_TYPES,
        choices=tuple(choices),
    )


def label_of_key(key: str) -> str:
    """What a custom field without a known definition is called: `lead_source` reads `Lead source`."""
    return key.replace("_", " ").strip().capitalize() or key


def type_of(name: str) -> ValueType:
    return BY_NAME[name].type if name in BY_NAME else ValueType.TEXT


def label_of(name: str, default: str = "") -> str:
    """What pages call the field `name`. For an unknown one `default`, or else the name itself."""
    if name.startswith(CUSTOM_PREFIX):
        return label_of_key(name.removeprefix(CUSTOM_PREFIX))
    return LABELS.get(ALIASES.get(name, name), default or name)


def values_of_record(record: Any, also: Iterable[str] = ()) -> Fields:
    """A record of the API as values, comparable with those of a submission.

    Of its custom fields only those named in `also`: what is kept of a record is what was asked about.
    """
    values = {field.name: _plain(_at(record, field.record)) for field in DEAL_FIELDS if field.record}
    custom = _custom_values(record.custom_fields)
    values |= {name: custom.get(name) for name in also if name.startswith(CUSTOM_PREFIX)}
    return values | {name: {UNREADABLE: raw} for name in values if (raw := record.raw_at(place_of(name)))}


def place_of(name: str) -> str:
    """Where Slant shows the field `name` in a record (Slant API 7.4)."""
    if name.startswith(CUSTOM_PREFIX):
        return CUSTOM
    return BY_NAME[name].shown_at or BY_NAME[name].record


def is_unreadable(value: Any) -> bool:
    """Whether `value` stands for one that Slant shows and we cannot read."""
    return isinstance(value, dict) and set(value) == {UNREADABLE}


def values_of_row(row: Any) -> Fields:
    """A mirrored deal as values, comparable with those of a submission. An empty reference is None."""
    values = {field.name: _plain(getattr(row, field.column)) for field in DEAL_FIELDS if field.column}
    references = {name: values[name] or None for name in REFERENCES if name in values}
    return values | references | _custom_values(row.custom_fields)


def to_body(values: Mapping[str, Any]) -> Fields:
    """Values as they travel: a day as midnight UTC, custom fields as one object (Slant API 7.5, 7.7)."""
    body = {name: _travelling(value) for name, value in values.items() if not name.startswith(CUSTOM_PREFIX)}
    custom = {
        name.removeprefix(CUSTOM_PREFIX): value
        for name, value in values.items()
        if name.startswith(CUSTOM_PREFIX)
    }
    return body | ({CUSTOM: custom} if custom else {})


def from_body(body: Mapping[str, Any]) -> Fields:
    """The body of a request, or values whose days are dates, as values."""
    days = {name: str(body[name])[:10] for name in body if type_of(name) is ValueType.DAY and body[name]}
    return flatten(body) | days


def flatten(body: Mapping[str, Any]) -> Fields:
    """The fields of a body one beside the other, each as it travels."""
    return {name: value for name, value in body.items() if name != CUSTOM} | _custom_values(body.get(CUSTOM))


def as_typed(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """Values as a person would type them: money with commas, nothing where there is no value."""
    return {name: _typed(name, values.get(name)) for name in names}


def as_text(value: Any) -> str:
    """A value as hidden fields carry it: nothing for None, `true` and `false`, digits without commas."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _custom_values(held: Mapping[str, Any] | None) -> Fields:
    return {f"{CUSTOM_PREFIX}{key}": value for key, value in (held or {}).items()}


def _typed(name: str, value: Any) -> str:
    is_money = type_of(name) is ValueType.DOLLARS and isinstance(value, int)
    return f"{value:,}" if is_money else as_text(value)


def _at(record: Any, place: str) -> Any:
    """The attribute at a dotted place; None where an object on the way is missing."""
    start, _, rest = place.partition(".")
    value = getattr(record, start)
    return attrgetter(rest)(value) if rest and value is not None else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _travelling(value: Any) -> Any:
    return f"{value.isoformat()}T00:00:00Z" if isinstance(value, date) else value
