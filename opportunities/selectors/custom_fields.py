"""Slant's custom fields as people read them: display names, and values by their type (Slant API 7.11)."""

from collections.abc import Iterator

from opportunities.deal_fields import CUSTOM_PREFIX, DealField, label_of, values_of_row
from opportunities.mirror.definitions import listed, load_definitions
from opportunities.models import Opportunity
from opportunities.wording.fields import show_custom_value


def describe_fields(row: Opportunity) -> Iterator[tuple[str, str]]:
    """Label and value of each custom field `row` has: in Slant's order, those without a definition last."""
    values = {name: value for name, value in values_of_row(row).items() if name.startswith(CUSTOM_PREFIX)}
    if not values:
        return
    for field in field_definitions(row):
        if field.name in values:
            yield field.label, show_custom_value(field, values.pop(field.name))
    for name, value in values.items():
        yield label_of(name), show_custom_value(DealField(name, ""), value)


def editable(row: Opportunity) -> tuple[DealField, ...]:
    """The custom fields that the form of `row` offers: those that are defined and hold a plain value."""
    held = values_of_row(row)
    return tuple(
        field
        for field in field_definitions(row)
        if field.is_editable and isinstance(held.get(field.name), str | int | float | None)
    )


def field_definitions(row: Opportunity) -> list[DealField]:
    """The definitions of Slant's custom fields. Makes a query unless `row` has `definitions`
    (`opportunity.page.reachable`).
    """
    return listed(row.definitions) if hasattr(row, "definitions") else load_definitions()
