"""Wake-ups: heard at once on either database, whatever they carry; and a worker that hears none says so."""

import os
import pickle
import re
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from django.db import connection

from opportunities.clock import SystemClock
from opportunities.models import Alert
from opportunities.runtime import wakeup
from opportunities.worker import hearing
from opportunities.worker.hearing import CAUSE, Hearing
from tests.support.environment import ROOT
from tests.support.processes import wait_until

CLOCK = SystemClock()


class Poison:
    """Unpickled, it leaves a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.fixture
def heard(committed_db: str) -> Callable[[], int]:
    """How many wake-ups were heard since a listener started, which ends with the process."""
    times: list[float] = []
    started = Event()

    def woken() -> None:
        times.append(time.monotonic())
        started.set()

    def listen_until_the_database_is_gone() -> None:
        try:
            wakeup.listen(woken)
        except Exception:
            return

    Thread(target=listen_until_the_database_is_gone, daemon=True).start()
    assert started.wait(10)
    return lambda: len(times)


def test_a_wake_up_is_heard_at_once(heard: Callable[[], int]) -> None:
    before = heard()

    assert wakeup.wake()

    wait_until(lambda: heard() > before, seconds=1)


def test_what_a_wake_up_carries_is_never_read(heard: Callable[[], int], tmp_path: Path) -> None:
    mark, before = tmp_path / "unpickled", heard()
    rubbish = pickle.dumps(Poison(mark), protocol=0)

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [wakeup.CHANNEL, rubbish.decode()])
            cursor.execute("SELECT pg_notify(%s, %s)", [wakeup.CHANNEL, "x" * 7999])
    else:
        wakeup._file().write_bytes(rubbish)

    wait_until(lambda: heard() > before, seconds=1)
    assert wakeup.wake()
    assert not mark.exists()


@pytest.mark.django_db
def test_to_wake_nobody_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if connection.vendor == "sqlite":
        wakeup._file().unlink(missing_ok=True)
        assert wakeup.wake() is False

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError

    monkeypatch.setattr(wakeup.os, "utime", refuse)
    monkeypatch.setattr(wakeup, "connection", _Broken())
    assert wakeup.wake() is False


class _Broken:
    """A connection whose database is gone."""

    vendor = connection.vendor
    settings_dict = {"NAME": "gone"}

    def cursor(self) -> None:
        from django.db import OperationalError

        raise OperationalError


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Hearing:
    """Judged at once and again at once; it hears nothing until a test lets it."""
    monkeypatch.setattr(hearing, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(hearing, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(wakeup, "wake", lambda: True)
    return Hearing(lambda: None, retry_seconds=0.01)


@pytest.mark.django_db
def test_a_worker_that_hears_nothing_opens_one_alert_and_closes_it_when_it_hears(deaf: Hearing) -> None:
    for _ in range(6):
        deaf.check(CLOCK)
    (alert,) = Alert.objects.filter(cause=CAUSE)
    assert alert.closed_at is None
    assert alert.meaning == "Deals leave up to five seconds later. Nothing is lost."

    deaf.check(CLOCK)
    deaf._hear()
    deaf.check(CLOCK)
    assert not Alert.objects.filter(cause=CAUSE, closed_at=None).exists()


@pytest.mark.django_db
def test_a_worker_that_hears_does_not_close_the_alert_of_one_that_does_not(deaf: Hearing) -> None:
    hears = Hearing(lambda: None, retry_seconds=0.01)
    hears.check(CLOCK)
    hears._hear()
    hears.check(CLOCK)

    deaf.check(CLOCK)
    deaf.check(CLOCK)
    hears.check(CLOCK)
    hears._hear()
    hears.check(CLOCK)

    assert Alert.objects.filter(cause=CAUSE, closed_at=None).count() == 1


@pytest.mark.django_db
def test_a_wake_up_that_could_not_be_sent_says_nothing_about_who_hears(
    deaf: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeup, "wake", lambda: False)

    for _ in range(4):
        deaf.check(CLOCK)

    assert not Alert.objects.exists()


def test_it_listens_again_whatever_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    heard = Event()

    def listen(woken: Callable[[], None]) -> None:
        tries.append(1)
        if len(tries) < 4:
            raise [OSError, RuntimeError, ValueError][len(tries) - 1]
        woken()
        Event().wait()

    monkeypatch.setattr(wakeup, "listen", listen)
    Hearing(heard.set, retry_seconds=0.01).start()

    assert heard.wait(5)


@pytest.mark.skipif("not os.environ.get('TEST_DATABASE_URL')", reason="belongs to the run on PostgreSQL")
def test_a_listener_whose_connection_was_cut_notices(committed_db: str) -> None:
    started, ended = Event(), Event()

    def listen() -> None:
        try:
            wakeup.listen(started.set)
        except Exception:
            ended.set()

    Thread(target=listen, daemon=True).start()
    assert started.wait(10)
    with psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%%' AND datname = %s",
            [connection.settings_dict["NAME"]],
        )

    assert ended.wait(5)


def test_the_operators_document_names_the_alert_and_the_file() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()

    assert f"the alert `{CAUSE}`" in text
    assert "the file `slantweb.sqlite3-wakeup` beside" in text
    assert str(wakeup._file()) == f"{connection.settings_dict['NAME']}-wakeup"


def test_what_may_unpickle_is_neither_imported_nor_installed() -> None:
    sources = [*(ROOT / "opportunities").rglob("*.py"), *(ROOT / "slantweb").rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources)

    assert (
        re.findall(r"^\s*(?:import|from) (?:pickle|cPickle|dill|shelve|marshal|huey)\b", text, re.MULTILINE)
        == []
    )
    assert not re.search(r"^huey==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
