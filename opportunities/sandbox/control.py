"""The adjustable side of the world: `GET` and `POST /_control` (interface.md, "The sandbox").

A POST changes what it names: `switches`, `limits` and `clock` are merged name by name; the lists `faults` and
`revoked` are replaced as a whole; `records` are done in order, each of them noted in the ledger with
`request` null; `reset` comes first: "faults" drops the faults, "all" also records, keys, buckets, settings
and ledger entries (ledger numbers and ids go on). Either all of it is applied, or nothing, with a 422 that
says what was not understood.

`up` false makes `/v1` refuse connections if it was asked for on the control port. On the main port, which
then has to stay open for `/_control`, it can only reset them: see `server.py`.

Faults: `times` null or absent acts always, `id` absent is the kind; used up ones stay listed with `times` 0.
Records: `{"op":"patch","id":...,"set":{...}}`, `{"op":"create","type":...,"set":{...}}`,
`{"op":"delete","id":...}` with the fields a row has in `store.py` (flat ids such as `pipeline_stage_id` and
`assigned_to_id`). `{"op":"show","id":...}` makes answers show a record oddly: `oddities.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, cast

from opportunities.sandbox import oddities, removing, shapes
from opportunities.sandbox.faults import PLANS, Fault
from opportunities.sandbox.store import SWITCHES, Control, Row, Store, stamp

FARTHEST = 10**9  # beyond it no clock, no wait and no count can follow
FAULT_NAMES = frozenset(
    ("id", "kind", "method", "path", "times", "skip", "delay_ms", "status", "retry_after")
)
NEW_OPPORTUNITY: Row = {
    "value": None,
    "probability": None,
    "target_close_date": None,
    "household_id": None,
    "custom_fields": {},
}
NEW_HOUSEHOLD: Row = {
    "type": "Prospect",
    "people": [],
    "tier": None,
    "became_client_at": None,
    "profile_picture_url": None,
    "custom_fields": {},
}


class NotUnderstood(ValueError):
    """A name or value `/_control` does not know; the message says which."""


def show(control: Control) -> dict[str, Any]:
    return {
        "switches": dict(control.switches),
        "limits": dict(control.limits),
        "clock": {"offset_s": control.offset_s},
        "up": control.up,
        "revoked": list(control.revoked),
        "latency_ms": control.latency_ms,
        "list_lag_s": control.list_lag_s,
        "faults": [asdict(fault) for fault in control.faults],
    }


def apply(store: Store, start: Store, changes: Any, now: float) -> None:
    """Apply `changes`, to a copy first, so that an error changes nothing."""
    if not isinstance(changes, dict):
        raise NotUnderstood("the body must be a JSON object")
    trial = store.copy()
    _apply(trial, start, changes, now)
    store.__dict__.update(trial.__dict__)


def _apply(store: Store, start: Store, changes: dict[str, Any], now: float) -> None:
    _reset(store, start, changes.get("reset", "none"))
    for name, value in changes.items():
        if name == "revoked":
            store.control.revoked = _revoked(store, value)
        elif name == "records":
            for operation in _list(name, value):
                _record(store, _object(name, operation), now)
        elif name in MERGED:
            MERGED[name](store.control, value)
        elif name in REPLACED:
            setattr(store.control, name, REPLACED[name](value))
        elif name != "reset":
            raise NotUnderstood(f"{name!r} is unknown")


def _reset(store: Store, start: Store, scope: Any) -> None:
    if scope not in ("none", "faults", "all"):
        raise NotUnderstood(f"reset: {scope!r} is not none, faults or all")
    if scope == "all":
        store.reset_to(start)
    elif scope == "faults":
        store.control.faults = ()


def _merge_limits(control: Control, value: Any) -> None:
    for limit, number in _object("limits", value).items():
        if limit not in control.limits:
            raise NotUnderstood(f"limits: {limit!r} is unknown")
        control.limits[limit] = _number(f"limits.{limit}", number)


def _set_clock(control: Control, value: Any) -> None:
    if set(_object("clock", value)) - {"offset_s"}:
        raise NotUnderstood("clock: only offset_s is known")
    control.offset_s = _real("clock.offset_s", value.get("offset_s", control.offset_s), least=None)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise NotUnderstood("up: must be true or false")
    return value


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotUnderstood(f"{name}: must be an object")
    return value


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise NotUnderstood(f"{name}: must be a list")
    return value


def _number(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NotUnderstood(f"{name}: must be a whole number of at least 0")
    if value > FARTHEST:
        raise NotUnderstood(f"{name}: is too large")
    return value


def _real(name: str, value: Any, *, least: float | None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or (least is not None and value < least):
        raise NotUnderstood(f"{name}: must be a number")
    if not abs(value) <= FARTHEST:  # NaN is neither near nor far
        raise NotUnderstood(f"{name}: is too far away")
    return value


def _merge_switches(control: Control, value: Any) -> None:
    for switch, choice in _object("switches", value).items():
        if switch not in SWITCHES:
            raise NotUnderstood(f"switches: {switch!r} is unknown")
        text = "null" if choice is None else str(choice)
        if text not in SWITCHES[switch]:
            raise NotUnderstood(f"switches.{switch}: {choice!r} is none of {', '.join(SWITCHES[switch])}")
        control.switches[switch] = text


MERGED: dict[str, Callable[[Control, Any], None]] = {
    "switches": _merge_switches,
    "limits": _merge_limits,
    "clock": _set_clock,
}
REPLACED: dict[str, Callable[[Any], Any]] = {
    "up": _flag,
    "latency_ms": lambda value: _number("latency_ms", value),
    "list_lag_s": lambda value: _real("list_lag_s", value, least=0),
    "faults": lambda value: _faults(value),
}


def _revoked(store: Store, value: Any) -> tuple[str, ...]:
    token_names = {token.name for token in store.tokens.values()}
    for name in _list("revoked", value):
        if not isinstance(name, str) or name not in token_names:
            raise NotUnderstood(f"revoked: {name!r} is not a token's name")
    return tuple(cast("list[str]", value))


def _faults(value: Any) -> tuple[Fault, ...]:
    faults: list[Fault] = []
    for item in _list("faults", value):
        fault = read_fault(_object("faults", item))
        ids = {earlier.id for earlier in faults}
        if fault.id in ids:
            number = next(count for count in range(2, len(ids) + 3) if f"{fault.id}-{count}" not in ids)
            fault = Fault(**{**asdict(fault), "id": f"{fault.id}-{number}"})
        faults.append(fault)
    return tuple(faults)


def read_fault(item: dict[str, Any]) -> Fault:
    """One fault out of JSON; unknown names and kinds are refused."""
    unknown = set(item) - FAULT_NAMES
    if unknown:
        raise NotUnderstood(f"faults: {sorted(unknown)} unknown")
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in PLANS:
        raise NotUnderstood(f"faults: kind {kind!r} is none of {', '.join(PLANS)}")
    method, path, name = item.get("method") or "*", item.get("path") or "*", item.get("id") or kind
    if not (isinstance(method, str) and isinstance(path, str) and isinstance(name, str)):
        raise NotUnderstood("faults: id, method and path are strings")
    status = _number("faults.status", item.get("status", 500))
    if not 200 <= status <= 599:
        raise NotUnderstood("faults: status must be between 200 and 599")
    optional = {part: item.get(part) for part in ("times", "retry_after")}
    return Fault(
        id=name,
        kind=kind,
        method=method.upper(),
        path=path,
        skip=_number("faults.skip", item.get("skip", 0)),
        delay_ms=_number("faults.delay_ms", item.get("delay_ms", 0)),
        status=status,
        **{
            part: None if number is None else _number(f"faults.{part}", number)
            for part, number in optional.items()
        },
    )


def fault_from_words(text: str) -> Fault:
    """`POST /v1/opportunities drop_after x1 skip=0 delay_ms=0 status=500 retry_after=30`; without xN it acts
    always.
    """
    words = text.split()
    if len(words) < 3:
        raise NotUnderstood(f"a fault reads 'METHOD PATH KIND [xN] [name=value ...]', not {text!r}")
    item: dict[str, Any] = dict(zip(("method", "path", "kind"), words[:3], strict=True))
    for word in words[3:]:
        name, _, number = word.partition("=") if "=" in word else ("times", "", word.removeprefix("x"))
        if name == "id":
            item[name] = number
        elif number.isascii() and number.isdigit():
            item[name] = int(number)
        else:
            raise NotUnderstood(f"{word!r} in {text!r} is neither xN nor name=number")
    return read_fault(item)


def _record(store: Store, operation: dict[str, Any], now: float) -> None:
    """One thing somebody did on Slant's own page."""
    op = operation.get("op")
    if op == "show":
        if problem := oddities.change(store, operation, now):
            raise NotUnderstood(f"records: {problem}")
        return
    unknown = set(operation) - {"op", "id", "type", "set"}
    if unknown:
        raise NotUnderstood(f"records: {sorted(unknown)} unknown")
    if op == "create":
        _create(store, operation, now)
        return
    row_id = operation.get("id")
    kind = store.kind_of(row_id) if isinstance(row_id, str) else None
    if kind is None or not isinstance(row_id, str):
        raise NotUnderstood(f"records: no record {row_id!r}")
    if op == "delete":
        _delete(store, kind, row_id, now)
    elif op == "patch":
        _patch(store, kind, row_id, _object("records.set", operation.get("set")), now)
    else:
        raise NotUnderstood(f"records: op {op!r} is none of patch, create, delete, show")


def _delete(store: Store, kind: str, row_id: str, now: float) -> None:
    if not removing.may_be_deleted(store, kind, row_id):
        raise NotUnderstood(f"records: a {kind} cannot be deleted, other records name it")
    record = shapes.record(store, kind, store.tables[kind][row_id])
    store.remove(kind, row_id)
    _note(store, now, "delete", kind, [], record)


def _patch(store: Store, kind: str, row_id: str, values: dict[str, Any], now: float) -> None:
    row = store.tables[kind][row_id]
    for name in values:
        if name not in row or name == "id":
            raise NotUnderstood(f"records: {kind} has no field {name!r}")
    changed = [name for name, value in values.items() if row[name] != value]
    fresh = {**row, **values}
    if "updated_at" in row and "updated_at" not in values and changed:
        fresh["updated_at"] = stamp(now)
    if "pipeline_stage_id" in changed and "stage_updated_at" not in values:
        fresh["stage_updated_at"] = stamp(now)
    _known_references(store, kind, fresh)
    store.put(kind, fresh)
    _note(store, now, "update", kind, changed, shapes.record(store, kind, fresh))
    # The deals of a removed stage go to the first one, because a deal is always in a stage of its pipeline.
    for deal in removing.deals_without_stage(store, fresh) if "pipeline_stages" in changed else ():
        _patch(store, "opportunity", deal, {"pipeline_stage_id": fresh["pipeline_stages"][0]["id"]}, now)


def _create(store: Store, operation: dict[str, Any], now: float) -> None:
    kind = operation.get("type", "opportunity")
    values = _object("records.set", operation.get("set"))
    if kind not in ("opportunity", "household"):
        raise NotUnderstood("records: only an opportunity or a household can be created")
    base = NEW_OPPORTUNITY if kind == "opportunity" else NEW_HOUSEHOLD
    needed = ["name", "book_id"]
    moment = stamp(now)
    moments = {"created_at": moment, "updated_at": moment}
    if kind == "opportunity":
        needed += ["pipeline_id", "pipeline_stage_id", "assigned_to_id"]
        moments["stage_updated_at"] = moment
    field_names = {"id", *base, *moments, *needed}
    for name in values:
        if name not in field_names:
            raise NotUnderstood(f"records: {kind} has no field {name!r}")
    for name in needed:
        if values.get(name) is None:
            raise NotUnderstood(f"records: a new {kind} needs {name}")
    row_id = operation.get("id") or values.get("id") or store.new_id(kind)
    if not isinstance(row_id, str) or store.kind_of(row_id) is not None:
        raise NotUnderstood(f"records: the id {row_id!r} is taken")
    row = {**base, **moments, **values, "id": row_id}
    _known_references(store, kind, row)
    store.put(kind, row, born=now)
    _note(store, now, "create", kind, list(values), shapes.record(store, kind, row))


def _known_references(store: Store, kind: str, row: Row) -> None:
    """A row must name records that exist, or no answer could be put together from it."""
    if "custom_fields" in row:
        _object("records.custom_fields", row["custom_fields"])
    if kind == "household":
        _check_reference(store, row, "book_id", "book")
    if kind == "book" and not set(_object("records.members", row["members"])) <= set(store.tables["user"]):
        raise NotUnderstood("records: members name an unknown user")
    if kind == "pipeline":
        stages = _list("records.pipeline_stages", row["pipeline_stages"])
        if not stages or not all(
            isinstance(stage, dict) and isinstance(stage.get("id"), str) for stage in stages
        ):
            raise NotUnderstood("records: a pipeline needs a stage, each an object with an id")
    if kind != "opportunity":
        return
    for name, table in (("book_id", "book"), ("pipeline_id", "pipeline"), ("assigned_to_id", "user")):
        _check_reference(store, row, name, table)
    was = store.tables[kind].get(row["id"], {})
    if row["household_id"] is not None and row["household_id"] != was.get("household_id"):
        _check_reference(store, row, "household_id", "household")
    if shapes.stage_of(store.tables["pipeline"][row["pipeline_id"]], row["pipeline_stage_id"]) is None:
        raise NotUnderstood("records: pipeline_stage_id is not a stage of the pipeline")


def _check_reference(store: Store, row: Row, name: str, table: str) -> None:
    if not isinstance(row[name], str) or row[name] not in store.tables[table]:
        raise NotUnderstood(f"records: {name} is unknown")


def _note(store: Store, now: float, action: str, kind: str, changed: list[str], record: Row) -> None:
    store.ledger.write(now, request=None, action=action, kind=kind, key=None, changed=changed, record=record)
