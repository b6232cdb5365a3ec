"""`python -m tests.faults.crashing manage.py work`: the same program, killed at the point in a deal's name.

A deal called "C7 ..." kills the first process that comes to crash point C7 (`sweep.CRASHES`) with it, by
SIGKILL; one called "Z ..." stops it by SIGSTOP. The product knows nothing of this: its functions are wrapped
from outside, here. CRASH_DIR is where a point leaves a file when it has struck, with the process' id in it:
each strikes once.
"""

import os
import runpy
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

# A lease is the total timeout and this; thirty seconds for each crash would make the suite wait for nothing
# else.
MARGIN_SECONDS = 2
HERE = threading.local()
OPEN: list[Any] = []
# Held while a thread begins a transaction, or runs a statement outside one: whoever has it can let nobody
# take locks.
TAKING_LOCKS = threading.RLock()


def strike(point: str, name: str) -> None:
    """Kill this process if the deal called `name` asks for `point` and no process was killed for it yet."""
    if _is_due(point, name):
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)


def _is_due(point: str, name: str) -> bool:
    if not name.startswith(f"{point} "):
        return False
    try:
        mark = os.open(Path(os.environ["CRASH_DIR"]) / point, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    os.write(mark, str(os.getpid()).encode())
    os.close(mark)
    return True


def stop(point: str, name: str) -> None:
    """Pause here, while no other thread is inside a transaction, because its locks would block all
    processes.
    """
    if not _is_due(point, name):
        return
    with TAKING_LOCKS:
        while any(_holds_locks(connection) for connection in OPEN):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGSTOP)


def _begin_transaction(real: Any, atomic: Any) -> Any:
    from django.db import transaction

    if transaction.get_connection(atomic.using).in_atomic_block:
        return real(atomic)  # a part of one that was begun: to wait here would be to keep its locks
    with TAKING_LOCKS:
        return real(atomic)


def _run_statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if context["connection"].in_atomic_block:
        return execute(sql, params, many, context)
    with TAKING_LOCKS:
        return execute(sql, params, many, context)


def _holds_locks(connection: Any) -> bool:
    return connection.in_atomic_block or getattr(connection.connection, "in_transaction", False)


def wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace `owner.name` by `around(real, *arguments)`."""
    real = getattr(owner, name)
    setattr(owner, name, lambda *given, **named: around(real, *given, **named))


def arm() -> None:
    from django.db import transaction
    from django.db.backends.signals import connection_created

    from opportunities.delivery import claiming, scanning, sending, settling, unknown_outcome
    from opportunities.runtime import wakeup
    from opportunities.slant.pages import Scan
    from opportunities.trail import audit

    claiming.LEASE_MARGIN_SECONDS = unknown_outcome.LEASE_MARGIN_SECONDS = MARGIN_SECONDS  # type: ignore[attr-defined]
    settling.LEASE_SECONDS = 5

    def opened(connection: Any, **about: Any) -> None:
        if connection not in OPEN:
            OPEN.append(connection)
            connection.execute_wrappers.append(_run_statement)

    connection_created.connect(opened, weak=False)
    wrap(transaction.Atomic, "__enter__", _begin_transaction)

    def record(real: Any, **facts: Any) -> Any:
        event, name = real(**facts), getattr(facts.get("submission"), "name", "")
        if facts["action"] == "submission.queued":
            strike("C1", name)
            HERE.saved = name
        if facts["action"] == "submission.sending":
            strike("C12", name)
        return event

    def wake(real: Any) -> Any:
        strike("C2", getattr(HERE, "saved", ""))
        return real()

    def deliver(real: Any, claimed: Any, *given: Any, **named: Any) -> Any:
        strike("C3", claimed.submission.name)
        return real(claimed, *given, **named)

    def finish(real: Any, claimed: Any, *given: Any, **named: Any) -> Any:
        name = claimed.submission.name
        strike("C7", name)
        stop("Z", name)
        done = real(claimed, *given, **named)
        strike("C8", name)
        return done

    def look(real: Any, scanner: Any, submission: Any) -> Any:
        HERE.looking_for = submission.name
        return real(scanner, submission)

    def add(real: Any, scan: Any, page: Any) -> Any:
        real(scan, page)
        strike("C9", getattr(HERE, "looking_for", ""))

    def apply(real: Any, submission: Any, decision: Any, **named: Any) -> Any:
        strike({"confirmed": "C10", "queued": "C11"}.get(str(decision.state), "-"), submission.name)
        return real(submission, decision, **named)

    wrap(audit, "record", record)
    wrap(wakeup, "wake", wake)
    wrap(sending, "deliver", deliver)
    wrap(sending, "_finish", finish)
    wrap(settling, "_apply", apply)
    wrap(scanning.Scanner, "scan_for", look)
    wrap(Scan, "add", add)
    wrap(socket.socket, "sendall", _send)
    wrap(HTTPResponse, "begin", _begin)


def _send(real: Any, to: socket.socket, data: Any, *flags: int) -> Any:
    """The bytes of a request: all, half, or all and no answer awaited."""
    name = _named_in(data)
    HERE.sent = name
    if name.startswith(("C4 ", "C11 ")) and not _struck(name):
        real(to, data[: len(data) // 2])
        strike("C4", name)
        raise ConnectionResetError("half was sent")
    done = real(to, data, *flags)
    strike("C5", name)
    if name.startswith(("C9 ", "C10 ")) and not _struck(name):
        time.sleep(0.3)
        raise ConnectionResetError("the answer is lost")
    return done


def _begin(real: Any, response: Any) -> Any:
    done = real(response)
    strike("C6", getattr(HERE, "sent", ""))
    return done


def _named_in(data: Any) -> str:
    """The name in the body of a create; "" in any other data."""
    text = bytes(data).decode(errors="replace") if isinstance(data, bytes) else ""
    if not text.startswith('{"book_id"'):
        return ""
    return text.partition('"name":"')[2].partition('"')[0]


def _struck(name: str) -> bool:
    return (Path(os.environ["CRASH_DIR"]) / name.split()[0]).exists()


def main(arguments: list[str]) -> None:
    import django

    django.setup()
    arm()
    sys.argv = arguments if arguments[0] != "-m" else arguments[1:]
    if arguments[0] == "-m":
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
