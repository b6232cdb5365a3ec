"""The real server over real sockets: what no header, no body and no idle connection can do to it."""

import json
import runpy
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from tests.support.environment import ROOT
from tests.support.processes import Installation
from tests.support.visitor import Visitor

TOO_LONG = 200 * 1024 * 1024
MULTIPART = "multipart/form-data; boundary=x"


def connect(installation: Installation) -> socket.socket:
    server = urlsplit(installation.url)
    return socket.create_connection((server.hostname or "", server.port or 0), timeout=15)


def exchange(installation: Installation, *lines: str, body: bytes = b"") -> str:
    """The whole answer to one request, written as it goes over the wire."""
    with closing(connect(installation)) as connection:
        head = "\r\n".join(
            [*lines, f"Host: {urlsplit(installation.url).netloc}", "Connection: close", "", ""]
        )
        connection.sendall(head.encode() + body)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer.decode()


def files_of(installation: Installation) -> set[int]:
    """The web processes' open files that have no name any more, where an upload would be."""
    web = installation.processes["web"].popen.pid
    children = Path(f"/proc/{web}/task/{web}/children").read_text().split()
    links = [link for pid in children for link in Path(f"/proc/{pid}/fd").iterdir()]
    return {link.lstat().st_ino for link in links if "(deleted)" in str(link.readlink())}


def test_no_header_makes_a_page_a_static_file(installation: Installation) -> None:
    """A revoked session read and created deals with `SCRIPT_NAME: /static` from a proxy on the same host."""
    for header in ("SCRIPT_NAME: /static", "Script-Name: /static", "PATH_INFO: /static/x"):
        for path in ("/static/board/", "/static/opportunities.csv", "/board/"):
            answer = exchange(installation, f"GET {path} HTTP/1.1", header)

            status = answer.split(" ", 2)[1]
            assert status in ("302", "404"), (header, path, answer[:300])
            assert "no-store" in answer.partition("\r\n\r\n")[0], (header, path)


def test_a_body_that_is_too_long_is_refused_before_it_is_read(installation: Installation) -> None:
    before = files_of(installation)
    for path in ("/opportunities/new/", "/sign-in/", "/csp-report/", "/healthz"):
        answer = exchange(
            installation,
            f"POST {path} HTTP/1.1",
            f"Content-Type: {MULTIPART}",
            f"Content-Length: {TOO_LONG}",
            body=b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"x" * 500_000,
        )

        assert answer.startswith("HTTP/1.1 413 "), answer[:200]
        assert "A request may be at most 256 KB long." in answer
    assert files_of(installation) == before


def test_a_body_without_a_length_is_refused(installation: Installation) -> None:
    answer = exchange(
        installation,
        "POST /opportunities/new/ HTTP/1.1",
        f"Content-Type: {MULTIPART}",
        "Transfer-Encoding: chunked",
        body=b"5\r\nhello\r\n" * 100,
    )

    assert answer.startswith("HTTP/1.1 411 ")


UNREADABLE = {
    "no version": ["GET /healthz<script>"],
    "a version of its own": ["GET / HTTP/9.9"],
    "two lengths": ["POST /csp-report/ HTTP/1.1", "Content-Length: 4", "Content-Length: 5"],
    "a length and chunks": ["POST /csp-report/ HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked"],
    "a length with a sign": ["POST /csp-report/ HTTP/1.1", "Content-Length: +4"],
    "a coding nobody knows": ["POST /csp-report/ HTTP/1.1", "Transfer-Encoding: xchunked"],
    "a header with a space": ["GET /healthz HTTP/1.1", "<script> : x"],
    "an endless line": [f"GET /{'a' * 9000} HTTP/1.1"],
}


@pytest.mark.parametrize("lines", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_without_repeating_it(
    installation: Installation, lines: list[str]
) -> None:
    """A second request hidden in the body of the first is never answered (request smuggling)."""
    answer = exchange(installation, *lines, body=b"0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

    head, _, text = answer.partition("\r\n\r\n")
    assert head.split(" ", 2)[1] in ("400", "414", "501")
    assert text == "This request cannot be read.\n"
    for header in (
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        "Content-Type: text/plain; charset=utf-8",
        "Cache-Control: no-store",
    ):
        assert header in head


def test_the_server_itself_logs_one_json_line_an_event(installation: Installation) -> None:
    exchange(installation, "GET / HTTP/9.9")

    lines = installation.processes["web"].said().splitlines()
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"gunicorn.error", "slantweb.middleware"} <= {event["name"] for event in events}
    assert [line for line in lines if line[:1] not in ("{", "")] == []


@pytest.mark.parametrize("header", ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: on"])
def test_no_header_makes_plain_http_https_for_the_server(
    monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    """Behind a proxy on this machine that passes headers on, a visitor skipped the redirect to https."""
    monkeypatch.setattr("os.umask", lambda mode: 0)
    config = Config()
    settings = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))
    for name in set(settings) & set(config.settings):
        config.set(name, settings[name])
    sent = f"GET /board/ HTTP/1.1\r\nHost: deals.firm.example\r\n{header}\r\n\r\n"

    request = next(RequestParser(config, [sent.encode()], ("127.0.0.1", 40_000)))

    assert request.scheme == "http"


def test_trace_repeats_nothing(installation: Installation) -> None:
    for path in ("/", "/healthz", "/static/css/theme.css", "/sign-in/"):
        answer = exchange(installation, f"TRACE {path} HTTP/1.1", "X-Canary: canary-in-a-header")

        assert answer.split(" ", 2)[1] in ("302", "404", "405"), path
        assert "canary" not in answer


def test_a_form_of_an_ordinary_length_is_taken(installation: Installation) -> None:
    visitor = Visitor(installation.url)
    form = visitor.form(note="x" * 200_000)

    assert "/submissions/" in visitor.send(form)


def test_a_limit_holds_over_all_processes_of_the_server(
    new_installation: Callable[..., Installation],
) -> None:
    visitor = Visitor(new_installation(WEB_CONCURRENCY="2").url)

    def export_many() -> list[int]:
        address = f"{visitor.base}/opportunities.csv?pipeline=pl_none"
        return [visitor.session.get(address, timeout=20).status_code for _ in range(66)]

    hour = int(time.time()) // 3600
    answers = export_many()
    if int(time.time()) // 3600 != hour:
        answers = export_many()

    assert (answers.count(200), answers.count(429)) == (60, 6)


def test_whoever_sends_slowly_keeps_nobody_waiting(new_installation: Callable[..., Installation]) -> None:
    """A hundred idle sockets, and requests that stop in the middle of a line, of the head or of the body."""
    installation = new_installation()
    head = f"POST /sign-in/ HTTP/1.1\r\nHost: {urlsplit(installation.url).netloc}\r\n"
    body = f"{head}Content-Length: 200000\r\nContent-Type: {MULTIPART}\r\n\r\n--x\r\n"
    slow: list[socket.socket] = []
    for begun in [b""] * 100 + [b"GET /he"] * 20 + [head.encode()] * 20 + [body.encode()] * 20:
        connection = connect(installation)
        connection.sendall(begun)
        slow.append(connection)
    time.sleep(1)

    for _ in range(5):
        began = time.monotonic()
        assert exchange(installation, "GET /healthz HTTP/1.1").startswith("HTTP/1.1 200 ")
        assert time.monotonic() - began < 2
    assert (
        "New opportunity"
        in Visitor(installation.url).session.get(f"{installation.url}/opportunities/new/", timeout=5).text
    )

    # What stopped in the middle is cut off, and one byte now and then does not keep it alive.
    began = time.monotonic()
    dripping = slow[-1]
    while time.monotonic() - began < 15:
        try:
            dripping.sendall(b"x")
        except OSError:
            break
        time.sleep(0.5)
    else:
        raise AssertionError("a body that drips in was never cut off")
    for connection in slow:
        connection.close()
