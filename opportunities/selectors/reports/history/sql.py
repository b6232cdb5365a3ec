"""What the texts of this package share: a version beside the one before it, and what a deal was called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from opportunities.models import OpportunityVersion, StageMeaning
from opportunities.reports.rows import Movement

VERSIONS = OpportunityVersion._meta.db_table
MEANINGS = StageMeaning._meta.db_table

BESIDE = f"""
    FROM {VERSIONS} v
    LEFT JOIN {VERSIONS} p
        ON p.opportunity_id = v.opportunity_id AND p.valid_to = v.valid_from AND p.valid_from < p.valid_to
"""
LASTED = "(v.valid_to IS NULL OR v.valid_to > v.valid_from)"

# Indexes hold the columns by which changes are added up. Names are fetched for the changes that are shown.
ONE = "found.id, found.at, s.name, s.household_id, s.assigned_to_id, s.book_id, s.stage_id"
SHOWN = f"JOIN {VERSIONS} s ON s.id = found.shown"


@dataclass(frozen=True)
class DealScope:
    """Which deals a report is about: these books, this pipeline (empty: all), these owners (None: all)."""

    books: tuple[str, ...]
    pipeline: str = ""
    owners: tuple[str, ...] | None = None

    def sql(self, alias: str) -> tuple[str, list[Any]]:
        """A condition on a version, never NULL."""
        parts, params = [among(f"{alias}.book_id", self.books)], list(self.books)
        if self.pipeline:
            parts.append(f"{alias}.pipeline_id = %s")
            params.append(self.pipeline)
        if self.owners is not None:
            parts.append(among(f"{alias}.assigned_to_id", self.owners))
            params += self.owners
        return f"({' AND '.join(parts)})", params


@dataclass(frozen=True)
class Span:
    """From `first` on, until before `last`."""

    first: datetime
    last: datetime


@dataclass(frozen=True)
class DealChange:
    """One change of one deal, with the deal's name and place after it, or before it where the deal left."""

    id: str
    at: datetime
    name: str
    household: str
    owner: str
    book: str
    stage: str
    movement: Movement


def among(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(['%s'] * len(values))})" if values else "1 = 0"


def sign(expression: str) -> str:
    return f"CASE WHEN {expression} > 0 THEN 1 WHEN {expression} < 0 THEN -1 ELSE 0 END"


def to_database(at: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(at)


def from_database(value: Any) -> datetime:
    """SQLite keeps moments as text, in UTC."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def fetch(text: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, params)
        return list(cursor.fetchall())
