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


def compare_answer(sent_fields: dict[str, Any], record: OpportunityRecord, answer: Answer) -> Written:
    """The record of `answer`, and how it differs from the fields that were `sent_fields`."""
    mismatches, unverified = compare(sent_fields, record)
    return Written(
        record=record,
        mismatches=mismatches,
        unverified=unverified,
        recognized=is_recognized(sent_fields, record),
        unit_alarm=is_unit_alarm(sent_fields, record),
        status=answer.status,
        request_id=answer.request_id,
        server_date=answer.server_date,
        elapsed_ms=answer.elapsed_ms,
    )


def compare_again(earlier_answer: Written, sent_fields: dict[str, Any], record: OpportunityRecord) -> Written:
    """`earlier_answer` with the `record` of a later read, compared with `sent_fields` again."""
    mismatches, unverified = compare(sent_fields, record)
    return replace(
        earlier_answer,
        record=record,
        mismatches=mismatches,
        unverified=unverified,
        recognized=is_recognized(sent_fields, record),
        unit_alarm=is_unit_alarm(sent_fields, record),
    )


def compare(
    sent_fields: dict[str, Any], record: OpportunityRecord
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names of sent fields that came back different, names of those the answer does not show)."""
    verdicts = list(_verdicts(sent_fields, record))
    return (
        tuple(name for name, verdict in verdicts if verdict == _DIFFERENT),
        tuple(name for name, verdict in verdicts if verdict == _NOT_SHOWN),
    )


def is_recognized(sent_fields: dict[str, Any], record: OpportunityRecord) -> bool:
    """Whether a field that distinguishes deals came back as sent; the other fields may be unreadable."""
    verdicts = dict(_verdicts(sent_fields, record))
    return any(verdicts.get(name) == _SAME for name in ("name", *IDENTIFYING))


def is_unit_alarm(sent_fields: dict[str, Any], record: OpportunityRecord) -> bool:
    """Whether `value` came back as exactly 100 times, or exactly a hundredth of, the one sent."""
    our_value, slant_value = sent_fields.get("value"), record.value
    if not isinstance(our_value, int) or not our_value or not slant_value:
        return False
    return slant_value == our_value * 100 or slant_value * 100 == our_value


def _verdicts(sent_fields: dict[str, Any], record: OpportunityRecord) -> Iterator[tuple[str, str]]:
    answered_fields = record.model_fields_set
    for name, our_value in sent_fields.items():
        if _is_unreadable(name, record):
            yield name, _NOT_SHOWN
        elif name == "custom_fields" and isinstance(our_value, dict):
            for key, our_custom_value in our_value.items():
                slant_value = record.custom_fields.get(key)
                yield (
                    f"{name}.{key}",
                    _judge(our_custom_value, slant_value, "custom_fields" in answered_fields),
                )
        elif name in _DIRECT:
            yield name, _judge(our_value, getattr(record, name), name in answered_fields)
        elif name == "target_close_date":
            yield name, _judge(_utc_day(our_value), record.close_day, name in answered_fields)
        elif name == "pipeline_id":
            yield name, _judge(our_value, record.pipeline.id, True)
        elif name == "pipeline_stage_id":
            yield name, _judge(our_value, record.pipeline_stage.id, True)
        elif name in ("assigned_to_id", "owner_id"):
            yield name, _judge_assignee(our_value, record)
        elif name == "pipeline_type":
            # Slant reads it only when the request names no pipeline; a pipeline for any type does not show
            # it.
            decided = sent_fields.get("pipeline_id") or sent_fields.get("household_id")
            slant_value = record.pipeline.pipeline_type
            yield name, _SAME if decided else _judge(our_value, slant_value, slant_value is not None)
        else:
            yield name, _NOT_SHOWN


def _is_unreadable(name: str, record: OpportunityRecord) -> bool:
    """Whether Slant shows the field and we cannot read it, so that it is neither equal nor different."""
    field = BY_NAME.get(ALIASES.get(name, name))
    place = CUSTOM if name == CUSTOM else place_of(field.name) if field else ""
    return bool(place) and record.cannot_read(place)


def _judge(our_value: object, slant_value: object, is_shown: bool) -> str:
    if our_value == slant_value:
        return _SAME
    return _DIFFERENT if is_shown else _NOT_SHOWN


def _judge_assignee(our_value: object, record: OpportunityRecord) -> str:
    """Compare the assignee. Null means nobody; an object without an id may be anybody (Slant API 10.19)."""
    if record.assigned_to is None:
        return _judge(our_value, None, "assigned_to" in record.model_fields_set)
    return _judge(our_value, record.assigned_to.id, record.assigned_to.id is not None)


def _utc_day(sent_value: object) -> object:
    """The UTC calendar day of a date-time that was sent (Slant API 10.23); any other value unchanged."""
    try:
        return _time.validate_python(sent_value).date() if isinstance(sent_value, str) else sent_value
    except ValidationError:
        return sent_value
