"""Signed statements of where the trail stood, kept outside the database (docs/audit.md, "Checkpoints").

A chain alone does not show that its end was cut off or that all of it was rewritten. So the worker writes
a file into AUDIT_CHECKPOINT_DIR at most a minute after an event: number and hash of the last event, and the
Merkle root of the events since the checkpoint before. It is signed with a key that the owner of the database
need not have. A file is written once and never again.
"""

import contextlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from opportunities.clock import Clock
from opportunities.models import AuditEvent, ChainHead, Instance
from opportunities.runtime import alerts
from opportunities.runtime.alerts import AlertText
from opportunities.trail import signing_keys, verifier

logger = logging.getLogger(__name__)

EVERY_EVENTS = 1000
# With a round of the worker, no more than a minute after an event.
EVERY = timedelta(seconds=50)
CAUSE = "checkpoint_failed"
MEANING = (
    "Deals are sent as usual. That nothing was cut off the end of the trail cannot be proven for this time."
)
REMEDY = (
    "Let the workers write to AUDIT_CHECKPOINT_DIR and read AUDIT_SIGNING_KEY_FILE. The next checkpoint "
    "covers all events since the last one, and closes this."
)
NAME = re.compile(r"(\d{12})\.json")

Envelope = dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """One file: its envelope, {"checkpoint": {...}, "signature": hex}, and what is wrong with it, or ""."""

    envelope: Envelope
    wrong: str = ""

    @property
    def seq(self) -> int:
        return int(self.envelope["checkpoint"]["last_seq"]) if not self.wrong else 0

    @property
    def hash(self) -> str:
        return str(self.envelope["checkpoint"]["last_hash"])


# Writing


def write_if_due(*, clock: Clock) -> int | None:
    """Write a checkpoint of newer events 50 s after the last, or of a thousand. Returns its number, or None.

    Never raises: a checkpoint that cannot be written is an alert, and sending goes on.
    """
    try:
        if not _is_due(_head().seq, clock.now()):
            return None
        written = write(clock=clock)
    except (OSError, signing_keys.NoKey, ValueError) as problem:
        text = AlertText(f"No checkpoint of the trail can be written: {problem}", MEANING, REMEDY, "/audit/")
        if alerts.open_alert(CAUSE, text, clock=clock):
            logger.warning("checkpoint failed: %s", problem)
        return None
    alerts.close_alert(CAUSE, clock=clock)
    return written


# By folder: the head at the last look, and the newest checkpoint it found. A year has 100,000 files, too many
# to list in each round.
_seen: dict[Path, tuple[int, int, datetime | None]] = {}


def _is_due(seq: int, now: datetime) -> bool:
    looked, last_seq, last_at = _seen.get(folder(), (-1, 0, None))
    is_covered = seq == looked and seq <= last_seq
    # A checkpoint written since then, by another worker, only makes the next one due later.
    if is_covered or (last_seq and seq > last_seq and not _is_due_after(last_seq, last_at, seq, now)):
        return False
    last_seq, last_at = _newest()
    _seen[folder()] = (seq, last_seq, last_at)
    return _is_due_after(last_seq, last_at, seq, now)


def _is_due_after(last_seq: int, last_at: datetime | None, seq: int, now: datetime) -> bool:
    # Behind its checkpoints: the database is an older backup. None is written until it is past them.
    if seq <= last_seq:
        return False
    return seq - last_seq >= EVERY_EVENTS or last_at is None or not timedelta(0) <= now - last_at < EVERY


def write(*, clock: Clock) -> int | None:
    """Write a checkpoint of the last event. Returns its number, or None if there is one already."""
    key = signing_keys.signing_key()
    head = _head()
    first = _newest()[0] + 1
    if head.seq < first:
        return None
    hashes = _hashes(first, head.seq)
    if not hashes or hashes[-1] != head.hash:
        raise ValueError("the end of the trail is not what its head says; run manage.py verify_audit")
    statement = {
        "version": 1,
        "instance": str(Instance.current().instance_id),
        "first_seq": first,
        "last_seq": head.seq,
        "last_hash": head.hash,
        "count": head.seq,
        "root": verifier.merkle_root(hashes),
        "time": clock.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "key": signing_keys.public_half(key),
    }
    _write_once(folder() / name_of(head.seq), signed(statement, key))
    return int(head.seq)


def _head() -> ChainHead:
    head = ChainHead.objects.filter(pk=1).first()
    if head is None:
        raise ValueError("the head of the trail is gone; run manage.py verify_audit")
    return head


def _hashes(first: int, last: int) -> list[str]:
    return list(
        AuditEvent.objects.filter(seq__gte=first, seq__lte=last)
        .order_by("seq")
        .values_list("hash", flat=True)
    )


def note_archived(*, seq: int, hash: str, sha256: str, clock: Clock) -> Path:
    """Sign a note that the events up to `seq`, with hash `hash`, are in a file of this SHA-256.

    Only with this note the trail in the database may begin after `seq`.
    """
    key = signing_keys.signing_key()
    statement = {
        "version": 1,
        "archived": True,
        "instance": str(Instance.current().instance_id),
        "last_seq": seq,
        "last_hash": hash,
        "file_sha256": sha256,
        "time": clock.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "key": signing_keys.public_half(key),
    }
    path = _archive_path(seq)
    _write_once(path, signed(statement, key))
    return path


def note_recovered(event: AuditEvent, *, clock: Clock) -> None:
    """Sign a note that somebody ran `recover`, and that `event` of the trail records it.

    By it another machine tells a restored backup, which another trail may follow, from an altered trail.
    """
    key = signing_keys.signing_key()
    statement = {
        "version": 1,
        "recovered": True,
        "instance": str(Instance.current().instance_id),
        "last_seq": event.seq,
        "last_hash": event.hash,
        "time": clock.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "key": signing_keys.public_half(key),
    }
    _write_once(folder() / f"recovered-{event.seq:012d}-{event.hash[:8]}.json", signed(statement, key))


def signed(statement: dict[str, Any], key: Ed25519PrivateKey) -> Envelope:
    return {"checkpoint": statement, "signature": key.sign(verifier.canonical(statement)).hex()}


def signed_manifest(stated: dict[str, Any]) -> dict[str, Any]:
    """The manifest of an export, signed if this process can read the key. Never makes a key.

    Only the command line asks for it. Web processes never look at the key.
    """
    key = None
    with contextlib.suppress(signing_keys.NoKey, OSError):
        key = signing_keys.signing_key() if signing_keys.key_file().exists() else None
    if key is None:
        return {"manifest": stated}
    content = {"manifest": stated | {"key": signing_keys.public_half(key)}}
    return content | {"signature": key.sign(verifier.canonical(content)).hex()}


def _write_once(path: Path, content: Envelope) -> None:
    """Write a file whole or not at all, synced to disk, and never over another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        # Readable for backups; nothing in it is secret.
        Path(name).chmod(0o444)
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


# Reading


def folder() -> Path:
    return Path(settings.AUDIT_CHECKPOINT_DIR or Path(settings.VAR_DIR) / "checkpoints")


def name_of(seq: int) -> str:
    return f"{seq:012d}.json"


def numbers() -> list[int]:
    """The numbers of the checkpoints, ascending, from the names of the files alone."""
    return sorted(_file_numbers())


def _file_numbers() -> Iterator[int]:
    try:
        names = os.listdir(folder())
    except FileNotFoundError:
        return
    for name in names:
        if found := NAME.fullmatch(name):
            yield int(found.group(1))


def _newest() -> tuple[int, datetime | None]:
    seq = max(_file_numbers(), default=0)
    if not seq:
        return 0, None
    try:
        time = json.loads((folder() / name_of(seq)).read_text())["checkpoint"]["time"]
        return seq, datetime.fromisoformat(time)
    except (OSError, KeyError, TypeError, ValueError):
        # Unreadable, which verify_audit reports. Another is written.
        return seq, None


def read(seq: int, *, keys: set[str]) -> Checkpoint:
    """The checkpoint at `seq`, believed or not. A file about another number is not believed."""
    return _read_file(folder() / name_of(seq), seq, keys)


def _read_file(path: Path, seq: int, keys: set[str]) -> Checkpoint:
    try:
        envelope = verifier.parsed(path.read_text())
    except (OSError, ValueError) as problem:
        return Checkpoint({}, f"it cannot be read ({type(problem).__name__})")
    wrong = verifier.believed(envelope, keys, signing_keys.is_signed)
    if not wrong and envelope["checkpoint"]["last_seq"] != seq:
        wrong = "it is not about the event its name says"
    if not wrong and envelope["checkpoint"]["instance"] != str(Instance.current().instance_id):
        wrong = "it is another database's"
    return Checkpoint(envelope, wrong)


def archive_note(seq: int) -> Envelope | None:
    """The note that the events up to `seq` are in a file, whether believed or not; None without one."""
    try:
        note: Envelope = json.loads(_archive_path(seq).read_text())
    except (OSError, ValueError):
        return None
    return note


def archived_hash(seq: int, *, keys: set[str]) -> str:
    """The hash of event `seq`, the last of an archived file, by its signed note; "" without such a note."""
    note = _read_file(_archive_path(seq), seq, keys)
    return note.hash if not note.wrong and note.envelope["checkpoint"].get("archived") else ""


def was_recovered_by(seq: int) -> bool:
    """Whether somebody ran `recover` by event `seq`, as a signed note says of an event that the trail has."""
    keys = signing_keys.trusted_keys()
    return any(
        number <= seq and _is_recovery(path, number, keys)
        for path in folder().glob("recovered-*.json")
        if (number := int(path.name.split("-")[1]))
    )


def _is_recovery(path: Path, seq: int, keys: set[str]) -> bool:
    note = _read_file(path, seq, keys)
    if note.wrong or not note.envelope["checkpoint"].get("recovered"):
        return False
    return AuditEvent.objects.filter(pk=seq, hash=note.hash, action="database.recovered").exists()


def _archive_path(seq: int) -> Path:
    return folder() / f"archived-{seq:012d}.json"
