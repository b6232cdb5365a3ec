"""Rows as the API shows them, and pages of them (Slant API 4 and 7).

Rows are kept lean, with ids only; the nested objects are put together here, when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opportunities.sandbox.answers import Refused, invalid
from opportunities.sandbox.checks import parse_moment
from opportunities.sandbox.store import Row, Store

PER_PAGE = 25
PER_PAGE_MAX = 100


def role_in(book: Row, user_id: str) -> str | None:
    """A user's role in a book; None also for an admin without a membership row (Slant API 7.2)."""
    role: str | None = book["members"].get(user_id)
    return role


def sees(store: Store, user_id: str, book: Row) -> bool:
    """Members see a book, and so do the admins of its company (Slant API 7.2, 11.7)."""
    user = store.tables["user"][user_id]
    return user_id in book["members"] or (user["admin"] and user["company_id"] == book["company_id"])


def user(row: Row) -> Row:
    return {name: row[name] for name in ("id", "email", "first_name", "last_name")}


def book(store: Store, row: Row, user_id: str) -> Row:
    people = [{**user(store.tables["user"][member]), "role": role} for member, role in row["members"].items()]
    return {
        "id": row["id"],
        "name": row["name"],
        "role": role_in(row, user_id),
        "users": people,
        "tiers": row["tiers"],
        "teams": row["teams"],
    }


def pipeline(store: Store, row: Row) -> Row:
    """Slant API 7.3. A pipeline without restriction is reported as the switch says (10.9)."""
    kind = row["pipeline_type"]
    if kind is None:
        switch = store.control.switches["unrestricted_pipeline_type"]
        kind = None if switch == "null" else switch
    return {
        "id": row["id"],
        "name": row["name"],
        "pipeline_type": kind,
        "book_id": row["book_id"],
        "pipeline_stages": row["pipeline_stages"],
    }


def stage_of(pipeline_row: Row, stage_id: str) -> Row | None:
    stages: list[Row] = pipeline_row["pipeline_stages"]
    return next((stage for stage in stages if stage["id"] == stage_id), None)


def opportunity(store: Store, row: Row) -> Row:
    """Slant API 7.4, with `assigned_to.api_access` as in the example of 7.5.

    Every custom field defined for opportunities is named, null where it is empty.
    """
    line = store.tables["pipeline"][row["pipeline_id"]]
    whole = pipeline(store, line)
    stage = stage_of(line, row["pipeline_stage_id"]) or line["pipeline_stages"][0]
    if store.control.switches["nested_pipeline"] == "slim":
        whole = {name: whole[name] for name in ("id", "name", "pipeline_type")}
        stage = {name: stage[name] for name in ("id", "name")}
    owner = user(store.tables["user"][row["assigned_to_id"]])
    owner["api_access"] = {"auth_type": "personal_access_token", "scope": "read_write"}
    return {
        "id": row["id"],
        "name": row["name"],
        "book_id": row["book_id"],
        "pipeline": whole,
        "pipeline_stage": stage,
        "assigned_to": owner,
        "value": row["value"],
        "probability": row["probability"],
        "target_close_date": row["target_close_date"],
        "stage_updated_at": row["stage_updated_at"],
        "household_id": row["household_id"],
        "custom_fields": {**dict.fromkeys(field_keys(store, "Opportunity")), **row["custom_fields"]},
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def field_keys(store: Store, entity_type: str) -> list[str]:
    rows = store.tables["custom_field"].values()
    return [row["field_key"] for row in rows if row["entity_type"] == entity_type]


HOUSEHOLD_FIELDS = (
    "id",
    "type",
    "name",
    "book_id",
    "people",
    "tier",
    "became_client_at",
    "profile_picture_url",
    "custom_fields",
)
CUSTOM_FIELD_FIELDS = ("id", "field_key", "display_name", "entity_type", "field_type", "options")


def household(row: Row) -> Row:
    """Slant API 7.10, with all the private things a real answer carries."""
    return {name: row[name] for name in HOUSEHOLD_FIELDS}


def custom_field(row: Row) -> Row:
    return {name: row[name] for name in CUSTOM_FIELD_FIELDS}


def record(store: Store, kind: str, row: Row) -> dict[str, Any]:
    """A row for the ledger: as the API shows it; an opportunity also with its flat ids, to compare with a
    body.
    """
    if kind == "opportunity":
        flat = {name: row[name] for name in ("pipeline_id", "pipeline_stage_id", "assigned_to_id")}
        return {**opportunity(store, row), **flat}
    if kind == "household":
        return household(row)
    return dict(row)


def paging(query: dict[str, str]) -> tuple[int, int]:
    """`page` and `per_page`; above 100 is clamped, not refused (Slant API 4)."""
    numbers: dict[str, int] = {}
    wrong: dict[str, list[str]] = {}
    for name, otherwise in (("page", 1), ("per_page", PER_PAGE)):
        text = query.get(name)
        if text is None:
            numbers[name] = otherwise
        elif text.isascii() and text.isdigit() and len(text) < 4000 and int(text) >= 1:
            numbers[name] = int(text)
        else:
            wrong[name] = ["must be an integer of at least 1"]
    if wrong:
        raise invalid(wrong)
    return numbers["page"], min(numbers["per_page"], PER_PAGE_MAX)


def listed(ids: Sequence[str], query: dict[str, str], show: Callable[[str], Any]) -> dict[str, Any]:
    """The envelope of Slant API 4. No rows: `total_pages` 0; a page past the end: no data, no error."""
    page, per_page = paging(query)
    start = (page - 1) * per_page
    return {
        "data": [show(row_id) for row_id in ids[start : start + per_page]],
        "pagination": {
            "current_page": page,
            "total_pages": -(-len(ids) // per_page),
            "total_count": len(ids),
            "per_page": per_page,
        },
    }


def since(query: dict[str, str]) -> float | None:
    """`updated_since` as seconds since the epoch; None if it was not asked for."""
    if "updated_since" not in query:
        return None
    moment = parse_moment(query["updated_since"])
    if moment is None:
        raise invalid({"updated_since": ["must be an ISO 8601 date-time"]})
    return moment


def out_of_reach(store: Store, exists: bool, record_name: str, field: str | None = None) -> Refused:
    """For a record the token does not see: 404, or 403 for one that exists if `no_access` says so (10.5)."""
    details = {field: ["is not a known record"]} if field else {}
    if exists and store.control.switches["no_access"] == "403":
        return Refused(403, "forbidden", f"You have no access to this {record_name.lower()}.", details)
    return Refused(404, "not_found", f"{record_name} not found.", details)
