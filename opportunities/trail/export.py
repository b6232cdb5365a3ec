"""Exporting the trail: JSON Lines that can be verified without the database, CSV for reading, and both in a
folder or ZIP.

An `events.jsonl` holds the requested events, then their evidence (checkpoints, and proofs that lead from the
last event of each unbroken run to a checkpoint), then its manifest. `verifier.py` checks it without the
application. Only the numbers of the runs are held in memory, so an export of any length is streamed.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

from django.db import transaction

from opportunities.clock import Clock
from opportunities.trail import audit, checkpoints, export_requests, signing_keys, verifier
from opportunities.trail.audit import Actor, AuditChange
from opportunities.trail.export_contents import (
    Export,
    ExportSummary,
    Pieces,
    csv_pieces,
    jsonl_pieces,
    manifest_of,
)
from opportunities.trail.query import TrailQuery

EVENTS, TABLE, MANIFEST, VERIFIER, KEYS = (
    "events.jsonl",
    "events.csv",
    "manifest.json",
    "verifier.py",
    "keys.txt",
)


def begin(
    query: TrailQuery, *, format: str, by: Actor, clock: Clock, signs: bool = False, asks: bool = False
) -> Export:
    """Record that an export begins, before any byte of it is sent. `asks`: a worker is asked to sign it."""
    with transaction.atomic():
        event = audit.record(
            clock=clock,
            by=by,
            action="audit.export_started",
            object_type="trail",
            object_id=format,
            outcome="ok",
            change=AuditChange(after=query.as_json()),
        )
        if asks:
            export_requests.ask(event, clock=clock)
    waiting = partial(export_requests.wait_for_closing, event.seq, clock=clock) if asks else None
    return Export(query, by, clock, event.seq - 1, signs, waiting)


def _record_end(export: Export, format: str, summary: ExportSummary, *, whole: bool) -> None:
    """Record what was exported, and the hashes of its bytes."""
    after = {
        "count": summary.count,
        "first_seq": summary.first[0],
        "first_hash": summary.first[1],
        "last_seq": summary.last[0],
        "last_hash": summary.last[1],
        "files": summary.files,
        "filters": export.trail_query.as_json(),
        "signed": summary.signed,
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
    """The bytes of an export, a thousand events at a time. Its end is recorded, complete or not."""
    summary, whole = ExportSummary(), False
    digest = hashlib.sha256()
    pieces = {"jsonl": jsonl_pieces, "csv": csv_pieces, "zip": _zip_pieces}[format](export, summary)
    try:
        for piece in pieces:
            digest.update(piece)
            yield piece
        whole = True
    finally:
        pieces.close()
        summary.files |= {"download": digest.hexdigest()} if whole else {}
        _record_end(export, format, summary, whole=whole)


# The set of files, for a folder on the server and for the ZIP


class OpenFile(Protocol):
    """Opens a file of the set for writing."""

    def __call__(self, name: str) -> IO[bytes]: ...


def _write_set(export: Export, summary: ExportSummary, open_file: OpenFile) -> Iterator[None]:
    """Write each file of the set in turn. Yields after each piece, so that it can be sent on."""
    for name, make in ((EVENTS, jsonl_pieces), (TABLE, csv_pieces)):
        table = summary if name == EVENTS else ExportSummary()
        yield from _write(name, make(export, table), summary, open_file)
    yield from _write(VERIFIER, iter([Path(verifier.__file__).read_bytes()]), summary, open_file)
    keys = "".join(f"{key}\n" for key in signing_keys.trusted_lines()).encode()
    yield from _write(KEYS, iter([keys]), summary, open_file)
    manifest = manifest_of(export, summary) | {"files": dict(summary.files)}
    yield from _write(
        MANIFEST, iter([json.dumps(manifest, indent=1, sort_keys=True).encode()]), summary, open_file
    )


def _write(name: str, pieces: Iterator[bytes], summary: ExportSummary, open_file: OpenFile) -> Iterator[None]:
    digest = hashlib.sha256()
    with open_file(name) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
            yield
    summary.files[name] = digest.hexdigest()


class _Outlet(io.RawIOBase):
    """A file that a ZIP is written to and read from piece by piece, without seeking."""

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
        content, self._pieces = b"".join(self._pieces), []
        return content


def _zip_pieces(export: Export, summary: ExportSummary) -> Pieces:
    outlet = _Outlet()
    at = export.clock.now().timetuple()[:6]
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:

        def open_file(name: str) -> IO[bytes]:
            entry = zipfile.ZipInfo(name, at)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            return archive.open(entry, "w", force_zip64=True)

        for _ in _write_set(export, summary, open_file):
            if piece := outlet.take():
                yield piece
    yield outlet.take()


def write_folder(
    query: TrailQuery,
    target: Path,
    *,
    by: Actor,
    clock: Clock,
    on_progress: Callable[[int], None] = lambda count: None,
) -> ExportSummary:
    """Write the set of files to the folder `target`. Raises FileExistsError unless it is new or empty.

    A checkpoint is written first if this process can read the key, so that it vouches for every event.
    `on_progress` is called with the number of events written so far.
    """
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    checkpoints.write(clock=clock)
    export = begin(query, format="folder", by=by, clock=clock, signs=True)
    summary, whole = ExportSummary(), False
    try:
        for _ in _write_set(export, summary, lambda name: (target / name).open("xb")):
            on_progress(summary.count)
        whole = True
    finally:
        _record_end(export, "folder", summary, whole=whole)
    return summary


# Moving older events out of the database (docs/audit.md, "Keeping and moving")


def archive(seq: int, target: Path, *, by: Actor, clock: Clock) -> ExportSummary:
    """Write everything up to the checkpoint at `seq` to a folder, verify it, and sign a note about it.

    Nothing is deleted. Raises ValueError if there is no valid checkpoint at `seq` or the file does not
    verify, and FileExistsError unless the folder is new or empty.
    """
    keys = signing_keys.trusted_keys()
    checkpoint = checkpoints.read(seq, keys=keys)
    if checkpoint.wrong:
        raise ValueError(f"the checkpoint at {seq}: {checkpoint.wrong}")
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    full_export = begin(TrailQuery(), format="archive", by=by, clock=clock)
    export, summary, whole = (
        Export(full_export.trail_query, by, clock, seq, signs=True),
        ExportSummary(),
        False,
    )
    try:
        for _ in _write_set(export, summary, lambda name: (target / name).open("xb")):
            pass
        with (target / EVENTS).open("rb") as lines:
            verdict = verifier.verify(lines, keys, whole=True)
        if verdict.code or (verdict.last, summary.last[1]) != (seq, checkpoint.hash):
            raise ValueError(
                verdict.problems[0].words if verdict.problems else "it does not end at its checkpoint"
            )
        checkpoints.note_archived(seq=seq, hash=checkpoint.hash, sha256=summary.files[EVENTS], clock=clock)
        whole = True
    finally:
        _record_end(export, "archive", summary, whole=whole)
    return summary
