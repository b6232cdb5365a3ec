"""The traps under Slant API 3, each against a real socket; those of TLS are in test_tls.py."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from opportunities.slant import transport
from opportunities.slant.client import SlantClient
from opportunities.slant.errors import (
    SlantError,
    SlantNoAnswer,
    SlantRejected,
    SlantUnreachable,
)
from tests.slant import servers
from tests.slant.samples import OPPORTUNITY, page_of
from tests.slant.servers import (
    TOKEN,
    Behaviour,
    Received,
    always,
    client_of,
    create,
    dripping,
    error_of_create,
    reply,
    serving,
    within,
)

OK = reply(201, OPPORTUNITY)


# --- What cannot be known, and what can --------------------------------------------------------------


@pytest.mark.parametrize("behave", [servers.hang_up, servers.reset])
def test_a_server_that_goes_away_after_the_body_gave_no_answer(behave: Behaviour) -> None:
    error = error_of_create(behave)

    assert type(error) is SlantNoAnswer
    assert (error.status, error.bytes_sent) == (None, True)


def test_a_refused_connection_is_unreachable_and_sent_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(SlantUnreachable) as caught:
        create(SlantClient(f"http://127.0.0.1:{port}/v1", TOKEN))

    assert caught.value.bytes_sent is False


def test_a_name_that_does_not_resolve_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(SlantUnreachable):
        create(SlantClient("https://slant.example/v1", TOKEN))


def test_a_name_server_that_does_not_answer_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(5) and [])

    with within(1.5), pytest.raises(SlantUnreachable) as caught:
        create(SlantClient("https://slant.example/v1", TOKEN, connect_timeout=0.3))

    release.set()
    assert caught.value.bytes_sent is False


def test_a_connection_that_is_never_accepted_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        fillers = []
        for _ in range(4):  # the queue of a listener that accepts nobody
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)

        with within(2), pytest.raises(SlantUnreachable) as caught:
            create(SlantClient(f"http://127.0.0.1:{full.getsockname()[1]}/v1", TOKEN, connect_timeout=0.3))

        for filler in fillers:
            filler.close()
    assert caught.value.bytes_sent is False


def test_the_next_address_of_a_name_is_tried() -> None:
    with serving(always(201, OPPORTUNITY)) as server:
        written = create(SlantClient(f"http://localhost:{server.port}/v1", TOKEN))

    assert written.as_sent  # where localhost is also ::1, nothing listens there


# --- The deadline ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behave",
    [
        servers.hang,
        dripping(b"HTTP/1.1 201 Created\r\n" + b"X-Slow: yes\r\n" * 99),
        dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 99),
        dripping(OK),
        lambda connection, received: (
            connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n{") or servers.hang(connection, received)
        ),
        lambda connection, received: connection.sendall(OK[:-5]) or servers.hang(connection, received),
    ],
    ids=["silent", "headers", "continue", "all", "endless body", "body never ends"],
)
def test_a_slow_server_is_cut_off_at_the_deadline(behave: Behaviour) -> None:
    with within(1.5):
        error = error_of_create(behave, total_timeout=0.4)

    assert type(error) is SlantNoAnswer
    assert "deadline passed" in error.log_line


def test_a_machine_suspended_while_it_connected_sends_nothing_when_it_wakes_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its watchdog slept as well: only the wall clock tells that the deadline has passed."""
    wall, connect = time.time, transport._connect
    slept = [0.0]

    def suspended(*about: Any) -> socket.socket:
        slept[0] = 3600.0
        return connect(*about)

    monkeypatch.setattr(time, "time", lambda: wall() + slept[0])
    monkeypatch.setattr(transport, "_connect", suspended)

    with serving(always(201, OPPORTUNITY)) as server, pytest.raises(SlantUnreachable):
        create(client_of(server))

    assert server.requests == []


def test_a_body_that_ends_only_because_the_deadline_cut_it_is_not_believed() -> None:
    def whole_then_silent(connection: socket.socket, received: Received) -> None:
        connection.sendall(b"HTTP/1.1 201 Created\r\n\r\n" + OK.partition(b"\r\n\r\n")[2])
        servers.hang(connection, received)

    with within(1.5):
        error = error_of_create(whole_then_silent, total_timeout=0.4)

    assert (type(error), error.status) == (SlantNoAnswer, 201)


def test_a_server_that_does_not_read_is_cut_off_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        big = b'{"name":"' + b"x" * 20_000_000 + b'"}'

        with within(2), pytest.raises(SlantNoAnswer):
            SlantClient(
                f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", TOKEN, total_timeout=0.5
            ).create_opportunity(big, key="k-1")


def test_a_late_watchdog_leaves_the_next_exchange_alone() -> None:
    with serving(always(200, page_of([OPPORTUNITY]))) as server:
        client = client_of(server, total_timeout=0.3)
        for _ in range(4):
            assert len(list(client.opportunity_pages())) == 1
            time.sleep(0.15)

    assert server.connections == 1


# --- Answers that are too much, cut or elsewhere -----------------------------------------------------


def flooding(status: int) -> Behaviour:
    """Sends without end, as fast as it is read."""

    def behave(connection: socket.socket, received: Received) -> None:
        connection.sendall(f"HTTP/1.1 {status} Whatever\r\n\r\n".encode())
        while True:
            connection.sendall(b" " * 65536)

    return behave


def test_an_endless_answer_is_cut_at_the_cap_long_before_the_deadline() -> None:
    with within(3):
        error = error_of_create(flooding(201), total_timeout=10)

    assert type(error) is SlantNoAnswer
    assert "more bytes" in error.log_line


def test_an_endless_refusal_is_still_a_refusal() -> None:
    error = error_of_create(flooding(422), total_timeout=10)

    assert type(error) is SlantRejected
    assert (error.message, error.field_errors) == (SlantRejected.general, {})


def test_a_list_may_be_longer_than_a_record() -> None:
    long = page_of([OPPORTUNITY | {"custom_fields": {"note": "x" * 2_000_000}}])

    with serving(always(200, long)) as server:
        assert len(list(client_of(server).opportunity_pages())) == 1
        with pytest.raises(SlantNoAnswer, match="more bytes"):
            client_of(server).me()


def test_a_small_answer_that_unpacks_to_a_huge_one_is_no_answer() -> None:
    bomb = gzip.compress(b" " * 30_000_000)

    error = error_of_create(always(201, bomb, content_encoding="gzip"))

    assert type(error) is SlantNoAnswer
    assert "more bytes" in error.log_line


def test_a_compressed_answer_is_read() -> None:
    packed = gzip.compress(json.dumps(OPPORTUNITY).encode())

    with serving(always(201, packed, content_encoding="gzip")) as server:
        assert create(client_of(server)).as_sent


@pytest.mark.parametrize(
    "answer",
    [
        OK[:-7],
        reply(422, {"error": {"code": "invalid"}})[:-2],
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n{",
        reply(201, b"not gzip", content_encoding="gzip"),
        b"HTTP/1.1 201 Created\r\nContent-Length: 5, 6\r\n\r\n{}",
        b"HTTP/1.1 abc\r\n\r\n",
        b"I am no web server\r\n\r\n",
        b"HTTP/1.1 201 Created\r\n" + b"X: y\r\n" * 300 + b"\r\n{}",
        b"",
    ],
    ids=["cut", "cut refusal", "chunk", "gzip", "length", "status", "not http", "many headers", "nothing"],
)
def test_a_broken_answer_is_no_answer(answer: bytes) -> None:
    def send_and_close(connection: socket.socket, received: Received) -> None:
        connection.sendall(answer)

    error = error_of_create(send_and_close)

    assert type(error) is SlantNoAnswer
    assert error.bytes_sent is True


@pytest.mark.parametrize("location", ["/v1/elsewhere", "http://[", "https://evil.example/", ""])
def test_a_redirect_is_not_followed(location: str) -> None:
    with (
        serving(always(307, OPPORTUNITY, location=location)) as server,
        pytest.raises(SlantNoAnswer) as caught,
    ):
        create(client_of(server))

    assert len(server.requests) == 1
    assert caught.value.status == 307


def test_an_early_hint_is_no_answer() -> None:
    error = error_of_create(lambda connection, received: b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)

    assert type(error) is SlantNoAnswer


def test_a_continue_before_the_answer_is_passed_over() -> None:
    with serving(lambda connection, received: b"HTTP/1.1 100 Continue\r\n\r\n" + OK) as server:
        assert create(client_of(server)).status == 201


def test_a_refusal_sent_before_the_body_was_read_is_read() -> None:
    def refuse_early(connection: socket.socket, received: Received) -> None:
        connection.sendall(reply(413, b"<html>Too large</html>", connection="close"))

    error = error_of_create(refuse_early)

    assert type(error) is SlantRejected
    assert error.status == 413


# --- What is sent ------------------------------------------------------------------------------------


def test_a_write_sends_the_frozen_bytes_with_its_headers() -> None:
    frozen = b'{ "value":1,\n"name":"Z\xc3\xbcrich \\u00e9" ,"book_id":"b"}'

    with serving(always(201, OPPORTUNITY)) as server:
        client_of(server).create_opportunity(frozen, key="0f8e-key")

    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/v1/opportunities", frozen)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "0f8e-key"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["connection"] == "close"


def test_a_write_uses_a_fresh_connection_and_reads_share_one() -> None:
    with serving(always(200, OPPORTUNITY)) as server:
        client = client_of(server)
        for _ in range(3):
            client.opportunity("op_71qz5d")
        assert server.connections == 1
        for _ in range(2):
            client.update_opportunity("op_71qz5d", b'{"value":640000}', key="k")

    assert server.connections == 3


def test_nothing_is_sent_twice() -> None:
    with serving(servers.hang_up) as server:
        client = client_of(server)
        for call in (lambda: create(client), lambda: client.opportunity("op_1"), client.me):
            with pytest.raises(SlantNoAnswer):
                call()

    assert len(server.requests) == 3


def test_the_environment_decides_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    with serving(always(200, {"id": "u_1"}, set_cookie="a=b")) as server:
        client = client_of(server)
        client.me()
        client.me()

    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 2
    assert all("cookie" not in request.headers for request in server.requests)


def test_an_id_is_one_path_segment() -> None:
    with serving(always(404)) as server:
        for odd in ("a/b", "../books", "a?b=c", "a#b", "a%2fb", "é\u2028", "a b;c", "%2e%2e"):
            with pytest.raises(SlantError):
                client_of(server).opportunity(odd)

    assert [request.target for request in server.requests] == [
        "/v1/opportunities/a%2Fb",
        "/v1/opportunities/..%2Fbooks",
        "/v1/opportunities/a%3Fb%3Dc",
        "/v1/opportunities/a%23b",
        "/v1/opportunities/a%252fb",
        "/v1/opportunities/%C3%A9%E2%80%A8",
        "/v1/opportunities/a%20b%3Bc",
        "/v1/opportunities/%252e%252e",
    ]


def test_one_client_serves_many_threads() -> None:
    def named(connection: socket.socket, received: Received) -> bytes:
        time.sleep(0.01)
        return reply(200, OPPORTUNITY | {"id": received.target.rpartition("/")[2]})

    results: list[str] = []
    with serving(named) as server:
        client = client_of(server, total_timeout=5)
        ids = [f"op_{number}" for number in range(40)]
        threads = [threading.Thread(target=lambda i=i: results.append(client.opportunity(i).id)) for i in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(results) == sorted(ids)
