"""A trail to look at, and ways to spoil it that the application itself has not."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection, transaction
from django.test import Client

from opportunities.clock import Clock
from opportunities.models import AuditEvent, ChainHead, Person
from opportunities.trail import audit, checkpoints, event_macs, verifier
from opportunities.trail.audit import Actor, AuditChange
from opportunities.trail.verify.rows import plain_rows
from tests.support.databases import as_owner
from tests.support.office import (  # noqa: F401 - the office of the actions' tests: submissions that really go out
    box,
    clock,
    office,
    production_waits,
    theo,
)

SignIn = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    caches["process"].clear()


@pytest.fixture
def signed_in(db: None) -> SignIn:
    def sign_in(person: Person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in


def write_events(number: int, clock: Clock, *, by: Actor | None = None) -> None:  # noqa: F811
    """`number` events with something in each kind of field."""
    by = by or Actor(
        "user", "Olivia Owner", "https://sign-on.example", "sub-olivia", ("sales",), source_ip="10.1.2.3"
    )
    with transaction.atomic():
        for n in range(number):
            audit.record(
                clock=clock,
                by=by,
                action="client_data.viewed",
                object_type="opportunity",
                object_id=f"op_{n}",
                outcome="ok",
                change=AuditChange({"value": n}, {"value": n + 1, "name": "Müller"}),
            )


def rows() -> list[dict[str, Any]]:
    """The whole trail as the chain hashes it."""
    return plain_rows(0)


@contextmanager
def spoiling() -> Iterator[Any]:
    """A cursor that may do what the triggers refuse; all it did is undone at the end."""
    with transaction.atomic(), as_owner(), connection.cursor() as cursor:
        _drop_triggers(cursor)
        yield cursor
        transaction.set_rollback(True)


def _drop_triggers(cursor: Any) -> None:
    if connection.vendor == "postgresql":
        cursor.execute("SET LOCAL session_replication_role = replica")
        return
    cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in cursor.fetchall():
        cursor.execute(f'DROP TRIGGER "{name}"')


@pytest.fixture
def as_web(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process signs its events as the web does."""
    monkeypatch.setattr(event_macs, "_writer", event_macs.WEB)


def rewrite_from(seq: int, *, with_keys: bool = False) -> None:
    """Make every hash from `seq` on fit again, as somebody who owns the database can.

    `with_keys`: and every MAC, as somebody can who has the worker's files too.
    """
    previous = AuditEvent.objects.get(pk=seq - 1).hash if seq > 1 else verifier.NO_HASH
    for event in AuditEvent.objects.filter(pk__gte=seq).order_by("seq"):
        event.prev_hash = previous
        event.hash = previous = audit.chain_hash(event)
        if with_keys:
            event_macs.sign(event)
        AuditEvent.objects.filter(pk=event.pk).update(
            prev_hash=event.prev_hash, hash=event.hash, mac=event.mac, mac_key=event.mac_key
        )
    last = AuditEvent.objects.order_by("-seq").first()
    assert last
    ChainHead.objects.update(seq=last.seq, hash=last.hash)


def checkpoint_now(clock: Clock) -> int:  # noqa: F811
    seq = checkpoints.write(clock=clock)
    assert seq
    return seq


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
