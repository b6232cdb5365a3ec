"""The only module that uses requests: it sends one request and reads one answer within a deadline.

The libraries do not promise the following, so this module adds it (Slant API 3, tried):

* **A deadline for the whole exchange.** Timeouts of requests are per gap between bytes, so a server that
  sends a byte a second holds a caller without end. A watchdog shuts down the socket at the deadline, in every
  phase: TLS, sending, headers, body. Name look-up cannot be interrupted, so it runs in a thread that is
  abandoned. A suspended machine stops the watchdog too, so the wall clock is checked before the first byte.
* **Proof that nothing was sent.** requests reports a refused connection, and a server that hangs up after
  reading the body, as the same ConnectionError. Here the connection records when its first byte is about to
  be sent. If anything fails before that, nothing was sent.
* **A capped body**, counted after decompression. A body that is cut short is an error.
* **A fresh connection for a write**, because a stale pooled one would make its outcome ambiguous.
* **No session.** requests' Session follows redirects, keeps cookies and reads `~/.netrc` and the proxy
  variables. Only its adapter is used, with retries off.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import Any

from requests import PreparedRequest, Request, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from opportunities.slant.secret import BearerAuth, Secret

_CHUNK = 64 * 1024


class Unanswered(Exception):
    """No complete answer came. `bytes_sent` False proves that no byte of the request left."""

    def __init__(self, why: str, *, bytes_sent: bool, status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.bytes_sent = bytes_sent
        self.status = status


class Raw:
    """A complete answer, not interpreted yet: status, headers in lower case, body, and whether the body was
    capped.
    """

    __slots__ = ("body", "headers", "status", "too_long")

    def __init__(self, status: int, headers: dict[str, str], body: bytes, too_long: bool) -> None:
        self.status, self.headers, self.body, self.too_long = status, headers, body, too_long


class Transport:
    """Sends requests with one token. Safe to use from several threads; reads share a small pool."""

    def __init__(
        self, secret: Secret, *, connect_timeout: float, total_timeout: float, ca_file: str | None
    ) -> None:
        self._auth = BearerAuth(secret)
        self._connect_timeout = connect_timeout
        self._total_timeout = total_timeout
        self._verify: bool | str = ca_file or True
        self._pool = _Adapter(pool_connections=1, pool_maxsize=8, max_retries=0)

    def close(self) -> None:
        """Close idle connections; new ones are made when needed."""
        self._pool.close()

    def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        longest: int,
    ) -> Raw:
        """Send one request and read an answer of at most `longest` bytes. Raises Unanswered and nothing else.

        A request with a body is a write and gets a connection of its own.
        """
        watch = _Watch(self._total_timeout, self._connect_timeout)
        request = Request(method, url, headers=dict(headers), params=params, data=body, auth=self._auth)
        why = ""
        status: int | None = None
        token = _WATCH.set(watch)
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(watch)
                adapter = self._pool
                if body is not None:
                    adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
                    stack.callback(adapter.close)
                response = self._send(adapter, request.prepare())
                stack.callback(response.close)
                status = response.status_code
                raw = _read_capped(response, longest)
        except Exception as problem:
            # A socket that is shut down under urllib3 raises a dozen classes, not only I/O errors. After the
            # first byte they all mean the same.
            why = _first_cause(problem)
        finally:
            _WATCH.reset(token)
        if watch.expired:
            # Checked even without an exception: a body without a stated length ends with the connection, so
            # the shutdown looks like its normal end.
            why = "deadline passed"
        if why:
            # Not chained: the libraries quote what the server sent, and their frames hold the token.
            raise Unanswered(why, bytes_sent=watch.bytes_sent, status=status)
        return raw

    def _send(self, adapter: HTTPAdapter, request: PreparedRequest) -> Response:
        # The timeout between bytes is a little longer, so that the deadline ends the exchange first.
        timeouts = (self._connect_timeout, self._total_timeout + 1)
        return adapter.send(request, stream=True, timeout=timeouts, verify=self._verify)


def _read_capped(response: Response, longest: int) -> Raw:
    """The answer with its body decompressed, or empty if it is longer than `longest` bytes."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = bytearray()
    for chunk in response.raw.stream(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > longest:
            return Raw(response.status_code, headers, b"", too_long=True)
    return Raw(response.status_code, headers, bytes(body), too_long=False)


def _first_cause(problem: BaseException) -> str:
    """The name of the first cause: "ConnectionResetError" says more than "ConnectionError"."""
    while inner := problem.__cause__ or problem.__context__:
        problem = inner
    return type(problem).__name__


class _Watch:
    """The socket of one exchange, and the timer that ends it. A context manager."""

    def __init__(self, total: float, connect: float) -> None:
        self.bytes_sent = False
        self.expired = False
        self.reader: HTTPResponse | None = None
        self._connect = connect
        self._ends = time.monotonic() + total
        self._ends_by_the_wall = time.time() + total
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(total, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> _Watch:
        self._timer.start()
        return self

    def __exit__(self, problem: object, *exc_info: object) -> None:
        self._timer.cancel()
        self._detach()
        if problem and self.reader:
            # urllib3 drops it without closing when it refuses the headers; the socket would stay open.
            self.reader.close()

    def may_begin(self) -> bool:
        """Whether a first byte may be sent: after a suspension another worker may have taken over."""
        return time.monotonic() < self._ends and time.time() < self._ends_by_the_wall

    def until_connected(self) -> float:
        """The monotonic instant by which the name must be resolved and the connection made."""
        return min(time.monotonic() + self._connect, self._ends)

    def attach(self, connection: socket.socket) -> None:
        """Watch this socket from now on. A duplicate is kept, because TLS will wrap the original."""
        self._detach()
        with self._lock:
            self._socket = socket.socket(fileno=os.dup(connection.fileno()))
            if self.expired:
                _shut(self._socket)

    @property
    def watching(self) -> bool:
        """True once a socket is watched."""
        return self._socket is not None

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            if self._socket:
                _shut(self._socket)

    def _detach(self) -> None:
        with self._lock:
            if self._socket:
                self._socket.close()
                self._socket = None


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)  # also wakes the thread that waits on the other duplicate


_WATCH: ContextVar[_Watch] = ContextVar("slant_exchange")


class _Watched(HTTPConnection):
    """A connection that reports its socket and its first byte to the current exchange."""

    def _new_conn(self) -> socket.socket:
        watch = _WATCH.get()
        connection = _connect(self, watch.until_connected())
        watch.attach(connection)
        connection.settimeout(self.timeout)
        return connection

    # urllib3 declares a class here, which it only calls. A method that makes the response works too.
    def response_class(self, *args: Any, **kwargs: Any) -> HTTPResponse:  # type: ignore[override]
        watch = _WATCH.get()
        watch.reader = HTTPResponse(*args, **kwargs)
        return watch.reader

    def send(self, data: Any) -> None:
        watch = _WATCH.get()
        if self.sock is None:
            self.connect()
        if not watch.watching:  # a pooled connection
            watch.attach(self.sock)
        if not watch.bytes_sent and not watch.may_begin():
            raise TimeoutError("the deadline passed before the first byte")
        watch.bytes_sent = True
        super().send(data)


class _WatchedTLS(_Watched, HTTPSConnection):
    """The same over TLS: `_new_conn` runs before the handshake, `send` after it."""


def _connect(connection: HTTPConnection, until: float) -> socket.socket:
    """A connected socket by `until`, or one of urllib3's errors for "no connection was made"."""
    host = connection._dns_host.strip("[]")
    last: Exception = NameResolutionError(host, connection, socket.gaierror("no address"))
    for family, kind, protocol, _, address in _look_up(connection, host, until):
        trial = socket.socket(family, kind, protocol)
        try:
            trial.settimeout(_seconds_until(until))
            trial.connect(address)
            trial.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return trial
        except TimeoutError:
            trial.close()
            raise ConnectTimeoutError(connection, "connect timeout") from None
        except OSError as problem:
            trial.close()
            last = NewConnectionError(connection, f"no connection: {problem.strerror}")
    raise last


def _look_up(connection: HTTPConnection, host: str, until: float) -> list[Any]:
    """The addresses of `host`, resolved in a thread, because a resolver cannot be interrupted, only
    abandoned.
    """
    results: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

    def look() -> None:
        try:
            results.put(socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM))
        except Exception as problem:
            results.put(problem)

    threading.Thread(target=look, name="slant-name-look-up", daemon=True).start()
    try:
        answer = results.get(timeout=_seconds_until(until))
    except queue.Empty:
        raise ConnectTimeoutError(connection, "name look-up timeout") from None
    if isinstance(answer, Exception):
        raise NameResolutionError(host, connection, socket.gaierror(str(answer))) from answer
    return answer


def _seconds_until(until: float) -> float:
    return max(until - time.monotonic(), 0.001)  # 0 would mean "do not wait" and None "for ever"


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _WatchedTLSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class _Adapter(HTTPAdapter):
    """requests' adapter over watched connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _WatchedPool, "https": _WatchedTLSPool}
