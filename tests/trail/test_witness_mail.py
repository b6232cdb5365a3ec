"""Checkpoints by mail: what lies in somebody's mailbox nobody here can rewrite."""

from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from opportunities.models import Alert
from opportunities.trail import checkpoints, signing_keys, witness_mail
from opportunities.trail.verify.whole import verify
from tests.support.mail_server import MailServer
from tests.support.slant_box import TurnedClock
from tests.trail.conftest import checkpoint_now, rewrite_from, spoiling, write_events


@pytest.fixture
def mail_server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    monkeypatch.setattr(witness_mail, "_last_mailed", 0)
    settings.AUDIT_WITNESS_EMAILS = ["cleo@firm.example", "auditor@elsewhere.example"]
    with MailServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", server.port, 0.3
        yield server


def send(clock: TurnedClock, owner: str = "vm:1") -> bool:
    return witness_mail.send_if_due(owner=owner, clock=clock)


def saved(mail: Message, folder: Path) -> Path:
    path = folder / "saved.eml"
    path.write_bytes(mail.as_bytes())
    return path


def compare(path: Path) -> int:
    """The exit code of `verify_audit` with a saved file."""
    try:
        call_command("verify_audit", witness=[path])
    except SystemExit as ended:
        return int(str(ended.code))
    return 0


def test_the_newest_checkpoint_is_mailed_and_no_other_within_the_hour(
    db: None, clock: TurnedClock, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_events(2, clock)
    seq = checkpoint_now(clock)
    assert send(clock)
    (mail,) = mail_server.messages
    assert mail["To"] == "cleo@firm.example, auditor@elsewhere.example"
    assert f"Audit trail: checkpoint {seq}" in mail["Subject"]

    write_events(1, clock)
    newest = checkpoint_now(clock)
    clock.turn(minutes=30)
    assert not send(clock)
    # Of all workers.
    monkeypatch.setattr(witness_mail, "_last_mailed", 0)
    assert not send(clock, "vm:2")
    clock.turn(minutes=31)
    assert send(clock, "vm:2")
    clock.turn(minutes=61)
    assert not send(clock, "vm:2"), "nothing happened since"

    assert [subject.rpartition(" ")[2] for subject in mail_server.subjects] == [str(seq), str(newest)]


def test_a_server_that_hangs_or_refuses_is_an_alert_and_is_tried_again(
    db: None, clock: TurnedClock, mail_server: MailServer
) -> None:
    write_events(1, clock)
    checkpoint_now(clock)
    for mood in ("hang", "refuse"):
        mail_server.mood = mood
        assert not send(clock)
        assert Alert.objects.get(closed_at=None).cause == "witness_mail_failed"
        assert not send(clock)
        clock.turn(minutes=6)

    mail_server.mood = "take"
    assert send(clock)
    assert not Alert.objects.filter(closed_at=None).exists()


def test_a_saved_mail_tells_that_the_trail_was_rewritten_with_every_key_of_this_machine(
    db: None, clock: TurnedClock, mail_server: MailServer, tmp_path: Path
) -> None:
    write_events(5, clock)
    seq = checkpoint_now(clock)
    send(clock)
    mail = saved(mail_server.messages[0], tmp_path)
    report = verify(saved=[mail])
    assert (report.code, "saved.eml agrees: event 5 is as it was" in report.notes[-1]) == (0, True)

    with spoiling() as cursor:
        cursor.execute("UPDATE opportunities_auditevent SET actor_display = 'Nobody' WHERE seq = 3")
        rewrite_from(3, with_keys=True)
        (checkpoints.folder() / checkpoints.name_of(seq)).unlink()
        checkpoints.write(clock=clock)
        assert verify().code == 0
        rewritten = verify(saved=[mail]).code
        cursor.execute("DELETE FROM opportunities_auditevent WHERE seq > 4")
        cursor.execute("DELETE FROM opportunities_chainhead")
        cursor.execute(
            "INSERT INTO opportunities_chainhead (id, seq, hash) "
            "SELECT 1, seq, hash FROM opportunities_auditevent WHERE seq = 4"
        )
        for path in checkpoints.folder().glob("0*.json"):
            path.unlink()
        cut = verify(saved=[mail]).code

    assert (rewritten, cut) == (1, 3)


def test_a_mail_that_somebody_made_up_or_changed_is_not_believed(
    db: None, clock: TurnedClock, mail_server: MailServer, tmp_path: Path
) -> None:
    write_events(2, clock)
    seq = checkpoint_now(clock)
    send(clock)
    good = (checkpoints.folder() / checkpoints.name_of(seq)).read_text()
    theirs = signing_keys.Ed25519PrivateKey.generate()
    statement = {"last_seq": 2, "last_hash": "0" * 64, "key": signing_keys.public_half(theirs)}
    forged = [
        good.replace('"count": 2', '"count": 3'),
        str(checkpoints.sign(statement, theirs)).replace("'", '"'),
        good.replace('"version": 1', '"version": 1, "version": 1'),
        "[" * 100_000,
        "{" + " " * 2_000_000 + "}",
        "Subject: nothing attached\n\nHello",
        "",
    ]

    for number, content in enumerate(forged):
        path = tmp_path / f"forged-{number}"
        path.write_text(content)
        assert compare(path) == 4, number
    assert compare(tmp_path / "absent") == 4
    attachment = tmp_path / "attachment.json"
    attachment.write_text(good)
    assert compare(attachment) == 0
