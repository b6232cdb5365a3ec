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

from tests.support.processes import House, Process, wait_until
from tests.support.visitor import Visitor

pytestmark = pytest.mark.process
NewHouse = Callable[..., House]
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


def seconds_until_sent(house: House, visitor: Visitor, name: str) -> float:
    """From the answer to a form until Slant was asked to make the deal."""
    visitor.send(visitor.form(name=name))
    began = time.monotonic()

    def is_sent() -> bool:
        sent = house.sandbox.ledger(kind="request", method="POST")
        return any((entry["body"] or {}).get("name") == name for entry in sent)

    wait_until(is_sent, *house.processes.values(), seconds=LATEST_SECONDS + MARGIN_SECONDS)
    return time.monotonic() - began


def start_web_without_wakeups(house: House) -> None:
    house.processes.pop("web").stop()
    command = ["slantweb.wsgi", "--bind", f"127.0.0.1:{house.port}", "--threads", "4", "--no-control-socket"]
    log = house.home / "web-without-wakeups.log"
    house.processes["web"] = Process(
        "web",
        [sys.executable, "-c", WITHOUT_WAKEUPS, *command],
        house.web_environment,
        log,
    )
    house.wait_until_ready()


def fill_with_rubbish(house: House, mark: Path) -> None:
    """Whatever a queue once read from, and what wake-ups come by, full of what must never be unpickled."""
    poison = pickle.dumps(Poison(mark))
    tables = {"kv": "key, value", "task": "queue, data", "schedule": "queue, data"}
    if house.database_url.startswith("sqlite"):
        (house.home / "slantweb.sqlite3-wakeup").write_bytes(poison)
        with closing(sqlite3.connect(house.home / "queue.sqlite3")) as queue:
            for table, columns in tables.items():
                queue.execute(f"CREATE TABLE {table} ({columns})")
                queue.execute(f"INSERT INTO {table} VALUES ('slantweb', ?)", [poison])
            queue.commit()
        return
    database = house.database_url.partition("?")[0]
    with psycopg.connect(database, autocommit=True) as owner:
        for table, columns in tables.items():
            owner.execute(f"CREATE TABLE {table} ({columns.replace(',', ' text,')} bytea)")
            owner.execute(f"INSERT INTO {table} VALUES ('slantweb', %s)", [poison])
        for payload in ("", "x" * 7999, pickle.dumps(Poison(mark), protocol=0).decode()):
            owner.execute("SELECT pg_notify('slantweb_wakeup', %s)", [payload])


def cut_the_listener_off(house: House) -> None:
    if house.database_url.startswith("sqlite"):
        (house.home / "slantweb.sqlite3-wakeup").unlink()
        return
    database = house.database_url.partition("?")[0]
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )


def test_rubbish_and_a_cut_line_cost_seconds_at_most_and_never_a_worker(
    new_house: NewHouse, tmp_path: Path
) -> None:
    mark = tmp_path / "unpickled"
    # An environment of before names a queue: that is accepted, said, and never read.
    house = new_house(QUEUE_URL=f"sqlite:///{tmp_path / 'house0' / 'queue.sqlite3'}")
    visitor = Visitor(house.url)

    assert min(seconds_until_sent(house, visitor, f"At once {number}") for number in range(3)) < 1

    fill_with_rubbish(house, mark)
    seconds_until_sent(house, visitor, "After rubbish")
    cut_the_listener_off(house)
    seconds_until_sent(house, visitor, "While nobody hears")
    wait_until(lambda: min(seconds_until_sent(house, visitor, f"{n}") for n in range(2)) < 1, seconds=20)

    said = house.processes["worker"].said()
    assert "QUEUE_URL is set and ignored" in said
    assert "Traceback" not in said, said[said.index("Traceback") - 300 :][:3000]
    assert not mark.exists()
    assert house.processes["worker"].stop() == 0


def test_what_no_wake_up_announces_is_sent_within_five_seconds(new_house: NewHouse) -> None:
    house = new_house()
    start_web_without_wakeups(house)
    visitor = Visitor(house.url)

    waited = []
    for number in range(3):
        time.sleep(0.7 * number)
        waited.append(seconds_until_sent(house, visitor, f"Deal {number}"))

    assert max(waited) < LATEST_SECONDS + MARGIN_SECONDS
    assert max(waited) > 0.5  # or else somebody was woken, and this shows nothing
    assert len(house.sandbox.created()) == 3


def test_two_workers_and_a_killed_one_make_one_record(new_house: NewHouse) -> None:
    house = new_house()
    house.start_worker("second")
    visitor = Visitor(house.url)
    house.sandbox.control(latency_ms=700)

    addresses = [visitor.send(visitor.form(name=f"Deal {number}")) for number in range(3)]
    house.kill("worker")
    house.sandbox.control(latency_ms=0)
    for address in addresses:
        visitor.waits_for(address, "confirmed", seconds=90)

    made = [entry["record"]["name"] for entry in house.sandbox.ledger(kind="write") if entry["request"]]
    assert sorted(made) == ["Deal 0", "Deal 1", "Deal 2"]
