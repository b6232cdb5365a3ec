"""The queue only wakes: on SQLite, PostgreSQL and Redis alike, and a lost wake-up is a delay."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.support import provision
from tests.support.environment import ROOT
from tests.support.processes import House
from tests.support.visitor import Visitor

pytestmark = pytest.mark.process
# As a process does that imports the queue: connect, and make the tables that are not there.
MAKE_QUEUE = """
import os
from slantweb.queue import PostgresHuey
PostgresHuey("slantweb", dsn=os.environ["RACED_QUEUE"], results=False, immediate=False)
"""
NewHouse = Callable[..., House]


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A private Redis server for this test."""
    binary = shutil.which("redis-server")
    if binary is None:
        try:
            provision._apt_install("redis-server")
        except provision.Missing as problem:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(problem))
        binary = shutil.which("redis-server") or "redis-server"
    port = provision.free_port()
    server = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    url = f"redis://127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), 50))
    client.ping()
    client.close()
    yield url
    server.terminate()
    server.wait(10)


def arrives_once(house: House) -> None:
    visitor = Visitor(house.url)

    address = visitor.send(visitor.form())
    visitor.waits_for(address, "confirmed")

    writes = [entry for entry in house.sandbox.ledger(kind="write") if entry["request"]]
    assert len(writes) == 1


def test_a_deal_arrives_once_over_redis(new_house: NewHouse, redis_url: str) -> None:
    arrives_once(new_house(QUEUE_URL=redis_url))


@pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="belongs to the run on PostgreSQL")
def test_a_deal_arrives_once_over_postgresql(new_house: NewHouse) -> None:
    arrives_once(new_house(QUEUE_URL=os.environ["TEST_DATABASE_URL"]))


@pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="belongs to the run on PostgreSQL")
def test_processes_that_start_together_on_an_empty_postgresql_all_start() -> None:
    url = os.environ["TEST_DATABASE_URL"]
    joint = "&" if "?" in url else "?"
    for attempt in range(3):
        schema = f"queue_race_{attempt}"
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            admin.execute(f"CREATE SCHEMA {schema}")
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "RACED_QUEUE": f"{url}{joint}options=-csearch_path%3D{schema}",
        }
        started = [
            subprocess.Popen([sys.executable, "-c", MAKE_QUEUE], cwd=ROOT, env=environment) for _ in range(4)
        ]
        ended = [process.wait(60) for process in started]
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f"DROP SCHEMA {schema} CASCADE")

        assert ended == [0, 0, 0, 0]


def test_a_wake_up_that_gets_lost_is_only_a_delay(new_house: NewHouse, tmp_path: Path) -> None:
    house = new_house()
    # The web now wakes a queue nobody listens to.
    house.processes.pop("web").stop()
    house.settings["QUEUE_URL"] = f"sqlite:///{tmp_path / 'nobody.sqlite3'}"
    house.start_web()
    house.wait_until_ready()

    arrives_once(house)


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
