"""What may leave: base URL, ids, bodies and keys (reliability S14)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import BadId, SlantNotFound
from opportunities.slant.request_checks import checked_base_url, in_utc, record_path
from tests.slant.samples import BODY


def untouchable() -> SlantClient:
    def before_send() -> None:
        raise AssertionError("something was about to be sent")

    return SlantClient("https://slant.example/v1", "slnt_pat_x", before_send=before_send)


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "a\nb", "a\x00", "\x7f", "\x85", "x" * 201, "\ud800", None, 7]
)
def test_an_id_that_is_no_path_segment_is_refused_before_anything_is_sent(bad: Any) -> None:
    client = untouchable()
    calls = [client.opportunity, client.household_opportunity_pages]
    calls += [lambda record_id: client.update_opportunity(record_id, b"{}", key="k")]

    for call in calls:
        with pytest.raises(BadId) as caught:
            call(bad)
        assert isinstance(caught.value, SlantNotFound)
        assert (caught.value.status, caught.value.bytes_sent) == (None, False)


def test_the_longest_id_still_passes() -> None:
    assert record_path("/books", "x" * 200) == "/books/" + "x" * 200


@pytest.mark.parametrize(
    "url",
    [
        "https://api.slant.app/v1",
        "http://localhost:8001/v1",
        "http://127.0.0.1:1/v1",
        "http://127.9.9.9/v1",
        "http://[::1]:8/v1",
    ],
)
def test_https_or_loopback_is_accepted(url: str) -> None:
    assert checked_base_url(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.slant.app/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost.evil.example/v1",
        "http://10.0.0.1/v1",
        "ftp://localhost/v1",
        "https://user:slnt_pat_x@api.slant.app/v1",
        "https://api.slant.app/v1?x=1",
        "https://api.slant.app/v1#x",
        "https:///v1",
        "api.slant.app",
        "",
    ],
)
def test_any_other_base_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="Slant base URL") as caught:
        checked_base_url(url)

    assert "slnt_pat_x" not in str(caught.value)


@pytest.mark.parametrize("token", ["with space", "line\nbreak", "ümlaut"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_without_repeating_it(token: str) -> None:
    with pytest.raises(ValueError, match="token") as caught:
        SlantClient("https://slant.example/v1", token)

    assert token not in str(caught.value)


@pytest.mark.parametrize("key", ["", "a b", "a\nb", "é", "x" * 256])
def test_a_key_that_cannot_stand_in_a_header_is_our_own_mistake(key: str) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        untouchable().create_opportunity(BODY, key=key)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null"])
def test_a_body_that_is_no_json_object_is_our_own_mistake(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's words for broken JSON
        untouchable().create_opportunity(body, key="k")


def test_a_body_that_is_not_frozen_is_our_own_mistake() -> None:
    with pytest.raises(TypeError):
        untouchable().create_opportunity({"name": "x"}, key="k")  # type: ignore[arg-type]


def test_moments_are_written_as_slant_writes_them() -> None:
    east = timezone(timedelta(hours=2))

    assert in_utc(datetime(2026, 11, 30, 1, 2, 3, 999, tzinfo=east)) == "2026-11-29T23:02:03Z"
    assert in_utc(datetime(2026, 11, 30, tzinfo=UTC)) == "2026-11-30T00:00:00Z"
    with pytest.raises(ValueError, match="time zone"):
        in_utc(datetime(2026, 11, 30))  # noqa: DTZ001
