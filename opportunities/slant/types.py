"""The records the Slant client returns: frozen objects, made from Slant's JSON and checked on the way.

Field names are Slant's own (Slant API 7). Unknown fields are ignored, so a new one breaks nothing (Slant API
10.32). A missing required field makes the whole answer undocumented, which is `SlantNoAnswer`.

Ids are opaque strings, times are aware datetimes in UTC, money is whole US dollars, percent is 0-100. Text is
never None: what Slant leaves out or sends as null is "". It holds no NUL, which PostgreSQL cannot store; its
length is not limited here.

Records can be built with keyword arguments: `MemberRecord(id="u_1", email="a@b.example", role="viewer")`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

# --- Single values -----------------------------------------------------------------------------------


def _utc(value: object) -> object:
    """An ISO 8601 string as an aware datetime in UTC; one without a zone is read as UTC (Slant API 10.23)."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise ValueError("a time must be an ISO 8601 string")
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time must lie between the years 1 and 9999 in UTC") from None


def _without_nul(value: object) -> object:
    return "" if value is None else value.replace("\x00", "") if isinstance(value, str) else value


def _storable(value: Any) -> Any:
    """A JSON value without what a database refuses: NUL characters and numbers that are not finite."""
    if isinstance(value, dict):
        return {_without_nul(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _without_nul(value) if isinstance(value, str) else value


def _ordinal(value: int) -> int:
    """Within what a database column takes: only the order counts, so the farthest value does as well."""
    return min(max(value, -FARTHEST), FARTHEST)


def _choices(value: object) -> object:
    return tuple(value) if isinstance(value, list) else () if value is None else value


def _restriction(value: object) -> object:
    """`prospect` or `client`; anything else, or nothing, means "any household" (Slant API 10.9)."""
    return value if value in ("prospect", "client") else None


def _may_write(value: object) -> object:
    """`api_access` of `/me` as True, False, or None for not known (Slant API 7.1, 10.26)."""
    if not isinstance(value, dict):
        return value if isinstance(value, bool) else None
    if isinstance(value.get("can_write"), bool):
        return value["can_write"]
    scope = value.get("scope")
    return "write" in scope if isinstance(scope, str) else None


# Without control characters, which cannot be sent in a path (reliability S14).
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\p{Cc}]+$")]
Text = Annotated[str, BeforeValidator(_without_nul)]
Time = Annotated[datetime, BeforeValidator(_utc)]
# Beyond 2**53 a JSON number is no longer exact.
Dollars = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]
FARTHEST = 2**31 - 1
Ordinal = Annotated[int, AfterValidator(_ordinal)]
Percent = Annotated[int, Field(ge=0, le=100)]
Restriction = Annotated[Literal["prospect", "client"] | None, BeforeValidator(_restriction)]


class _SlantObject(BaseModel):
    """Strict, so that `"640000"` or `true` is never read as money. Errors do not quote their input."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


# --- The token, books and people ---------------------------------------------------------------------


class Me(_SlantObject):
    """`GET /me`: whose token it is. `can_write` is None when Slant does not say (Slant API 7.1)."""

    id: Id
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    can_write: Annotated[bool | None, BeforeValidator(_may_write)] = Field(
        default=None, validation_alias="api_access"
    )


class MemberRecord(_SlantObject):
    """A person with access to a book (Slant API 7.2).

    `role` is principal, contributor, viewer or an unknown word; None is a company admin without membership.
    """

    id: Id
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    role: str | None


class BookRecord(_SlantObject):
    """One advisor's workspace (Slant API 7.2). `role` is the token's own; `users` are possible assignees."""

    id: Id
    name: Text
    role: str | None
    users: tuple[MemberRecord, ...]


# --- Pipelines ---------------------------------------------------------------------------------------


class StageRecord(_SlantObject):
    """A column of a pipeline. `stage_order` may be any integer or None, with gaps (Slant API 10.21)."""

    id: Id
    name: Text
    stage_order: Ordinal | None = None
    visible: Annotated[bool, BeforeValidator(lambda value: True if value is None else value)] = True
    default_probability: Percent | None = None


class PipelineRecord(_SlantObject):
    """A pipeline and its stages in order. `pipeline_type` None: any household; `book_id` None: every book."""

    id: Id
    name: Text
    pipeline_type: Restriction = None
    book_id: Id | None = None
    stages: tuple[StageRecord, ...] = Field(validation_alias="pipeline_stages")

    @field_validator("stages")
    @classmethod
    def _in_order(cls, stages: tuple[StageRecord, ...]) -> tuple[StageRecord, ...]:
        """By `stage_order`, then by place in the array; those without an order last (Slant API 10.21)."""
        return tuple(sorted(stages, key=lambda stage: (stage.stage_order is None, stage.stage_order or 0)))


# --- Households --------------------------------------------------------------------------------------


class HouseholdRecord(_SlantObject):
    """A household without its people: the rest of Slant's row is private (Slant API 7.10).

    `type` is Slant's word: "Client", "Prospect" or an unknown one (Slant API 10.28).
    """

    id: Id
    name: Text
    type: Text = ""
    book_id: Id


# --- Opportunities -----------------------------------------------------------------------------------


class PipelineRef(_SlantObject):
    """The pipeline of an opportunity: the fields that both the full and the slim form show."""

    id: Id
    name: Text = ""
    pipeline_type: Restriction = None


class StageRef(_SlantObject):
    """The stage of an opportunity."""

    id: Id
    name: Text = ""


class Assignee(_SlantObject):
    """Who an opportunity is assigned to; of a removed user even the id may be missing (Slant API 10.19)."""

    id: Id | None = None
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""


class OpportunityRecord(_SlantObject):
    """An opportunity (Slant API 7.4). `assigned_to` None: nobody, or a user who was removed.

    `custom_fields` is any JSON by key; do not change it in place. `model_fields_set` tells a field Slant left
    out from one it sent as null.
    """

    id: Id
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
        AfterValidator(_storable),
    ] = {}
    created_at: Time | None = None
    updated_at: Time | None = None

    @property
    def close_day(self) -> date | None:
        """The calendar day the deal should close: the UTC day, never a local one (Slant API 10.23)."""
        return self.target_close_date.date() if self.target_close_date else None


# --- Custom fields -----------------------------------------------------------------------------------


class CustomFieldOptions(_SlantObject):
    """The choices of a `single_select`."""

    select_options: Annotated[tuple[Text, ...], BeforeValidator(_choices)] = ()


class CustomField(_SlantObject):
    """A definition, company-wide (Slant API 7.11). An unknown `field_type` is shown as read-only text."""

    id: Id
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
    unit_alarm   `value` came back exactly 100 times or a hundredth of what was sent (Slant API 10.1)
    elapsed_ms   milliseconds the exchange took
    """

    record: OpportunityRecord
    mismatches: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
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
