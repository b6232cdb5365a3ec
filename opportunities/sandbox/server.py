"""Sockets: real HTTP/1.1, and the faults that need a socket to happen.

Every connection has its thread. A request to `/_...` goes straight to Django (control and ledger). Any other
is Slant's: the ledger notes it, and Django is asked only if no fault keeps it back.

**Being down** (`"up": false`). On one port a TCP server has to accept before it can know the path, so:

* asked for on the main port, a request to `/v1` is reset (RST) once its first line is read;
* asked for on the control port, the main port stops listening: connects are refused.

The ledger has no entry of such a request.
"""

from __future__ import annotations

import io
import select
import socket
import struct
import sys
import threading
import time
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote_to_bytes

from opportunities.sandbox.answers import Answer, error
from opportunities.sandbox.faults import false_answer
from opportunities.sandbox.listener import Listener
from opportunities.sandbox.rules import Exchange, Request

BODY_MAX = 5_000_000  # bytes
IDLE_S = 120.0
LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
UNCOUNTED = "/v1/openapi.json"
NOW = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Listener
    protocol_version = "HTTP/1.1"
    server_version = "Sandbox"
    sys_version = ""
    timeout = IDLE_S
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        try:
            self.raw_requestline = self.rfile.readline(65_537)
        except OSError:
            self.raw_requestline = b""
        if not self.raw_requestline or len(self.raw_requestline) > 65_536:
            self.close_connection = True
            return
        words = self.raw_requestline.split()
        self._own = len(words) > 1 and words[1].startswith(b"/_")
        if not self._own and (self.server.control or not self.server.world.up):
            self._reset()
            return
        if not self.parse_request():
            return
        body = self._read_body()
        if body is None:
            return
        if self._own:
            self._control(body)
        else:
            self._slant(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing, because the ledger records every request."""

    def _read_body(self) -> bytes | None:
        """The raw body, or None when the connection cannot be used any more."""
        length = self.headers.get("Content-Length", "0").strip()
        try:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                return self._read_chunks()
            if not (length.isascii() and length.isdigit()) or int(length) > BODY_MAX:
                self._refuse(413 if length.isdigit() else 400)
                return None
            body = self.rfile.read(int(length))
        except (OSError, ValueError):
            self.close_connection = True
            return None
        if len(body) < int(length):  # the client closed the connection before it had sent everything
            self.close_connection = True
            return None
        return body

    def _read_chunks(self) -> bytes | None:
        parts: list[bytes] = []
        while size := int(self.rfile.readline(100).split(b";")[0], 16):
            if size + sum(map(len, parts)) > BODY_MAX:
                self._refuse(413)
                return None
            parts.append(self.rfile.read(size))
            self.rfile.readline(100)
        while self.rfile.readline(65_537).strip():
            pass
        return b"".join(parts)

    def _refuse(self, status: int) -> None:
        """Answer a request whose body is not read. The ledger has it as one without a body."""
        self.close_connection = True
        refusal = error(status, "bad_request", HTTPStatus(status).phrase, {}, self.server.world.shape())
        if not self._own:
            exchange = self.server.world.receive(self._request(b""), with_faults=False)
            self.server.world.close(exchange, status, is_answered=True, ms=0)
        self._send(refusal)

    def _request(self, body: bytes) -> Request:
        path, query = self._target()
        return Request(self.command, path, query, dict(self.headers.items()), body, self.client_address[0])

    def _target(self) -> tuple[str, str]:
        """Path and query as sent; the absolute form of a proxy request is cut down to them."""
        path, _, query = self.path.partition("?")
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        return path, query

    # The sandbox's own side

    def _control(self, body: bytes) -> None:
        """`/_...`: loopback Host and JSON only, so that no page in a browser can reach it."""
        host = (self.headers.get("Host") or "").strip().lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and host != "::1" else host
        content_type = (self.headers.get("Content-Type") or "").split(";")[0].strip().lower()
        if name not in LOOPBACK:
            self._send(error(403, "host_refused", "Only from this machine.", {}, "nested"))
        elif self.command not in ("GET", "HEAD") and content_type != "application/json":
            self._send(error(415, "json_only", "Send application/json.", {}, "nested"))
        else:
            answer = self._ask_django(body)
            if self.command == "POST":
                self._open_or_shut()
            self._send(answer)

    def _open_or_shut(self) -> None:
        with self.server.main.turning:
            if self.server.world.up:
                self.server.main.reopen()
            elif self.server.control:
                self.server.main.shut()

    # Slant's side

    def _slant(self, body: bytes) -> None:
        if self._target()[0] == UNCOUNTED and self.command == "GET":
            self._send(self._ask_django(body))
            return
        world, began = self.server.world, time.monotonic()
        exchange = world.receive(self._request(body))
        fault = exchange.fault
        if fault is not None and fault.plan.processed == "late":
            threading.Thread(target=world.work_late, args=(exchange,), daemon=True).start()
            self.close_connection = True
            return
        answer = None
        if fault is None or fault.plan.processed == "now":
            answer = self._ask_django(body, exchange)
        if fault is not None and not fault.plan.waits_first:
            world.wait(fault.delay_ms)
        reply, cut = self._fault_answer(exchange, answer)
        if fault is not None and fault.plan.answer == "held":
            self._hold()
        is_gone = reply is None or self._client_left()
        # Closed before the bytes leave, so that the entry in the ledger is finished when the answer arrives.
        ms = int((time.monotonic() - began) * 1000)
        world.close(exchange, reply.status if reply else None, is_answered=not (is_gone or cut), ms=ms)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply, cut=cut)

    def _fault_answer(self, exchange: Exchange, true: Answer | None) -> tuple[Answer | None, bool]:
        """What to send, if anything, and whether to cut it short."""
        fault = exchange.fault
        if fault is None or fault.plan.answer in ("real", "half"):
            return true, fault is not None and fault.plan.answer == "half"
        if fault.plan.answer in ("none", "held"):
            return None, False
        if fault.plan.answer == "busy":
            return self.server.world.limit(exchange, fault), False
        if fault.plan.processed == "now" and fault.plan.answer == "status":
            return true, False  # the rules have this answer already, and may have kept it under a key
        return false_answer(fault, self.server.world.shape(), true), False

    def _ask_django(self, body: bytes, exchange: Exchange | None = None) -> Answer:
        path, query = self._target()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": f"127.0.0.1:{self.server.main.port}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "sandbox.world": self.server.world,
            "sandbox.exchange": exchange,
        }
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            started[:] = [status, headers]

        chunks = self.server.application(environ, start_response)
        content = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        headers = {name.lower(): (name, value) for name, value in started[1]}
        content_type = headers.pop("content-type", ("", ""))[1]
        headers.pop("content-length", None)
        return Answer(int(started[0].split()[0]), content, content_type, tuple(headers.values()))

    def _send(self, answer: Answer, *, cut: bool = False) -> None:
        bare = answer.status in (204, 304) or answer.status < 200
        body = b"" if bare else answer.body
        lines = [
            f"HTTP/1.1 {answer.status} {_phrase(answer.status)}",
            f"Date: {formatdate(self.server.world.now(), usegmt=True)}",
            *(f"{name}: {value}" for name, value in answer.headers),
        ]
        if not bare:
            lines += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(body)}"]
        if self.close_connection:
            lines.append("Connection: close")
        if self.command == "HEAD":
            body = b""
        if cut:
            body = body[: len(body) // 2]
            self.close_connection = True
        try:
            self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        except OSError:
            self.close_connection = True

    def _hold(self) -> None:
        """Send nothing until the client closes the connection."""
        while not self.server.world.stopping.is_set() and not self._client_left(0.1):
            pass

    def _client_left(self, wait_s: float = 0) -> bool:
        try:
            readable, _, _ = select.select([self.connection], [], [], wait_s)
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def _reset(self) -> None:
        """Close so that the client sees "connection reset"; unread data makes no difference."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
        self.server.to_reset.add(self.connection)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
