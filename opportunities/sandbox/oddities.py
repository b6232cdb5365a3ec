"""Records that answers show differently from Slant's documents: `records` of `POST /_control` with op `show`.

`{"op":"show","id":...,"set":{...},"unset":[...]}` shows a record with other fields than it has, of any type,
or without some; `"replace":...` shows something else in its place. Without any of the three it is shown
normally again. The id may be that of a member or a stage, or `new` for every record made while the sandbox
runs. The ledger always has the real record.
"""

from __future__ import annotations

from typing import Any

from opportunities.sandbox.store import Row, Store, stamp

NEW = "new"
WAYS = {"set": dict, "unset": list, "replace": object}


def apply_oddities(store: Store, record: Row) -> Any:
    """`record` with what `/_control` made odd of it, and of the members or stages within."""
    for name in ("users", "pipeline_stages"):
        if isinstance(record.get(name), list):
            record = {**record, name: [apply_oddities(store, item) for item in record[name]]}
    how = store.oddities.get(record["id"])
    if how is None and record["id"] in store.born:
        how = store.oddities.get(NEW)
    if how is None:
        return record
    if "replace" in how:
        return how["replace"]
    changed = {**record, **how.get("set", {})}
    return {name: value for name, value in changed.items() if name not in how.get("unset", ())}


def change(store: Store, operation: Row, now: float) -> str:
    """Do what `operation` asks for, or say what of it is not understood.

    A deal counts as changed by that, so that it is among the changes a client asks for.
    """
    row_id = operation.get("id")
    how = {name: value for name, value in operation.items() if name not in ("op", "id")}
    for name, value in how.items():
        if not isinstance(value, WAYS.get(name, ())):
            return f"{name} is unknown or of another type"
    if not isinstance(row_id, str) or not (row_id == NEW or _is_known(store, row_id)):
        return f"no record {row_id!r}"
    store.oddities = {id: oddity for id, oddity in store.oddities.items() if id != row_id}
    if how:
        store.oddities[row_id] = how
    row = store.tables["opportunity"].get(row_id)
    if row is not None:
        store.put("opportunity", {**row, "updated_at": stamp(now)})
    return ""


def _is_known(store: Store, row_id: str) -> bool:
    stages = (stage for line in store.tables["pipeline"].values() for stage in line["pipeline_stages"])
    return store.kind_of(row_id) is not None or any(stage["id"] == row_id for stage in stages)
