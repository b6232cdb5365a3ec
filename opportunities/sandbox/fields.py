"""Custom field definitions and values (Slant API 7.11)."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any

from opportunities.sandbox import shapes
from opportunities.sandbox.answers import Answer, answer
from opportunities.sandbox.calls import Call, fields_set
from opportunities.sandbox.checks import Problems, parse_moment
from opportunities.sandbox.store import Row

ENTITY_TYPES = ("Household", "Person", "Contact", "Opportunity")
ON_CREATE = {"Client": "Household", "Prospect": "Household", **{name: name for name in ENTITY_TYPES}}
FIELD_TYPES = ("text", "number", "date", "boolean", "single_select", "cross_reference")
CREATE_FIELDS = frozenset(("field_key", "display_name", "entity_type", "field_type", "options"))

_KEY = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)


def index(call: Call) -> Answer:
    """`GET /v1/custom_fields`; `book_id` is ignored."""
    problems = Problems()
    entity = problems.choice(dict(call.query), "entity_type", ENTITY_TYPES)
    if "entity_type" in call.query and entity is None and not problems.by_field:
        problems.add("entity_type", f"must be one of {', '.join(ENTITY_TYPES)}")
    problems.stop()
    rows = call.store.tables["custom_field"]
    ids = [row_id for row_id, row in rows.items() if entity is None or row["entity_type"] == entity]
    return call.listed(ids, lambda row_id: shapes.custom_field(rows[row_id]))


def show(call: Call, custom_field_id: str) -> Answer:
    return answer(200, call.show_record(shapes.custom_field(call.find("custom_field", custom_field_id))))


def create(call: Call) -> Answer:
    """`POST /v1/custom_fields`; `options` is required for choices and cross references."""
    problems = Problems()
    problems.unknown(call.body, CREATE_FIELDS, call.switches)
    key = problems.text(call.body, "field_key", required=True)
    title = problems.text(call.body, "display_name", required=True, most=255)
    entity = problems.choice(call.body, "entity_type", tuple(ON_CREATE), required=True)
    kind = problems.choice(call.body, "field_type", FIELD_TYPES, required=True)
    options = _options(call.body, kind, problems)
    if key is not None and not _KEY.fullmatch(key):
        problems.add("field_key", "may hold lower case letters, digits and underscores")
    elif entity is not None and key in shapes.field_keys(call.store, ON_CREATE[entity]):
        problems.add("field_key", "is already taken")
    problems.stop()
    row = {
        "id": call.store.new_id("custom_field"),
        "company_id": call.store.tables["user"][call.token.user_id]["company_id"],
        "field_key": key,
        "display_name": title,
        "entity_type": ON_CREATE[entity or ""],
        "field_type": kind,
        "options": options,
    }
    call.save("custom_field", row, fields_set(call.body, row, CREATE_FIELDS), create=True)
    return call.created(call.show_record(shapes.custom_field(row)))


def _options(body: Row, kind: str | None, problems: Problems) -> Row:
    needed = {"single_select": "select_options", "cross_reference": "cross_reference_allowed_target_types"}
    options = body.get("options")
    if options is None:
        options = {}
    elif not isinstance(options, dict):
        problems.add("options", "must be an object")
        return {}
    name = needed.get(kind or "")
    if name is None:
        return {}
    values = options.get(name)
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        problems.add("options", f"needs {name}, a list of strings")
        return {}
    return {name: values}


def merged(
    call: Call, entity: str, before: Row, posted: Any, problems: Problems, *, nulls: str = "clear"
) -> Row:
    """Values after a write: named keys change, others stay (Slant API 10.30); null as `null_in_patch` knows
    it.
    """
    if not isinstance(posted, dict):
        problems.add("custom_fields", "must be an object")
        return before
    rows = call.store.tables["custom_field"].values()
    definitions = {row["field_key"]: row for row in rows if row["entity_type"] == entity}
    after = dict(before)
    for key, value in posted.items():
        if key not in definitions:
            if call.switches["unknown_field"] == "reject":
                problems.add("custom_fields", f"{key} is not a known custom field")
        elif value is None and nulls == "reject":
            problems.add("custom_fields", f"{key} can't be null")
        elif value is None:
            if nulls == "clear":
                after.pop(key, None)
        elif not _fits(definitions[key], value):
            problems.add("custom_fields", f"{key} must be a valid {definitions[key]['field_type']}")
        else:
            after[key] = value
    return after


def _fits(definition: Row, value: Any) -> bool:
    kind = definition["field_type"]
    if kind == "number":
        if isinstance(value, float):
            return math.isfinite(value)
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "single_select":
        return value in definition["options"]["select_options"]
    if kind == "date":
        return isinstance(value, str) and (_is_day(value) or parse_moment(value) is not None)
    return isinstance(value, str)


def _is_day(text: str) -> bool:
    """2026-10-01, and no other spelling ISO 8601 knows."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
