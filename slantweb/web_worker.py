"""gunicorn's threaded worker, changed so that slow senders block nobody: `worker_class` in
deploy/gunicorn.conf.py.

gunicorn reads a request in the thread that answers it, without a time limit, so a few half-sent requests
blocked all others. Here many cheap threads read, each for at most READ_SECONDS, and only whole requests go to
the `threads` that answer. Only these few threads have database connections.
"""

import contextlib
import io
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from gunicorn.workers.gthread import ThreadWorker

from slantweb.body_length import BodyLengthError, read_body_length
from slantweb.headers import HEADERS

READERS = 256
# A whole request, from its first byte: forms are small.
READ_SECONDS = 10
# Seconds to send one piece of an answer to a client that does not read it.
WRITE_SECONDS = 30


class ReadAheadWorker(ThreadWorker):
    def init_process(self) -> None:
        self.answering = ThreadPoolExecutor(self.cfg.threads, thread_name_prefix="answer")
        self.deadlines: dict[Any, float] = {}
        super().init_process()

    def get_thread_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(READERS, thread_name_prefix="read")

    def handle(self, conn: Any) -> Any:
        self.deadlines[conn] = time.monotonic() + READ_SECONDS
        try:
            return super().handle(conn)
        finally:
            self.deadlines.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        if _is_short(req):
            # Any other body is refused unread (BodyLimitMiddleware).
            req.body = io.BytesIO(req.body.read())
        self.deadlines.pop(conn, None)
        conn.sock.settimeout(WRITE_SECONDS)
        return self.answering.submit(super().handle_request, req, conn).result()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Any) -> None:
        super().handle_error(req, _Refusal(client), addr, exc)

    def murder_pending(self) -> None:
        """Called about once a second. When a socket is shut down, the thread that reads it ends at once."""
        super().murder_pending()
        now = time.monotonic()
        for conn, deadline in list(self.deadlines.items()):
            if now > deadline:
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)

    def handle_quit(self, sig: int, frame: Any) -> None:
        self.answering.shutdown(wait=False)
        super().handle_quit(sig, frame)


class _Refusal:
    """Takes the place of a socket while gunicorn writes its page about an unreadable request.

    That page repeats what was sent and has no security headers. Only its first line, the status, is sent on.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, page: bytes) -> None:
        self.client.settimeout(WRITE_SECONDS)
        self.client.sendall(page.split(b"\r\n", 1)[0] + _refusal())


def _refusal() -> bytes:
    words = "This request cannot be read.\n"
    headers = {
        **HEADERS,
        "Cache-Control": "no-store",
        "Connection": "close",
        "Content-Length": str(len(words)),
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        "Content-Type": "text/plain; charset=utf-8",
        "X-Frame-Options": "DENY",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"\r\n{lines}\r\n{words}".encode()


def _is_short(req: Any) -> bool:
    headers = dict(req.headers)
    try:
        length = read_body_length(
            transfer_encoding=headers.get("TRANSFER-ENCODING"), content_length=headers.get("CONTENT-LENGTH")
        )
    except BodyLengthError:
        return False
    return length <= settings.REQUEST_BODY_MOST_BYTES
