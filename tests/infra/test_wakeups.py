"""Workers find what is due: at once when woken, within seconds when not, whatever is in their way."""

import pickle
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import Installation, Process, wait_until
from tests.support.visitor import Visitor

pytestmark = pytest.mark.process
NewInstallation = Callable[..., Installation]
# What a worker waits at most between two rounds, and what the answer of a loaded machine may add.
LATEST_SECONDS = 5.0
MARGIN_SECONDS = 2.5
# The web process as it is, but for its wake-ups: none leaves it.
WITHOUT_WAKEUPS = """
import runpy, sys
import django
django.setup()
from opportunities.runtime import wakeup
wakeup.wake = lambda: False
sys.argv = ["gunicorn", *sys.argv[1:]]
runpy.run_module("gunicorn", run_name="__main__", alter_sys=True)
"""


class Poison:
    """Unpickled, it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.mark), "w")


def seconds_until_sent(installation: Installation, visitor: Visitor, name: str) -> float:
    """From the answer to a form until Slant was asked to make the deal."""
    visitor.send(visitor.form(name=name))
    began = time.monotonic()

    def is_sent() -> bool:
        sent = installation.sandbox.ledger(kind="request", method="POST")
        return any((entry["body"] or {}).get("name") == name for entry in sent)

    wait_until(is_sent, *installation.processes.values(), seconds=LATEST_SECONDS + MARGIN_SECONDS)
    return time.monotonic() - began


def start_web_without_wakeups(installation: Installation) -> None:
    installation.processes.pop("web").stop()
    command = [
        "slantweb.wsgi",
        "--bind",
        f"127.0.0.1:{installation.port}",
        "--threads",
        "4",
        "--no-control-socket",
    ]
    log = installation.home / "web-without-wakeups.log"
    installation.processes["web"] = Process(
        "web",
        [sys.executable, "-c", WITHOUT_WAKEUPS, *command],
        installation.web_environment,
        log,
    )
    installation.wait_until_ready()


def fill_with_rubbish(installation: Installation, mark: Path) -> None:
    """Whatever a queue once read from, and what wake-ups come by, full of what must never be unpickled."""
    poison = pickle.dumps(Poison(mark))
    tables = {"kv": "key, value", "task": "queue, data", "schedule": "queue, data"}
    if installation.database_url.startswith("sqlite"):
        (installation.home / "slantweb.sqlite3-wakeup").write_bytes(poison)
        with closing(sqlite3.connect(installation.home / "queue.sqlite3")) as queue:
            for table, columns in tables.items():
                queue.execute(f"CREATE TABLE {table} ({columns})")
                queue.execute(f"INSERT INTO {table} VALUES ('slantweb', ?)", [poison])
            queue.commit()
        return
    database = installation.database_url.partition("?")[0]
    with psycopg.connect(database, autocommit=True) as owner:
        for table, columns in tables.items():
            owner.execute(f"CREATE TABLE {table} ({columns.replace(',', ' text,')} bytea)")
            owner.execute(f"INSERT INTO {table} VALUES ('slantweb', %s)", [poison])
        for payload in ("", "x" * 7999, pickle.dumps(Poison(mark), protocol=0).decode()):
            owner.execute("SELECT pg_notify('slantweb_wakeup', %s)", [payload])


def cut_the_listener_off(installation: Installation) -> None:
    if installation.database_url.startswith("sqlite"):
        (installation.home / "slantweb.sqlite3-wakeup").unlink()
        return
    database = installation.database_url.partition("?")[0]
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )


def test_rubbish_and_a_cut_line_cost_seconds_at_most_and_never_a_worker(
    new_installation: NewInstallation, tmp_path: Path
) -> None:
    mark = tmp_path / "unpickled"
    # An environment of before names a queue: that is accepted, said, and never read.
    installation = new_installation(QUEUE_URL=f"sqlite:///{tmp_path / 'home0' / 'queue.sqlite3'}")
    visitor = Visitor(installation.url)

    assert min(seconds_until_sent(installation, visitor, f"At once {number}") for number in range(3)) < 1

    fill_with_rubbish(installation, mark)
    seconds_until_sent(installation, visitor, "After rubbish")
    cut_the_listener_off(installation)
    seconds_until_sent(installation, visitor, "While nobody hears")
    wait_until(
        lambda: min(seconds_until_sent(installation, visitor, f"{n}") for n in range(2)) < 1, seconds=20
    )

    said = installation.processes["worker"].said()
    assert "QUEUE_URL is set and ignored" in said
    assert "Traceback" not in said, said[said.index("Traceback") - 300 :][:3000]
    assert not mark.exists()
    assert installation.processes["worker"].stop() == 0


def test_what_no_wake_up_announces_is_sent_within_five_seconds(new_installation: NewInstallation) -> None:
    installation = new_installation()
    start_web_without_wakeups(installation)
    visitor = Visitor(installation.url)

    waited = []
    for number in range(3):
        time.sleep(0.7 * number)
        waited.append(seconds_until_sent(installation, visitor, f"Deal {number}"))

    assert max(waited) < LATEST_SECONDS + MARGIN_SECONDS
    assert max(waited) > 0.5  # or else somebody was woken, and this shows nothing
    assert len(installation.sandbox.created()) == 3


def test_two_workers_and_a_killed_one_make_one_record(new_installation: NewInstallation) -> None:
    installation = new_installation()
    installation.start_worker("second")
    visitor = Visitor(installation.url)
    installation.sandbox.control(latency_ms=700)

    addresses = [visitor.send(visitor.form(name=f"Deal {number}")) for number in range(3)]
    installation.kill("worker")
    installation.sandbox.control(latency_ms=0)
    for address in addresses:
        visitor.waits_for(address, "confirmed", seconds=90)

    made = [
        entry["record"]["name"] for entry in installation.sandbox.ledger(kind="write") if entry["request"]
    ]
    assert sorted(made) == ["Deal 0", "Deal 1", "Deal 2"]
