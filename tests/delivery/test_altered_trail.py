"""Another event under a number that this machine has seen: the trail was altered, no backup was restored."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from opportunities.delivery import restore_guard
from opportunities.models import Alert, AuditEvent, Hold, State
from opportunities.trail import checkpoints, head_file, signing_keys
from opportunities.trail.verify.report import NOT_AS_SEEN
from opportunities.trail.verify.whole import verify
from tests.delivery.test_restore_guard import forgotten, held
from tests.support.office import Office, fresh
from tests.trail.conftest import rewrite_from, spoiling


def newest() -> int:
    return int(AuditEvent.objects.latest("seq").seq)


def after_the_newest_checkpoint(office: Office) -> int:
    """The number of an event that no checkpoint vouches for yet, and that this machine has seen."""
    office.submit(name="Vouched for")
    office.round()
    office.submit(name="A deal")
    office.round()
    office.round()
    seq = newest()
    assert checkpoints.numbers()[-1] < seq
    head = head_file.read()
    assert head
    assert head["seq"] == seq
    return seq


def test_the_end_of_the_trail_rewritten_holds_as_altered_and_leads_to_no_recovery(office: Office) -> None:
    """By somebody with the database: every hash fits, the head too, and no checkpoint speaks of it."""
    seq = after_the_newest_checkpoint(office)
    with spoiling() as cursor:
        cursor.execute(
            "UPDATE opportunities_auditevent SET actor_display = 'Somebody Else' WHERE seq = %s", [seq]
        )
        rewrite_from(seq)
        waiting = office.submit(name="Entered since")
        problem = verify().problem
        office.round()
        alert = Alert.objects.get(cause="altered", closed_at=None)
        hold = Hold.objects.get()
        with pytest.raises(CommandError) as refused:
            call_command("recover")
        sent, state = len(office.box.sends), fresh(waiting).state

    assert problem
    assert problem[:2] == (NOT_AS_SEEN, seq) == (7, seq)
    assert hold.code == "altered"
    assert (sent, state) == (2, State.QUEUED)
    assert refused.value.returncode == NOT_AS_SEEN
    for words in (hold.reason, alert.text, alert.remedy):
        assert "backup" not in words
        assert "recover" not in words


def test_an_event_taken_out_from_between_is_altered_too(office: Office) -> None:
    seq = after_the_newest_checkpoint(office)
    office.submit(name="Entered since")
    with spoiling() as cursor:
        cursor.execute("DELETE FROM opportunities_auditevent WHERE seq = %s", [seq])
        office.round()
        codes = held()

    assert codes == {"altered"}


def test_a_trail_that_ends_before_is_still_a_restored_backup(office: Office) -> None:
    office.round()
    with forgotten():
        office.submit()
        office.round()
    office.round()

    assert held() == {restore_guard.RESTORED}


def test_a_backup_noticed_before_people_went_on_stays_one(office: Office) -> None:
    """What takes the numbers of the lost events is then no forgery, and `recover` goes on."""
    office.round()
    with forgotten():
        office.submit(name="Lost with the backup")
        office.round()
    office.round()
    for number in range(8):
        office.submit(name=f"Entered since {number}")
    office.round()
    assert held() == {restore_guard.RESTORED}
    assert verify().code != NOT_AS_SEEN

    restore_guard.recover(by=office.by, clock=office.clock, reason="restored")
    office.round()

    assert held() == set()


def test_a_backup_that_people_went_on_with_is_recovered_once_the_file_is_put_aside(office: Office) -> None:
    """As docs/audit.md says, after somebody explained it in writing."""
    office.submit(name="In the backup")
    office.round()
    with forgotten():
        office.submit(name="Lost with the backup")
        office.round()
    for number in range(8):
        office.submit(name=f"Entered since {number}")
    office.round()
    assert held() == {"altered"}

    head_file.path().unlink()
    office.round()
    assert held() == {"altered", "copied"}
    call_command("recover", reason="people went on before recover ran; compliance has it in writing")
    office.rounds(minutes=12)

    assert held() == set()
    assert not Alert.objects.filter(closed_at=None, cause__in=restore_guard.HOLD_MESSAGES).exists()


def test_another_machine_takes_a_recovered_backup_for_one_by_the_signed_note_alone(
    office: Office, settings: Any, tmp_path: Path
) -> None:
    """An event that says so proves nothing: whoever altered the trail could have written it."""
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path / "checkpoints")
    one, other = tmp_path / "one", tmp_path / "other"
    settings.VAR_DIR = one
    signing_keys.signing_key()
    settings.AUDIT_SIGNING_KEY_FILE = str(one / "audit-signing-key")
    for settings.VAR_DIR in (one, other):
        office.round()
    with forgotten():
        for settings.VAR_DIR in (one, other):
            office.submit(name="Lost with the backup", confirm_duplicate=True)
            office.round()
    settings.VAR_DIR = one
    restore_guard.recover(by=office.by, clock=office.clock, reason="restored")
    for number in range(8):
        office.submit(name=f"Entered since {number}")
    office.round()
    assert held() == set()

    settings.VAR_DIR = other
    (note,) = checkpoints.folder().glob("recovered-*.json")
    aside = note.rename(tmp_path / note.name)
    assert restore_guard._diagnose() == "altered"
    aside.rename(note)
    office.round()
    assert held() == {"restored"}
