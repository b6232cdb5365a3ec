"""The parts of Slant's records: single values, and objects whose unreadable fields are unknown.

Ids are opaque strings, times are aware datetimes in UTC, money is whole US dollars, percent is 0-100. Text is
never None: a text that Slant leaves out or sends as null is "". It holds no NUL, which PostgreSQL cannot
store. Its length is not limited here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr

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


def storable(value: Any) -> Any:
    """A JSON value without what a database refuses: NUL characters and numbers that are not finite."""
    if isinstance(value, dict):
        return {_without_nul(key): storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [storable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _without_nul(value) if isinstance(value, str) else value


def _ordinal(value: int) -> int:
    """An order limited to what a database column can hold. Only the order matters, so the limit may replace a
    larger value.
    """
    return min(max(value, -FARTHEST), FARTHEST)


def read_choices(value: object) -> object:
    return tuple(value) if isinstance(value, list) else () if value is None else value


def _restriction(value: object) -> object:
    """`prospect` or `client`; anything else, or nothing, means "any household" (Slant API 10.9)."""
    return value if value in ("prospect", "client") else None


def read_may_write(value: object) -> object:
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


class SlantObject(BaseModel):
    """Strict, so that `"640000"` or `true` is never read as money. Errors do not quote their input."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


WHOLE_RECORD = ""  # the place of a record that is no object at all


class Placeholder(NamedTuple):
    """The placeholder of a required field that cannot be read: JSON that is valid for it, and the value."""

    json: Any
    value: Any


EMPTY_TEXT = Placeholder("?", "")


class SlantRecord(SlantObject):
    """An object with its own id. Fields that differ from Slant's documents are unknown (`record_reading`).

    placeholders  the placeholder of each required field, for when it cannot be read
    lists         the fields that hold records of their own, which are read one by one
    """

    placeholders: ClassVar[dict[str, Placeholder]] = {"id": EMPTY_TEXT}
    lists: ClassVar[dict[str, type[SlantRecord]]] = {}

    _unreadable: dict[str, str] = PrivateAttr(default_factory=dict)
    _without_id: tuple[SlantRecord, ...] = PrivateAttr(default=())

    id: Id

    @property
    def unreadable(self) -> dict[str, str]:
        """The raw form of each place that cannot be read, by its name: `value`, `pipeline_stage.id`."""
        return self._unreadable

    @property
    def without_id(self) -> tuple[SlantRecord, ...]:
        """The records of an inner list that have no usable id."""
        return self._without_id

    @property
    def has_id(self) -> bool:
        return not self.cannot_read("id")

    @property
    def is_as_documented(self) -> bool:
        """Whether it was read whole, including the records of its inner lists."""
        inner = (item for field in self.list_fields() for item in getattr(self, field))
        return not (self._unreadable or self._without_id) and all(item.is_as_documented for item in inner)

    def cannot_read(self, place: str) -> bool:
        """Whether the value at `place` is unknown, or anything within it."""
        return bool(self._unreadable) and any(
            unreadable_place in (WHOLE_RECORD, place)
            or unreadable_place.startswith(f"{place}.")
            or place.startswith(f"{unreadable_place}.")
            for unreadable_place in self._unreadable
        )

    def raw_at(self, place: str) -> str:
        """The raw form at `place` if it cannot be read, else ""."""
        if not self.cannot_read(place):
            return ""
        whole = self._unreadable.get(WHOLE_RECORD)
        return self._unreadable.get(place) or whole or "not as documented"

    def with_list(self, name: str, items: Sequence[SlantRecord]) -> Self:
        """A copy with those records of an inner list that have an id. The others are in `without_id`."""
        usable = tuple(item for item in items if item.has_id)
        copy = self.model_copy(update={self._attribute_of(name): usable})
        copy._without_id = tuple(item for item in items if not item.has_id)
        return copy

    @classmethod
    def list_fields(cls) -> list[str]:
        """The names of the fields that hold records of their own."""
        return [cls._attribute_of(name) for name in cls.lists]

    @classmethod
    def _attribute_of(cls, name: str) -> str:
        """The field that Slant sends under `name`."""
        fields = cls.model_fields.items()
        return next(field for field, info in fields if name in (field, info.validation_alias))
