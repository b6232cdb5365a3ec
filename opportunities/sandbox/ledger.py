"""The requests the sandbox received and the rows it wrote: append-only, numbered without gaps. Tests judge by
it.

An entry of kind `request` is appended when the request has been read, before any fault acts. While it is
open, `status`, `answered`, `replayed` and `ms` are null; `close()` fills them in once and the entry never
changes again. A `write` entry is complete from the start; `request` names the entry that caused it, null for
what "somebody did on Slant's own page". `record` is the row as the API shows it, with the flat ids
(`pipeline_id`, `pipeline_stage_id`, `assigned_to_id`) beside the nested objects, so that a reader can compare
it with what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Entry = dict[str, Any]


@dataclass
class Ledger:
    """Entries and the number before the first of them (numbers go on after a reset)."""

    entries: list[Entry] = field(default_factory=list)
    dropped: int = 0
    _open: set[int] = field(default_factory=set, repr=False)

    @property
    def last_seq(self) -> int:
        return self.dropped + len(self.entries)

    def copy(self) -> Ledger:
        twin = Ledger(entries=list(self.entries), dropped=self.dropped, _open=set(self._open))
        for seq in twin._open:  # finished entries are never edited and can be shared
            twin.entries[seq - twin.dropped - 1] = dict(twin.entries[seq - twin.dropped - 1])
        return twin

    def clear(self) -> None:
        self.dropped = self.last_seq
        self.entries = []
        self._open = set()

    def get(self, seq: int) -> Entry | None:
        """The entry with that number; None if a reset removed it."""
        index = seq - self.dropped - 1
        return self.entries[index] if 0 <= index < len(self.entries) else None

    def open_request(self, now: float, **facts: Any) -> int:
        """Append a request's entry and answer its number."""
        seq = self.last_seq + 1
        self.entries.append(
            {
                "seq": seq,
                "kind": "request",
                "at": stamp_ms(now),
                **facts,
                "answered": None,
                "status": None,
                "replayed": None,
                "writes": [],
                "ms": None,
            }
        )
        self._open.add(seq)
        return seq

    def close(self, seq: int, *, status: int | None, is_answered: bool, replayed: bool, ms: int) -> None:
        """Complete a request's entry. `status` is None when not one byte of an answer left."""
        entry = self.get(seq)
        if entry is None or seq not in self._open:
            return
        entry.update(status=status, answered=is_answered, replayed=replayed, ms=ms)
        self._open.discard(seq)

    def write(
        self,
        now: float,
        *,
        request: int | None,
        action: str,
        kind: str,
        key: str | None,
        changed: list[str],
        record: dict[str, Any],
    ) -> int:
        """Append a write's entry, name it in its request's entry, answer its number."""
        seq = self.last_seq + 1
        self.entries.append(
            {
                "seq": seq,
                "kind": "write",
                "at": stamp_ms(now),
                "request": request,
                "action": action,
                "type": kind,
                "id": record["id"],
                "idempotency_key": key,
                "changed": changed,
                "record": record,
            }
        )
        cause = self.get(request) if request is not None else None
        if cause is not None:
            cause["writes"] = [*cause["writes"], seq]
        return seq

    def read(
        self,
        *,
        after: int = 0,
        limit: int = 1000,
        kind: str | None = None,
        method: str | None = None,
        path: str | None = None,
    ) -> list[Entry]:
        """Entries after a number, oldest first, as copies. `path` is exact, or a prefix with a final `*`.

        `method` and `path` of a write are those of the request that caused it.
        """
        matches: list[Entry] = []
        for entry in self.entries[max(0, after - self.dropped) :]:
            if kind is not None and entry["kind"] != kind:
                continue
            if method is not None or path is not None:
                cause = entry if entry["kind"] == "request" else self.get(entry["request"] or 0)
                if cause is None or not self._is(cause, method, path):
                    continue
            matches.append(dict(entry))
            if len(matches) == limit:
                break
        return matches

    @staticmethod
    def _is(entry: Entry, method: str | None, path: str | None) -> bool:
        return (method is None or entry["method"] == method.upper()) and (
            path is None or path_matches(path, entry["path"])
        )


def path_matches(pattern: str, path: str) -> bool:
    """Exactly, or by prefix with a final `*`."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def stamp_ms(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
