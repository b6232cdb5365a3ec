"""Somebody may write into the folder of checkpoints, or the witness's, and has no key."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opportunities.models import Alert, AuditEvent
from opportunities.trail import checkpoints, witness
from opportunities.trail.proving import Unproven
from opportunities.trail.verifier import UNBELIEVABLE
from opportunities.trail.verify.report import NOT_AS_SEEN
from opportunities.trail.verify.whole import verify
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import checkpoint_now, write_events
from tests.trail.test_macs import append_by_sql


@pytest.fixture
def elsewhere(settings: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    settings.AUDIT_WITNESS_DIR = str(folder)
    return folder


def a_long_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


HINDRANCES: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a terabyte": a_long_file,
}


@pytest.mark.parametrize("hinder", HINDRANCES.values(), ids=HINDRANCES)
@pytest.mark.parametrize("where", ["checkpoints", "witness"])
def test_nothing_in_a_folder_holds_up_a_worker_and_verifying_tells_of_it(
    db: None, clock: TurnedClock, elsewhere: Path, hinder: Callable[[Path], None], where: str
) -> None:
    write_events(2, clock)
    checkpoint_now(clock)
    witness.copy_new(clock=clock)
    folder = checkpoints.folder() if where == "checkpoints" else elsewhere
    for name in ("999999999999.json", "accepted-000000000001-00000000.json"):
        hinder(folder / name)

    write_events(1, clock)
    seq = checkpoint_now(clock)
    witness.copy_new(clock=clock)

    assert seq == AuditEvent.objects.latest("seq").seq
    assert seq in witness.numbers()
    assert not Alert.objects.filter(closed_at=None).exists()
    problem = verify().problem
    assert problem
    assert problem.code == UNBELIEVABLE


def test_forged_files_are_not_copied_and_crowd_out_no_copy(
    db: None, clock: TurnedClock, elsewhere: Path
) -> None:
    write_events(1, clock)
    seq = checkpoint_now(clock)
    for number in range(150):
        (checkpoints.folder() / checkpoints.name_of(10**11 + number)).write_text("{}")

    witness.copy_new(clock=clock)

    assert witness.numbers() == [seq]


@pytest.mark.parametrize("content", ["", "{}"])
def test_a_file_put_in_the_place_of_the_next_copy_is_an_alert(
    db: None, clock: TurnedClock, elsewhere: Path, content: str
) -> None:
    (elsewhere / checkpoints.name_of(2)).write_text(content)
    write_events(2, clock)
    assert checkpoint_now(clock) == 2
    witness.copy_new(clock=clock)
    told = Alert.objects.get(closed_at=None)
    write_events(1, clock)
    checkpoint_now(clock)
    witness.copy_new(clock=clock)

    assert told.cause == witness.CAUSE
    assert checkpoints.name_of(2) in told.text
    # The next copy vouches for all events before it.
    assert not Alert.objects.filter(closed_at=None).exists()


def test_a_signed_note_under_the_name_of_a_checkpoint_is_none(db: None, clock: TurnedClock) -> None:
    """It says nothing of MACs, so that events without one would pass for those of an older version."""
    write_events(2, clock)
    checkpoint_now(clock)
    write_events(1, clock)
    last = AuditEvent.objects.latest("seq")
    checkpoints.note_accepted(last.seq, last.seq, by="root", reason="a try", clock=clock)
    (note,) = checkpoints.folder().glob("accepted-*.json")
    shutil.copy(note, checkpoints.folder() / checkpoints.name_of(last.seq))
    append_by_sql()

    with pytest.raises(Unproven):
        checkpoint_now(clock)
    problem = verify().problem
    assert problem
    assert problem.code == UNBELIEVABLE


def test_an_event_without_a_mac_is_found_though_checkpoints_were_away_when_one_vouched_for_it(
    db: None, clock: TurnedClock, tmp_path: Path
) -> None:
    write_events(2, clock)
    checkpoint_now(clock)
    kept, folder = tmp_path / "kept", checkpoints.folder()
    folder.rename(kept)
    folder.mkdir()
    forged = append_by_sql()
    write_events(1, clock)
    checkpoint_now(clock)
    for file in kept.iterdir():
        file.rename(folder / file.name)

    problem = verify().problem
    assert problem
    assert problem[:2] == (NOT_AS_SEEN, forged)
