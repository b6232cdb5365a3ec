"""A second folder on another machine: not even root of this one rewrites the trail quietly."""

from pathlib import Path
from typing import Any

import pytest

from opportunities.models import Alert, AuditEvent
from opportunities.trail import checkpoints, witness
from opportunities.trail.verifier import UNBELIEVABLE
from opportunities.trail.verify.whole import verify
from tests.support.office import Office
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import checkpoint_now, rewrite_from, spoiling, write_events


@pytest.fixture
def elsewhere(settings: Any, tmp_path: Path) -> Path:
    """A folder of another machine."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    settings.AUDIT_WITNESS_DIR = str(folder)
    return folder


def test_a_worker_copies_each_checkpoint(office: Office, elsewhere: Path) -> None:
    for name in ("One", "Two"):
        office.submit(name=name)
        office.rounds(minutes=2)

    ours = {path.name: path.read_bytes() for path in checkpoints.folder().glob("0*.json")}
    assert len(ours) > 1
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == ours
    assert verify().code == 0


def test_whoever_has_all_of_this_machine_is_found_out(db: None, clock: TurnedClock, elsewhere: Path) -> None:
    """Database, key and checkpoints are theirs: the trail is rewritten and signed anew, and fits."""
    write_events(5, clock)
    seq = checkpoint_now(clock)
    witness.copy_new(clock=clock)
    with spoiling() as cursor:
        cursor.execute("UPDATE opportunities_auditevent SET actor_display = 'Nobody' WHERE seq = 3")
        rewrite_from(3, with_keys=True)
        (checkpoints.folder() / checkpoints.name_of(seq)).unlink()
        checkpoints.write(clock=clock)
        witness.copy_new(clock=clock)
        problem = verify().problem
        (checkpoints.folder() / checkpoints.name_of(seq)).unlink()
        gone = verify().problem

    assert problem
    assert problem[:2] == (UNBELIEVABLE, seq)
    assert "its copy in AUDIT_WITNESS_DIR says something else" in problem.words
    assert gone
    assert gone[:2] == (UNBELIEVABLE, seq)


def test_a_witness_that_is_away_is_an_alert_and_is_made_up_for(
    office: Office, elsewhere: Path, tmp_path: Path
) -> None:
    away = elsewhere.rename(tmp_path / "away")
    office.submit(name="One")
    office.rounds(minutes=2)
    assert Alert.objects.get(closed_at=None).cause == "witness_failed"
    assert AuditEvent.objects.filter(action="submission.confirmed").exists()
    report = verify()
    assert (report.code, "AUDIT_WITNESS_DIR cannot be read" in report.notes[-1]) == (0, True)

    away.rename(elsewhere)
    office.submit(name="Two")
    office.rounds(minutes=2)

    assert not Alert.objects.filter(closed_at=None).exists()
    assert witness.numbers() == checkpoints.numbers()


def test_a_copy_is_never_changed_and_one_cut_short_is_no_finding(
    db: None, clock: TurnedClock, elsewhere: Path
) -> None:
    write_events(2, clock)
    seq = checkpoint_now(clock)
    witness.copy_new(clock=clock)
    copy = elsewhere / checkpoints.name_of(seq)
    assert copy.stat().st_mode & 0o222 == 0

    copy.chmod(0o600)
    copy.write_bytes(cut := copy.read_bytes()[:40])
    write_events(1, clock)
    checkpoint_now(clock)
    witness.copy_new(clock=clock)

    assert copy.read_bytes() == cut
    assert verify().code == 0


# Files of others


def test_a_file_that_somebody_put_among_the_checkpoints_stops_no_later_ones(
    office: Office, elsewhere: Path
) -> None:
    """With the highest number there is, and with names that are none; in both folders."""
    office.submit(name="One")
    office.rounds(minutes=2)
    before = checkpoints.numbers()
    good = (checkpoints.folder() / checkpoints.name_of(before[-1])).read_text()
    forged = {
        "999999999999.json": '{"checkpoint": {"last_seq": 999999999999}, "signature": "00"}',
        "999999999998.json": good,
        "999999999997.json": "[" * 100_000,
        "recovered-x-y.json": "{}",
        "recovered-000000000001-00000000.json": "[]",
        "accepted-x.json": "{}",
        "accepted-000000000001-00000000.json": good,
        "archived-x.json": "{}",
    }
    for folder in (checkpoints.folder(), elsewhere):
        for name, content in forged.items():
            (folder / name).write_text(content)

    office.submit(name="Two")
    office.rounds(minutes=2)

    later = [seq for seq in checkpoints.numbers() if before[-1] < seq < 10**9]
    assert later
    assert set(later) <= set(witness.numbers())
    assert AuditEvent.objects.filter(action="submission.confirmed").count() == 2
    assert not Alert.objects.filter(cause="checkpoint_failed", closed_at=None).exists()
    problem = verify().problem
    assert problem
    assert problem.code == UNBELIEVABLE
