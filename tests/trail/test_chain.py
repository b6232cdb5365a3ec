"""Whatever is done to the trail behind the application's back is found, and the place is named."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Count

from opportunities.actions.form_tokens import issue_token
from opportunities.actions.submissions import change
from opportunities.clock import SystemClock
from opportunities.delivery import restore_guard
from opportunities.delivery.kinds import DealChanges
from opportunities.models import (
    OPEN,
    Alert,
    Attempt,
    AuditEvent,
    ChainHead,
    Instance,
    Kind,
    Lease,
    Role,
    Submission,
)
from opportunities.selectors.audit import page
from opportunities.trail import checkpoint_rounds, checkpoints, export_contents, signing_keys, verifier
from opportunities.trail.audit import Actor
from opportunities.trail.query import TrailQuery
from opportunities.trail.verifier import ALTERED, BEHIND, MISSING, UNBELIEVABLE, Chain
from opportunities.trail.verify import compared, whole
from opportunities.trail.verify.nightly import conclude
from opportunities.trail.verify.replay import DIFFERS, Replay
from opportunities.trail.verify.report import VerificationReport
from opportunities.trail.verify.whole import verify
from tests.support.office import Office
from tests.support.people import make_person
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import checkpoint_now, rewrite_from, rows, spoiling, write_events

LENGTH = 200
EVENTS, HEAD = "opportunities_auditevent", "opportunities_chainhead"


def first_bad(events: list[dict[str, Any]]) -> int | None:
    chain = Chain()
    for event in events:
        if problem := chain.follow(event):
            return problem.seq
    return None


@pytest.mark.skipif("postgresql" in os.environ.get("TEST_DATABASE_URL", ""), reason="knows no database")
@pytest.mark.slow
def test_each_byte_of_a_chain_flipped_is_found_at_its_event(db: None, clock: TurnedClock) -> None:
    write_events(LENGTH, clock)
    events = rows()
    assert first_bad(events) is None
    flipped = 0

    for place, event in enumerate(events):
        line = verifier.canonical(event)
        before = Chain(place, events[place - 1]["hash"] if place else verifier.NO_HASH)
        for at in range(len(line)):
            other = bytearray(line)
            other[at] ^= 1
            try:
                spoilt = json.loads(bytes(other))
            except ValueError:
                continue  # no longer an event at all
            flipped += 1
            problem = Chain(before.seq, before.hash).follow(spoilt)
            assert problem, (place, at)
            assert problem.seq in (place + 1, spoilt.get("seq")), (place, at)
    assert flipped > 100_000


@pytest.mark.parametrize(
    ("spoil", "seq"),
    [
        (lambda events: events[1:], 1),
        (lambda events: events[:99] + events[100:], 100),
        (lambda events: [*events[:49], events[50], events[49], *events[51:]], 50),
        (lambda events: [*events[:50], events[49], *events[50:]], 50),
        (lambda events: [*events[:50], events[50] | {"event_id": "x"}, *events[50:]], 51),
    ],
    ids=["first deleted", "one deleted", "two swapped", "one inserted twice", "one inserted"],
)
def test_a_chain_that_was_cut_or_mended_is_found_where_it_was(
    db: None, clock: TurnedClock, spoil: Callable[[list[Any]], list[Any]], seq: int
) -> None:
    write_events(LENGTH, clock)

    assert first_bad(spoil(rows())) == seq


def test_the_owner_of_the_database_is_found_out(db: None, clock: TurnedClock) -> None:
    """Every way of the specification, with the triggers dropped, against the whole verification."""
    write_events(150, clock)
    checkpoint_now(clock)
    write_events(50, clock)
    checkpoint_now(clock)
    assert verify().code == 0

    def sql(*statements: str) -> Callable[[Any], None]:
        return lambda cursor: [cursor.execute(statement) for statement in statements] and None

    def renumber(cursor: Any) -> None:
        """One more event in the middle, the later ones pushed up by one."""
        cursor.execute(f"UPDATE {EVENTS} SET seq = -seq - 1 WHERE seq > 100")
        cursor.execute(f"UPDATE {EVENTS} SET seq = -seq WHERE seq < 0")
        extra = AuditEvent.objects.get(pk=100)
        extra.pk, extra.event_id, extra.hash = 101, Instance.current().instance_id, "e" * 64
        extra.save(force_insert=True)

    def swap(cursor: Any) -> None:
        cursor.execute(f"UPDATE {EVENTS} SET seq = 1000 WHERE seq = 60")
        cursor.execute(f"UPDATE {EVENTS} SET seq = 60 WHERE seq = 61")
        cursor.execute(f"UPDATE {EVENTS} SET seq = 61 WHERE seq = 1000")

    def rewrite(seq: int) -> Callable[[Any], None]:
        def do(cursor: Any) -> None:
            cursor.execute(f"UPDATE {EVENTS} SET actor_display = 'nobody' WHERE seq = {seq}")
            rewrite_from(seq)

        return do

    def restore(seq: int) -> Callable[[Any], None]:
        def do(cursor: Any) -> None:
            cursor.execute(f"DELETE FROM {EVENTS} WHERE seq > {seq}")
            ChainHead.objects.update(seq=seq, hash=AuditEvent.objects.get(pk=seq).hash)

        return do

    found = {}
    for name, spoil in {
        "changed": sql(f"UPDATE {EVENTS} SET actor_display = 'nobody' WHERE seq = 77"),
        "garbled": sql(f"UPDATE {EVENTS} SET after = '{{\"value\": 5}}' WHERE seq = 78"),
        "first deleted": sql(f"DELETE FROM {EVENTS} WHERE seq = 1"),
        "middle deleted": sql(f"DELETE FROM {EVENTS} WHERE seq BETWEEN 90 AND 92"),
        "last deleted": sql(f"DELETE FROM {EVENTS} WHERE seq = 200"),
        "last deleted, head put back": restore(199),
        "old backup restored": restore(120),
        "everything deleted": sql(f"DELETE FROM {EVENTS}", f"UPDATE {HEAD} SET seq = 0, hash = '{'0' * 64}'"),
        "two swapped": swap,
        "one inserted": renumber,
        "rewritten from 1": rewrite(1),
        "rewritten from 120": rewrite(120),
        "rewritten from 180": rewrite(180),
        "head put back": sql(f"UPDATE {HEAD} SET seq = 100"),
        "head gone": sql(f"DELETE FROM {HEAD}"),
    }.items():
        with spoiling() as cursor:
            spoil(cursor)
            problem = verify().problem
            found[name] = (problem.code, problem.seq) if problem else None

    assert found == {
        "changed": (ALTERED, 77),
        "garbled": (ALTERED, 78),
        "first deleted": (MISSING, 1),
        "middle deleted": (MISSING, 90),
        "last deleted": (MISSING, 200),
        "last deleted, head put back": (BEHIND, 200),
        "old backup restored": (BEHIND, 121),
        "everything deleted": (BEHIND, 1),
        "two swapped": (ALTERED, 60),
        "one inserted": (ALTERED, 101),
        # All hashes fit again: the first checkpoint after it is what tells, and between which events it was.
        "rewritten from 1": (ALTERED, 150),
        "rewritten from 120": (ALTERED, 150),
        "rewritten from 180": (ALTERED, 200),
        "head put back": (BEHIND, 101),
        "head gone": (BEHIND, 201),
    }
    assert verify().code == 0


def test_checkpoints_that_cannot_be_believed_are_found(db: None, clock: TurnedClock) -> None:
    write_events(10, clock)
    seq = checkpoint_now(clock)
    path = checkpoints.folder() / f"{seq:012d}.json"
    good = json.loads(path.read_text())

    def found(content: Any) -> tuple[int, int]:
        path.chmod(0o600)
        path.write_text(json.dumps(content))
        problem = verify().problem
        assert problem
        return problem.code, problem.seq

    forged = checkpoints.sign(
        good["checkpoint"] | {"key": signing_keys.public_half(other := Ed25519PrivateKey.generate())}, other
    )
    assert found(good | {"signature": "0" * 128}) == (UNBELIEVABLE, seq)
    assert found({"checkpoint": good["checkpoint"] | {"count": 9}, "signature": good["signature"]}) == (
        UNBELIEVABLE,
        seq,
    )
    assert found(forged) == (UNBELIEVABLE, seq)
    assert found("nonsense") == (UNBELIEVABLE, seq)
    path.write_text(json.dumps(good))
    conclude(verify(), by=audit_actor(), clock=clock)
    path.unlink()
    problem = verify().problem
    assert problem
    assert (problem.code, problem.seq) == (UNBELIEVABLE, seq)
    assert "is gone" in problem.words


def audit_actor() -> Any:
    return Actor.operator("test")


SUBMISSION, ATTEMPT = "opportunities_submission", "opportunities_attempt"
DONE = f"UPDATE {SUBMISSION} SET %s WHERE name = 'Done'"
REFUSED = f"UPDATE {SUBMISSION} SET %s WHERE name = 'Refused'"
FIRST = f"UPDATE {ATTEMPT} SET %s WHERE submission_id IN (SELECT id FROM {SUBMISSION} WHERE name = 'Done')"
SECOND = FIRST.replace("Done", "Refused")


@pytest.fixture
def some_of_each(office: Office) -> Office:
    """One that Slant took, one that it refused, and one that waits."""
    office.submit(name="Done")
    office.round()
    office.submit(name="Refused", pipeline_stage_id="st_none")
    office.round()
    office.submit(name="Waiting")
    assert set(Submission.objects.values_list("name", "state")) == {
        ("Done", "confirmed"),
        ("Refused", "rejected"),
        ("Waiting", "queued"),
    }
    assert verify().submissions == 3
    return office


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (DONE % "state = 'rejected'", "its state"),
        (DONE % "body = '{}'", "its body"),
        (DONE % f"body = '', body_sha256 = '{verifier.NO_HASH}'", "its body"),
        (DONE % "opportunity_id = 'op_other'", "its record in Slant"),
        (REFUSED % "opportunity_id = 'op_other'", "its record in Slant"),
        (DONE % "by_display = 'Somebody Else'", "who asked for it"),
        (DONE % "by_sub = 'sub-other'", "who asked for it"),
        (DONE % "reference = 'SW-other'", "who asked for it"),
        (DONE % "duplicate_of = 'op_other'", "who asked for it"),
        (DONE % "supersedes_id = id", "who asked for it"),
        (DONE % "name = 'Other'", "what it shows of its body"),
        (DONE % "value = 1", "what it shows of its body"),
        (DONE % "household_id = 'hh_other'", "what it shows of its body"),
        (DONE % "book_id = 'bk_other'", "what it shows of its body"),
        (DONE % "kind = 'edit'", "who asked for it"),
        (DONE % "remote_status = 500", "what Slant said"),
        (DONE % "remote_status = NULL", "what Slant said"),
        (REFUSED % "remote_status = NULL", "what Slant said"),
        (DONE % "generation = 2", "its key"),
        (DONE % "idempotency_key = '0b5e0000000000000000000000000000'", "its key"),
        (REFUSED % "reason_text = 'Another reason.'", "the reason of its end"),
        (REFUSED % "reason_code = 'date_passed'", "the reason of its end"),
        (DONE % "attempts_count = 99", "how often it was tried"),
        (f"DELETE FROM {ATTEMPT}", "how often it was tried"),
        (FIRST % "number = 2", "how often it was tried"),
        (FIRST % "status = 500", "what became of attempt 1"),
        (FIRST % "outcome = 'rejected'", "what became of attempt 1"),
        (FIRST % "record_id = 'op_other'", "what became of attempt 1"),
        (FIRST % "remote_request_id = 'other'", "what became of attempt 1"),
        (FIRST % "finished_at = NULL", "what became of attempt 1"),
        (SECOND % "message = 'Another reason.'", "what became of attempt 1"),
        (FIRST % "generation = 2", "the key of attempt 1"),
        (FIRST % "idempotency_key = '0b5e0000000000000000000000000000'", "the key of attempt 1"),
        (FIRST % "body_sha256 = 'other'", "what attempt 1 sent"),
        (FIRST % "path = '/other'", "what attempt 1 sent"),
    ],
)
def test_a_submission_and_its_attempts_are_what_their_events_say(
    some_of_each: Office, statement: str, named: str
) -> None:
    with spoiling() as cursor:
        cursor.execute(statement)
        problem = verify().problem

    assert problem
    assert (problem.code, problem.seq > 0) == (DIFFERS, True)
    assert named in problem.words
    assert verify().code == 0


@pytest.mark.skipif("postgresql" in os.environ.get("TEST_DATABASE_URL", ""), reason="takes no such value")
def test_a_row_that_cannot_even_be_read_is_a_finding_and_no_crash(some_of_each: Office) -> None:
    for table in (SUBMISSION, ATTEMPT):
        with spoiling() as cursor:
            cursor.execute(f"UPDATE {table} SET idempotency_key = 'nonsense ' || id")
            problem = verify().problem
        assert problem
        assert (problem.code, "cannot be read" in problem.words) == (DIFFERS, True)


@pytest.mark.parametrize("by", ["somebody", "recover"])
def test_an_attempt_of_which_no_event_tells_is_found(some_of_each: Office, by: str) -> None:
    """Also one that pretends to be what `recover` adds, while nobody recovered anything."""
    row = Submission.objects.get(name="Waiting")
    now = some_of_each.clock.now()
    with spoiling():
        Submission.objects.filter(pk=row.pk).update(attempts_count=1)
        Attempt.objects.create(
            submission=row, number=1, idempotency_key=row.idempotency_key, generation=1, method=row.method,
            path=row.path, body_sha256=row.body_sha256, fence=1, worker=by, started_at=now, lease_until=now,
            finished_at=now, outcome="abandoned",
        )  # fmt: skip
        problem = verify().problem

    assert problem
    assert problem.code == DIFFERS
    assert "of which no event tells" in problem.words


@pytest.mark.slow
def test_every_course_of_a_submission_verifies(office: Office) -> None:
    """Answers of every kind, lost ones, keys replaced, decisions of people, a recovered database: no false
    alarm.
    """
    clock = office.clock
    tricks = ["ok", "429", "403", "refused", "drop_before", "drop_after", "502", "+500", "slow", "422", "401"]
    for trick in tricks:
        office.box.mischief.append(trick)
        office.submit(name=trick, confirm_duplicate=True)
        office.round()
        assert verify().problem is None, trick
    office.submit(name="impossible", pipeline_stage_id="st_none")
    first = Submission.objects.get(name="ok").opportunity_id
    for fields in ({"name": "ok, renamed"}, {"value": 5, "name": "again"}):
        change(
            changes=DealChanges(first, fields, {"name": "somebody else's"}),
            kind=Kind.EDIT,
            person=office.person,
            by=office.by,
            clock=clock,
            form_token=issue_token(office.person),
            confirm_overwrite=True,
        )
    for _ in range(12):
        office.rounds(minutes=10, every=120)
        assert verify().problem is None
    office.box.mischief.append("drop_before")
    office.submit(name="in doubt")
    office.round()
    office.submit(name="not sent yet")
    unsettled = Submission.objects.filter(state__in=OPEN).count()
    assert unsettled > 1
    for _ in range(2):
        restore_guard.recover(by=audit_actor(), clock=clock, reason="test")
        assert verify().problem is None
    office.rounds(minutes=30, every=120)
    assert verify().problem is None
    states = dict(Submission.objects.values_list("state").annotate(Count("pk")))
    assert states["confirmed"] > 5
    assert states["rejected"] > 1
    assert Attempt.objects.filter(generation__gt=1).exists()
    assert Attempt.objects.filter(worker="recover").count() == 2 * unsettled


def test_a_submission_that_moves_on_while_it_is_verified_is_no_finding(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events were read when it waited; by the time its row is, it has been sent and confirmed."""
    office.submit()
    office.round()
    office.submit(name="Waiting")
    readings = []

    def after_a_round(after: Any) -> Any:
        if not readings:
            office.round()
            office.submit(name="Written meanwhile")
        readings.append(after)
        return read(after)

    read = compared._submissions
    monkeypatch.setattr(compared, "_submissions", after_a_round)
    report = verify()

    assert (report.problem, report.submissions) == (None, 3)
    assert Submission.objects.get(name="Waiting").state == "confirmed"


def test_a_submission_that_moves_on_while_it_is_asked_again_is_asked_once_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = office.submit()
    told = Replay()
    for event in rows():
        assert told.take(event) is None
    readings = []

    def after_a_round(id: str, before: Any) -> Any:
        if not readings:
            office.round()
        readings.append(id)
        return go_on(id, before)

    go_on = compared._with_newer_events
    monkeypatch.setattr(compared, "_with_newer_events", after_a_round)

    assert compared._still_differs(row.pk, told.submissions[str(row.pk)], told, VerificationReport()) == ""
    assert len(readings) == 2


def test_a_submission_without_events_and_events_without_it(office: Office) -> None:
    row = office.submit()
    with spoiling() as cursor:
        Submission.objects.filter(pk=row.pk).update(state="confirmed", opportunity_id="op_x")
        copy = Submission.objects.get(pk=row.pk)
        copy.pk, copy.reference, copy.form_token = None, "SW-other", "other"
        copy.idempotency_key, copy.opportunity_id = Instance.current().instance_id, "op_y"
        copy.save(force_insert=True)
        Submission.objects.filter(pk=row.pk).update(state="queued")
        alone = verify().problem
        cursor.execute("DELETE FROM opportunities_submission")
        gone = verify().problem

    assert alone
    assert gone
    assert (alone.code, gone.code, gone.seq) == (5, 5, AuditEvent.objects.get(object_id=str(row.pk)).seq)


def test_the_command_says_so_with_its_exit_code_and_raises_an_alert(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SystemClock()
    write_events(5, clock)
    checkpoint_now(clock)
    call_command("verify_audit")
    assert "Good: 5 events, 1 checkpoints (the newest at 5)" in capsys.readouterr().out

    with spoiling() as cursor:
        cursor.execute(f"UPDATE {EVENTS} SET source_ip = '' WHERE seq = 3")
        with pytest.raises(SystemExit) as ended:
            call_command("verify_audit")
        assert ended.value.code == 1
        assert "first bad sequence 3" in capsys.readouterr().out
        assert Alert.objects.get(cause="trail_broken", closed_at=None).text.startswith(
            "The audit trail is not"
        )
        assert AuditEvent.objects.latest("seq").after["first_bad"] == 3

    call_command("verify_audit")
    assert not Alert.objects.filter(closed_at=None).exists()


def test_the_command_ends_with_the_code_of_each_finding_and_an_alert(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the trail can take no event any more: its head gone, or put back to where an event is."""
    office.submit()
    office.round()
    (seq,) = checkpoints.numbers()
    auditor = make_person("Cleo Compliance", Role.COMPLIANCE)
    call_command("verify_audit")
    assert capsys.readouterr().out.startswith("Good:")
    last = AuditEvent.objects.latest("seq").seq
    path = checkpoints.folder() / f"{seq:012d}.json"
    good = path.read_text()
    path.chmod(0o600)

    def forge(cursor: Any) -> None:
        path.write_text(good.replace('"count": ', '"count": 1'))

    def sql(*statements: str) -> Callable[[Any], None]:
        return lambda cursor: [cursor.execute(statement) for statement in statements] and None

    # How it is spoilt, and whether the finding still fits into the trail as an event.
    ways: dict[str, tuple[Callable[[Any], None], bool]] = {
        "changed": (sql(f"UPDATE {EVENTS} SET actor_display = '' WHERE seq = 2"), True),
        "removed": (sql(f"DELETE FROM {EVENTS} WHERE seq = 2"), True),
        "head put back": (sql(f"UPDATE {HEAD} SET seq = 1"), False),
        "head gone": (sql(f"DELETE FROM {HEAD}"), False),
        "end removed": (
            sql(
                f"DELETE FROM {EVENTS} WHERE seq > 2",
                f"UPDATE {HEAD} SET seq = 2, hash = (SELECT hash FROM {EVENTS} WHERE seq = 2)",
            ),
            True,
        ),
        "checkpoint": (forge, True),
        "submission": (sql("UPDATE opportunities_submission SET state = 'rejected'"), True),
    }
    found = {}
    for name, (spoil, fits) in ways.items():
        with spoiling() as cursor:
            spoil(cursor)
            with pytest.raises(SystemExit) as ended:
                call_command("verify_audit")
            found[name] = ended.value.code
            told = capsys.readouterr().out
            assert told.startswith("NOT GOOD: first bad sequence"), name
            assert ("takes no event" in told) is not fits, name
            assert Alert.objects.filter(cause="trail_broken", closed_at=None).count() == 1, name
            recorded = AuditEvent.objects.filter(action="audit.verified", outcome="failed")
            assert recorded.exists() is fits, name
            seal = page.trail(auditor, TrailQuery()).seal
            assert seal, name
            assert seal.tone == "bad", name
        path.write_text(good)

    assert found == {
        "changed": ALTERED,
        "removed": MISSING,
        "head put back": BEHIND,
        "head gone": BEHIND,
        "end removed": BEHIND,
        "checkpoint": UNBELIEVABLE,
        "submission": DIFFERS,
    }
    call_command("verify_audit")
    assert capsys.readouterr().out.startswith(f"Good: {last} events")


@pytest.mark.parametrize("spoil", [f"UPDATE {HEAD} SET seq = 1", f"DELETE FROM {HEAD}"])
def test_the_worker_alerts_to_a_trail_that_takes_no_event(office: Office, spoil: str) -> None:
    office.submit()
    office.round()
    office.submit(name="Left waiting")
    with spoiling() as cursor:
        cursor.execute(spoil)
        office.clock.turn(minutes=11)
        for _ in range(3):
            with suppress(DatabaseError, ChainHead.DoesNotExist):
                office.round()
            office.clock.turn(minutes=1)

        causes = set(Alert.objects.filter(closed_at=None).values_list("cause", flat=True))
        assert "trail_broken" in causes
        assert Submission.objects.filter(state="queued").count() == 1, "nothing is sent without its event"
        # Not asked again each round: the next is the coming night's.
        assert Lease.objects.get(pk="verify_audit").until > office.clock.now() + timedelta(hours=1)


def test_the_worker_verifies_nightly_by_itself(office: Office) -> None:
    office.submit()
    office.round()
    office.clock.turn(minutes=11)
    office.round()
    first = AuditEvent.objects.get(action="audit.verified")
    assert (first.outcome, first.after["submissions"]) == ("ok", 1)

    office.clock.turn(minutes=60)
    office.round()
    assert AuditEvent.objects.filter(action="audit.verified").count() == 1

    office.clock.turn(minutes=60 * 14)
    office.round()
    assert AuditEvent.objects.filter(action="audit.verified").count() == 2


def test_the_database_refuses_every_change_of_the_past(office: Office) -> None:
    """ORM and raw SQL alike, whoever asks through the application's own connection."""
    office.submit()
    office.round()
    event = AuditEvent.objects.first()
    assert event
    columns = ", ".join(column.column for column in AuditEvent._meta.concrete_fields)
    statements = [
        f"UPDATE {EVENTS} SET actor_display = 'nobody'",
        f"UPDATE {EVENTS} SET seq = seq + 1000",
        f"DELETE FROM {EVENTS}",
        f"DELETE FROM {HEAD}",
        f"UPDATE {HEAD} SET seq = 0",
    ]
    if connection.vendor == "postgresql":
        statements += [
            f"TRUNCATE {EVENTS}",
            f"TRUNCATE {EVENTS} CASCADE",
            f"ALTER TABLE {EVENTS} DISABLE TRIGGER ALL",
            f"DROP TRIGGER auditevent_no_update ON {EVENTS}",
            f"DROP TABLE {EVENTS}",
            "SET session_replication_role = replica",
            "CREATE TABLE mine (id integer)",
        ]
    else:
        statements += [
            f"INSERT OR REPLACE INTO {EVENTS} SELECT {columns} FROM {EVENTS} WHERE seq = 1",
            f"REPLACE INTO {EVENTS} ({columns}) SELECT "
            f"{columns.replace('seq', 'seq + 900', 1)} FROM {EVENTS} WHERE seq = 1",
            f"UPDATE OR REPLACE {EVENTS} SET seq = 2 WHERE seq = 1",
            "INSERT OR REPLACE INTO opportunities_submission SELECT * FROM opportunities_submission",
            "INSERT OR REPLACE INTO opportunities_attempt SELECT * FROM opportunities_attempt",
        ]
    before = rows()
    for statement in statements:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    for by_orm in (
        event.save,
        event.delete,
        AuditEvent.objects.all().delete,
        lambda: AuditEvent.objects.update(outcome="ok"),
        lambda: AuditEvent.objects.bulk_update([event], ["outcome"]),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            by_orm()

    assert rows() == before


def test_the_key_is_made_once_for_its_owner_alone(db: None, clock: TurnedClock, tmp_path: Path) -> None:
    write_events(1, clock)
    checkpoint_now(clock)

    path = signing_keys.key_file()
    assert path.parent == tmp_path
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing_keys.trusted_keys() == {signing_keys.public_half(signing_keys.signing_key())}


def test_a_key_that_is_configured_and_missing_is_an_alert_and_stops_nothing(
    office: Office, settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_SIGNING_KEY_FILE = str(tmp_path / "elsewhere")
    office.submit()
    office.round()

    assert Alert.objects.get(closed_at=None).cause == "checkpoint_failed"
    assert Submission.objects.get().state == "confirmed"

    settings.AUDIT_SIGNING_KEY_FILE = ""
    office.round()
    assert not Alert.objects.filter(closed_at=None).exists()


def test_a_checkpoint_comes_at_most_a_minute_after_an_event_and_every_thousand(
    db: None, clock: TurnedClock
) -> None:
    write_events(3, clock)
    assert checkpoint_rounds.write_if_due(clock=clock) == 3
    write_events(3, clock)
    assert checkpoint_rounds.write_if_due(clock=clock) is None
    clock.turn(55)
    assert checkpoint_rounds.write_if_due(clock=clock) == 6
    clock.turn(minutes=61)
    assert checkpoint_rounds.write_if_due(clock=clock) is None, "nothing happened since"
    write_events(1000, clock)
    assert checkpoint_rounds.write_if_due(clock=clock) == 1006
    assert checkpoints.numbers() == [3, 6, 1006]


def test_another_workers_checkpoint_is_noticed_before_one_is_written(
    db: None, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process remembers the newest it has seen, and looks again when one seems due."""
    write_events(3, clock)
    assert checkpoint_rounds.write_if_due(clock=clock) == 3
    clock.turn(55)
    write_events(3, clock)
    remembered = dict(checkpoint_rounds._checked_heads)
    assert checkpoint_rounds.write_if_due(clock=clock) == 6
    monkeypatch.setattr(checkpoint_rounds, "_checked_heads", remembered)
    write_events(1, clock)

    assert checkpoint_rounds.write_if_due(clock=clock) is None
    assert checkpoints.numbers() == [3, 6]


def test_checkpoints_go_on_after_those_of_a_lost_time_were_moved_away(db: None, clock: TurnedClock) -> None:
    """Also in a process that has seen them."""
    write_events(3, clock)
    ahead = checkpoints.folder() / "000000000009.json"
    write_events(1, clock)
    checkpoints.write(clock=clock)
    (checkpoints.folder() / "000000000004.json").rename(ahead)
    assert checkpoint_rounds.write_if_due(clock=clock) is None, "the database is behind its checkpoints"
    ahead.unlink()
    write_events(1, clock)

    assert checkpoint_rounds.write_if_due(clock=clock) == 5


def test_what_a_minute_leaves_in_the_folder_is_verified_in_steps_and_thinned_for_exports(
    db: None, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year has 100,000 checkpoints: no round may read them all, and no export holds them all."""
    monkeypatch.setattr(whole, "ROWS_AT_ONCE", 10)
    monkeypatch.setattr(export_contents, "KEPT_CHECKPOINTS", 5)
    for _ in range(25):
        write_events(1, clock)
        checkpoint_now(clock)

    steps = [step for step in whole.verification() if step.unit == "checkpoints"]

    assert [(step.done, step.total) for step in steps] == [(9, 25), (19, 25)]
    assert export_contents._enough(list(range(1, 26))) == [1, *range(21, 26)]
    assert export_contents._enough(list(range(1, 3006)))[:4] == [1, 1001, 2001, 3001]
