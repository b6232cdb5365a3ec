"""The past of the demo's firm: shown while the clock is turned back, and gone once the firm is used."""

from datetime import UTC, datetime
from typing import Any

import pytest

from opportunities.sandbox import past, sample
from opportunities.sandbox.past import Past, life_of
from opportunities.sandbox.store import Row, Store
from opportunities.sandbox.world import World
from tests.sandbox.desk import DEAL, NOW, Desk

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def firm() -> Store:
    return past.build(now=NOW, opportunities=140)


@pytest.fixture
def world(firm: Store) -> World:
    return World(firm.copy(), clock=lambda: NOW, past=Past(firm))


def back(world: World, days: float) -> dict[str, Row]:
    world.change_control({"clock": {"offset_s": -days * DAY_S}})
    return world.store.tables["opportunity"]


def ask(world: World, method: str, path: str, body: dict[str, Any] | None = None) -> int:
    request = Desk(world.store, world.start).request(method, path, body)
    return world.work(world.receive(request)).status


def test_every_deal_goes_through_its_stages_in_order_and_ends_as_it_is_now(firm: Store) -> None:
    for number, deal in enumerate(firm.tables["opportunity"].values()):
        pipeline = firm.tables["pipeline"][deal["pipeline_id"]]
        order = [stage["id"] for stage in pipeline["pipeline_stages"]]
        life = life_of(deal, pipeline, firm, number)

        places = [order.index(lived.row["pipeline_stage_id"]) for lived in life]
        assert places == sorted(places)
        assert places[0] == 0
        assert [lived.since for lived in life] == sorted(lived.since for lived in life)
        dates = [lived.row["updated_at"] for lived in life]
        assert dates == sorted(dates)
        assert life[-1].row == deal


def test_the_firm_of_every_other_sandbox_is_another_one_and_has_no_past() -> None:
    assert sample.build(now=NOW).tables != past.build(now=NOW, opportunities=140).tables
    assert World(sample.build(now=NOW)).past is None


def test_a_month_of_the_past_decides_some_deals(firm: Store) -> None:
    def decided(days: float) -> int:
        rows = Past(firm).rows_at(NOW - days * DAY_S).values()
        return sum("_won" in row["pipeline_stage_id"] or "_lost" in row["pipeline_stage_id"] for row in rows)

    counts = [decided(days) for days in (360, 270, 180, 90, 0)]
    assert counts == sorted(set(counts))


def test_a_clock_turned_back_shows_the_deals_there_were(world: World) -> None:
    assert len(back(world, 600)) == 0
    year = back(world, 365)
    assert 0 < len(year) < len(back(world, 30))
    then = datetime.fromtimestamp(NOW - 365 * DAY_S, UTC)
    assert all(datetime.fromisoformat(row["created_at"]) <= then for row in year.values())
    assert all(datetime.fromisoformat(row["updated_at"]) <= then for row in year.values())


def test_back_in_the_present_nobody_was_here_and_nothing_is_missing(world: World, firm: Store) -> None:
    back(world, 100)
    assert ask(world, "GET", "/opportunities") == 200

    back(world, 0)

    assert world.store.tables == firm.tables
    assert world.store.ledger.read() == []
    assert world.past is None
    assert len(back(world, 100)) == len(firm.tables["opportunity"])


def test_a_firm_that_was_written_to_has_no_past_to_lose_it_in(world: World) -> None:
    assert ask(world, "POST", "/opportunities", DEAL) in (200, 201)

    assert any(row["name"] == DEAL["name"] for row in back(world, 100).values())
