"""Slant API 5: three buckets in a rolling hour."""

import pytest

from tests.sandbox.desk import DEAL, Desk


def spend(desk: Desk, count: int, token: str | None = "write") -> list[int]:
    return [desk.ask("GET", "/me", token=token).status for _ in range(count)]


def test_a_token_has_its_calls_in_any_rolling_hour(desk: Desk) -> None:
    desk.control(limits={"token": 3})
    assert spend(desk, 2) == [200, 200]
    desk.now += 1800
    assert spend(desk, 2) == [200, 429]

    desk.now += 1800
    assert spend(desk, 3) == [200, 200, 429]


def test_a_refused_write_writes_nothing(desk: Desk) -> None:
    desk.control(limits={"token": 0})

    assert desk.ask("POST", "/opportunities", DEAL).status == 429
    assert desk.entries() == []


def test_the_company_bucket_is_shared_by_its_tokens(desk: Desk) -> None:
    desk.control(limits={"company": 3})

    assert spend(desk, 2, "write") + spend(desk, 2, "read") == [200, 200, 200, 429]


def test_the_address_pays_for_strangers_too(desk: Desk) -> None:
    desk.control(limits={"ip": 2})

    assert spend(desk, 3, None) == [401, 401, 429]
    assert spend(desk, 1) == [429]


def test_the_observer_looks_at_nobodys_expense(desk: Desk) -> None:
    desk.control(limits={"token": 1, "company": 1, "ip": 1})

    assert spend(desk, 5, "observer") == [200] * 5
    assert spend(desk, 2) == [200, 429]


def test_by_default_no_header_tells_about_limits(desk: Desk) -> None:
    desk.control(limits={"token": 0})

    assert desk.ask("GET", "/me").headers == ()


def test_retry_after_tells_when_the_oldest_call_leaves_the_hour(desk: Desk) -> None:
    desk.switch(rate_headers="retry_after")
    desk.control(limits={"token": 1})
    assert desk.ask("GET", "/me").headers == ()
    desk.now += 600

    wait = int(dict(desk.ask("GET", "/me").headers)["Retry-After"])
    assert wait == pytest.approx(3000, abs=2)
    desk.now += wait
    assert desk.ask("GET", "/me").status == 200


def test_x_ratelimit_headers_are_on_every_answer(desk: Desk) -> None:
    desk.switch(rate_headers="x_ratelimit")
    desk.control(limits={"token": 2})

    left = [dict(desk.ask("GET", "/me").headers)["X-RateLimit-Remaining"] for _ in range(3)]
    assert left == ["1", "0", "0"]
    assert dict(desk.ask("GET", "/me").headers)["X-RateLimit-Limit"] == "2"
