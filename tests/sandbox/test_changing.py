"""Slant API 7.7: changing an opportunity."""

import json
import math
from typing import Any

import pytest

from opportunities.sandbox.answers import encode
from opportunities.sandbox.calls import Call
from opportunities.sandbox.checks import Problems
from opportunities.sandbox.fields import merged
from tests.sandbox.desk import Desk

DEAL = "/opportunities/op_71qz5d"


def test_only_what_is_named_changes(desk: Desk) -> None:
    before = desk.get(DEAL)

    after = desk.ask("PATCH", DEAL, {"value": 700_000}).json()

    assert after == {**before, "value": 700_000, "updated_at": "2026-08-20T12:00:00Z"}


def test_a_move_is_stamped_and_leaves_the_probability_alone(desk: Desk) -> None:
    after = desk.ask("PATCH", DEAL, {"pipeline_stage_id": "st_won"}).json()

    assert after["pipeline_stage"]["id"] == "st_won"
    assert after["stage_updated_at"] == after["updated_at"] == "2026-08-20T12:00:00Z"
    assert after["probability"] == 55


def test_a_move_to_where_it_stands_is_no_move(desk: Desk) -> None:
    before = desk.get(DEAL)

    after = desk.ask("PATCH", DEAL, {"pipeline_stage_id": "st_qual"}).json()

    assert after == before
    assert desk.entries() == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"pipeline_stage_id": "st_gr_won"}, "pipeline_stage_id"),
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"value": -1}, "value"),
    ({"probability": 101}, "probability"),
    ({"target_close_date": "soon"}, "target_close_date"),
    ({"assigned_to_id": "u_p55tre"}, "assigned_to_id"),
    ({"assigned_to_id": None}, "assigned_to_id"),
    ({"household_id": "hh_nowhere"}, "household_id"),
    ({"custom_fields": [1]}, "custom_fields"),
    ({"custom_fields": {"lead_source": "Sky"}}, "custom_fields"),
    ({"custom_fields": {"expected_yearly_fee": "much"}}, "custom_fields"),
    ({"custom_fields": {"expected_yearly_fee": True}}, "custom_fields"),
    ({"custom_fields": {"next_review_on": "2026-99-99"}}, "custom_fields"),
    ({"custom_fields": {"next_review_on": "20261001"}}, "custom_fields"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_a_wrong_field_is_named_and_nothing_is_written(desk: Desk, body: dict[str, Any], field: str) -> None:
    before = desk.get(DEAL)

    answer = desk.ask("PATCH", DEAL, {"value": 1, **body})

    assert set(desk.complaints(answer)) == {field}
    assert desk.get(DEAL) == before


def test_the_pipeline_and_the_book_cannot_be_changed(desk: Desk) -> None:
    after = desk.ask("PATCH", DEAL, {"pipeline_id": "pl_growth", "book_id": "bk_alder2"}).json()

    assert (after["pipeline"]["id"], after["book_id"]) == ("pl_newbiz", "bk_pine01")


def test_custom_fields_are_merged_and_null_empties_one(desk: Desk) -> None:
    desk.ask(
        "PATCH", DEAL, {"custom_fields": {"expected_yearly_fee": 1200.5, "next_review_on": "2026-10-01"}}
    )
    after = desk.ask("PATCH", DEAL, {"custom_fields": {"next_review_on": None}}).json()

    assert after["custom_fields"] == {
        "lead_source": "Referral",
        "expected_yearly_fee": 1200.5,
        "next_review_on": None,
    }


def test_owner_id_is_an_alias_and_assigned_to_id_wins(desk: Desk) -> None:
    by_alias = desk.ask("PATCH", DEAL, {"owner_id": "u_4hd81k"}).json()
    by_both = desk.ask("PATCH", DEAL, {"owner_id": "u_4hd81k", "assigned_to_id": "u_9xw20c"}).json()

    assert by_alias["assigned_to"]["id"] == "u_4hd81k"
    assert by_both["assigned_to"]["id"] == "u_9xw20c"


@pytest.mark.parametrize("name", ["assigned_to_id", "owner_id"])
def test_whoever_has_a_deal_may_keep_it_though_he_left_the_book(desk: Desk, name: str) -> None:
    desk.control(records=[{"op": "patch", "id": "op_71qz5d", "set": {"assigned_to_id": "u_t4msin"}}])

    kept = desk.ask("PATCH", DEAL, {name: "u_t4msin", "value": 9}).json()
    given_away = desk.ask("PATCH", DEAL, {name: "u_p55tre"})

    assert (kept["assigned_to"]["id"], kept["value"]) == ("u_t4msin", 9)
    assert set(desk.complaints(given_away)) == {name}


def test_a_past_close_date_is_allowed_here(desk: Desk) -> None:
    after = desk.ask("PATCH", DEAL, {"target_close_date": "2020-01-01T00:00:00+02:00"}).json()

    assert after["target_close_date"] == "2019-12-31T22:00:00Z"


@pytest.mark.parametrize("last", ["9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59Z"])
def test_a_close_date_may_be_the_last_second_there_is(desk: Desk, last: str) -> None:
    after = desk.ask("PATCH", DEAL, {"target_close_date": last}).json()

    assert after["target_close_date"] == "9999-12-31T23:59:59Z"


# No JSON library could write these into an answer again.
UNANSWERABLE = [
    b'{"value": 1e400}',
    b'{"custom_fields": {"expected_yearly_fee": -1e400}}',
    b'{"value": NaN}',
    b'{"custom_fields": ' + 980 * b"[" + 980 * b"]" + b"}",
    b'{"custom_fields": ' + 200 * b'{"a":' + b"1" + 200 * b"}" + b"}",
]


@pytest.mark.parametrize("raw", UNANSWERABLE, ids=range(len(UNANSWERABLE)))
def test_a_body_no_answer_could_hold_is_no_json(desk: Desk, raw: bytes) -> None:
    before = desk.get(DEAL)

    answer = desk.ask("PATCH", DEAL, raw=raw)

    assert (answer.status, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert desk.get(DEAL) == before
    assert desk.entries("request")[1]["body"] is None
    assert encode(desk.entries("request"))


def test_a_body_is_read_to_two_hundred_levels(desk: Desk) -> None:
    raw = b'{"label": ' + 199 * b"[" + 199 * b"]" + b"}"

    assert desk.ask("PATCH", DEAL, raw=raw).status == 200
    assert desk.entries("request")[0]["body"] == json.loads(raw)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_what_no_answer_could_show_is_not_stored(desk: Desk, value: float) -> None:
    call = Call(desk.store, desk.now, next(iter(desk.store.tokens.values())), {}, {})
    problems = Problems()
    row = desk.deal("op_71qz5d")

    merged(call, "Opportunity", {}, {"expected_yearly_fee": value}, problems)
    with pytest.raises(ValueError, match="JSON"):
        call.save("opportunity", {**row, "value": value}, ["value"], create=False)

    assert set(problems.by_field) == {"custom_fields"}
    assert desk.deal("op_71qz5d") == row
    assert desk.entries() == []


def test_a_viewer_may_not_change(desk: Desk) -> None:
    theirs = next(
        row["id"] for row in desk.store.tables["opportunity"].values() if row["book_id"] == "bk_cedar3"
    )

    assert desk.ask("PATCH", f"/opportunities/{theirs}", {"value": 1}).status == 403


def test_a_change_through_another_household_is_not_found(desk: Desk) -> None:
    through_its_own = desk.ask("PATCH", "/households/hh_okonkwo/opportunities/op_71qz5d", {"value": 9})
    other = next(row for row in desk.store.tables["household"] if row != "hh_okonkwo")

    assert through_its_own.json()["value"] == 9
    assert desk.ask("PATCH", f"/households/{other}/opportunities/op_71qz5d", {"value": 8}).status == 404


def test_the_ledger_names_what_changed(desk: Desk) -> None:
    desk.ask("PATCH", DEAL, {"value": 1, "name": "Okonkwo rollover", "pipeline_stage_id": "st_won"}, key="k")

    (written,) = desk.entries()
    assert (written["action"], written["id"], written["idempotency_key"]) == ("update", "op_71qz5d", "k")
    assert written["changed"] == ["value", "pipeline_stage_id"]
    assert written["record"]["pipeline_stage_id"] == "st_won"


def test_a_record_is_shown_oddly_until_it_is_shown_as_it_is_again(desk: Desk) -> None:
    known = desk.get("/opportunities/op_71qz5d")
    odd = {"op": "show", "id": "op_71qz5d", "set": {"value": "5000"}, "unset": ["pipeline_stage"]}
    desk.control(records=[odd, {"op": "show", "id": "hh_okonkwo", "replace": None}])

    shown = desk.get("/opportunities/op_71qz5d")
    listed = desk.get("/households?per_page=100")["data"]

    assert shown["value"] == "5000"
    assert "pipeline_stage" not in shown
    assert shown["updated_at"] >= known["updated_at"]
    assert None in listed

    desk.control(records=[{"op": "show", "id": "op_71qz5d"}])
    assert desk.get("/opportunities/op_71qz5d") | {"updated_at": ""} == known | {"updated_at": ""}
