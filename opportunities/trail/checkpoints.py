"""Signed statements of where the trail stood, kept outside the database (docs/audit.md, "Checkpoints").

A chain alone does not show that its end was cut off or that all of it was rewritten. So the worker writes
a file into AUDIT_CHECKPOINT_DIR at most a minute after an event: number and hash of the last event, and the
Merkle root of the events since the checkpoint before. It is signed with a key that the owner of the database
need not have. A file is never written a second time.
"""

import contextlib
import heapq
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from opportunities.clock import Clock
from opportunities.models import AuditEvent, ChainHead, Instance
from opportunities.trail import event_macs, proving, signing_keys, verifier
from opportunities.trail.plain_files import read_plain

EVERY_EVENTS = 1000
# Events in one checkpoint at most. Only a trail whose checkpoints were put elsewhere has more.
MOST_AT_ONCE = 100_000
NAME = re.compile(r"([0-9]{12})\.json")
NOTE_NAME = re.compile(r"(recovered|accepted)-([0-9]{12})-[0-9a-f]{8}\.json")
# How many invalid files are skipped while the newest valid checkpoint is searched for.
LOOKED_AT = 1000

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

    @property
    def time(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self.envelope["checkpoint"]["time"])
        except (KeyError, TypeError, ValueError):
            return None


# Writing


def write(*, clock: Clock) -> int | None:
    """Write a checkpoint up to the last proven event. Returns its number, or None if there is one already.

    Then raises `Unproven` if nothing proves who wrote the next event: no checkpoint may vouch for that event.
    """
    key = signing_keys.signing_key()
    head = head_of_trail()
    first = newest()[0] + 1
    if head.seq < first:
        return None
    events = proving.read_events(first, min(head.seq, first + MOST_AT_ONCE - 1))
    last = events[-1] if events else {"seq": 0, "hash": ""}
    is_whole = last["seq"] == first + len(events) - 1
    if not is_whole or (last["seq"] == head.seq and last["hash"] != head.hash):
        raise ValueError("the end of the trail is not what its head says; run manage.py verify_audit")
    assessment = _assess(events)
    if covered := events[: assessment.last - first + 1]:
        content = {
            "first_seq": first,
            "last_seq": assessment.last,
            "last_hash": covered[-1]["hash"],
            "count": assessment.last,
            "root": verifier.merkle_root([event["hash"] for event in covered]),
            # From here on every event must have one.
            "macs": assessment.proven_from <= assessment.last,
        }
        _write_once(folder() / name_of(assessment.last), sign(_statement(key, clock, **content), key))
    if assessment.unproven:
        raise proving.Unproven(assessment.unproven, checkpoint=int(assessment.last) if covered else None)
    return int(assessment.last)


def refuse_unproven() -> None:
    """Raise `Unproven` if nothing proves who wrote an event after the newest checkpoint."""
    first = newest()[0] + 1
    events = proving.read_events(first, first + MOST_AT_ONCE - 1)
    if events and (unproven := _assess(events).unproven):
        raise proving.Unproven(unproven)


def _assess(events: list[dict[str, Any]]) -> proving.Assessment:
    """How far the events after the newest checkpoint are proven."""
    before = _content_of(folder() / name_of(events[0]["seq"] - 1))
    is_accepted = proving.is_any(accepted_events(keys=signing_keys.trusted_keys()))
    is_strict = before is not None and speaks_of_macs(before)
    return proving.assess(events, event_macs.known_keys(), is_accepted, is_strict=is_strict)


def speaks_of_macs(envelope: Envelope) -> bool:
    """Whether a checkpoint says that all events after it have MACs. Checkpoints of older versions do not."""
    return envelope["checkpoint"].get("macs") is True


def head_of_trail() -> ChainHead:
    head = ChainHead.objects.filter(pk=1).first()
    if head is None:
        raise ValueError("the head of the trail is gone; run manage.py verify_audit")
    return head


def write_note(name: str, *, clock: Clock, **content: Any) -> Path:
    """Sign a statement other than a checkpoint, and store it beside the checkpoints as the file `name`."""
    key = signing_keys.signing_key()
    path = folder() / name
    _write_once(path, sign(_statement(key, clock, **content), key))
    return path


def note_archived(*, seq: int, hash: str, sha256: str, clock: Clock) -> Path:
    """Sign a note that the events up to `seq`, with hash `hash`, are in a file of this SHA-256.

    Only with this note the trail in the database may begin after `seq`.
    """
    name = _archive_path(seq).name
    return write_note(name, clock=clock, archived=True, last_seq=seq, last_hash=hash, file_sha256=sha256)


def note_recovered(event: AuditEvent, *, clock: Clock) -> None:
    """Sign a note that somebody ran `recover`, and that `event` of the trail records it.

    It shows other machines that a backup was restored, and that the trail was not altered.
    """
    name = f"recovered-{event.seq:012d}-{event.hash[:8]}.json"
    write_note(name, clock=clock, recovered=True, last_seq=event.seq, last_hash=event.hash)


def _statement(key: Ed25519PrivateKey, clock: Clock, **content: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "instance": str(Instance.current().instance_id),
        **content,
        "time": clock.now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "key": signing_keys.public_half(key),
    }


def sign(statement: dict[str, Any], key: Ed25519PrivateKey) -> Envelope:
    return {"checkpoint": statement, "signature": key.sign(verifier.canonical(statement)).hex()}


def signed_manifest(stated: dict[str, Any]) -> dict[str, Any]:
    """The manifest of an export, signed if this process can read the key. Never makes a key.

    Only the command line calls this. Web processes never read the key.
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
        if match := NAME.fullmatch(name):
            yield int(match.group(1))


def newest() -> tuple[int, datetime | None]:
    """The number and the time of the newest valid checkpoint.

    A file that somebody else put there stops no later checkpoint. If none is valid, which verify_audit
    reports, the highest number is returned, without a time.
    """
    numbers = heapq.nlargest(LOOKED_AT, _file_numbers())
    keys = signing_keys.trusted_keys() if numbers else set()
    for seq in numbers:
        checkpoint = read(seq, keys=keys)
        if not checkpoint.wrong:
            return seq, checkpoint.time
    return max(numbers, default=0), None


def valid_among(numbers: Iterable[int], *, at_most: int) -> list[int]:
    """The first `at_most` of `numbers` at which there is a valid checkpoint, of the first 1,000."""
    keys = signing_keys.trusted_keys()
    valid = (seq for seq in islice(numbers, LOOKED_AT) if not read(seq, keys=keys).wrong)
    return list(islice(valid, at_most))


def read(seq: int, *, keys: set[str]) -> Checkpoint:
    """The checkpoint at `seq`, valid or not. A file about another number is not valid, nor is a note."""
    checkpoint = _read_file(folder() / name_of(seq), seq, keys)
    if not checkpoint.wrong and "root" not in checkpoint.envelope["checkpoint"]:
        return Checkpoint(checkpoint.envelope, "it is no checkpoint, but a note of something else")
    return checkpoint


def _read_file(path: Path, seq: int, keys: set[str]) -> Checkpoint:
    try:
        envelope = verifier.parse(read_plain(path))
    except (OSError, ValueError) as problem:
        return Checkpoint({}, f"it cannot be read ({type(problem).__name__})")
    wrong = verifier.believed(envelope, keys, signing_keys.is_signed)
    if not wrong and envelope["checkpoint"]["last_seq"] != seq:
        wrong = "it is not about the event its name says"
    if not wrong and envelope["checkpoint"]["instance"] != str(Instance.current().instance_id):
        wrong = "it is another database's"
    return Checkpoint(envelope, wrong)


def archive_note(seq: int) -> Envelope | None:
    """The note that the events up to `seq` are in a file, valid or not; None without one."""
    return _content_of(_archive_path(seq))


def _content_of(path: Path) -> Envelope | None:
    """The envelope in a file, valid or not; None if the file holds none."""
    try:
        content = verifier.parse(read_plain(path))
        return content if isinstance(content["checkpoint"], dict) else None
    except (OSError, KeyError, TypeError, ValueError):
        return None


def archived_hash(seq: int, *, keys: set[str]) -> str:
    """The hash of event `seq`, the last of an archived file, by its signed note; "" without such a note."""
    note = _read_file(_archive_path(seq), seq, keys)
    return note.hash if not note.wrong and note.envelope["checkpoint"].get("archived") else ""


def was_recovered_by(seq: int) -> bool:
    """Whether somebody ran `recover` at or before event `seq`, by a signed note about an event that the trail
    has.
    """
    keys = signing_keys.trusted_keys()
    return any(number <= seq and _is_recovery(path, number, keys) for number, path in _notes("recovered"))


def _notes(kind: str) -> Iterator[tuple[int, Path]]:
    """The number and the file of each note of this kind. Other files in the folder are ignored."""
    for path in sorted(folder().glob(f"{kind}-*.json")):
        if name := NOTE_NAME.fullmatch(path.name):
            yield int(name.group(2)), path


def _is_recovery(path: Path, seq: int, keys: set[str]) -> bool:
    note = _read_file(path, seq, keys)
    if note.wrong or not note.envelope["checkpoint"].get("recovered"):
        return False
    return AuditEvent.objects.filter(pk=seq, hash=note.hash, action="database.recovered").exists()


def note_accepted(first: int, last: int, *, by: str, reason: str, clock: Clock) -> None:
    """Sign a note that somebody accepts events `first` to `last`, although nothing proves who wrote them.

    Raises ValueError if the trail has no such events.
    """
    hash = AuditEvent.objects.filter(pk=last).values_list("hash", flat=True).first()
    if not hash or not 0 < first <= last:
        raise ValueError(f"the trail has no events {first} to {last}")
    name = f"accepted-{last:012d}-{hash[:8]}.json"
    stated = {"accepted": True, "first_seq": first, "last_seq": last, "last_hash": hash, "by": by}
    write_note(name, clock=clock, **stated, reason=reason)


def accepted_events(*, keys: set[str]) -> list[proving.Accepted]:
    """The events that signed notes accept, if the trail still has the last event of the note unaltered."""
    ranges = []
    for number, path in _notes("accepted"):
        note = _read_file(path, number, keys)
        if note.wrong or not note.envelope["checkpoint"].get("accepted"):
            continue
        if AuditEvent.objects.filter(pk=note.seq, hash=note.hash).exists():
            ranges.append(proving.Accepted.of(note.envelope["checkpoint"]))
    return ranges


def _archive_path(seq: int) -> Path:
    return folder() / f"archived-{seq:012d}.json"
