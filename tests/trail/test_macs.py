"""Somebody who may write the database, and has no key, appends or rewrites events of the last minute."""

import stat
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from opportunities.models import Alert, AuditEvent, ChainHead, State, Submission
from opportunities.trail import (
    audit,
    checkpoint_rounds,
    checkpoints,
    event_macs,
    export_requests,
    export_signing,
    verifier,
)
from opportunities.trail.audit import Actor
from opportunities.trail.proving import Unproven
from opportunities.trail.verify.report import NOT_AS_SEEN
from opportunities.trail.verify.whole import verify
from tests.support.office import Office
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import checkpoint_now, rewrite_from, spoiling, write_events

EVENTS = "opportunities_auditevent"
OLIVIA = Actor("user", "Olivia Owner", "https://sign-on.example", "sub-olivia", ("sales",))
WORKER = Actor.worker("vm:1:abc")


def append_by_sql(mac_of: Callable[[AuditEvent], tuple[str, str] | None] = lambda event: None) -> int:
    """One more event as the newest, with INSERT and the head alone: a copy whose hash and number fit."""
    event = AuditEvent.objects.latest("seq")
    event.seq, event.prev_hash, event.event_id = event.seq + 1, event.hash, uuid4()
    event.actor_display = "Somebody Else"
    event.hash = audit.chain_hash(event)
    event.mac_key, event.mac = mac_of(event) or (None, None)
    columns = list(AuditEvent._meta.concrete_fields)
    values = [column.get_db_prep_save(getattr(event, column.attname), connection) for column in columns]
    names = ", ".join(column.column for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {EVENTS} ({names}) VALUES ({', '.join(['%s'] * len(columns))})", values)
        cursor.execute("UPDATE opportunities_chainhead SET seq = %s, hash = %s", [event.seq, event.hash])
    return event.seq


def found() -> tuple[int, int] | None:
    problem = verify().problem
    return problem[:2] if problem else None


def as_one_of_ours(event: AuditEvent) -> tuple[str, str]:
    """With a MAC that an event of before has, for there is none for this hash."""
    before = AuditEvent.objects.exclude(mac=None).latest("seq")
    assert before.mac_key
    assert before.mac
    return before.mac_key, before.mac


def under_a_made_up_key(event: AuditEvent) -> tuple[str, str]:
    key = b"made up"
    return event_macs._id_of("web", key), event_macs._mac(key, event.hash)


FORGERIES: list[Callable[[AuditEvent], tuple[str, str] | None]] = [
    lambda event: None,
    as_one_of_ours,
    under_a_made_up_key,
    lambda event: ("web:", "é" * 20),
]


@pytest.mark.parametrize("by", [OLIVIA, WORKER], ids=["web", "worker"])
def test_an_event_appended_with_insert_and_the_head_is_found(
    db: None, clock: TurnedClock, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_events(2, clock, by=WORKER)
    checkpoint_now(clock)
    monkeypatch.setattr(event_macs, "_writer", "web" if by is OLIVIA else "worker")
    write_events(3, clock, by=by)
    assert found() is None

    for mac_of in FORGERIES:
        with transaction.atomic():
            forged = append_by_sql(mac_of)
            write_events(1, clock, by=by)
            assert found() == (NOT_AS_SEEN, forged)
            transaction.set_rollback(True)


@pytest.mark.parametrize("by", [OLIVIA, WORKER], ids=["web", "worker"])
def test_events_rewritten_after_the_newest_checkpoint_are_found(
    db: None, clock: TurnedClock, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the owner of the database: hashes and head fit, and no checkpoint and no machine has seen them."""
    write_events(2, clock)
    checkpoint_now(clock)
    monkeypatch.setattr(event_macs, "_writer", "web" if by is OLIVIA else "worker")
    write_events(3, clock, by=by)
    with spoiling() as cursor:
        cursor.execute(f"UPDATE {EVENTS} SET actor_display = 'Nobody' WHERE seq = 4")
        rewrite_from(4)
        rewritten = found()
        cursor.execute(f"UPDATE {EVENTS} SET mac = NULL, mac_key = NULL WHERE seq >= 4")
        without = found()

    assert rewritten == without == (NOT_AS_SEEN, 4)
    assert found() is None


def test_the_key_of_the_web_says_neither_what_a_worker_did_nor_what_no_page_does(
    db: None, clock: TurnedClock, as_web: None
) -> None:
    """Whoever has the web's account has its key, and is found out all the same."""
    checkpoints.signing_keys.signing_key()
    write_events(2, clock, by=OLIVIA)
    assert found() is None

    forged = [(WORKER, "submission.confirmed"), *((OLIVIA, action) for action in event_macs.NEVER_OF_WEB)]
    for by, action in forged:
        with transaction.atomic():
            audit.record(clock=clock, by=by, action=action)
            assert found() == (NOT_AS_SEEN, 3), action
            transaction.set_rollback(True)


def test_no_checkpoint_vouches_for_it_and_managers_are_told_within_a_minute(office: Office) -> None:
    office.submit(name="Before")
    office.rounds(minutes=2)
    good = AuditEvent.objects.latest("seq").seq
    with transaction.atomic():
        forged = append_by_sql()
        waiting = office.submit(name="After")
        office.rounds(minutes=2)
        alert = Alert.objects.get(closed_at=None)
        numbers = checkpoints.numbers()
        with pytest.raises(Unproven):
            checkpoints.write(clock=office.clock)
        transaction.set_rollback(True)

    assert alert.cause == "event_unproven"
    assert f"Event {forged} has no MAC" in alert.text
    # What came before it is vouched for, and deals go on.
    assert numbers[-1] == good
    assert Submission.objects.filter(pk=waiting.pk, state=State.QUEUED).exists() is False


def test_somebody_answers_for_it_in_a_signed_note_and_the_trail_goes_on(
    db: None, clock: TurnedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    write_events(2, clock)
    checkpoint_now(clock)
    forged = append_by_sql()
    write_events(1, clock)
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit")
    assert ended.value.code == 7
    with pytest.raises(CommandError, match="--reason"):
        call_command("verify_audit", accept=str(forged))

    call_command("verify_audit", accept=str(forged), reason="the consultant's script, ticket 12")

    assert "the consultant's script, ticket 12" in capsys.readouterr().out
    assert checkpoint_now(clock) == AuditEvent.objects.latest("seq").seq
    # Of that event alone, as it is now.
    later = append_by_sql()
    assert found() == (NOT_AS_SEEN, later)


def test_a_note_that_nobody_signed_answers_for_nothing(db: None, clock: TurnedClock) -> None:
    write_events(2, clock)
    checkpoint_now(clock)
    forged = append_by_sql()
    checkpoints.note_accepted(forged, forged, by="me", reason="mine", clock=clock)
    (note,) = checkpoints.folder().glob("accepted-*.json")
    note.chmod(0o600)
    note.write_text(note.read_text().replace('"mine"', '"ours"'))

    assert found() == (NOT_AS_SEEN, forged)


def test_a_worker_signs_no_export_that_holds_it(db: None, clock: TurnedClock) -> None:
    write_events(2, clock)
    checkpoint_now(clock)
    append_by_sql()
    with transaction.atomic():
        started = audit.record(clock=clock, by=OLIVIA, action="audit.export_started")
        export_requests.ask(started, clock=clock)

    export_signing.sign_due(clock=clock)

    assert export_requests.oldest_due(clock.now()) is None
    assert not export_requests.ExportSignature.objects.filter(pk=started.pk).exists()


# What is no forgery


def test_events_of_older_versions_have_none_and_are_good(db: None, clock: TurnedClock) -> None:
    """Until a checkpoint speaks of MACs: from then on every event must have one."""
    write_events(3, clock)
    with spoiling() as cursor:
        cursor.execute(f"UPDATE {EVENTS} SET mac = NULL, mac_key = NULL")
        assert found() is None
        old = checkpoint_now(clock)
        assert found() is None
        write_events(2, clock)
        new = checkpoint_now(clock)
        assert found() is None
        last = append_by_sql()
        strict = found()
        stated = [checkpoints.read(seq, keys=checkpoints.signing_keys.trusted_keys()) for seq in (old, new)]
        for seq in (old, new):
            (checkpoints.folder() / checkpoints.name_of(seq)).unlink()

    assert strict == (NOT_AS_SEEN, last)
    assert [one.envelope["checkpoint"]["macs"] for one in stated] == [False, True]


def test_a_new_secret_key_and_a_new_signing_key_leave_older_events_proven(
    db: None, clock: TurnedClock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_events(2, clock, by=WORKER)
    checkpoint_now(clock)
    with monkeypatch.context() as web:
        web.setattr(event_macs, "_writer", "web")
        write_events(2, clock, by=OLIVIA)
    assert found() is None
    path = event_macs.memory_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    settings.SECRET_KEY = "another-" + "0123456789abcdefghijklmnopqrstuvwxyz"
    checkpoints.signing_keys.key_file().unlink()
    checkpoints.signing_keys.signing_key()
    assert found() is None
    write_events(1, clock, by=WORKER)
    checkpoint_now(clock)

    # Also without the memory, once a checkpoint has vouched for them.
    path.unlink()
    assert found() is None


def test_a_worker_that_does_not_know_the_webs_key_yet_goes_on_once_it_does(
    db: None, clock: TurnedClock, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_events(2, clock)
    checkpoint_now(clock)
    ours = settings.SECRET_KEY
    with monkeypatch.context() as web:
        web.setattr(event_macs, "_writer", "web")
        settings.SECRET_KEY = "another-" + "0123456789abcdefghijklmnopqrstuvwxyz"
        write_events(1, clock, by=OLIVIA)
        settings.SECRET_KEY = ours
    clock.turn(60)
    assert checkpoint_rounds.write_if_due(clock=clock) is None
    assert Alert.objects.get(closed_at=None).cause == "event_unproven"

    settings.SECRET_KEY_FALLBACKS = ["another-" + "0123456789abcdefghijklmnopqrstuvwxyz"]
    clock.turn(60)

    assert checkpoint_rounds.write_if_due(clock=clock) == 3
    assert not Alert.objects.filter(closed_at=None).exists()


def test_an_account_without_the_workers_key_says_that_it_checked_none(db: None, clock: TurnedClock) -> None:
    write_events(2, clock)
    checkpoint_now(clock)
    checkpoints.signing_keys.key_file().unlink()

    report = verify()

    assert (report.code, "MACs of events were not checked" in report.notes[-1]) == (0, True)


def test_the_web_needs_no_other_key_and_never_looks_at_the_workers(
    db: None, clock: TurnedClock, as_web: None
) -> None:
    write_events(1, clock, by=OLIVIA)

    assert AuditEvent.objects.get().mac_key.startswith("web:")  # type: ignore[union-attr]
    assert not checkpoints.signing_keys.key_file().exists()
    assert not event_macs.memory_file().exists()


def test_the_mac_stands_outside_of_what_is_hashed_and_exported(db: None, clock: TurnedClock) -> None:
    """So that a verifier of any version reads every line there ever was."""
    write_events(1, clock)
    event = AuditEvent.objects.get()

    assert event.mac
    line = verifier.canonical(audit.event_fields(event) | {"hash": event.hash}).decode()
    assert "mac" not in verifier.parse(line)
    assert event.mac not in line
    assert ChainHead.objects.get().hash == event.hash


def test_hold_and_release_may_run_as_the_webs_account(db: None, clock: TurnedClock) -> None:
    """Which has no signing key, and must not make one that then signs as the worker's."""
    call_command("hold", reason="the consultant asked")
    assert not checkpoints.signing_keys.key_file().exists()
    checkpoints.signing_keys.signing_key()
    call_command("release")

    keys = AuditEvent.objects.order_by("seq").values_list("mac_key", flat=True)
    assert [str(key).partition(":")[0] for key in keys] == ["web", "worker"]
    assert found() is None
