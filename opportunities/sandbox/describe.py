"""The shapes behind `/v1/openapi.json`: answers, bodies and parameters of every operation (Slant API 7).

Only for describing: `rules.py` reads and answers by itself, and Schemathesis holds the two together in the
tests. Bodies are written as JSON Schema by hand, because "one of three" and "read only when the others are
missing" say more than a flat list of fields. Answers are what the default switches give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ninja import Schema

from opportunities.sandbox import households
from opportunities.sandbox.answer_shapes import (
    Book,
    Books,
    CustomField,
    CustomFields,
    Error,
    Household,
    Households,
    Note,
    Opportunities,
    Opportunity,
    Pipeline,
    Pipelines,
    Task,
    User,
)
from opportunities.sandbox.checks import NAME_MAX, VALUE_MAX
from opportunities.sandbox.fields import FIELD_TYPES, ON_CREATE
from opportunities.sandbox.routes import Endpoint

Json = dict[str, Any]


TEXT: Json = {"type": ["string", "null"]}
NAME: Json = {"type": "string", "pattern": r"\S", "maxLength": NAME_MAX}
SHORT: Json = {"type": ["string", "null"], "maxLength": NAME_MAX}
REQUIRED: Json = {"type": "string", "pattern": r"\S"}
MOMENT: Json = {"type": ["string", "null"], "format": "date-time"}
DEAL: Json = {
    "value": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": VALUE_MAX,
        "description": "whole US dollars",
    },
    "probability": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
    "target_close_date": {**MOMENT, "description": "must be in the future"},
    "pipeline_stage_id": {**TEXT, "description": "of the pipeline; default its first stage"},
    "assigned_to_id": {**TEXT, "description": "a user of the book; default the token's"},
    "owner_id": {**TEXT, "description": "alias of assigned_to_id, which wins"},
}
CREATE: Json = {
    "type": "object",
    "required": ["book_id", "name"],
    "properties": {"book_id": REQUIRED, "name": NAME, **DEAL, "pipeline_id": TEXT, "household_id": TEXT},
    # `pipeline_type` is read only when neither of the other two is there, so only then it has to be valid.
    "anyOf": [
        {"required": ["pipeline_id"], "properties": {"pipeline_id": {"type": "string"}}},
        {"required": ["household_id"], "properties": {"household_id": {"type": "string"}}},
        {"required": ["pipeline_type"], "properties": {"pipeline_type": {"enum": ["prospect", "client"]}}},
    ],
}
CREATE_IN_HOUSEHOLD: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": NAME, **DEAL, "pipeline_id": TEXT},
}
CHANGE: Json = {
    "type": "object",
    "properties": {
        "name": NAME,
        **DEAL,
        "pipeline_stage_id": {"type": "string"},
        "assigned_to_id": {"type": "string"},
        "owner_id": {"type": "string"},
        "target_close_date": MOMENT,
        "household_id": TEXT,
        "custom_fields": {"type": "object"},
    },
}
PERSON: Json = dict.fromkeys(households.PERSON_FIELDS, SHORT)
PROSPECT: Json = {
    "type": "object",
    "required": ["book_id"],
    "properties": {
        "book_id": REQUIRED,
        "household_name": SHORT,
        **PERSON,
        "head_of_household": {"type": "object"},
        "custom_fields": {"type": ["object", "null"]},
    },
}
CLIENT: Json = {
    **PROSPECT,
    "properties": {**PROSPECT["properties"], "tier": TEXT, "became_client_at": MOMENT},
}
HOUSEHOLD: Json = {
    **PROSPECT,
    "required": ["book_id", "type"],
    "properties": {
        **{name: shape for name, shape in PROSPECT["properties"].items() if name != "custom_fields"},
        "type": {"enum": ["client", "prospect", "Client", "Prospect"]},
    },
}
CHANGE_HOUSEHOLD: Json = {
    "type": "object",
    "properties": {"household_name": NAME, "tier": {}, "became_client_at": {}},
}
CUSTOM_FIELD: Json = {
    "type": "object",
    "required": ["field_key", "display_name", "entity_type", "field_type"],
    "properties": {
        "field_key": {"type": "string", "pattern": "^[a-z0-9_]{1,64}$"},
        "display_name": NAME,
        "entity_type": {"enum": list(ON_CREATE)},
        "field_type": {"enum": list(FIELD_TYPES)},
        "options": {"type": ["object", "null"]},
    },
}
TASK: Json = {
    "type": "object",
    "required": ["book_id", "title"],
    "properties": {
        "book_id": REQUIRED,
        "title": NAME,
        "description": TEXT,
        "deadline_at": MOMENT,
        "all_day": {"type": ["boolean", "null"]},
        "status": {"enum": ["todo", "done", None]},
        "priority": {"enum": [*households.PRIORITIES, None]},
        "household_id": TEXT,
        "contact_id": TEXT,
        "business_id": TEXT,
        "assigned_to_id": TEXT,
        "assigned_team_id": TEXT,
    },
}
NOTE: Json = {
    "type": "object",
    "required": ["note"],
    "properties": {"note": {"type": "object", "required": ["content"], "properties": {"content": REQUIRED}}},
}

OPPORTUNITIES = "/v1/opportunities"
IN_HOUSEHOLD = "/v1/households/{household_id}/opportunities"

# What each operation answers when it goes well, and the body it reads.
SHAPES: dict[tuple[str, str], tuple[type[Schema], Json | None]] = {
    ("GET", "/v1/me"): (User, None),
    ("GET", "/v1/books"): (Books, None),
    ("GET", "/v1/books/{book_id}"): (Book, None),
    ("GET", "/v1/pipelines"): (Pipelines, None),
    ("GET", "/v1/pipelines/{pipeline_id}"): (Pipeline, None),
    ("GET", OPPORTUNITIES): (Opportunities, None),
    ("POST", OPPORTUNITIES): (Opportunity, CREATE),
    ("GET", OPPORTUNITIES + "/{opportunity_id}"): (Opportunity, None),
    ("PATCH", OPPORTUNITIES + "/{opportunity_id}"): (Opportunity, CHANGE),
    ("GET", "/v1/households"): (Households, None),
    ("POST", "/v1/households"): (Household, HOUSEHOLD),
    ("GET", "/v1/households/{household_id}"): (Household, None),
    ("PATCH", "/v1/households/{household_id}"): (Household, CHANGE_HOUSEHOLD),
    ("GET", IN_HOUSEHOLD): (Opportunities, None),
    ("POST", IN_HOUSEHOLD): (Opportunity, CREATE_IN_HOUSEHOLD),
    ("GET", IN_HOUSEHOLD + "/{opportunity_id}"): (Opportunity, None),
    ("PATCH", IN_HOUSEHOLD + "/{opportunity_id}"): (Opportunity, CHANGE),
    ("POST", "/v1/households/{household_id}/notes"): (Note, NOTE),
    ("POST", "/v1/prospects"): (Household, PROSPECT),
    ("POST", "/v1/clients"): (Household, CLIENT),
    ("GET", "/v1/custom_fields"): (CustomFields, None),
    ("POST", "/v1/custom_fields"): (CustomField, CUSTOM_FIELD),
    ("GET", "/v1/custom_fields/{custom_field_id}"): (CustomField, None),
    ("POST", "/v1/tasks"): (Task, TASK),
}

PAGING: Json = {"page": {"type": "integer", "minimum": 1}, "per_page": {"type": "integer", "minimum": 1}}
PLAIN: Json = {"type": "string"}
QUERIES: dict[str, Json] = {
    "/v1/books": PAGING,
    "/v1/pipelines": {**PAGING, "book_id": PLAIN},
    OPPORTUNITIES: {**PAGING, "book_id": PLAIN},
    IN_HOUSEHOLD: PAGING,
    "/v1/households": {
        **PAGING,
        "book_id": PLAIN,
        "type": {"enum": ["client", "prospect"]},
        "updated_since": {"type": "string", "format": "date-time"},
        "email": PLAIN,
        "phone": PLAIN,
        "name": PLAIN,
    },
    "/v1/custom_fields": {
        **PAGING,
        "entity_type": {"enum": ["Household", "Person", "Contact", "Opportunity"]},
    },
}


@dataclass(frozen=True)
class Operation:
    operation_id: str
    summary: str
    responses: dict[int, type[Schema]]
    extra: Json


def operation(method: str, pattern: str, endpoint: Endpoint) -> Operation:
    """What ninja is to write into the document about one route."""
    good, body = SHAPES[(method, pattern)]
    wrong = [401, 405, 429]
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in (QUERIES.get(pattern, {}) if method == "GET" else {}).items()
    ]
    if parameters:
        wrong.append(422)
    if "{" in pattern or any(parameter["name"] == "book_id" for parameter in parameters):
        wrong.append(404)
    extra: Json = {"parameters": parameters}
    if method in ("POST", "PATCH"):
        parameters.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": PLAIN})
        wrong += [400, 403, 404, 409, 413, 422]
        extra["requestBody"] = {
            "required": method == "POST",  # without a body a PATCH changes nothing, which is no mistake
            "content": {"application/json": {"schema": body}},
        }
    responses: dict[int, type[Schema]] = {201 if method == "POST" else 200: good}
    responses.update((status, Error) for status in sorted(set(wrong)))
    name = f"{endpoint.__module__.rpartition('.')[2]}_{endpoint.__name__}"
    summary = (endpoint.__doc__ or name.replace("_", " ")).strip().split("\n")[0]
    return Operation(name, summary, responses, extra)
