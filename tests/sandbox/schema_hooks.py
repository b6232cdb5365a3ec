"""Loaded by Schemathesis (see test_schema.py): what the document cannot say.

It says what a field looks like, not that an id exists or a date lies ahead. So a case that is meant to be
accepted gets ids and dates of the sample before it is sent; one that is meant to be refused goes as it is.
"""

import itertools
from typing import Any

import schemathesis
from schemathesis import Case

REAL: dict[str, Any] = {
    "book_id": "bk_pine01",
    "pipeline_id": "pl_newbiz",
    "pipeline_stage_id": "st_qual",
    "household_id": "hh_okonkwo",
    "opportunity_id": "op_71qz5d",
    "custom_field_id": "cf_src",
    "assigned_to_id": "u_9xw20c",
    "owner_id": "u_4hd81k",
    "assigned_team_id": "tm_01",
    "target_close_date": "2099-11-30T00:00:00Z",
    "deadline_at": "2099-11-30T00:00:00Z",
    "became_client_at": "2020-01-01T00:00:00Z",
    "updated_since": "2020-01-01T00:00:00Z",
    "tier": "A-tier",
    "options": {"select_options": ["a"], "cross_reference_allowed_target_types": ["b"]},
    "custom_fields": {"lead_source": "Referral"},
    "head_of_household": {"preferred_name": "Una"},
    "first_name": "Una",
    "email": "una@umber.example",
}
DEMANDED = ("first_name", "email", "options")  # what one field of a body demands of another
numbers = itertools.count()


@schemathesis.hook
def before_call(context: Any, case: Case, kwargs: Any) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    for part in (case.path_parameters, case.query):
        for name in set(part or {}) & set(REAL):
            part[name] = REAL[name]
    if isinstance(case.body, dict):
        known = case.operation.body[0].definition["schema"]["properties"]
        body = {name: value for name, value in case.body.items() if name in known}
        body.update({name: REAL[name] for name in body if name in REAL and body[name] is not None})
        body.update({name: REAL[name] for name in DEMANDED if name in known})
        if "field_key" in body:  # taken once it was accepted
            body["field_key"] = f"key_{next(numbers)}"
        case.body = body
