"""The content of an export: its events, their evidence, and its manifest."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Q

from opportunities.clock import Clock
from opportunities.exports import harmless
from opportunities.models import AuditEvent, Instance
from opportunities.trail import audit, checkpoints, query, signing_keys, verifier
from opportunities.trail.audit import Actor
from opportunities.trail.query import TrailQuery
from opportunities.trail.verify.rows import plain_rows

Pieces = Generator[bytes, None, None]

# In the order of the model, which suits readers of the table. The chain sorts the fields by name.
KEPT_CHECKPOINTS = 100
COLUMNS = AuditEvent.chained_columns()


@dataclass
class ExportSummary:
    """What an export holds, complete when it is done. `first`, `last`: number and hash of an event."""

    count: int = 0
    first: tuple[int, str] = (0, "")
    last: tuple[int, str] = (0, "")
    files: dict[str, str] = field(default_factory=dict)
    # The first and the last number of each unbroken run.
    runs: list[tuple[int, int]] = field(default_factory=list)
    # Of the lines of its events.
    digest: Any = field(default_factory=hashlib.sha256)
    signed: bool = False

    def add_to_digest(self, piece: bytes) -> bytes:
        self.digest.update(piece)
        return piece

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
    """Who exports what. `upto` is the last event when it began, so its own events are not in it.

    `signs`: whether this process signs it. The web never does, because only the worker has the key: there
    `ask_closing` waits for the lines that a worker signed, and returns none when no worker signed in time.
    """

    trail_query: TrailQuery
    by: Actor
    clock: Clock
    upto: int
    signs: bool = False
    ask_closing: Callable[[], bytes] | None = None

    @cached_property
    def condition(self) -> Q:
        return query.condition(self.trail_query) & Q(seq__lte=self.upto)


def _rows(export: Export) -> Iterator[list[dict[str, Any]]]:
    after = 0
    while page := plain_rows(after, export.condition):
        yield page
        after = page[-1]["seq"]


def jsonl_pieces(export: Export, summary: ExportSummary) -> Pieces:
    for page in _rows(export):
        for event in page:
            summary.add(event)
        yield summary.add_to_digest(_encode(page))
    closing = export.ask_closing() if export.ask_closing else b""
    summary.signed = export.signs or _fits(closing, summary)
    yield closing if closing and summary.signed else closing_lines(export, summary)


def closing_lines(export: Export, summary: ExportSummary) -> bytes:
    """The lines that end an export, after its events: their evidence, and the manifest."""
    evidence = _encode(_evidence(summary))
    digest = summary.digest.copy()
    digest.update(evidence)
    manifest = manifest_of(export, summary) | {"sha256": digest.hexdigest()}
    content = checkpoints.signed_manifest(manifest) if export.signs else {"manifest": manifest}
    return evidence + verifier.canonical(content) + b"\n"


def _encode(lines: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(verifier.canonical(line) + b"\n" for line in lines)


def _fits(closing: bytes, summary: ExportSummary) -> bool:
    """Whether the lines that a worker signed are about exactly the events in this export."""
    if not closing:
        return False
    *evidence, manifest = closing.splitlines(keepends=True)
    digest = summary.digest.copy()
    digest.update(b"".join(evidence))
    return bool(verifier.parse(manifest)["manifest"]["sha256"] == digest.hexdigest())


def manifest_of(export: Export, summary: ExportSummary) -> dict[str, Any]:
    return {
        "format": verifier.FORMAT,
        "instance": str(Instance.current().instance_id),
        "made_at": audit.plain_time(export.clock.now()),
        "made_by": export.by.display,
        "filters": export.trail_query.as_json(),
        "whole": export.trail_query.is_everything,
        "count": summary.count,
        "first_seq": summary.first[0],
        "first_hash": summary.first[1],
        "last_seq": summary.last[0],
        "last_hash": summary.last[1],
        "keys": sorted(signing_keys.trusted_lines()),
    }


def _evidence(summary: ExportSummary) -> Iterator[dict[str, Any]]:
    """The evidence for the events: the checkpoints of each run, and a proof from its end to the next
    checkpoint.

    If earlier events were moved to a file, the note about them comes first.
    """
    numbers = checkpoints.numbers()
    if note := checkpoints.archive_note(summary.first[0] - 1):
        yield note
    numbers_out: set[int] = set()
    proofs = []
    for first, last in summary.runs:
        inside = _enough([seq for seq in numbers if first <= seq <= last])
        following = next((seq for seq in numbers if seq >= last), None)
        for seq in {*inside, *([following] if following else [])} - numbers_out:
            numbers_out.add(seq)
            if envelope := _envelope(seq):
                yield envelope
        if following and following != last and (proof := _proof(last, following)):
            proofs.append({"proof": proof})
    yield from proofs


def _enough(numbers: list[int]) -> list[int]:
    """The newest hundred of `numbers`, and one in a thousand events before.

    The newest vouches for all events before it. The others show more closely where events were rewritten.
    """
    enough: list[int] = []
    for seq in numbers[:-KEPT_CHECKPOINTS]:
        if not enough or seq - enough[-1] >= checkpoints.EVERY_EVENTS:
            enough.append(seq)
    return enough + numbers[-KEPT_CHECKPOINTS:]


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


def csv_pieces(export: Export, summary: ExportSummary) -> Pieces:
    """A table for reading. It is no evidence: an apostrophe stands before text that could be a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for page in _rows(export):
        for event in page:
            summary.add(event)
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
