"""Every switch of Slant API 9, in its other positions (the first is what all other tests see)."""

from typing import Any

import pytest

from opportunities.sandbox.store import SWITCHES
from tests.sandbox.desk import DEAL, Desk

ONE = "/opportunities/op_71qz5d"


def test_every_switch_begins_in_its_first_position(desk: Desk) -> None:
    assert desk.store.control.switches == {
        "error_shape": "nested",
        "validation_status": "422",
        "create_status": "201",
        "idem_mismatch": "replay",
        "idem_store_4xx": "on",
        "list_opportunities": "on",
        "list_filters": "ignore",
        "rate_headers": "none",
        "me_can_write": "present",
        "probability_when_omitted": "null",
        "unrestricted_pipeline_type": "null",
        "company_pipelines_with_book_filter": "include",
        "null_in_patch": "clear",
        "unknown_field": "ignore",
        "past_close_date_in_patch": "allow",
        "no_access": "404",
        "nested_pipeline": "full",
    }
    assert set(SWITCHES) == set(desk.store.control.switches)


SENTENCE = "Some fields are not valid."
SHAPES: dict[str, dict[str, Any]] = {
    "nested": {
        "error": {
            "code": "validation_failed",
            "message": SENTENCE,
            "details": {"value": ["must be an integer"]},
        }
    },
    "flat": {
        "error": "validation_failed",
        "error_description": SENTENCE,
        "errors": [{"field": "value", "message": "must be an integer"}],
    },
    "field_map": {
        "code": "validation_failed",
        "message": SENTENCE,
        "errors": {"value": ["must be an integer"]},
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_errors_come_in_three_json_shapes(desk: Desk, shape: str) -> None:
    desk.switch(error_shape=shape)

    assert desk.create(value=1.5).json() == SHAPES[shape]


@pytest.mark.parametrize("path", ["/me", "/nowhere"])
def test_errors_come_as_pages_too(desk: Desk, path: str) -> None:
    desk.switch(error_shape="html")

    answer = desk.ask("GET", path, token=None)
    assert (answer.status, answer.content_type) == (401, "text/html; charset=utf-8")
    assert b"value: must be an integer" in desk.create(value=1.5).body
    assert desk.ask("DELETE", "/me").content_type.startswith("text/html")
    assert desk.ask("POST", "/opportunities", raw=b"{").content_type.startswith("text/html")


def test_validation_may_answer_400(desk: Desk) -> None:
    desk.switch(validation_status="400")

    assert desk.create(value=-1).status == 400
    assert desk.ask("GET", "/opportunities?page=0").status == 400


def test_create_may_answer_200(desk: Desk) -> None:
    desk.switch(create_status="200")

    assert desk.create().status == 200


def test_the_list_of_opportunities_may_not_exist(desk: Desk) -> None:
    desk.switch(list_opportunities="not_found")

    assert desk.ask("GET", "/opportunities").status == 404
    assert desk.ask("GET", "/households/hh_okonkwo/opportunities").status == 200
    assert desk.ask("GET", ONE).status == 200


def test_filters_are_ignored_applied_or_refused(desk: Desk) -> None:
    path = "/opportunities?per_page=100&book_id=bk_dune05"
    assert desk.get(path)["pagination"]["total_count"] == 140

    desk.switch(list_filters="apply")
    assert {row["book_id"] for row in desk.get(path)["data"]} == {"bk_dune05"}
    assert desk.get("/opportunities?updated_since=2027-01-01T00:00:00Z")["data"] == []
    assert {row["id"] for row in desk.get("/opportunities?name=okonkwo%20roll")["data"]} >= {"op_71qz5d"}

    desk.switch(list_filters="reject")
    assert set(desk.complaints(desk.ask("GET", path))) == {"book_id"}
    assert desk.ask("GET", "/opportunities?per_page=100").status == 200


def test_me_may_keep_can_write_to_itself(desk: Desk) -> None:
    desk.switch(me_can_write="absent")

    assert desk.get("/me")["api_access"] == {"auth_type": "personal_access_token", "scope": "read_write"}


def test_an_omitted_probability_may_become_the_stages(desk: Desk) -> None:
    assert desk.create(probability=None).json()["probability"] is None

    desk.switch(probability_when_omitted="stage_default")
    assert desk.create(probability=None).json()["probability"] == 60
    assert desk.create(probability=5).json()["probability"] == 5


@pytest.mark.parametrize(("position", "shown"), [("null", None), ("any", "any"), ("prospect", "prospect")])
def test_an_unrestricted_pipeline_names_its_type_in_three_ways(
    desk: Desk, position: str, shown: str | None
) -> None:
    desk.switch(unrestricted_pipeline_type=position)

    assert desk.get("/pipelines/pl_events")["pipeline_type"] == shown
    assert desk.get("/pipelines/pl_growth")["pipeline_type"] == "client"


def test_company_pipelines_may_be_missing_under_a_book_filter(desk: Desk) -> None:
    path = "/pipelines?book_id=bk_alder2"
    assert {line["book_id"] for line in desk.get(path)["data"]} == {None, "bk_alder2"}

    desk.switch(company_pipelines_with_book_filter="exclude")
    assert {line["book_id"] for line in desk.get(path)["data"]} == {"bk_alder2"}


def test_null_clears_is_ignored_or_refused(desk: Desk) -> None:
    desk.switch(null_in_patch="reject")
    assert set(desk.complaints(desk.ask("PATCH", ONE, {"value": None, "name": "x"}))) == {"value"}

    desk.switch(null_in_patch="ignore")
    kept = desk.ask("PATCH", ONE, {"value": None, "household_id": None, "probability": 5}).json()
    assert (kept["value"], kept["household_id"], kept["probability"]) == (640000, "hh_okonkwo", 5)

    desk.switch(null_in_patch="clear")
    nothing = {"value": None, "household_id": None, "probability": None, "target_close_date": None}
    cleared = desk.ask("PATCH", ONE, nothing).json()
    assert {name: cleared[name] for name in nothing} == nothing


def test_null_in_a_custom_field_clears_is_ignored_or_refused(desk: Desk) -> None:
    null = {"custom_fields": {"lead_source": None}}
    desk.switch(null_in_patch="reject")
    assert set(desk.complaints(desk.ask("PATCH", ONE, null))) == {"custom_fields"}

    desk.switch(null_in_patch="ignore")
    assert desk.ask("PATCH", ONE, null).json()["custom_fields"]["lead_source"] == "Referral"

    desk.switch(null_in_patch="clear")
    assert desk.ask("PATCH", ONE, null).json()["custom_fields"]["lead_source"] is None


def test_null_clears_is_ignored_or_refused_in_a_household_too(desk: Desk) -> None:
    rows = desk.store.tables["household"].values()
    client = next(row for row in rows if row["book_id"] == "bk_pine01" and row["tier"] is not None)
    path, nulls = f"/households/{client['id']}", {"tier": None, "became_client_at": None}
    desk.switch(null_in_patch="reject")
    assert set(desk.complaints(desk.ask("PATCH", path, nulls))) == set(nulls)

    desk.switch(null_in_patch="ignore")
    kept = desk.ask("PATCH", path, {**nulls, "household_name": None}).json()
    assert kept == desk.get(path)
    assert desk.entries() == []

    desk.switch(null_in_patch="clear")
    assert set(desk.complaints(desk.ask("PATCH", path, {"household_name": None}))) == {"household_name"}
    cleared = desk.ask("PATCH", path, nulls).json()
    assert {name: cleared[name] for name in nulls} == nulls
    assert desk.entries()[0]["changed"] == ["tier", "became_client_at"]


def test_unknown_fields_are_ignored_or_refused(desk: Desk) -> None:
    assert desk.create(label="hot").status == 201

    desk.switch(unknown_field="reject")
    assert set(desk.complaints(desk.create(label="hot", custom_fields={}))) == {"label", "custom_fields"}
    assert set(desk.complaints(desk.ask("PATCH", ONE, {"pipeline_id": "pl_growth"}))) == {"pipeline_id"}
    assert desk.create().status == 201


def test_a_past_close_date_in_a_change_may_be_refused(desk: Desk) -> None:
    desk.switch(past_close_date_in_patch="reject")

    answer = desk.ask("PATCH", ONE, {"target_close_date": "2020-01-01T00:00:00Z"})
    assert set(desk.complaints(answer)) == {"target_close_date"}


@pytest.mark.parametrize("path", ["/books/bk_salt99", "/opportunities/op_salt99", "/pipelines/pl_salt"])
def test_what_is_out_of_reach_may_be_forbidden_instead_of_unknown(desk: Desk, path: str) -> None:
    desk.switch(no_access="403")

    assert desk.ask("GET", path).status == 403
    assert desk.ask("GET", path[:-1]).status == 404


def test_a_book_out_of_reach_may_be_forbidden_in_a_body_too(desk: Desk) -> None:
    desk.switch(no_access="403")

    assert desk.create(book_id="bk_salt99").status == 403


def test_the_nested_pipeline_may_be_slim(desk: Desk) -> None:
    desk.switch(nested_pipeline="slim")

    deal = desk.ask("POST", "/opportunities", DEAL).json()
    assert deal["pipeline"] == {"id": "pl_newbiz", "name": "New households", "pipeline_type": "prospect"}
    assert deal["pipeline_stage"] == {"id": "st_qual", "name": "Qualified"}
    assert len(desk.get("/pipelines/pl_newbiz")["pipeline_stages"]) == 7
