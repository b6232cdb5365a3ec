"""Whatever comes back: a typed object, or one member of the family, and never a raw body in its words."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantBusy, SlantError
from opportunities.slant.pages import RecordPage
from opportunities.slant.transport import Raw
from opportunities.slant.types import Me, OpportunityRecord, Written
from tests.slant.samples import BODY, BOOK, HOUSEHOLD, OPPORTUNITY, PIPELINE, page_of
from tests.slant.servers import TOKEN, Received, always, client_of, reply, serving

PRIVATE = "Okonkwo-1961-04-12"

CALLS: list[tuple[Callable[[SlantClient], Any], type | tuple[type, ...]]] = [
    (lambda client: client.me(), Me),
    (lambda client: client.opportunity("op_71qz5d"), OpportunityRecord),
    (lambda client: next(client.book_pages()), RecordPage),
    (lambda client: next(client.pipeline_pages()), RecordPage),
    (lambda client: next(client.household_pages()), RecordPage),
    (lambda client: next(client.custom_field_pages()), RecordPage),
    (lambda client: next(client.opportunity_pages()), RecordPage),
    (lambda client: next(client.household_opportunity_pages("hh")), RecordPage),
    (lambda client: client.create_opportunity(BODY, key="k"), Written),
    (lambda client: client.update_opportunity("op_71qz5d", BODY, key="k"), Written),
]
DOCUMENTED = [
    {"id": "u_1", "api_access": {"scope": "read_write", "can_write": True}},
    BOOK,
    PIPELINE,
    HOUSEHOLD,
    OPPORTUNITY,
    page_of([BOOK]),
    page_of([PIPELINE]),
    page_of([HOUSEHOLD]),
    page_of([OPPORTUNITY]),
    {"error": {"code": "invalid", "message": "Bad.", "details": {"name": ["is blank"]}}},
    {"code": "invalid", "message": "Bad.", "errors": [{"field": "name", "message": "is blank"}]},
]
DEEP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just(PRIVATE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def disturbed(draw: st.DrawFn) -> bytes:
    """A documented body with one value anywhere replaced, removed or renamed, perhaps cut short."""
    body = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTED))))
    spot = body
    for _ in range(draw(st.integers(0, 6))):
        keys = (
            list(spot) if isinstance(spot, dict) else list(range(len(spot))) if isinstance(spot, list) else []
        )
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if draw(st.booleans()) and isinstance(spot[key], dict | list):
            spot = spot[key]
            continue
        match draw(st.sampled_from(["replace", "remove", "null", "huge"])):
            case "replace":
                spot[key] = draw(DEEP)
            case "remove":
                del spot[key]
            case "null":
                spot[key] = None
            case "huge":
                spot[key] = draw(st.sampled_from([10**30, -(2**63), "9" * 5000, "x" * 5000, 1e308]))
        break
    whole = json.dumps(body).encode()
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 3)) == 0 else whole


BODIES = st.one_of(
    disturbed(),
    DEEP.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=200),
    st.sampled_from(
        [b"", b"null", b"[" * 50_000, f"<html><h1>{PRIVATE}</h1></html>".encode(), b"\xef\xbb\xbf{}"]
    ),
    st.text(max_size=100).map(lambda text: text.encode("utf-16")),
)
HEADERS = st.dictionaries(
    st.sampled_from(["date", "retry-after", "x-request-id", "x-ratelimit-reset", "content-type", "location"]),
    st.text(st.characters(max_codepoint=255), max_size=40)
    | st.sampled_from(
        ["Mon, 23 Nov 2026 10:00:00 GMT", "120", "-1", "99999999999999999999", "1e9", "text/html"]
    )
    | st.sampled_from(
        ["Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 1 Jan 99999 0:0:0"]
    ),
)
STATUSES = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503]) | st.integers(
    100, 999
)


def answered_with(raw: Raw) -> SlantClient:
    """A client whose one exchange has this result, so that only the reading is tried."""

    class Canned:
        def exchange(self, *args: Any, **kwargs: Any) -> Raw:
            return raw

    client = SlantClient("https://slant.example/v1", TOKEN)
    client._transport = Canned()  # type: ignore[assignment]
    return client


def check_words(error: SlantError, body: bytes, status: int | None = None) -> None:
    """What an error says is short, plain, and not what Slant sent."""
    reasons = [reason for found in error.field_errors.values() for reason in found]
    for words in (error.message, *reasons, *error.field_errors, error.code, error.request_id):
        assert len(words) <= 300
        assert words.isprintable()
        assert "</" not in words
        assert TOKEN not in words
    assert error.message
    assert error.bytes_sent is True
    assert status in (None, error.status)
    assert PRIVATE not in error.log_line
    assert "\n" not in error.log_line
    assert len(error.log_line) < 400
    if len(body) > 1:
        assert body.decode("utf-8", "replace") not in (error.message, error.log_line, *reasons)
    if isinstance(error, SlantBusy):
        assert error.retry_after is None or 0 <= error.retry_after <= 3600


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(call=st.sampled_from(CALLS), status=STATUSES, headers=HEADERS, body=BODIES, too_long=st.booleans())
@example(CALLS[0], 200, {}, b"[" * 200_000, False)
@example(CALLS[-1], 201, {}, json.dumps(OPPORTUNITY).encode(), False)
@example(CALLS[3], 200, {"date": "Mon, 01 Jan 0001 00:00:00 +2359"}, b"{}", False)
@example(CALLS[3], 429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"}, b"", False)
def test_any_answer_is_a_typed_object_or_one_of_the_family(
    call: tuple[Callable[[SlantClient], Any], Any],
    status: int,
    headers: dict[str, str],
    body: bytes,
    too_long: bool,
) -> None:
    make, expected = call

    try:
        result = make(answered_with(Raw(status, headers, body, too_long)))
    except SlantError as error:
        check_words(error, body, status)
    else:
        assert isinstance(result, expected)
        assert 200 <= status <= 299


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(status=st.sampled_from([400, 403, 404, 422]), body=BODIES)
def test_any_refusal_is_told_in_plain_words(status: int, body: bytes) -> None:
    with pytest.raises(SlantError) as caught:
        answered_with(Raw(status, {}, body, False)).create_opportunity(BODY, key="k")

    check_words(caught.value, body)


# --- The same over a real socket ---------------------------------------------------------------------

WHOLE = reply(201, OPPORTUNITY, date="Mon, 23 Nov 2026 10:00:00 GMT", content_type="application/json")


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An answer as bytes on the wire, with bytes flipped, dropped or put in, and cut."""
    wire = bytearray(
        draw(st.sampled_from([WHOLE, reply(422, {"error": "x"}), reply(429), reply(200, page_of([]))]))
    )
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(wire)))
        match draw(st.integers(0, 2)):
            case 0:
                wire[place : place + 1] = draw(st.binary(max_size=3))
            case 1:
                wire[place : place + draw(st.integers(1, 30))] = b""
            case _:
                wire[place:place] = draw(
                    st.sampled_from([b"\r\n", b"\r\n\r\n", b"\x00", b"Transfer-Encoding: chunked\r\n"])
                )
    return bytes(wire[: draw(st.integers(0, len(wire)))] if draw(st.booleans()) else wire)


def test_any_bytes_on_the_wire_are_a_typed_object_or_one_of_the_family() -> None:
    wire = b""

    def send_and_close(connection: socket.socket, received: Received) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(wire)

    with serving(send_and_close) as server:
        client = client_of(server, total_timeout=1.0)

        @settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
        @given(answer=damaged() | st.binary(max_size=300))
        def attempt(answer: bytes) -> None:
            nonlocal wire
            wire = answer
            for call in (_create, _all_opportunities):
                try:
                    call(client)
                except SlantError as error:
                    check_words(error, wire.partition(b"\r\n\r\n")[2])

        attempt()


def test_ten_megabytes_of_anything_is_one_of_the_family() -> None:
    flood = b'{"data": [' + b'{"id": "x"},' * 900_000

    for status in (200, 422, 500):
        with serving(always(status, flood)) as server:
            client = client_of(server, total_timeout=5)
            for call in (SlantClient.me, _all_opportunities, _create):
                with pytest.raises(SlantError) as caught:
                    call(client)
                check_words(caught.value, flood, status)


def _all_opportunities(client: SlantClient) -> object:
    return list(client.opportunity_pages())


def _create(client: SlantClient) -> object:
    return client.create_opportunity(BODY, key="k")


def test_one_byte_a_second_is_one_of_the_family_in_time() -> None:
    def one_a_second(connection: socket.socket, received: Received) -> None:
        for byte in WHOLE:
            connection.sendall(bytes([byte]))
            time.sleep(1)

    with serving(one_a_second) as server:
        started = time.monotonic()
        with pytest.raises(SlantError):
            client_of(server, total_timeout=0.5).create_opportunity(BODY, key="k")

    assert time.monotonic() - started < 3.5
