"""The records the Slant client returns: frozen objects, made from Slant's JSON and checked on the way.

Field names are Slant's own (Slant API 7). Unknown fields are ignored, so a new one breaks nothing (Slant API
10.32). A field that differs from Slant's documents is unknown and named in `unreadable`; the record and its
list are still read (`record_reading`). Only an answer whose record has no usable id is `SlantNoAnswer`.

Records can be built with keyword arguments: `MemberRecord(id="u_1", email="a@b.example", role="viewer")`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from opportunities.slant.record_types import (
    EMPTY_TEXT,
    FARTHEST,
    Dollars,
    Id,
    Ordinal,
    Percent,
    Placeholder,
    Restriction,
    SlantObject,
    SlantRecord,
    Text,
    Time,
    read_choices,
    read_may_write,
    storable,
)

__all__ = ["FARTHEST"]

# --- The token, books and people ---------------------------------------------------------------------


class Me(SlantRecord):
    """`GET /me`: whose token it is. `can_write` is None when Slant does not say (Slant API 7.1)."""

    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    can_write: Annotated[bool | None, BeforeValidator(read_may_write)] = Field(
        default=None, validation_alias="api_access"
    )


class MemberRecord(SlantRecord):
    """A person with access to a book (Slant API 7.2).

    `role` is principal, contributor, viewer or an unknown word; None is a company admin without membership.
    """

    placeholders: ClassVar = {**SlantRecord.placeholders, "role": Placeholder(None, None)}

    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    role: str | None


class BookRecord(SlantRecord):
    """One advisor's workspace (Slant API 7.2). `role` is the token's own; `users` are possible assignees."""

    placeholders: ClassVar = {
        **SlantRecord.placeholders,
        "name": EMPTY_TEXT,
        "role": Placeholder(None, None),
        "users": Placeholder([], ()),
    }
    lists: ClassVar = {"users": MemberRecord}

    name: Text
    role: str | None
    users: tuple[MemberRecord, ...]


# --- Pipelines ---------------------------------------------------------------------------------------


class StageRecord(SlantRecord):
    """A column of a pipeline. `stage_order` may be any integer or None, with gaps (Slant API 10.21)."""

    placeholders: ClassVar = {**SlantRecord.placeholders, "name": EMPTY_TEXT}

    name: Text
    stage_order: Ordinal | None = None
    visible: Annotated[bool, BeforeValidator(lambda value: True if value is None else value)] = True
    default_probability: Percent | None = None


class PipelineRecord(SlantRecord):
    """A pipeline and its stages in order. `pipeline_type` None: any household; `book_id` None: every book."""

    placeholders: ClassVar = {
        **SlantRecord.placeholders,
        "name": EMPTY_TEXT,
        "pipeline_stages": Placeholder([], ()),
    }
    lists: ClassVar = {"pipeline_stages": StageRecord}

    name: Text
    pipeline_type: Restriction = None
    book_id: Id | None = None
    stages: tuple[StageRecord, ...] = Field(validation_alias="pipeline_stages")

    @field_validator("stages")
    @classmethod
    def _in_order(cls, stages: tuple[StageRecord, ...]) -> tuple[StageRecord, ...]:
        """By `stage_order`, then by place in the array; those without an order last (Slant API 10.21)."""
        return tuple(sorted(stages, key=lambda stage: (stage.stage_order is None, stage.stage_order or 0)))

    def with_list(self, name: str, items: Sequence[SlantRecord]) -> Self:
        ordered = super().with_list(name, items)
        copy = ordered.model_copy(update={"stages": self._in_order(ordered.stages)})
        copy._without_id = ordered.without_id
        return copy


# --- Households --------------------------------------------------------------------------------------


class HouseholdRecord(SlantRecord):
    """A household without its people: the rest of Slant's row is private (Slant API 7.10).

    `type` is Slant's word: "Client", "Prospect" or an unknown one (Slant API 10.28).
    """

    placeholders: ClassVar = {**SlantRecord.placeholders, "name": EMPTY_TEXT, "book_id": EMPTY_TEXT}

    name: Text
    type: Text = ""
    book_id: Id


# --- Opportunities -----------------------------------------------------------------------------------


class PipelineRef(SlantObject):
    """The pipeline of an opportunity: the fields that both the full and the slim form show."""

    id: Id
    name: Text = ""
    pipeline_type: Restriction = None


class StageRef(SlantObject):
    """The stage of an opportunity."""

    id: Id
    name: Text = ""


class Assignee(SlantObject):
    """Who an opportunity is assigned to; of a removed user even the id may be missing (Slant API 10.19)."""

    id: Id | None = None
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""


class OpportunityRecord(SlantRecord):
    """An opportunity (Slant API 7.4). `assigned_to` None: nobody, or a user who was removed.

    `custom_fields` is any JSON by key; do not change it in place. `model_fields_set` tells a field Slant left
    out from one it sent as null.
    """

    placeholders: ClassVar = {
        **SlantRecord.placeholders,
        "name": EMPTY_TEXT,
        "book_id": EMPTY_TEXT,
        "pipeline": Placeholder({"id": "?"}, PipelineRef.model_construct(id="")),
        "pipeline_stage": Placeholder({"id": "?"}, StageRef.model_construct(id="")),
    }

    name: Text
    book_id: Id
    pipeline: PipelineRef
    pipeline_stage: StageRef
    assigned_to: Assignee | None = None
    value: Dollars | None = None
    probability: Percent | None = None
    target_close_date: Time | None = None
    stage_updated_at: Time | None = None
    household_id: Id | None = None
    custom_fields: Annotated[
        dict[str, Any],
        BeforeValidator(lambda value: {} if value is None else value),
        AfterValidator(storable),
    ] = {}
    created_at: Time | None = None
    updated_at: Time | None = None

    @property
    def close_day(self) -> date | None:
        """The calendar day the deal should close: the UTC day, never a local one (Slant API 10.23)."""
        return self.target_close_date.date() if self.target_close_date else None


# --- Custom fields -----------------------------------------------------------------------------------


class CustomFieldOptions(SlantObject):
    """The choices of a `single_select`."""

    select_options: Annotated[tuple[Text, ...], BeforeValidator(read_choices)] = ()


class CustomField(SlantRecord):
    """A definition, company-wide (Slant API 7.11). An unknown `field_type` is shown as read-only text."""

    placeholders: ClassVar = {**SlantRecord.placeholders, "field_key": EMPTY_TEXT}

    field_key: Text
    display_name: Text = ""
    entity_type: Text = ""
    field_type: Text = ""
    options: Annotated[
        CustomFieldOptions, BeforeValidator(lambda value: CustomFieldOptions() if value is None else value)
    ] = CustomFieldOptions()


# --- The answer to a write ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """The record a write was answered with. It is the record that was asked for only if `as_sent`.

    mismatches   names of sent fields that came back different, because of a replay of something else or a
                 field Slant did not take (Slant API 6.1 (7)); custom fields as `custom_fields.<key>`
    unverified   names of sent fields the answer does not show; another read may show them
    recognized   one of the fields that tell a deal from another came back as sent
    unit_alarm   `value` came back exactly 100 times or a hundredth of what was sent (Slant API 10.1)
    elapsed_ms   milliseconds the exchange took
    """

    record: OpportunityRecord
    mismatches: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    recognized: bool = True
    unit_alarm: bool = False
    status: int = 200
    request_id: str = ""
    server_date: datetime | None = None
    elapsed_ms: int = 0

    @property
    def as_sent(self) -> bool:
        """True if no sent field came back different."""
        return not self.mismatches

    @property
    def is_whole(self) -> bool:
        """True if every sent field came back, `pipeline_type` apart, which some pipelines do not show."""
        return not set(self.unverified) - {"pipeline_type"}
