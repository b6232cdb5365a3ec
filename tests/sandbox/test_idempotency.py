"""Slant API 6: keys."""

import pytest

from opportunities.sandbox.faults import false_answer
from tests.sandbox.desk import DEAL, Desk


def post(desk: Desk, key: str = "k1", path: str = "/opportunities", token: str = "write", **changes: object):
    return desk.ask("POST", path, {**DEAL, **changes}, key=key, token=token)


def test_a_key_replays_its_first_answer_for_an_hour(desk: Desk) -> None:
    first = post(desk)
    desk.now += 3599
    second = post(desk)

    assert (second.status, second.body) == (first.status, first.body)
    assert len(desk.entries()) == 1
    assert [entry["replayed"] for entry in desk.entries("request")] == [False, True]


def test_after_an_hour_the_key_is_new(desk: Desk) -> None:
    first = post(desk).json()
    desk.now += 3600

    assert post(desk).json()["id"] != first["id"]


def test_a_key_belongs_to_its_method_path_and_token(desk: Desk) -> None:
    post(desk)
    post(desk, path="/households/hh_okonkwo/opportunities")
    post(desk, token="observer")

    assert len(desk.entries()) == 3


def test_without_a_key_every_request_writes(desk: Desk) -> None:
    desk.create()
    desk.create()
    post(desk, key="")

    assert len(desk.entries()) == 3


def test_a_patch_is_replayed_too(desk: Desk) -> None:
    path = "/opportunities/op_71qz5d"
    first = desk.ask("PATCH", path, {"value": 1}, key="k")
    desk.ask("PATCH", path, {"value": 2})

    assert desk.ask("PATCH", path, {"value": 1}, key="k").body == first.body
    assert desk.get(path)["value"] == 2


def test_a_key_with_another_body_replays_by_default(desk: Desk) -> None:
    first = post(desk)

    assert post(desk, name="Another").body == first.body


@pytest.mark.parametrize("status", ["409", "422"])
def test_a_key_with_another_body_is_refused_on_demand(desk: Desk, status: str) -> None:
    desk.switch(idem_mismatch=status)
    first = post(desk)

    assert post(desk, name="Another").status == int(status)
    assert post(desk).body == first.body  # and the refusal has not taken its place


def test_a_key_in_use_is_409_until_its_request_is_done(desk: Desk) -> None:
    exchange = desk.begin("POST", "/opportunities", DEAL, key="k1")

    assert (post(desk).status, len(desk.entries())) == (409, 0)
    first = desk.rules.execute(exchange, desk.now)
    assert post(desk).body == first.body


def test_a_validation_failure_is_kept(desk: Desk) -> None:
    first = post(desk, value=-1)

    assert first.status == 422
    assert post(desk).body == first.body
    assert desk.entries() == []


def test_a_validation_failure_is_not_kept_when_switched_off(desk: Desk) -> None:
    desk.switch(idem_store_4xx="off")
    post(desk, value=-1)

    assert post(desk).status == 201


def test_a_refused_book_is_not_kept_by_default(desk: Desk) -> None:
    body = {"book_id": "bk_cedar3", "name": "x", "pipeline_type": "client"}
    assert desk.ask("POST", "/opportunities", body, key="k").status == 403

    assert post(desk, key="k").status == 201


def test_401_403_and_429_are_kept_on_demand(desk: Desk) -> None:
    desk.switch(idem_store_4xx="all")
    desk.control(limits={"token": 0})
    assert post(desk).status == 429
    desk.control(limits={"token": 1000}, revoked=["read"])
    assert post(desk, token="read").status == 401
    desk.control(revoked=[])

    assert post(desk).status == 429
    assert post(desk, token="read").status == 401
    assert post(desk, key="k2").status == 201


def test_a_5xx_is_never_kept_so_the_same_key_writes_again(desk: Desk) -> None:
    desk.control(faults=[{"method": "POST", "path": "/v1/opportunities", "kind": "status_after", "times": 1}])
    request = desk.request("POST", "/opportunities", DEAL, key="k1")
    exchange = desk.rules.receive(request, desk.now)
    assert exchange.fault is not None
    desk.rules.arrive(exchange, desk.now)
    answer = desk.rules.execute(exchange, desk.now, false_answer(exchange.fault, "nested"))

    assert answer.status == 500
    assert post(desk).status == 201
    assert len(desk.entries()) == 2
