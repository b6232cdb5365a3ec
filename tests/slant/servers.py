"""A server of a few lines on a loopback socket, for answers no well-behaved server gives."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantError
from tests.slant.samples import BODY

TOKEN = "slnt_pat_canary_5f3a9c"


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


# Gets the open connection and the request; what it returns is sent, None hangs up.
Behaviour = Callable[[socket.socket, Received], bytes | None]


@dataclass
class Server:
    listener: socket.socket
    behave: Behaviour
    tls: ssl.SSLContext | None = None
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)
    open: set[socket.socket] = field(default_factory=set)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}/v1"

    def run(self) -> None:
        while not self.stopping.is_set():
            with suppress(TimeoutError, OSError):
                connection, _ = self.listener.accept()
                self.connections += 1
                self.open.add(connection)
                thread = threading.Thread(target=self._talk, args=(connection,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with connection, suppress(OSError, EOFError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self.open.add(connection)
            with connection:
                while True:
                    received = receive(connection)
                    self.requests.append(received)
                    answer = self.behave(connection, received)
                    if answer is None:
                        return
                    connection.sendall(answer)


def receive(connection: socket.socket) -> Received:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1) or _ended()
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = b""
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536) or _ended()
    return Received(method, target, headers, body)


def _ended() -> bytes:
    raise EOFError


@contextmanager
def serving(behave: Behaviour, *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    server = Server(listener, behave, tls)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        thread.join()
        listener.close()
        for connection in server.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for talk in server.threads:
            talk.join(timeout=2)


def client_of(server: Server, **options: Any) -> SlantClient:
    return SlantClient(server.url, TOKEN, **{"connect_timeout": 0.5, "total_timeout": 2.0} | options)


def reply(status: int, body: object = b"", **headers: str) -> bytes:
    """A complete answer; a body that is no bytes is sent as JSON, `x_request_id` is X-Request-Id."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def always(status: int, body: object = b"", **headers: str) -> Behaviour:
    return lambda connection, received: reply(status, body, **headers)


def dripping(content: bytes, every: float = 0.1) -> Behaviour:
    """Sends `content` one byte at a time until somebody hangs up."""

    def behave(connection: socket.socket, received: Received) -> None:
        for byte in content:
            connection.sendall(bytes([byte]))
            time.sleep(every)

    return behave


def hang_up(connection: socket.socket, received: Received) -> None:
    """Reads the request, answers nothing, closes in good order."""


def reset(connection: socket.socket, received: Received) -> None:
    """Reads the request, answers nothing, closes with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def hang(connection: socket.socket, received: Received) -> None:
    """Reads the request and says nothing until the other side gives up."""
    with suppress(OSError):
        connection.recv(1)


# --- Asking it ------------------------------------------------------------------------------------


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """The block ends in time: twice the deadline, because the machine is shared."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def create(client: SlantClient) -> Any:
    return client.create_opportunity(BODY, key="k-1")


def error_of_create(behave: Behaviour, **options: Any) -> SlantError:
    with serving(behave) as server, pytest.raises(SlantError) as caught:
        create(client_of(server, **options))
    return caught.value
