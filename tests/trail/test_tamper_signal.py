"""The signal that somebody changed the trail is never given while it is whole, however busy it is."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from opportunities.clock import SystemClock
from opportunities.models import ChainHead
from opportunities.selectors.health import health
from opportunities.trail import audit
from opportunities.trail.audit import Actor


def append_event() -> None:
    with transaction.atomic():
        audit.record(clock=SystemClock(), by=Actor.operator("test"), action="test.happened")


def in_another_process(work: Callable[[], None]) -> None:
    """On a connection of its own, as another process has it, and to its end."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def test_an_event_written_between_two_statements_is_no_tampering(committed_db: str) -> None:
    in_another_process(append_event)
    asked: list[str] = []

    def append_after(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if "chainhead" in sql or "auditevent" in sql:
            asked.append(sql)
            in_another_process(append_event)
        return result

    with connection.execute_wrapper(append_after):
        answers = [health(SystemClock()).trail.ok for _ in range(3)]

    assert asked
    assert answers == [True, True, True]


def test_it_is_never_given_while_events_are_appended(committed_db: str) -> None:
    over = threading.Event()

    def append() -> None:
        while not over.is_set():
            append_event()

    writer = threading.Thread(target=lambda: in_another_process(append))
    writer.start()
    try:
        answers = {health(SystemClock()).trail.ok for _ in range(60)}
    finally:
        over.set()
        writer.join()

    assert ChainHead.objects.get().seq > 0
    assert answers == {True}


@pytest.mark.django_db
def test_a_head_that_is_gone_is_tampering_and_breaks_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The application's role may not delete it; so another row is asked for.
    real = ChainHead.objects.all()
    monkeypatch.setattr(
        ChainHead.objects, "annotate", lambda **columns: real.annotate(**columns).exclude(pk=1)
    )

    assert client.get("/readyz").json()["checks"]["trail"] == {"ok": False}
