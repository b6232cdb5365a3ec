"""Keeping a world over a restart: a journal of rows, one JSON line each, beside the moment the world began.

The sample firm is built from that moment and a number of deals, so the journal holds only what was written
since. Kept: rows, ids given out, ledger numbers. Forgotten by a restart, as by any server: settings, rate
buckets, answers under idempotency keys, and the ledger's old entries.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from opportunities.sandbox import past, sample
from opportunities.sandbox.store import Store


class Journal:
    """Appends what was written to a world. `open_world` makes one."""

    def __init__(self, file: TextIO, store: Store) -> None:
        self._file = file
        self._kept = store.ledger.last_seq

    def keep(self, store: Store) -> None:
        """Write down every row changed since the last call. Called before the answer leaves."""
        ledger = store.ledger
        for entry in ledger.entries[max(0, self._kept - ledger.dropped) :]:
            if entry["kind"] == "write":
                row = store.tables[entry["type"]].get(entry["id"])
                entry_line = {
                    "kind": entry["type"],
                    "id": entry["id"],
                    "row": row,
                    "born": store.born.get(entry["id"]),
                }
                self._line(entry_line | {"seq": entry["seq"], "made": store.id_count})
        self._kept = ledger.last_seq
        self._file.flush()

    def keep_reset(self, store: Store) -> None:
        """The world went back to its beginning."""
        self._line({"reset": True, "seq": store.ledger.dropped, "made": store.id_count})
        self._kept = store.ledger.dropped

    def close(self) -> None:
        self._file.close()

    def _line(self, content: dict[str, Any]) -> None:
        self._file.write(json.dumps(content) + "\n")


def begun_with(path: Path) -> int | None:
    """How many deals the world kept at `path` began with; None if none is kept there."""
    lines = _read_lines(path)
    return int(lines[0]["opportunities"]) if lines else None


def open_world(
    path: Path, *, now: float, opportunities: int, with_past: bool = False
) -> tuple[Store, Store, Journal]:
    """The world kept at `path`, or a new one that is kept there: (as it began, as it is, its journal).

    A last line cut short by a kill is left out: its answer never left either.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = _read_lines(path)
    header = lines[0] if lines else {"began": now, "opportunities": opportunities, "past": with_past}
    build = past.build if header.get("past") else sample.build
    start = build(now=float(header["began"]), opportunities=int(header["opportunities"]))
    store = start.copy()
    for line in lines[1:]:
        _replay(store, start, line)
    file = path.open("w")
    for line in lines or [header]:
        file.write(json.dumps(line) + "\n")
    file.flush()
    return start, store, Journal(file, store)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def _replay(store: Store, start: Store, line: dict[str, Any]) -> None:
    if line.get("reset"):
        store.reset_to(start)
    elif line["row"] is None:
        store.remove(line["kind"], line["id"])
    else:
        store.put(line["kind"], line["row"], born=line["born"])
    store.id_count = line["made"]
    store.ledger.dropped = line["seq"]
