"""The measured server: the application as in production, and beside it, in the same process, each request's
own floor.

A request with `X-Bench-Record: <key>` is answered by the application while its SQL and the size of its answer
are noted. `/_floor/<key>` then runs the same SQL through the bare driver on a connection kept open, fetches
every row, and sends as many bytes: what no framework could be quicker than. Writes are stood for by rows of
the same size in a table of the bench, committed once, because what was written cannot be written again.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import connection

from slantweb.wsgi import application as django

Environ = dict[str, Any]
Start = Callable[..., Any]

KEPT: dict[str, tuple[list[tuple[str, Any]], int, int]] = {}
DRIVERS = threading.local()
WRITES = ("INSERT", "UPDATE", "DELETE")
READS = ("SELECT", "WITH")


def application(environ: Environ, start: Start) -> Iterable[bytes]:
    """Every answer says how much of the processor it took, in milliseconds: what a busy machine does not
    blur.
    """
    began = time.thread_time()

    def begin(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        spent = (time.thread_time() - began) * 1000
        return start(status, [*headers, ("X-Bench-Cpu", f"{spent:.3f}")])

    path: str = environ["PATH_INFO"]
    if path.startswith("/_floor/"):
        return _floor(path.removeprefix("/_floor/"), begin)
    if key := environ.get("HTTP_X_BENCH_RECORD"):
        return _recorded(key, environ, begin)
    return django(environ, begin)


def _recorded(key: str, environ: Environ, start: Start) -> Iterable[bytes]:
    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith((*READS, *WRITES)):
            statements.append((sql, params))
        return execute(sql, params, many, context)

    told: list[Any] = []

    def begin(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        told[:] = [status, headers]

    with connection.execute_wrapper(note):
        answer = django(environ, begin)
        body = b"".join(answer)
    getattr(answer, "close", lambda: None)()
    KEPT[key] = (statements, len(body), int(told[0].split()[0]))
    start(told[0], [*told[1], ("X-Bench-Queries", str(len(statements)))])
    return [body]


def _floor(key: str, start: Start) -> Iterable[bytes]:
    statements, size, status = KEPT[key]
    driver, as_sent = _driver()
    cursor = driver.cursor()
    written = 0
    for sql, params in statements:
        if sql.lstrip().upper().startswith(WRITES):
            written += len(sql) + len(repr(params))
            cursor.execute(
                as_sent("INSERT INTO bench_scratch (payload) VALUES (%s)"), ["x" * len(repr(params))]
            )
        else:
            cursor.execute(as_sent(sql), params or ())
            cursor.fetchall()
    driver.commit()
    body = b"x" * size
    start(f"{status} Floor", [("Content-Type", "text/html"), ("Content-Length", str(size))])
    return [body]


def _driver() -> tuple[Any, Callable[[str], str]]:
    """The bare driver's connection of this thread, and how it wants its placeholders."""
    if connection.vendor == "sqlite":
        import sqlite3

        if not hasattr(DRIVERS, "one"):
            DRIVERS.one = sqlite3.connect(connection.settings_dict["NAME"], timeout=5)
            DRIVERS.one.execute("PRAGMA synchronous=FULL")
            with connection.cursor():  # the functions the ORM's SQL may call
                from django.db.backends.sqlite3._functions import register

                register(DRIVERS.one)
        return DRIVERS.one, lambda sql: sql.replace("%s", "?").replace("%%", "%")
    import psycopg

    if not hasattr(DRIVERS, "one"):
        settings = connection.settings_dict
        DRIVERS.one = psycopg.connect(
            host=settings["HOST"],
            port=settings["PORT"],
            user=settings["USER"],
            password=settings["PASSWORD"],
            dbname=settings["NAME"],
            cursor_factory=psycopg.ClientCursor,
        )
    return DRIVERS.one, lambda sql: sql
