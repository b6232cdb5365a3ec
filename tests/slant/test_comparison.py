"""A written record held against what was sent (Slant API 6.1 (7), 10.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opportunities.slant.comparison import compare, is_unit_alarm
from opportunities.slant.types import OpportunityRecord
from tests.slant.samples import OPPORTUNITY, SENT, without


def record(**changes: Any) -> OpportunityRecord:
    return OpportunityRecord.model_validate_json(json.dumps(OPPORTUNITY | changes))


def test_a_record_equal_to_what_was_sent_has_nothing_to_report() -> None:
    assert compare(SENT, record()) == ((), ())


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"name": "Other"}, ("name",)),
        ({"book_id": "bk_other"}, ("book_id",)),
        ({"value": 640001}, ("value",)),
        ({"value": None}, ("value",)),
        ({"probability": 60}, ("probability",)),
        ({"household_id": None}, ("household_id",)),
        ({"target_close_date": "2026-12-01T00:00:00Z"}, ("target_close_date",)),
        ({"target_close_date": None}, ("target_close_date",)),
        ({"pipeline": {"id": "pl_x"}}, ("pipeline_id",)),
        ({"pipeline_stage": {"id": "st_x"}}, ("pipeline_stage_id",)),
        ({"assigned_to": {"id": "u_x"}}, ("assigned_to_id",)),
        ({"assigned_to": None}, ("assigned_to_id",)),
        ({"name": "Other", "value": 1}, ("name", "value")),
    ],
)
def test_each_field_that_came_back_different_is_named(
    changes: dict[str, Any], names: tuple[str, ...]
) -> None:
    assert compare(SENT, record(**changes)) == (names, ())


@pytest.mark.parametrize("time", ["2026-11-30T23:59:59Z", "2026-11-29T20:00:00-05:00", "2026-11-30"])
def test_close_dates_are_equal_on_the_same_utc_day(time: str) -> None:
    assert compare(SENT, record(target_close_date=time)) == ((), ())


def test_fields_that_were_not_sent_are_not_compared() -> None:
    assert compare({"name": "Okonkwo rollover"}, record(value=1, probability=1)) == ((), ())


def test_a_field_the_answer_leaves_out_is_unverified_and_not_a_mismatch() -> None:
    slim = OpportunityRecord.model_validate(
        OpportunityRecord.model_validate_json(json.dumps(OPPORTUNITY)).model_dump(
            include={"id", "name", "book_id", "pipeline", "pipeline_stage"}
        )
    )

    mismatches, unverified = compare(SENT, slim)

    assert mismatches == ()
    assert set(unverified) == {"value", "probability", "target_close_date", "household_id", "assigned_to_id"}


def test_an_assignee_without_an_id_is_unverified() -> None:
    assert compare(SENT, record(assigned_to={"email": "theo@northpine.example"})) == ((), ("assigned_to_id",))


def test_a_null_that_was_sent_is_met_by_a_null() -> None:
    assert compare({"household_id": None, "value": None}, record(household_id=None, value=None)) == ((), ())
    assert compare({"value": None}, record(value=640000)) == (("value",), ())


def test_a_pipeline_type_counts_only_when_it_decided() -> None:
    assert compare({"pipeline_type": "client"}, record()) == (("pipeline_type",), ())
    assert compare({"pipeline_type": "prospect"}, record()) == ((), ())
    assert compare(SENT | {"pipeline_type": "client"}, record()) == ((), ())
    assert compare({"pipeline_type": "client"}, record(pipeline={"id": "p"})) == ((), ("pipeline_type",))


def test_custom_fields_are_compared_key_by_key() -> None:
    sent = {"custom_fields": {"lead_source": "Seminar", "region": "North"}}

    assert compare(sent, record(custom_fields={"lead_source": "Seminar", "region": "North", "other": 1})) == (
        (),
        (),
    )
    assert compare(sent, record(custom_fields={"lead_source": "Referral"})) == (
        ("custom_fields.lead_source", "custom_fields.region"),
        (),
    )
    bare = without(OPPORTUNITY, "custom_fields")
    assert compare(sent, OpportunityRecord.model_validate_json(json.dumps(bare)))[1] == (
        "custom_fields.lead_source",
        "custom_fields.region",
    )


@pytest.mark.parametrize(
    ("sent", "returned", "alarm"),
    [
        (640000, 64000000, True),
        (640000, 6400, True),
        (640000, 640000, False),
        (640000, 6400000, False),
        (640000, None, False),
        (0, 0, False),
        (50, 0, False),
        (None, 100, False),
        (1, 100, True),
    ],
)
def test_a_value_a_hundred_times_off_raises_the_unit_alarm(
    sent: int | None, returned: int | None, alarm: bool
) -> None:
    assert is_unit_alarm({"value": sent}, record(value=returned)) is alarm


def test_no_value_sent_raises_no_alarm() -> None:
    assert is_unit_alarm({"name": "x"}, record(value=100)) is False
