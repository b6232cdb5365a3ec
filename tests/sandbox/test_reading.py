"""Slant API 4 and the reads of 7."""

import pytest

from tests.sandbox.desk import DEAL, Desk


def test_lists_have_the_envelope_and_its_defaults(desk: Desk) -> None:
    page = desk.get("/opportunities")

    assert page["pagination"] == {"current_page": 1, "total_pages": 6, "total_count": 140, "per_page": 25}
    assert len(page["data"]) == 25


def test_more_than_a_hundred_per_page_is_clamped(desk: Desk) -> None:
    page = desk.get("/opportunities?per_page=500")

    assert page["pagination"]["per_page"] == 100
    assert len(page["data"]) == 100


@pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=-1", "page=1.0", "per_page="])
def test_a_page_that_is_no_number_is_refused(desk: Desk, query: str) -> None:
    assert set(desk.complaints(desk.ask("GET", f"/opportunities?{query}"))) == {query.partition("=")[0]}


def test_a_page_past_the_end_is_empty(desk: Desk) -> None:
    page = desk.get("/opportunities?page=99")

    assert page["data"] == []
    assert page["pagination"]["total_count"] == 140


def test_pages_hold_every_deal_once_oldest_first(desk: Desk) -> None:
    made = desk.create().json()
    pages = [desk.get(f"/opportunities?per_page=100&page={number}")["data"] for number in (1, 2)]
    ids = [row["id"] for page in pages for row in page]

    assert len(ids) == len(set(ids)) == 141
    assert ids[-1] == made["id"]
    assert "op_salt99" not in ids
    assert {row["pipeline_stage"]["visible"] for page in pages for row in page} == {True, False}


def test_a_household_lists_its_own_deals(desk: Desk) -> None:
    before = desk.get("/households/hh_okonkwo/opportunities")["pagination"]["total_count"]
    made = desk.create().json()

    page = desk.get("/households/hh_okonkwo/opportunities?per_page=100")
    assert page["pagination"]["total_count"] == before + 1
    assert page["data"][-1] == made


def test_a_moved_deal_leaves_its_households_list(desk: Desk) -> None:
    desk.get("/households/hh_okonkwo/opportunities")
    desk.ask("PATCH", "/opportunities/op_71qz5d", {"household_id": None})

    ids = [row["id"] for row in desk.get("/households/hh_okonkwo/opportunities?per_page=100")["data"]]
    assert "op_71qz5d" not in ids


def test_a_new_deal_appears_in_lists_after_the_lag_and_by_id_at_once(desk: Desk) -> None:
    desk.control(list_lag_s=30)
    made = desk.create().json()["id"]

    assert desk.get(f"/opportunities/{made}")["id"] == made
    assert desk.get("/opportunities")["pagination"]["total_count"] == 140
    desk.now += 30
    assert desk.get("/opportunities")["pagination"]["total_count"] == 141


def test_books_tell_roles_and_users(desk: Desk) -> None:
    books = {book["id"]: book for book in desk.get("/books")["data"]}

    assert {book["role"] for book in books.values()} == {"principal", "contributor", "viewer", None}
    assert books["bk_pine01"]["users"][0] == {
        "id": "u_4hd81k",
        "email": "mara.lindqvist@northpine.example",
        "first_name": "Mara",
        "last_name": "Lindqvist",
        "role": "principal",
    }
    assert desk.get("/books/bk_pine01") == books["bk_pine01"]
    assert "bk_salt99" not in books


def test_pipelines_are_of_every_kind_and_hide_stages(desk: Desk) -> None:
    pipelines = desk.get("/pipelines")["data"]
    example = desk.get("/pipelines/pl_newbiz")

    assert {line["pipeline_type"] for line in pipelines} == {"prospect", "client", None}
    assert {line["book_id"] for line in pipelines} >= {None, "bk_alder2"}
    assert [stage["id"] for stage in example["pipeline_stages"]] == [
        "st_ident",
        "st_conn",
        "st_meet",
        "st_qual",
        "st_won",
        "st_lost",
        "st_arch",
    ]
    assert [stage["visible"] for stage in example["pipeline_stages"]] == [True] * 5 + [False] * 2


@pytest.mark.parametrize(
    "path",
    [
        "/books/bk_salt99",
        "/pipelines/pl_salt",
        "/opportunities/op_salt99",
        "/opportunities/op_nowhere",
        "/opportunities/a%2Fb",
        "/households/hh_nowhere/opportunities",
        "/households?book_id=bk_salt99",
        "/custom_fields/cf_nowhere",
    ],
)
def test_what_is_unknown_or_out_of_reach_is_not_found(desk: Desk, path: str) -> None:
    assert desk.ask("GET", path).status == 404


def test_an_id_may_hold_any_character(desk: Desk) -> None:
    desk.control(records=[{"op": "create", "id": "op/ä ?", "set": {**flat(), "name": "Odd"}}])

    assert desk.get("/opportunities/op%2F%C3%A4%20%3F")["name"] == "Odd"


def flat() -> dict[str, object]:
    return {name: value for name, value in DEAL.items() if name != "name"}
