"""The firm a sandbox starts with: is everybody there whom the demo and the tests need?"""

import pytest

from opportunities.sandbox import sample
from opportunities.sandbox.store import Store
from tests.sandbox.desk import NOW, Desk

WRITERS = ("principal", "contributor")


@pytest.fixture
def roles(desk: Desk) -> dict[str, dict[str, str]]:
    """Book ids and roles by e-mail, as a client of the API can know them."""
    found: dict[str, dict[str, str]] = {}
    for book in desk.get("/books")["data"]:
        for user in book["users"]:
            found.setdefault(user["email"], {})[book["id"]] = user["role"]
    return dict(sorted(found.items()))


def writes_in(books: dict[str, str]) -> set[str]:
    return {book for book, role in books.items() if role in WRITERS}


def test_one_person_writes_in_more_books_than_any_other(roles: dict[str, dict[str, str]]) -> None:
    counts = sorted((len(writes_in(books)), email) for email, books in roles.items())

    assert counts[-1] == (4, "theo.okafor@northpine.example")  # and is not the tokens' owner
    assert counts[-2][0] < 4


def test_a_writer_shares_no_book_with_that_person(roles: dict[str, dict[str, str]]) -> None:
    sales = set(roles["theo.okafor@northpine.example"])

    assert [email for email, books in roles.items() if writes_in(books) and not sales & set(books)]


def test_somebody_views_and_writes_nowhere(roles: dict[str, dict[str, str]]) -> None:
    viewers = [email for email, books in roles.items() if not writes_in(books)]

    assert viewers == ["lotte.varnishaw@northpine.example"]


def test_one_book_is_shared_by_nobody_and_one_member_is_in_no_book(
    desk: Desk, roles: dict[str, dict[str, str]]
) -> None:
    assert [book["id"] for book in desk.get("/books")["data"] if len(book["users"]) == 1] == ["bk_lone06"]

    owners = {row["assigned_to"]["email"] for row in every_deal(desk)}
    assert owners - set(roles) == {"tamsin.greyloch@northpine.example"}


def every_deal(desk: Desk) -> list[dict[str, object]]:
    return [row for page in (1, 2) for row in desk.get(f"/opportunities?per_page=100&page={page}")["data"]]


def test_every_nullable_field_is_null_somewhere_and_not_everywhere(desk: Desk) -> None:
    deals = every_deal(desk)

    for name in ("value", "probability", "target_close_date", "stage_updated_at", "household_id"):
        empty = sum(deal[name] is None for deal in deals)
        assert 0 < empty < len(deals), name


def test_deals_are_spread_over_books_pipelines_stages_and_time(desk: Desk) -> None:
    deals = list(desk.store.tables["opportunity"].values())
    now = desk.get("/opportunities/op_71qz5d")["created_at"]

    assert len({deal["book_id"] for deal in deals}) == 7
    assert len({deal["pipeline_id"] for deal in deals}) == 7
    assert len({deal["pipeline_stage_id"] for deal in deals}) > 20
    closes = [deal["target_close_date"] for deal in deals if deal["target_close_date"]]
    assert min(closes) < "2026-08-20" < max(closes)
    assert len({deal["stage_updated_at"][:7] for deal in deals if deal["stage_updated_at"]}) > 6
    assert all(
        deal["stage_updated_at"] <= "2026-08-20T12:00:00Z" for deal in deals if deal["stage_updated_at"]
    )
    assert now < min(deal["created_at"] for deal in deals if deal["id"] != "op_71qz5d")


def test_every_main_book_has_households_of_both_kinds(desk: Desk) -> None:
    for book in ("bk_pine01", "bk_alder2", "bk_cedar3", "bk_birch4", "bk_dune05"):
        kinds = [row["type"] for row in desk.get(f"/households?per_page=100&book_id={book}")["data"]]
        assert kinds.count("Client") >= 8
        assert kinds.count("Prospect") >= 8


def test_every_deal_obeys_the_rules_for_new_ones(start: Store) -> None:
    tables = start.tables
    for deal in tables["opportunity"].values():
        line = tables["pipeline"][deal["pipeline_id"]]
        assert line["book_id"] in (None, deal["book_id"])
        assert deal["pipeline_stage_id"] in [stage["id"] for stage in line["pipeline_stages"]]
        household = tables["household"].get(deal["household_id"])
        if household is not None:
            assert household["book_id"] == deal["book_id"]
            assert line["pipeline_type"] in (None, household["type"].lower())


def test_the_sample_is_the_same_every_time_and_as_large_as_asked(start: Store) -> None:
    assert sample.build(now=NOW).tables == start.tables
    assert len(sample.build(now=NOW, opportunities=0).tables["opportunity"]) == 1  # the other firm's
    assert len(sample.build(now=NOW, opportunities=5000).tables["opportunity"]) == 5001


def test_people_and_firms_are_reachable_nowhere(start: Store) -> None:
    for user in start.tables["user"].values():
        assert user["email"].endswith(".example")
    for household in start.tables["household"].values():
        for person in household["people"]:
            assert all(entry["email"].endswith(".example") for entry in person["email_addresses"])
