"""What the Slant client returns: small frozen objects, made at this door from Slant's JSON.

Field names are Slant's own (API 7). Unknown fields are ignored, so a new one breaks nothing (API
10.32); a missing required one makes the whole answer undocumented, which is `SlantNoAnswer`. Ids are
opaque strings, times are aware datetimes in UTC, money is whole US dollars, percent is 0-100. Text
is never None: what Slant leaves out or sends as null is "". It holds no NUL (PostgreSQL stores none)
but its length is Slant's affair.

All can be built by hand with keyword arguments: `Member(id="u_1", email="a@b.example", role="viewer")`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

# --- What single values may look like ----------------------------------------------------------------


def _utc(value: object) -> object:
    """An ISO 8601 string as an aware datetime in UTC; one without a zone is read as UTC (API 10.23)."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return None if value is None else _refuse("a time must be an ISO 8601 string")
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return _refuse("a time must lie between the years 1 and 9999 in UTC")


def _refuse(why: str) -> object:
    raise ValueError(why)


def _text(value: object) -> object:
    return "" if value is None else value.replace("\x00", "") if isinstance(value, str) else value


def _storable(value: Any) -> Any:
    """Any JSON value without what a database refuses: NUL characters and numbers that are not finite."""
    if isinstance(value, dict):
        return {_text(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _text(value) if isinstance(value, str) else value


def _ordinal(value: int) -> int:
    """Only its place among others counts, so one that no column takes stands at the end and spoils no list."""
    return min(max(value, -FARTHEST), FARTHEST)


def _choices(value: object) -> object:
    return tuple(value) if isinstance(value, list) else () if value is None else value


def _restriction(value: object) -> object:
    """`prospect` or `client`; anything else, or nothing, means "any household" (API 10.9)."""
    return value if value in ("prospect", "client") else None


def _may_write(value: object) -> object:
    """`api_access` of `/me` as yes, no or not known (API 7.1, 10.26)."""
    if not isinstance(value, dict):
        return value if isinstance(value, bool) else None
    if isinstance(value.get("can_write"), bool):
        return value["can_write"]
    scope = value.get("scope")
    return "write" in scope if isinstance(scope, str) else None


# Control characters cannot be sent in a path (reliability S14): an id we read is an id we can ask for.
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\p{Cc}]+$")]
Text = Annotated[str, BeforeValidator(_text)]
Time = Annotated[datetime, BeforeValidator(_utc)]
# Beyond 2**53 a JSON number is no longer exact, and no column of ours would take it.
Dollars = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1)]
FARTHEST = 2**31 - 1
Ordinal = Annotated[int, AfterValidator(_ordinal)]
Percent = Annotated[int, Field(ge=0, le=100)]
Restriction = Annotated[Literal["prospect", "client"] | None, BeforeValidator(_restriction)]


class _SlantObject(BaseModel):
    """Strict, so that `"640000"` or `true` is never taken for money; errors never quote their input."""

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
    """`GET /me`: whose token it is. `can_write` is None when Slant does not say: try, and see (API 7.1)."""

    id: Id
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    can_write: Annotated[bool | None, BeforeValidator(_may_write)] = Field(
        default=None, validation_alias="api_access"
    )


class MemberRecord(_SlantObject):
    """A person with access to a book. `role` is principal, contributor, viewer, a word we do not know, or
    None: a company admin without a row in that book (API 7.2)."""

    id: Id
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    role: str | None


class BookRecord(_SlantObject):
    """One advisor's workspace. `role` is the token's own; `users` are the possible assignees (API 7.2)."""

    id: Id
    name: Text
    role: str | None
    users: tuple[MemberRecord, ...]


# --- Pipelines ---------------------------------------------------------------------------------------


class StageRecord(_SlantObject):
    """A column of a pipeline. Any integers, gaps and nulls are possible in `stage_order` (API 10.21)."""

    id: Id
    name: Text
    stage_order: Ordinal | None = None
    visible: Annotated[bool, BeforeValidator(lambda value: True if value is None else value)] = True
    default_probability: Percent | None = None


class PipelineRecord(_SlantObject):
    """A pipeline, its stages in order. `pipeline_type` None: any household. `book_id` None: every book."""

    id: Id
    name: Text
    pipeline_type: Restriction = None
    book_id: Id | None = None
    stages: tuple[StageRecord, ...] = Field(validation_alias="pipeline_stages")

    @field_validator("stages")
    @classmethod
    def _in_order(cls, stages: tuple[StageRecord, ...]) -> tuple[StageRecord, ...]:
        """By `stage_order`, then by place in the array; those without an order last (API 10.21)."""
        return tuple(sorted(stages, key=lambda stage: (stage.stage_order is None, stage.stage_order or 0)))


# --- Households --------------------------------------------------------------------------------------


class HouseholdRecord(_SlantObject):
    """A household, and nothing about its people: the rest of Slant's row is private (API 7.10).

    `type` is Slant's word, "Client", "Prospect" or one we do not know (API 10.28).
    """

    id: Id
    name: Text
    type: Text = ""
    book_id: Id

    @property
    def kind(self) -> Literal["prospect", "client"] | None:
        """The word pipelines use for it, or None for a kind we do not know."""
        word = self.type.lower()
        return "prospect" if word == "prospect" else "client" if word == "client" else None


# --- Opportunities -----------------------------------------------------------------------------------


class PipelineRef(_SlantObject):
    """The pipeline an opportunity is in; Slant embeds it in full or slim, we keep what both have."""

    id: Id
    name: Text = ""
    pipeline_type: Restriction = None


class StageRef(_SlantObject):
    """The stage an opportunity is in."""

    id: Id
    name: Text = ""


class Assignee(_SlantObject):
    """Who an opportunity is assigned to; for a removed user even the id may be missing (API 10.19)."""

    id: Id | None = None
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""


class OpportunityRecord(_SlantObject):
    """The object of API 7.4. `assigned_to` None: nobody, or somebody who is gone.

    `custom_fields` is whatever JSON Slant holds, by key; do not change it in place.
    `model_fields_set` tells a field Slant left out from one it sent as null.
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
        """The calendar day the deal should close: the UTC day, never a local one (API 10.23)."""
        return self.target_close_date.date() if self.target_close_date else None


# --- Custom fields -----------------------------------------------------------------------------------


class CustomFieldOptions(_SlantObject):
    """The choices of a `single_select`."""

    select_options: Annotated[tuple[Text, ...], BeforeValidator(_choices)] = ()


class CustomField(_SlantObject):
    """A definition, company-wide (API 7.11). An unknown `field_type` is to be shown as read-only text."""

    id: Id
    field_key: Text
    display_name: Text = ""
    entity_type: Text = ""
    field_type: Text = ""
    options: Annotated[
        CustomFieldOptions, BeforeValidator(lambda value: CustomFieldOptions() if value is None else value)
    ] = CustomFieldOptions()


# --- Pages, and what they prove ----------------------------------------------------------------------


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T")
Item = TypeVar("Item", bound=HasId)


@dataclass(frozen=True, slots=True)
class RecordPage(Generic[T]):
    """One page of a list, one call to Slant. `total_pages` and `total_count` are None if Slant left them out."""

    items: tuple[T, ...]
    current_page: int
    total_pages: int | None
    total_count: int | None
    server_date: datetime | None = None

    @property
    def is_last(self) -> bool:
        """The stop rule of API 4: nothing on it, or no page after it."""
        return not self.items or (self.total_pages is not None and self.current_page >= self.total_pages)


@dataclass(slots=True)
class Scan(Generic[Item]):
    """Pages read one after another, and whether together they prove anything (reliability 2.2 (4)).

    Feed it pages in order with `add`; to go on later, ask for the pages from `next_page`.
    """

    pages_read: int = 0
    total_pages: int | None = None
    total_count_first: int | None = None
    total_count_last: int | None = None
    count_fell: bool = False
    ended: bool = False
    _items: dict[str, Item] = field(default_factory=dict)

    def add(self, page: RecordPage[Item]) -> None:
        """Take the next page. Raises ValueError for one out of turn, which would prove nothing."""
        if page.current_page != self.next_page or self.ended:
            raise ValueError(f"page {page.current_page} out of turn, expected {self.next_page}")
        last = self.total_count_last
        if last is not None and (page.total_count is None or page.total_count < last):
            self.count_fell = True
        if self.pages_read == 0:
            self.total_count_first = page.total_count
        self.pages_read += 1
        self.total_pages = page.total_pages
        self.total_count_last = page.total_count
        self.ended = page.is_last
        for item in page.items:
            self._items[item.id] = item

    @property
    def next_page(self) -> int:
        """The number of the page to read next, 1 to begin with."""
        return self.pages_read + 1

    @property
    def complete(self) -> bool:
        """True if every page was read, the count never fell and as many distinct ids came as were counted."""
        return (
            self.ended
            and self.total_pages is not None
            and self.pages_read >= self.total_pages
            and not self.count_fell
            and self.total_count_last is not None
            and len(self._items) >= self.total_count_last
        )

    def __iter__(self) -> Iterator[Item]:
        """The distinct items, each as last seen."""
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)


# --- The answer to a write ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """A 2xx with a documented record. It is the record we asked for only if `as_sent`.

    mismatches   names of sent fields that came back different: a replay of something else, or a
                 field Slant did not take (API 6.1 (7)); custom fields as `custom_fields.<key>`
    unverified   names of sent fields the answer does not show; an extra read may
    unit_alarm   `value` came back exactly 100 times or a hundredth of what was sent (API 10.1)
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
        """True if every sent field came back. What kind of pipeline was asked for, some pipelines never show."""
        return not set(self.unverified) - {"pipeline_type"}
