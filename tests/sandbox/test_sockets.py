"""What only a socket can show: keep-alive, faults, being down, the sandbox's own addresses."""

import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.sandbox.desk import DEAL as CONTRACT_DEAL
from tests.sandbox.wire import Wire
from tests.sandbox_process import SandboxProcess

PATH = "/v1/opportunities"
DEAL = {**CONTRACT_DEAL, "target_close_date": "2099-11-30T00:00:00Z"}


def fault(sandbox: SandboxProcess, kind: str, **more: Any) -> None:
    sandbox.control(faults=[{"method": "POST", "path": PATH, "kind": kind, "times": 1, **more}])


def outcome(sandbox: SandboxProcess) -> dict[str, Any]:
    """How the ledger tells of the one request that was made."""
    (entry,) = sandbox.wait_for(1, kind="request")
    return {name: entry[name] for name in ("status", "answered", "fault")} | {"wrote": len(entry["writes"])}


def test_one_connection_carries_many_requests(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        statuses = []
        for method, path, body in (
            ("GET", "/v1/me", None),
            ("POST", PATH, DEAL),
            ("POST", PATH, {}),
            ("DELETE", PATH, None),
            ("GET", "/v1/nowhere", None),
            ("GET", "/_control", None),
            ("GET", "/v1/me", None),
        ):
            reply = wire.ask(method, path, body)
            assert reply is not None
            statuses.append(reply.status)

    assert statuses == [200, 201, 422, 405, 404, 200, 200]


def test_a_head_is_answered_without_a_body_and_keeps_the_connection_in_step(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        wire.send("HEAD", "/v1/me")
        head = wire.read(head=True)
        after = wire.ask("GET", "/v1/me")

    assert head is not None
    assert head.status == 405
    assert after is not None
    assert after.status == 200


def test_a_chunked_body_is_read(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        wire.socket.sendall(
            b"POST /v1/opportunities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer slnt_pat_sandbox_write\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'8\r\n{"name":\r\n4\r\n "x"\r\n1\r\n}\r\n0\r\n\r\n'
        )
        reply = wire.read()

    assert reply is not None
    assert set(reply.json()["error"]["details"]) == {"book_id", "pipeline_id"}


def test_a_body_that_never_arrives_whole_is_no_request(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        wire.socket.sendall(b"POST /v1/opportunities HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")

    assert sandbox.get("/me")[0] == 200
    assert [entry["method"] for entry in sandbox.ledger()] == ["GET"]


def test_an_oversized_body_is_refused(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        wire.socket.sendall(b"POST /v1/opportunities HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        reply = wire.read()

    assert reply is not None
    assert reply.status == 413
    (entry,) = sandbox.ledger()
    assert (entry["method"], entry["path"], entry["body"]) == ("POST", PATH, None)
    assert (entry["status"], entry["answered"], entry["writes"]) == (413, True, [])


def test_a_body_that_grows_too_large_is_refused_and_noted_once(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        head = f"POST {PATH}?x=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire.socket.sendall(head.encode() + b"4\r\nlong\r\nffffff\r\n")
        reply = wire.read()

    assert reply is not None
    assert reply.status == 413
    (entry,) = sandbox.ledger()
    assert (entry["query"], entry["token"], entry["status"]) == ({"x": "1"}, "missing", 413)


def test_an_oversized_body_of_the_sandboxs_own_is_no_request_to_slant(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        wire.socket.sendall(b"POST /_control HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        reply = wire.read()

    assert reply is not None
    assert reply.status == 413
    assert sandbox.ledger() == []


@pytest.mark.parametrize(("kind", "wrote"), [("drop_before", 0), ("drop_after", 1)])
def test_a_drop_closes_without_a_byte_before_or_after_the_work(
    sandbox: SandboxProcess, kind: str, wrote: int
) -> None:
    fault(sandbox, kind)

    with Wire(sandbox.port) as wire:
        assert wire.ask("POST", PATH, DEAL) is None

    assert outcome(sandbox) == {"status": None, "answered": False, "fault": kind, "wrote": wrote}
    assert sandbox.request("POST", "/opportunities", DEAL)[0] == 201  # the fault is used up


def test_the_same_key_after_a_drop_finds_the_first_record(sandbox: SandboxProcess) -> None:
    fault(sandbox, "drop_after")
    with Wire(sandbox.port) as wire:
        wire.ask("POST", PATH, DEAL, Idempotency_Key="k1")

    status, record = sandbox.request("POST", "/opportunities", DEAL, key="k1")

    (written,) = sandbox.writes()
    assert (status, record["id"]) == (201, written["id"])


@pytest.mark.parametrize(("kind", "wrote"), [("status_before", 0), ("status_after", 1)])
def test_a_status_is_answered_before_or_after_the_work(
    sandbox: SandboxProcess, kind: str, wrote: int
) -> None:
    fault(sandbox, kind, status=503)

    status, body = sandbox.request("POST", "/opportunities", DEAL, key="k1")

    assert (status, body["error"]["code"]) == (503, "server_error")
    assert outcome(sandbox) == {"status": 503, "answered": True, "fault": kind, "wrote": wrote}
    sandbox.request("POST", "/opportunities", DEAL, key="k1")
    assert len(sandbox.writes()) == wrote + 1  # a 5xx is not remembered


def test_a_rate_limit_says_when_to_come_back_if_told_so(sandbox: SandboxProcess) -> None:
    fault(sandbox, "rate_limit", retry_after=7, times=None)

    with Wire(sandbox.port) as wire:
        reply = wire.ask("POST", PATH, DEAL)

    assert reply is not None
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert sandbox.writes() == []


def test_the_429_of_a_fault_carries_the_headers_of_a_real_one(sandbox: SandboxProcess) -> None:
    sandbox.control(switches={"rate_headers": "x_ratelimit"})
    fault(sandbox, "rate_limit", times=2)
    replies = []

    with Wire(sandbox.port) as wire:
        replies.append(wire.ask("POST", PATH, DEAL))
        sandbox.control(switches={"rate_headers": "retry_after"})
        replies.append(wire.ask("POST", PATH, DEAL))

    by_name, by_time = [reply.headers for reply in replies if reply is not None]
    assert (by_name["X-RateLimit-Limit"], by_name["X-RateLimit-Remaining"]) == ("1000", "0")
    assert 0 < int(by_time["Retry-After"]) <= 3601


def test_what_a_rate_limit_says_itself_comes_before_the_switch(sandbox: SandboxProcess) -> None:
    sandbox.control(switches={"rate_headers": "retry_after"})
    fault(sandbox, "rate_limit", retry_after=7)

    with Wire(sandbox.port) as wire:
        wire.send("POST", PATH, DEAL)
        head = wire.socket.recv(4096).decode()

    assert re.findall("Retry-After: (.*)\r\n", head) == ["7"]


@pytest.mark.parametrize(("mode", "again"), [("all", 429), ("on", 201)])
def test_the_429_of_a_fault_is_kept_under_its_key_if_all_are(
    sandbox: SandboxProcess, mode: str, again: int
) -> None:
    sandbox.control(switches={"idem_store_4xx": mode})
    fault(sandbox, "rate_limit")

    statuses = [sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] for _ in range(2)]

    assert statuses == [429, again]


def test_the_429_of_a_fault_takes_no_answers_place(sandbox: SandboxProcess) -> None:
    sandbox.control(switches={"idem_store_4xx": "all"})
    sandbox.request("POST", "/opportunities", DEAL, key="k1")
    fault(sandbox, "rate_limit")

    statuses = [sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] for _ in range(2)]

    assert statuses == [429, 201]
    assert len(sandbox.writes()) == 1


def test_an_html_page_stands_in_for_an_answer(sandbox: SandboxProcess) -> None:
    fault(sandbox, "html", status=502)

    with Wire(sandbox.port) as wire:
        reply = wire.ask("POST", PATH, DEAL)

    assert reply is not None
    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert sandbox.writes() == []


def test_a_truncated_answer_ends_before_its_length(sandbox: SandboxProcess) -> None:
    fault(sandbox, "truncate")

    with Wire(sandbox.port) as wire:
        reply = wire.ask("POST", PATH, DEAL)

    assert reply is not None
    assert (reply.status, reply.cut) == (201, True)
    assert outcome(sandbox) == {"status": 201, "answered": False, "fault": "truncate", "wrote": 1}


def test_a_bad_body_is_a_2xx_nobody_documented(sandbox: SandboxProcess) -> None:
    fault(sandbox, "bad_body")

    status, body = sandbox.request("POST", "/opportunities", DEAL)

    assert status == 201
    assert "id" not in body
    assert outcome(sandbox) == {"status": 201, "answered": True, "fault": "bad_body", "wrote": 1}


def test_a_hang_lasts_until_the_client_leaves(sandbox: SandboxProcess) -> None:
    fault(sandbox, "hang")

    wire = Wire(sandbox.port, timeout=0.3)
    wire.send("POST", PATH, DEAL)
    with pytest.raises(TimeoutError):
        wire.read()
    (entry,) = sandbox.ledger(kind="request")
    assert (entry["answered"], entry["status"]) == (None, None)
    wire.close()

    assert outcome(sandbox) == {"status": None, "answered": False, "fault": "hang", "wrote": 0}


def test_a_delayed_request_is_worked_on_though_nobody_waits(sandbox: SandboxProcess) -> None:
    fault(sandbox, "delay", delay_ms=400)

    with Wire(sandbox.port) as wire:
        wire.send("POST", PATH, DEAL, Idempotency_Key="k1")
        time.sleep(0.1)
        assert sandbox.writes() == []
        assert sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] == 409  # still in flight

    asked = sandbox.wait_for(2, kind="request")[0]
    assert (asked["status"], asked["answered"], len(asked["writes"])) == (201, False, 1)


def test_latency_slows_every_answer(sandbox: SandboxProcess) -> None:
    sandbox.control(latency_ms=150)
    began = time.monotonic()

    sandbox.get("/me")

    assert time.monotonic() - began >= 0.15
    assert sandbox.ledger()[0]["ms"] >= 150


def test_a_late_commit_answers_nothing_and_writes_afterwards(sandbox: SandboxProcess) -> None:
    fault(sandbox, "commit_late", delay_ms=400)

    with Wire(sandbox.port) as wire:
        assert wire.ask("POST", PATH, DEAL, Idempotency_Key="k1") is None
    assert sandbox.writes() == []
    assert sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] == 409

    asked, _ = sandbox.wait_for(2, kind="request")
    assert (asked["status"], asked["answered"], len(asked["writes"])) == (None, False, 1)
    assert sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] == 201
    assert len(sandbox.writes()) == 1


def test_a_reset_forgets_a_late_commit(sandbox: SandboxProcess) -> None:
    fault(sandbox, "commit_late", delay_ms=200)
    with Wire(sandbox.port) as wire:
        wire.ask("POST", PATH, DEAL)

    sandbox.reset()
    time.sleep(0.4)

    assert sandbox.ledger() == []


@pytest.mark.parametrize(
    "slowly", [{"latency_ms": 400}, {"faults": [{"method": "POST", "kind": "delay", "delay_ms": 400}]}]
)
def test_a_reset_forgets_who_is_still_waiting(sandbox: SandboxProcess, slowly: dict[str, Any]) -> None:
    sandbox.control(**slowly)
    with Wire(sandbox.port) as wire:
        wire.send("POST", PATH, DEAL, Idempotency_Key="k1")
        sandbox.wait_for_open(1)
        sandbox.reset()
        reply = wire.read()

    assert reply is not None
    assert reply.status == 503
    assert sandbox.ledger() == []
    assert sandbox.get("/opportunities")[1]["pagination"]["total_count"] == 140
    assert sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] == 201


def test_a_reset_leaves_a_key_to_whoever_uses_it_since(sandbox: SandboxProcess) -> None:
    sandbox.control(latency_ms=300)
    with Wire(sandbox.port) as early, Wire(sandbox.port) as since:
        early.send("POST", PATH, DEAL, Idempotency_Key="k1")
        sandbox.wait_for_open(1)
        sandbox.control(
            reset="all", faults=[{"method": "POST", "kind": "delay", "delay_ms": 700, "times": 1}]
        )
        since.send("POST", PATH, DEAL, Idempotency_Key="k1")
        early.read()

        assert sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] == 409
        reply = since.read()

    assert reply is not None
    assert reply.status == 201
    assert len(sandbox.writes()) == 1


def test_many_at_once_under_one_key_write_once(sandbox: SandboxProcess) -> None:
    sandbox.control(latency_ms=50)
    statuses: list[int] = []

    def send() -> None:
        statuses.append(sandbox.request("POST", "/opportunities", DEAL, key="k1")[0])

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses.count(201) >= 1
    assert set(statuses) <= {201, 409}
    assert len(sandbox.writes()) == 1


def test_down_by_the_control_port_refuses_the_connection(sandbox: SandboxProcess) -> None:
    sandbox.control(up=False)
    with pytest.raises(ConnectionRefusedError):
        Wire(sandbox.port)

    sandbox.control(up=True)
    assert sandbox.get("/me")[0] == 200
    assert len(sandbox.ledger()) == 1  # what was refused never reached Slant


def test_going_down_ends_open_connections_at_their_next_request(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        wire.ask("GET", "/v1/me")
        sandbox.control(up=False)
        with pytest.raises(ConnectionError):
            wire.ask("GET", "/v1/me")


def test_down_by_the_main_port_resets_slant_and_keeps_control_within_reach(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        wire.ask("POST", "/_control", {"up": False})
    with Wire(sandbox.port) as wire, pytest.raises(ConnectionResetError):
        wire.ask("GET", "/v1/me")

    assert sandbox.ledger() == []
    with Wire(sandbox.port) as wire:
        wire.ask("POST", "/_control", {"up": True})
    assert sandbox.get("/me")[0] == 200


def test_up_and_down_many_times_keeps_the_port(sandbox: SandboxProcess) -> None:
    for _ in range(5):
        sandbox.control(up=False)
        sandbox.control(up=False)
        sandbox.control(up=True)
        assert sandbox.get("/me")[0] == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:8001", "[::1]:80", "[::1]"])
def test_its_own_addresses_listen_to_this_machine(sandbox: SandboxProcess, host: str) -> None:
    with Wire(sandbox.port) as wire:
        wire.socket.sendall(f"GET /_control HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        reply = wire.read()

    assert reply is not None
    assert reply.status == 200


@pytest.mark.parametrize("host", ["slant.example", "127.0.0.1.slant.example", "localhost.example:80", ""])
def test_its_own_addresses_refuse_any_other_name(sandbox: SandboxProcess, host: str) -> None:
    with Wire(sandbox.port) as wire:
        wire.socket.sendall(f"GET /_ledger HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        reply = wire.read()

    assert reply is not None
    assert reply.status == 403


def test_its_own_addresses_take_json_only(sandbox: SandboxProcess) -> None:
    with Wire(sandbox.port) as wire:
        plain = (
            b"POST /_control HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
            b'Content-Length: 11\r\n\r\n{"up":false}'
        )
        wire.socket.sendall(plain)
        reply = wire.read()

    assert reply is not None
    assert reply.status == 415
    assert sandbox.control()["up"] is True


@pytest.mark.parametrize("body", [{"speed": 1}, {"switches": {"mood": "good"}}, [1]])
def test_what_control_does_not_know_is_422(sandbox: SandboxProcess, body: Any) -> None:
    with Wire(sandbox.port) as wire:
        reply = wire.ask("POST", "/_control", body)

    assert reply is not None
    assert reply.status == 422


@pytest.mark.parametrize(
    "raw", [b'{"clock":{"offset_s":NaN}}', b'{"list_lag_s":1e400}', b"{", b"[" * 990 + b"]" * 990]
)
def test_what_control_cannot_read_is_400_and_changes_nothing(sandbox: SandboxProcess, raw: bytes) -> None:
    before = sandbox.control()
    with Wire(sandbox.port) as wire:
        head = (
            "POST /_control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(raw)}"
        )
        wire.socket.sendall(head.encode() + b"\r\n\r\n" + raw)
        reply = wire.read()

    assert reply is not None
    assert reply.status == 400
    assert sandbox.control() == before


def test_no_body_keeps_the_ledger_from_answering(sandbox: SandboxProcess) -> None:
    for raw in (b'{"value":1e400}', b"[" * 980 + b"]" * 980):
        with Wire(sandbox.port) as wire:
            head = (
                f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.token}\r\n"
                f"Content-Length: {len(raw)}"
            )
            wire.socket.sendall(head.encode() + b"\r\nContent-Type: application/json\r\n\r\n" + raw)
            reply = wire.read()
        assert reply is not None
        assert reply.status == 400

    assert [entry["body"] for entry in sandbox.ledger()] == [None, None]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "kind=dream", "after=x"])
def test_what_the_ledger_does_not_know_is_422(sandbox: SandboxProcess, query: str) -> None:
    with Wire(sandbox.port) as wire:
        reply = wire.ask("GET", f"/_ledger?{query}")

    assert reply is not None
    assert reply.status == 422


def test_its_own_addresses_count_nowhere(sandbox: SandboxProcess) -> None:
    sandbox.control(limits={"token": 1, "ip": 1})
    with Wire(sandbox.port) as wire:
        for path in ("/_control", "/_ledger", "/v1/openapi.json"):
            reply = wire.ask("GET", path, token=None)
            assert reply is not None
            assert reply.status == 200

    assert sandbox.ledger() == []
    assert sandbox.request("GET", "/me")[0] == 200


def test_the_clock_ages_keys_and_limits(sandbox: SandboxProcess) -> None:
    sandbox.control(limits={"token": 1})
    sandbox.request("POST", "/opportunities", DEAL, key="k1")
    assert sandbox.request("GET", "/me")[0] == 429

    answer = sandbox.control(clock={"offset_s": 4800})

    assert answer["clock"] == {"offset_s": 4800}
    assert sandbox.request("POST", "/opportunities", DEAL, key="k1")[0] == 201
    assert len(sandbox.writes()) == 2


@pytest.mark.parametrize("offset_s", [0, 4800, -86_400])
def test_the_date_of_an_answer_is_that_of_its_world(sandbox: SandboxProcess, offset_s: int) -> None:
    sandbox.control(clock={"offset_s": offset_s})

    with Wire(sandbox.port) as wire:
        reply = wire.ask("POST", PATH, DEAL)

    assert reply is not None
    created = datetime.fromisoformat(reply.json()["created_at"])
    told = parsedate_to_datetime(reply.headers["Date"])
    assert told - created in (timedelta(0), timedelta(seconds=1))  # a second may turn between the two


def test_an_entry_looks_as_the_interface_says(sandbox: SandboxProcess) -> None:
    sandbox.request("POST", "/opportunities?x=1", DEAL, key="k1")

    asked, written = sandbox.ledger()
    assert list(asked) == [
        *("seq", "kind", "at", "method", "path", "query", "token", "idempotency_key", "content_type", "body"),
        *("body_sha256", "fault", "answered", "status", "replayed", "writes", "ms"),
    ]
    assert (asked["path"], asked["query"], asked["token"]) == (PATH, {"x": "1"}, "write")
    assert list(written) == [
        *("seq", "kind", "at", "request", "action", "type", "id", "idempotency_key", "changed", "record"),
    ]


Start = Callable[..., SandboxProcess]


def test_switches_and_faults_are_given_at_the_start(start_sandbox: Start) -> None:
    sandbox = start_sandbox(
        opportunities=7,
        switches={"create_status": "200"},
        faults=(f"POST {PATH} drop_after x1", "GET /v1/me status_before status=503"),
    )

    assert sandbox.get("/opportunities")[1]["pagination"]["total_count"] == 7
    assert sandbox.get("/me")[0] == 503
    with Wire(sandbox.port) as wire:
        assert wire.ask("POST", PATH, DEAL) is None
    assert sandbox.request("POST", "/opportunities", DEAL)[0] == 200
