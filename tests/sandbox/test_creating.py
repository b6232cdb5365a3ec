"""Slant API 7.5: creating an opportunity."""

import json
from typing import Any

import pytest

from tests.sandbox.desk import DEAL, Desk

# The page's own example with only ids and date replaced, and the fields its answer shows.
VERBATIM = """{"book_id": "bk_pine01", "name": "New Investment Opportunity", "value": 500000,
    "probability": 75,
    "target_close_date": "2027-06-01T00:00:00Z", "pipeline_type": "prospect", "pipeline_id": "pl_newbiz",
    "pipeline_stage_id": "st_qual", "household_id": "hh_okonkwo", "owner_id": "u_9xw20c",
    "assigned_to_id": "u_9xw20c"}"""
SHOWN = {
    "id": "",
    "name": "",
    "book_id": "",
    "pipeline": {"id": "", "name": "", "pipeline_type": "", "book_id": "", "pipeline_stages": []},
    "pipeline_stage": {"id": "", "name": "", "stage_order": 1, "visible": True, "default_probability": 50},
    "assigned_to": {
        "id": "",
        "email": "",
        "first_name": "",
        "last_name": "",
        "api_access": {"auth_type": "personal_access_token", "scope": "read_write"},
    },
    "value": 5000,
    "probability": 75,
    "target_close_date": "",
    "stage_updated_at": "",
    "household_id": "",
    "custom_fields": {"lead_source": "Referral"},
    "created_at": "",
    "updated_at": "",
}


def missing(shown: dict[str, Any], answered: dict[str, Any]) -> list[str]:
    """Names, at any depth, that are shown but not answered."""
    lost = [name for name in shown if name not in answered]
    for name, inner in shown.items():
        if isinstance(inner, dict) and name in answered:
            lost += [f"{name}.{deeper}" for deeper in missing(inner, answered[name])]
    return lost


def test_the_pages_own_example_answers_every_field_it_shows(desk: Desk) -> None:
    answer = desk.ask("POST", "/opportunities", raw=VERBATIM.encode())

    assert answer.status == 201
    assert missing(SHOWN, answer.json()) == []


def test_the_record_holds_what_was_sent_in_whole_dollars(desk: Desk) -> None:
    made = desk.create().json()

    assert made["value"] == 640000
    assert made["probability"] == 55
    assert made["target_close_date"] == "2026-11-30T00:00:00Z"
    assert made["pipeline"]["id"] == "pl_newbiz"
    assert made["pipeline_stage"]["id"] == "st_qual"
    assert made["assigned_to"]["id"] == "u_9xw20c"
    assert made["household_id"] == "hh_okonkwo"
    assert made["created_at"] == made["updated_at"] == made["stage_updated_at"] == "2026-08-20T12:00:00Z"
    assert desk.get(f"/opportunities/{made['id']}") == made


def test_left_out_fields_take_their_defaults(desk: Desk) -> None:
    made = desk.ask(
        "POST", "/opportunities", {"book_id": "bk_pine01", "name": "Bare", "pipeline_type": "client"}
    ).json()

    assert made["pipeline"]["id"] == "pl_growth"
    assert made["pipeline_stage"]["id"] == "st_gr_ident"
    assert made["assigned_to"]["id"] == "u_4hd81k"  # the token's user
    assert [made[name] for name in ("value", "probability", "target_close_date", "household_id")] == [
        None
    ] * 4


def test_pipeline_id_beats_the_household_and_the_household_beats_the_type(desk: Desk) -> None:
    by_id = desk.create(pipeline_id="pl_events", pipeline_stage_id=None, pipeline_type="client").json()
    by_household = desk.create(pipeline_id=None, pipeline_stage_id=None, pipeline_type="client").json()

    assert by_id["pipeline"]["id"] == "pl_events"
    assert by_household["pipeline"]["id"] == "pl_newbiz"


def test_a_pipeline_type_that_is_not_read_is_not_checked(desk: Desk) -> None:
    assert desk.create(pipeline_type="nonsense").status == 201


def test_a_books_own_pipeline_is_its_default(desk: Desk) -> None:
    made = desk.ask(
        "POST", "/opportunities", {"book_id": "bk_alder2", "name": "Bare", "pipeline_type": "prospect"}
    ).json()

    assert made["pipeline"]["id"] == "pl_alder"
    assert made["pipeline_stage"]["id"] == "st_al_call"


def test_the_first_stage_is_that_of_the_lowest_order_and_one_without_an_order_comes_last(desk: Desk) -> None:
    stages = [
        {**stage, "stage_order": order}
        for stage, order in zip(
            desk.store.tables["pipeline"]["pl_newbiz"]["pipeline_stages"],
            [None, 3, 2, 2, 5, None, 7],
            strict=True,
        )
    ]
    desk.control(records=[{"op": "patch", "id": "pl_newbiz", "set": {"pipeline_stages": stages}}])

    assert desk.create(pipeline_stage_id=None).json()["pipeline_stage"]["id"] == "st_meet"


def test_custom_fields_are_no_field_of_create(desk: Desk) -> None:
    made = desk.create(custom_fields={"lead_source": "Referral"}).json()

    assert made["custom_fields"] == {"lead_source": None, "expected_yearly_fee": None, "next_review_on": None}


def household_of(desk: Desk, book_id: str, kind: str) -> str:
    rows = desk.store.tables["household"].values()
    return next(row["id"] for row in rows if row["book_id"] == book_id and row["type"] == kind)


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({"name": None}, {"name"}),
    ({"name": "  "}, {"name"}),
    ({"name": "x" * 256}, {"name"}),
    ({"name": 7}, {"name"}),
    ({"book_id": None}, {"book_id"}),
    ({"pipeline_id": None, "pipeline_stage_id": None, "household_id": None}, {"pipeline_id"}),
    (
        {"pipeline_id": None, "pipeline_stage_id": None, "household_id": None, "pipeline_type": "odd"},
        {"pipeline_type"},
    ),
    ({"pipeline_id": "pl_nowhere"}, {"pipeline_id"}),
    ({"pipeline_id": "pl_salt"}, {"pipeline_id"}),
    ({"pipeline_id": "pl_alder", "pipeline_stage_id": None}, {"pipeline_id"}),
    ({"pipeline_stage_id": "st_gr_won"}, {"pipeline_stage_id"}),
    ({"pipeline_stage_id": ""}, {"pipeline_stage_id"}),
    ({"household_id": "hh_nowhere"}, {"household_id"}),
    ({"assigned_to_id": "u_nobody"}, {"assigned_to_id"}),
    ({"assigned_to_id": "u_t4msin"}, {"assigned_to_id"}),
    ({"assigned_to_id": ""}, {"assigned_to_id"}),
    ({"assigned_to_id": None, "owner_id": "u_p55tre"}, {"owner_id"}),
    ({"target_close_date": "2026-08-20T12:00:00Z"}, {"target_close_date"}),
    ({"target_close_date": "2026-11-30"}, {"target_close_date"}),
    ({"target_close_date": "2026-13-30T00:00:00Z"}, {"target_close_date"}),
    ({"target_close_date": 1790000000}, {"target_close_date"}),
    ({"probability": 101}, {"probability"}),
    ({"probability": 7.5}, {"probability"}),
    ({"probability": True}, {"probability"}),
    ({"value": -1}, {"value"}),
    ({"value": 1.5}, {"value"}),
    ({"value": 2_000_000_001}, {"value"}),
    ({"value": "lots"}, {"value"}),
    ({"value": -1, "probability": -1, "name": ""}, {"value", "probability", "name"}),
]


@pytest.mark.parametrize(
    ("changes", "fields"), WRONG, ids=lambda part: json.dumps(part)[:60] if isinstance(part, dict) else ""
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    desk: Desk, changes: dict[str, Any], fields: set[str]
) -> None:
    answer = desk.create(**changes)

    assert set(desk.complaints(answer)) == fields
    assert desk.entries() == []


def test_a_household_of_another_book_or_kind_is_refused(desk: Desk) -> None:
    elsewhere = desk.create(household_id=household_of(desk, "bk_alder2", "Prospect"))
    client = desk.create(household_id=household_of(desk, "bk_pine01", "Client"))

    assert set(desk.complaints(elsewhere)) == {"household_id"}
    assert set(desk.complaints(client)) == {"household_id"}


def test_an_unrestricted_pipeline_takes_either_kind(desk: Desk) -> None:
    for kind in ("Client", "Prospect"):
        household = household_of(desk, "bk_pine01", kind)
        answer = desk.create(pipeline_id="pl_events", pipeline_stage_id=None, household_id=household)
        assert answer.status == 201


def test_an_unknown_book_is_not_found_and_named(desk: Desk) -> None:
    answer = desk.create(book_id="bk_nowhere")

    assert answer.status == 404
    assert set(answer.json()["error"]["details"]) == {"book_id"}


def test_a_viewer_may_not_write_and_an_admin_without_a_membership_may(desk: Desk) -> None:
    plain = {"household_id": None, "assigned_to_id": None, "owner_id": "u_c81mzd"}

    refused = desk.create(book_id="bk_cedar3", **plain)
    allowed = desk.create(book_id="bk_dune05", **{**plain, "owner_id": "u_p55tre"})

    assert (refused.status, refused.json()["error"]["code"]) == (403, "book_read_only")
    assert allowed.status == 201


def test_the_household_variant_takes_book_and_household_from_the_path(desk: Desk) -> None:
    made = desk.ask(
        "POST", "/households/hh_okonkwo/opportunities", {"name": "By household", "value": 500}
    ).json()

    assert (made["book_id"], made["household_id"], made["value"]) == ("bk_pine01", "hh_okonkwo", 500)
    assert made["pipeline"]["id"] == "pl_newbiz"
    assert desk.get(f"/households/hh_okonkwo/opportunities/{made['id']}") == made


def test_the_ledger_tells_what_was_asked_and_what_was_written(desk: Desk) -> None:
    made = desk.ask("POST", "/opportunities", DEAL, key="k1").json()

    asked, written = desk.store.ledger.read()
    assert asked["writes"] == [written["seq"]]
    assert asked["body"] == DEAL
    assert (written["request"], written["action"], written["type"]) == (asked["seq"], "create", "opportunity")
    assert (written["id"], written["idempotency_key"]) == (made["id"], "k1")
    assert set(written["changed"]) == set(DEAL)
    assert written["record"] == {
        **made,
        "pipeline_id": "pl_newbiz",
        "pipeline_stage_id": "st_qual",
        "assigned_to_id": "u_9xw20c",
    }


CHANGED: list[tuple[dict[str, Any], list[str]]] = [
    ({"pipeline_type": "client"}, ["name", "book_id", "pipeline_id"]),
    (
        {"pipeline_id": "pl_newbiz", "owner_id": "u_9xw20c"},
        ["name", "book_id", "pipeline_id", "assigned_to_id"],
    ),
    (
        {"household_id": "hh_okonkwo", "value": 0, "probability": None},
        ["name", "book_id", "value", "household_id"],
    ),
    (
        {"household_id": "hh_okonkwo", "custom_fields": {"lead_source": "Seminar"}, "id": "op_mine"},
        ["name", "book_id", "household_id"],
    ),
]


@pytest.mark.parametrize(("sent", "changed"), CHANGED, ids=str)
def test_the_ledger_names_the_fields_of_the_record_that_were_set(
    desk: Desk, sent: dict[str, Any], changed: list[str]
) -> None:
    desk.ask("POST", "/opportunities", {"book_id": "bk_pine01", "name": "Bare", **sent})

    (written,) = desk.entries()
    assert written["changed"] == changed
    assert set(changed) <= set(written["record"])


def test_by_household_only_what_is_read_is_named(desk: Desk) -> None:
    body = {"name": "By household", "book_id": "bk_alder2", "pipeline_type": "client"}
    desk.ask("POST", "/households/hh_okonkwo/opportunities", body)

    assert desk.entries()[0]["changed"] == ["name", "household_id"]


def test_an_admin_without_a_membership_may_name_himself_as_the_default_does(desk: Desk) -> None:
    body = {"book_id": "bk_birch4", "name": "Bare", "pipeline_type": "client"}
    by_default = desk.ask("POST", "/opportunities", body).json()
    by_name = desk.ask("POST", "/opportunities", {**body, "assigned_to_id": "u_4hd81k"}).json()
    another = desk.ask("POST", "/opportunities", {**body, "assigned_to_id": "u_p55tre"})

    assert by_default["assigned_to"]["id"] == by_name["assigned_to"]["id"] == "u_4hd81k"
    assert set(desk.complaints(another)) == {"assigned_to_id"}
