"""Taking the trail away: JSON Lines that verify by themselves, CSV for reading, and both in a folder or ZIP.

An `events.jsonl` holds the events asked for, then what vouches for them (checkpoints, and proofs that lead
from the last event of each unbroken run to one), then its manifest. `opportunities/trail/verifier.py` checks
it without us. Nothing is held in memory but the numbers of the runs, so a million events are streamed as a
hundred are.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q

from opportunities.clock import Clock
from opportunities.exports import harmless
from opportunities.models import AuditEvent, Instance
from opportunities.trail import audit, checkpoints, query, verifier
from opportunities.trail.audit import Actor, AuditChange
from opportunities.trail.query import TrailQuery
from opportunities.trail.verify.rows import plain_rows

# A table is read from the left: as the model has them, not as the chain sorts them.
COLUMNS = [column.attname for column in AuditEvent._meta.concrete_fields]
EVENTS, TABLE, MANIFEST, VERIFIER, KEYS = (
    "events.jsonl",
    "events.csv",
    "manifest.json",
    "verifier.py",
    "keys.txt",
)


@dataclass
class Taken:
    """What an export holds, known when it is done."""

    count: int = 0
    first: tuple[int, str] = (0, "")
    last: tuple[int, str] = (0, "")
    files: dict[str, str] = field(default_factory=dict)
    # First number and last number of each unbroken run.
    runs: list[tuple[int, int]] = field(default_factory=list)

    def add(self, event: dict[str, Any]) -> None:
        seq, hash = event["seq"], event["hash"]
        if not self.count:
            self.first = (seq, hash)
        if self.runs and self.runs[-1][1] == seq - 1:
            self.runs[-1] = (self.runs[-1][0], seq)
        else:
            self.runs.append((seq, seq))
        self.last = (seq, hash)
        self.count += 1


@dataclass
class Export:
    """Who takes what. `upto` is the last event there was when it began: the export's own events are not in
    it.
    """

    wanted: TrailQuery
    by: Actor
    clock: Clock
    upto: int

    @cached_property
    def condition(self) -> Q:
        return query.condition(self.wanted) & Q(seq__lte=self.upto)


def begin(wanted: TrailQuery, *, format: str, by: Actor, clock: Clock) -> Export:
    """Record that an export begins, before anything leaves."""
    with transaction.atomic():
        event = audit.record(
            clock=clock,
            by=by,
            action="audit.export_started",
            object_type="trail",
            object_id=format,
            outcome="ok",
            change=AuditChange(after=wanted.as_json()),
        )
    return Export(wanted, by, clock, event.seq - 1)


def _ended(export: Export, format: str, taken: Taken, *, whole: bool) -> None:
    """The manifest in the trail itself: what left, and the hash of the bytes."""
    after = {
        "count": taken.count,
        "first_seq": taken.first[0],
        "first_hash": taken.first[1],
        "last_seq": taken.last[0],
        "last_hash": taken.last[1],
        "files": taken.files,
        "filters": export.wanted.as_json(),
    }
    with transaction.atomic():
        audit.record(
            clock=export.clock,
            by=export.by,
            action="audit.exported",
            object_type="trail",
            object_id=format,
            outcome="ok" if whole else "failed",
            reason_code="" if whole else "broken_off",
            change=AuditChange(after=after),
        )


# Streams


def stream(export: Export, format: str) -> Iterator[bytes]:
    """The bytes of an export, a thousand events at a time. However it ends, the trail says how much left."""
    taken, whole = Taken(), False
    digest = hashlib.sha256()
    pieces = {"jsonl": _jsonl, "csv": _csv, "zip": _zip}[format](export, taken)
    try:
        for piece in pieces:
            digest.update(piece)
            yield piece
        whole = True
    finally:
        pieces.close()
        taken.files |= {"download": digest.hexdigest()} if whole else {}
        _ended(export, format, taken, whole=whole)


def _rows(export: Export) -> Iterator[list[dict[str, Any]]]:
    after = 0
    while page := plain_rows(after, export.condition):
        yield page
        after = page[-1]["seq"]


Pieces = Generator[bytes, None, None]


def _jsonl(export: Export, taken: Taken) -> Pieces:
    digest = hashlib.sha256()

    def told(lines: list[dict[str, Any]]) -> bytes:
        piece = b"".join(verifier.canonical(line) + b"\n" for line in lines)
        digest.update(piece)
        return piece

    for page in _rows(export):
        for event in page:
            taken.add(event)
        yield told(page)
    if evidence := list(_evidence(taken)):
        yield told(evidence)
    manifest = _manifest(export, taken) | {"sha256": digest.hexdigest()}
    yield verifier.canonical(checkpoints.signed_manifest(manifest)) + b"\n"


def _manifest(export: Export, taken: Taken) -> dict[str, Any]:
    return {
        "format": verifier.FORMAT,
        "instance": str(Instance.current().instance_id),
        "made_at": audit.plain_time(export.clock.now()),
        "made_by": export.by.display,
        "filters": export.wanted.as_json(),
        "whole": export.wanted.is_everything,
        "count": taken.count,
        "first_seq": taken.first[0],
        "first_hash": taken.first[1],
        "last_seq": taken.last[0],
        "last_hash": taken.last[1],
        "keys": sorted(checkpoints.trusted_lines()),
    }


def _evidence(taken: Taken) -> Iterator[dict[str, Any]]:
    """What vouches for the events: checkpoints inside each run, and for its end a proof of the checkpoint
    after it.

    Before them the note of the events before the first, if those were moved to a file.
    """
    numbers = checkpoints.numbers()
    if note := checkpoints.archive_note(taken.first[0] - 1):
        yield note
    told: set[int] = set()
    proofs = []
    for first, last in taken.runs:
        inside = [seq for seq in numbers if first <= seq <= last]
        following = next((seq for seq in numbers if seq >= last), None)
        for seq in {*inside, *([following] if following else [])} - told:
            told.add(seq)
            if envelope := _envelope(seq):
                yield envelope
        if following and following != last and (proof := _proof(last, following)):
            proofs.append({"proof": proof})
    yield from proofs


def _envelope(seq: int) -> dict[str, Any] | None:
    try:
        envelope: dict[str, Any] = json.loads((checkpoints.folder() / f"{seq:012d}.json").read_text())
    except (OSError, ValueError):
        return None
    return envelope


def _proof(seq: int, checkpoint: int) -> dict[str, Any] | None:
    envelope = _envelope(checkpoint)
    first = (envelope or {}).get("checkpoint", {}).get("first_seq", 0)
    if not first or first > seq:
        return None
    rows = AuditEvent.objects.filter(seq__gte=first, seq__lte=checkpoint).order_by("seq")
    hashes = list(rows.values_list("hash", flat=True))
    if len(hashes) != checkpoint - first + 1:
        return None
    return {"seq": seq, "checkpoint": checkpoint, "path": verifier.merkle_path(hashes, seq - first)}


def _csv(export: Export, taken: Taken) -> Pieces:
    """For reading: a first cell that could be a formula wears an apostrophe, so it is no evidence; the JSON
    Lines are.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for page in _rows(export):
        for event in page:
            taken.add(event)
            writer.writerow([_cell(event[column]) for column in COLUMNS])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
    if buffer.getvalue():
        yield buffer.getvalue().encode()


def _cell(value: Any) -> str | int:
    if isinstance(value, (dict, list)):
        return harmless(json.dumps(value, sort_keys=True, ensure_ascii=False)) if value else ""
    if value is None:
        return ""
    return value if isinstance(value, int) else harmless(str(value))


# Several files: for a folder on the server, and for the ZIP


class Put(Protocol):
    """Opens a file of the set for writing."""

    def __call__(self, name: str) -> Any: ...


def _write_set(export: Export, taken: Taken, put: Put) -> Iterator[None]:
    """Each file of the set, one after another; yields now and then, so that what is written can be sent on."""
    for name, make in ((EVENTS, _jsonl), (TABLE, _csv)):
        table = taken if name == EVENTS else Taken()
        yield from _write(name, make(export, table), taken, put)
    yield from _write(VERIFIER, iter([Path(verifier.__file__).read_bytes()]), taken, put)
    keys = "".join(f"{key}\n" for key in checkpoints.trusted_lines()).encode()
    yield from _write(KEYS, iter([keys]), taken, put)
    manifest = _manifest(export, taken) | {"files": dict(taken.files)}
    yield from _write(MANIFEST, iter([json.dumps(manifest, indent=1, sort_keys=True).encode()]), taken, put)


def _write(name: str, pieces: Iterator[bytes], taken: Taken, put: Put) -> Iterator[None]:
    digest = hashlib.sha256()
    with put(name) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
            yield
    taken.files[name] = digest.hexdigest()


class _Outlet(io.RawIOBase):
    """Where a ZIP is written that nobody can wind back: what has come is taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _zip(export: Export, taken: Taken) -> Pieces:
    outlet = _Outlet()
    at = export.clock.now().timetuple()[:6]
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str) -> Any:
            entry = zipfile.ZipInfo(name, at)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            return archive.open(entry, "w", force_zip64=True)

        for _ in _write_set(export, taken, put):
            if piece := outlet.take():
                yield piece
    yield outlet.take()


def write_folder(
    wanted: TrailQuery,
    target: Path,
    *,
    by: Actor,
    clock: Clock,
    told: Callable[[int], None] = lambda count: None,
) -> Taken:
    """The set of files in the folder `target`, which must be new or empty. `told` hears how many events are
    written.

    A checkpoint is written first where the key is at hand, so that all of it is vouched for.
    """
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    checkpoints.write(clock=clock)
    export, taken, whole = begin(wanted, format="folder", by=by, clock=clock), Taken(), False
    try:
        for _ in _write_set(export, taken, lambda name: (target / name).open("xb")):
            told(taken.count)
        whole = True
    finally:
        _ended(export, "folder", taken, whole=whole)
    return taken


# Moving older events out of the database (docs/audit.md, "Keeping and moving")


def archive(seq: int, target: Path, *, by: Actor, clock: Clock) -> Taken:
    """Write everything up to the checkpoint at `seq` to a folder, check that it verifies, and sign a note of
    it.

    Nothing is deleted. Raises `ValueError` when there is no believed checkpoint at `seq`, or the file does
    not verify.
    """
    keys = checkpoints.trusted_keys()
    checkpoint = checkpoints.read(seq, keys=keys)
    if checkpoint.wrong:
        raise ValueError(f"the checkpoint at {seq}: {checkpoint.wrong}")
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    begun = begin(TrailQuery(), format="archive", by=by, clock=clock)
    export, taken, whole = Export(begun.wanted, by, clock, seq), Taken(), False
    try:
        for _ in _write_set(export, taken, lambda name: (target / name).open("xb")):
            pass
        with (target / EVENTS).open("rb") as lines:
            found = verifier.verify(lines, keys, whole=True)
        if found.code or (found.last, taken.last[1]) != (seq, checkpoint.hash):
            raise ValueError(
                found.problems[0].words if found.problems else "it does not end at its checkpoint"
            )
        checkpoints.note_archived(seq=seq, hash=checkpoint.hash, sha256=taken.files[EVENTS], clock=clock)
        whole = True
    finally:
        _ended(export, "archive", taken, whole=whole)
    return taken
