"""The worker signs what people export from the page, and an auditor can refuse what nobody signed."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from opportunities.clock import SystemClock
from opportunities.models import AuditEvent, ExportSignature, Person
from opportunities.runtime import heartbeats
from opportunities.trail import (
    audit,
    export_contents,
    export_requests,
    export_signing,
    signing_keys,
    verifier,
)
from opportunities.trail.audit import AuditChange
from opportunities.trail.query import TrailQuery
from opportunities.trail.verifier import UNBELIEVABLE
from tests.support.people import make_person
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import SignIn, checkpoint_now, write_events
from tests.trail.test_exports import CLEO, exported, run_alone, verdict

Work = Callable[[], None]


@pytest.fixture
def auditor(db: None) -> Person:
    return make_person("Cleo Compliance", "compliance")


@pytest.fixture
def worker(db: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A worker that lives, and makes a round whenever the page waits for one. Lists what became of each."""
    rounds: list[str] = []
    heartbeats.beat("worker", clock=SystemClock())
    heartbeats.record_completion("worker", clock=SystemClock())

    def make_round(seconds: float) -> None:
        export_signing.sign_due(clock=SystemClock())
        rounds.append(ExportSignature.objects.latest("started").closing)
        assert len(rounds) < 5

    monkeypatch.setattr(export_requests.time, "sleep", make_round)
    return rounds


def taken_from_page(client: Any, **wanted: str) -> bytes:
    return b"".join(client.get("/audit/export/", {"format": "jsonl", **wanted}))


def test_the_worker_signs_what_is_exported_from_the_page(
    worker: list[str], auditor: Person, signed_in: SignIn, clock: TurnedClock
) -> None:
    write_events(5, clock)
    checkpoint_now(clock)
    write_events(2, clock)

    for wanted in ({}, {"who": "worker"}, {"since": "2026-11-01", "until": "2026-11-30", "q": "op_1"}):
        found = verdict(taken_from_page(signed_in(auditor), **wanted), signed=True)
        assert (found.code, found.origin[:23]) == (0, "Its manifest is signed:"), wanted
        assert auditor.display in found.origin
    assert {event.after["signed"] for event in AuditEvent.objects.filter(action="audit.exported")} == {True}


def test_an_export_that_leaves_an_event_out_is_not_signed(
    worker: list[str],
    auditor: Person,
    signed_in: SignIn,
    clock: TurnedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has the web leaves one out. The worker reads for itself, and signs nothing that lacks it."""
    write_events(5, clock)
    checkpoint_now(clock)
    honest = export_contents._rows
    client = signed_in(auditor)
    calls: list[str] = []

    def dishonest(export: Any) -> Any:
        calls.append("web" if not export.signs else "worker")
        for page in honest(export):
            yield [event for event in page if event["seq"] != 5 or export.signs]

    monkeypatch.setattr(export_contents, "_rows", dishonest)
    away = taken_from_page(client)

    assert set(calls) == {"web", "worker"}
    assert "signature" not in json.loads(away.splitlines()[-1])
    assert verdict(away, signed=True).code == UNBELIEVABLE
    assert AuditEvent.objects.get(action="audit.exported").after["signed"] is False


def test_nothing_is_signed_that_no_event_asked_for_or_that_makes_no_sense(
    db: None, clock: TurnedClock
) -> None:
    write_events(3, clock)
    with transaction.atomic():
        odd = AuditChange(after={"since": 5})
        event = audit.record(clock=clock, by=CLEO, action="audit.export_started", change=odd)

    for started in (3, event.seq):
        ExportSignature.objects.create(started=started, asked_at=clock.now())
        export_signing.sign_due(clock=clock)

        assert not ExportSignature.objects.exists()


def test_a_long_trail_is_read_a_second_a_round(
    db: None, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_signing, "SLICE_SECONDS", -1.0)
    write_events(3, clock)
    checkpoint_now(clock)
    with transaction.atomic():
        event = audit.record(clock=clock, by=CLEO, action="audit.export_started")
    ExportSignature.objects.create(started=event.seq, asked_at=clock.now())

    export_signing.sign_due(clock=clock)
    assert list(export_signing._under_way) == [event.seq]
    assert ExportSignature.objects.get().closing == ""
    monkeypatch.setattr(export_signing, "SLICE_SECONDS", 1.0)
    export_signing.sign_due(clock=clock)

    assert json.loads(ExportSignature.objects.get().closing.splitlines()[-1])["signature"]
    assert not export_signing._under_way


def test_a_query_is_read_back_as_it_was_written_down() -> None:
    wanted = TrailQuery(
        who="worker",
        actions=("sync.ran", "probe.ran"),
        outcome="good",
        object="opportunity:op_1",
        saw="hh_1",
        text="Mueller",
        since=date(2026, 11, 1),
        until=date(2026, 11, 30),
    )
    assert TrailQuery.from_json(wanted.as_json()) == wanted
    assert TrailQuery.from_json({}) == TrailQuery()


def test_an_auditor_refuses_what_nobody_signed(db: None, clock: TurnedClock, tmp_path: Path) -> None:
    """Four events that no checkpoint vouches for are cut off, and the manifest is mended: only this tells."""
    write_events(4, clock)
    checkpoint_now(clock)
    write_events(4, clock)
    *body, manifest = exported(clock).splitlines(keepends=True)
    cut = [*body[:4], *body[8:]]
    stated = json.loads(manifest)["manifest"] | {"count": 4, "last_seq": 4}
    stated["sha256"] = verifier.hashlib.sha256(b"".join(cut)).hexdigest()
    (tmp_path / "whole.jsonl").write_bytes(b"".join([*body, manifest]))
    (tmp_path / "cut.jsonl").write_bytes(b"".join(cut) + verifier.canonical({"manifest": stated}) + b"\n")
    (tmp_path / "verifier.py").write_bytes(Path(verifier.__file__).read_bytes())
    key = signing_keys.trusted_lines()[0]

    def code(name: str, *asked: str) -> int:
        return run_alone("verifier.py", name, "--key", key, "--whole", *asked, cwd=tmp_path).returncode

    assert (code("whole.jsonl", "--signed"), code("cut.jsonl"), code("cut.jsonl", "--signed")) == (0, 0, 4)


def test_nobody_waits_for_a_worker_that_does_not_live(
    auditor: Person, signed_in: SignIn, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_events(1, clock)
    monkeypatch.setattr(export_requests.time, "sleep", lambda seconds: pytest.fail("waited"))

    assert verdict(taken_from_page(signed_in(auditor))).code == 0
