"""Comparing a written record with what was sent (Slant API 6.1 (7), 10.1).

A 2xx under an idempotency key may be a replay of another request, and the unit of `value` was once cents. So
every answer to a write is compared before it is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from opportunities.deal_fields import ALIASES, BY_NAME, CUSTOM, DEAL_FIELDS, IDENTIFYING, place_of
from opportunities.slant.record_types import Time
from opportunities.slant.responses import Answer
from opportunities.slant.types import OpportunityRecord, Written

_SAME, _DIFFERENT, _NOT_SHOWN = "same", "different", "not shown"
_DIRECT = {field.name for field in DEAL_FIELDS if field.record == field.name}
_time = TypeAdapter[Any](Time)


def compare_answer(sent: dict[str, Any], record: OpportunityRecord, answer: Answer) -> Written:
    """The record of `answer`, and how it differs from the fields that were `sent`."""
    mismatches, unverified = compare(sent, record)
    return Written(
        record=record,
        mismatches=mismatches,
        unverified=unverified,
        recognized=is_recognized(sent, record),
        unit_alarm=is_unit_alarm(sent, record),
        status=answer.status,
        request_id=answer.request_id,
        server_date=answer.server_date,
        elapsed_ms=answer.elapsed_ms,
    )


def compare_again(written: Written, sent: dict[str, Any], record: OpportunityRecord) -> Written:
    """`written` with the `record` of a later read, compared with `sent` again."""
    mismatches, unverified = compare(sent, record)
    return replace(
        written,
        record=record,
        mismatches=mismatches,
        unverified=unverified,
        recognized=is_recognized(sent, record),
        unit_alarm=is_unit_alarm(sent, record),
    )


def compare(sent: dict[str, Any], record: OpportunityRecord) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names of sent fields that came back different, names of those the answer does not show)."""
    verdicts = list(_verdicts(sent, record))
    return (
        tuple(name for name, verdict in verdicts if verdict == _DIFFERENT),
        tuple(name for name, verdict in verdicts if verdict == _NOT_SHOWN),
    )


def is_recognized(sent: dict[str, Any], record: OpportunityRecord) -> bool:
    """Whether a field that distinguishes deals came back as sent; the other fields may be unreadable."""
    verdicts = dict(_verdicts(sent, record))
    return any(verdicts.get(name) == _SAME for name in ("name", *IDENTIFYING))


def is_unit_alarm(sent: dict[str, Any], record: OpportunityRecord) -> bool:
    """Whether `value` came back as exactly 100 times, or exactly a hundredth of, the one sent."""
    ours, theirs = sent.get("value"), record.value
    if not isinstance(ours, int) or not ours or not theirs:
        return False
    return theirs == ours * 100 or theirs * 100 == ours


def _verdicts(sent: dict[str, Any], record: OpportunityRecord) -> Iterator[tuple[str, str]]:
    shown = record.model_fields_set
    for name, ours in sent.items():
        if _is_unreadable(name, record):
            yield name, _NOT_SHOWN
        elif name == "custom_fields" and isinstance(ours, dict):
            for key, wanted in ours.items():
                theirs = record.custom_fields.get(key)
                yield f"{name}.{key}", _judge(wanted, theirs, "custom_fields" in shown)
        elif name in _DIRECT:
            yield name, _judge(ours, getattr(record, name), name in shown)
        elif name == "target_close_date":
            yield name, _judge(_utc_day(ours), record.close_day, name in shown)
        elif name == "pipeline_id":
            yield name, _judge(ours, record.pipeline.id, True)
        elif name == "pipeline_stage_id":
            yield name, _judge(ours, record.pipeline_stage.id, True)
        elif name in ("assigned_to_id", "owner_id"):
            yield name, _judge_assignee(ours, record)
        elif name == "pipeline_type":
            # Slant reads it only when the request names no pipeline; a pipeline for any type does not show
            # it.
            decided = sent.get("pipeline_id") or sent.get("household_id")
            theirs = record.pipeline.pipeline_type
            yield name, _SAME if decided else _judge(ours, theirs, theirs is not None)
        else:
            yield name, _NOT_SHOWN


def _is_unreadable(name: str, record: OpportunityRecord) -> bool:
    """Whether Slant shows the field and we cannot read it, so that it is neither equal nor different."""
    field = BY_NAME.get(ALIASES.get(name, name))
    place = CUSTOM if name == CUSTOM else place_of(field.name) if field else ""
    return bool(place) and record.cannot_read(place)


def _judge(ours: object, theirs: object, shown: bool) -> str:
    if ours == theirs:
        return _SAME
    return _DIFFERENT if shown else _NOT_SHOWN


def _judge_assignee(ours: object, record: OpportunityRecord) -> str:
    """Compare the assignee. Null means nobody; an object without an id may be anybody (Slant API 10.19)."""
    if record.assigned_to is None:
        return _judge(ours, None, "assigned_to" in record.model_fields_set)
    return _judge(ours, record.assigned_to.id, record.assigned_to.id is not None)


def _utc_day(sent: object) -> object:
    """The UTC calendar day of a date-time that was sent (Slant API 10.23); any other value unchanged."""
    try:
        return _time.validate_python(sent).date() if isinstance(sent, str) else sent
    except ValidationError:
        return sent
