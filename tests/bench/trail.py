"""What a long trail costs: `python -m tests.bench.trail [EVENTS]`, or `rows()` for whoever prints all
measurements.

A firm of forty writes a million events in some ten years. They are made as the application makes them, in a
database of their own: five a deal, with the deals, people and households they are about.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
START = datetime(2017, 1, 2, 8, tzinfo=UTC)
PEOPLE = 40
HOUSEHOLDS = 2_000
BATCH = 5_000
ISSUER = "https://sign-on.example"


def rows(events: int = EVENTS) -> Iterator[tuple[str, float, str, float | None]]:
    """(what, figure, unit, aim or None): verifying, exporting, each page at a hundred events and at `events`,
    and what the chain adds to one submission. Needs `django.setup()` with tests.settings; makes its own
    database and removes it.
    """
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    if not hasattr(sys.modules["django.core.mail"], "outbox"):
        setup_test_environment()
    made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
    try:
        few = 100
        seed(0, few)
        before = dict(_pages())
        seed(few, events)
        yield ("trail: events", events, "", None)
        yield ("trail: verify_audit", _verify(events), "s", 60.0 * events / 1_000_000)
        yield from _exports(events)
        for name, after in _pages():
            yield (f"trail: page, {name}, at {few} events", before[name], "ms", None)
            yield (f"trail: page, {name}, at {events:,} events", after, "ms", max(2 * before[name], 100.0))
        yield from _chain()
    finally:
        teardown_databases(made, verbosity=0)


def seed(first: int, upto: int) -> None:
    """Events `first + 1` to `upto` with what they are about, chained from what is there."""
    from opportunities.models import AuditEvent, ChainHead, Household, Person
    from tests.support.people import make_firm

    if first == 0:
        make_firm()
        people = [
            Person(
                iss=ISSUER, sub=f"sub-{n}", name=f"Person {n}", email=f"p{n}@harbor.example", roles=["sales"]
            )
            for n in range(PEOPLE)
        ]
        people.append(Person(iss=ISSUER, sub="sub-cleo", name="Cleo Compliance", roles=["compliance"]))
        Person.objects.bulk_create(people)
        Household.objects.bulk_create(
            [Household(id=f"hh_{n}", name=f"Household {n}", book_id="bk_harbor") for n in range(HOUSEHOLDS)]
        )
    owner = Person.objects.get(sub="sub-0")
    head = ChainHead.objects.get()
    previous = head.hash
    for begin in range(first, upto, BATCH):
        numbers = range(begin, min(begin + BATCH, upto))
        deals = [n // 5 for n in numbers if n % 5 == 0]
        _insert([_deal(number, owner) for number in deals])
        _insert([_attempt(number) for number in deals])
        batch: list[AuditEvent] = []
        for n in numbers:
            event = _event(n, previous)
            previous = event.hash
            batch.append(event)
        _insert(batch)
    ChainHead.objects.update(seq=upto, hash=previous)


def _insert(rows: list[Any]) -> None:
    """Past the ORM's batches, which SQLite's limit of variables keeps small, in one transaction."""
    from django.db import connection, transaction
    from django.db.models import DateField, ForeignKey, JSONField, UUIDField

    meta = rows[0]._meta
    fields = list(meta.concrete_fields)
    prepare = [isinstance(field, DateField | ForeignKey | JSONField | UUIDField) for field in fields]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f'INSERT INTO "{meta.db_table}" ({columns}) VALUES ({marks})',
            [
                [
                    field.get_db_prep_save(row.__dict__[field.attname], connection)
                    if prepared
                    else row.__dict__[field.attname]
                    for field, prepared in zip(fields, prepare, strict=True)
                ]
                for row in rows
            ],
        )


def _deal_id(number: int) -> UUID:
    return UUID(int=(0xBE << 120) + number)


def _body(number: int) -> str:
    about = {"book_id": "bk_harbor", "household_id": f"hh_{number % HOUSEHOLDS}"}
    return json.dumps(about | {"name": f"Deal {number}", "value": 100_000 + number})


def _key(number: int) -> UUID:
    return UUID(int=(0xCE << 120) + number)


def _deal(number: int, owner: Any) -> Any:
    from opportunities.models import Submission

    body = _body(number)
    return Submission(
        id=_deal_id(number),
        reference=f"SW-{number:07d}",
        kind="create",
        state="confirmed",
        person=owner,
        by_iss=ISSUER,
        by_sub=f"sub-{number % PEOPLE}",
        by_display=f"Person {number % PEOPLE}",
        method="POST",
        path="/opportunities",
        body=body,
        body_sha256=hashlib.sha256(body.encode()).hexdigest(),
        book_id="bk_harbor",
        household_id=f"hh_{number % HOUSEHOLDS}",
        opportunity_id=f"op_{number}",
        name=f"Deal {number}",
        value=100_000 + number,
        form_token=f"t{number}",
        idempotency_key=_key(number),
        attempts_count=1,
        remote_status=201,
        created_at=START + timedelta(minutes=5 * number),
    )


def _attempt(number: int) -> Any:
    from opportunities.models import Attempt

    at = START + timedelta(minutes=5 * number, seconds=2)
    return Attempt(
        id=number + 1,
        submission_id=_deal_id(number),
        number=1,
        idempotency_key=_key(number),
        generation=1,
        method="POST",
        path="/opportunities",
        body_sha256=hashlib.sha256(_body(number).encode()).hexdigest(),
        fence=1,
        worker="vm:1:abc",
        started_at=at,
        lease_until=at,
        finished_at=at,
        outcome="ok",
        status=201,
        record_id=f"op_{number}",
        remote_request_id=f"req_{number}",
    )


def _event(n: int, previous: str) -> Any:
    """Sign-in, queued, sending, confirmed, looked at: in turn, for one deal."""
    from opportunities.models import AuditEvent
    from opportunities.trail import audit, event_macs

    deal, step = divmod(n, 5)
    at = START + timedelta(minutes=deal * 5, seconds=step)
    person, body = deal % PEOPLE, _body(deal)
    worker = step in (2, 3)
    state = {1: "queued", 2: "sending", 3: "confirmed"}.get(step, "")
    # One in a thousand is refused: what a rare filter has to find.
    refused = step == 4 and deal % 1000 == 0
    action = "person.signed_in" if step == 0 else f"submission.{state}" if state else "client_data.viewed"
    after = {"state": state} if state else {}
    if state == "queued":
        after |= {
            "kind": "create",
            "reference": f"SW-{deal:07d}",
            "name": f"Deal {deal}",
            "value": 100_000 + deal,
        }
    confirmed = state == "confirmed"
    event = AuditEvent(
        seq=n + 1,
        event_id=UUID(int=(0xEE << 120) + n),
        occurred_at=at,
        recorded_at=at,
        actor_type="worker" if worker else "user",
        actor_iss="" if worker else ISSUER,
        actor_sub="" if worker else f"sub-{person}",
        actor_display="vm:1:abc" if worker else f"Person {person}",
        actor_roles=[] if worker else ["sales"],
        source_ip="" if worker else "10.1.2.3",
        action="access.denied" if refused else action,
        object_type="person" if step == 0 else "submission",
        object_id=str(_deal_id(deal)),
        outcome="refused" if refused else state or "ok",
        before={"state": {2: "queued", 3: "sending"}[step]} if worker else {},
        after=after,
        body_sha256=hashlib.sha256(body.encode()).hexdigest() if state else "",
        attempt=int(worker) if state else None,
        generation=1 if state else None,
        key_id=audit.key_id(str(_key(deal))) if state else "",
        remote_status=201 if confirmed else None,
        remote_object_id=f"op_{deal}" if confirmed else "",
        remote_request_id=f"req_{deal}" if confirmed else "",
        app_version="0.1.0",
        prev_hash=previous,
    )
    event.hash = audit.chain_hash(event)
    event_macs.sign(event)
    return event


def _verify(events: int) -> float:
    from opportunities.trail.verify.whole import verify

    began = time.monotonic()
    report = verify()
    assert (report.problem, report.events) == (None, events), report.problem
    return time.monotonic() - began


def _exports(events: int) -> Iterator[tuple[str, float, str, float | None]]:
    from opportunities.clock import SystemClock
    from opportunities.trail import export
    from opportunities.trail.audit import Actor
    from opportunities.trail.query import TrailQuery

    for format in ("jsonl", "csv"):
        began = time.monotonic()
        opened = export.begin(TrailQuery(), format=format, by=Actor.operator("bench"), clock=SystemClock())
        size = sum(len(piece) for piece in export.stream(opened, format))
        took = time.monotonic() - began
        yield (f"trail: export as {format}, {size / 1e6:,.0f} MB", took, "s", None)


QUESTIONS = {
    "newest": "",
    "oldest": "before=60",
    "one person": f"who={ISSUER} sub-7",
    "the worker": "who=worker",
    "rare outcome": "outcome=refused",
    "rare event": "what=denied",
    "group of events": "what=deals",
    "a week of long ago": "since=2017-01-09&until=2017-01-15",
    "one deal": f"object=submission:{_deal_id(3)}",
    "who saw a household's deals": "saw=hh_3",
    "found by name": "q=Deal 11",
    "person and outcome": f"who={ISSUER} sub-0&outcome=refused",
}


def _pages() -> Iterator[tuple[str, float]]:
    """The middle of seven requests, milliseconds."""
    from django.test import Client

    from opportunities.models import Person

    client = Client()
    client.force_login(Person.objects.get(sub="sub-cleo"))
    for name, query in QUESTIONS.items():
        yield name, _middle(lambda query=query: client.get(f"/audit/?{query}"))  # type: ignore[misc]


def _middle(ask: Callable[[], Any], times: int = 7) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        assert ask().status_code == 200
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _chain() -> Iterator[tuple[str, float, str, float | None]]:
    """What one event adds to saving a submission: the lock, the hash, the row."""
    from unittest.mock import patch

    from opportunities.actions import form_tokens, submissions
    from opportunities.clock import SystemClock
    from opportunities.delivery.kinds import NewDeal
    from opportunities.models import Person
    from opportunities.trail.audit import Actor

    person = Person.objects.get(sub="sub-0")
    person.member_id = "us_owner"
    person.save()

    def submit(number: int) -> None:
        submissions.create(
            deal=NewDeal(book_id="bk_harbor", name=f"New {number}", pipeline_id="pl_prospects"),
            person=person,
            by=Actor.of(person),
            clock=SystemClock(),
            form_token=form_tokens.issue_token(person),
        )

    def each(numbers: range) -> float:
        took = []
        for number in numbers:
            began = time.perf_counter()
            submit(number)
            took.append((time.perf_counter() - began) * 1000)
        return median(took)

    each(range(20))
    whole = each(range(20, 220))
    with patch("opportunities.trail.audit.record"):
        bare = each(range(220, 420))
    yield ("trail: saving a submission", whole, "ms", None)
    yield ("trail: of it the chain", max(whole - bare, 0.0), "ms", None)


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    for what, figure, unit, aim in rows(events):
        told = f"{figure:,.0f}" if unit == "" else f"{figure:,.1f} {unit}"
        print(f"{what:70} {told:>14}" + (f"   (aim {aim:,.0f})" if aim else ""), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    main()
