"""What the trail says of a decision: what was read for it, what was found, and by which rule."""

from typing import Any

import pytest

from opportunities.actions import reviewing
from opportunities.models import AuditEvent, Role, State
from tests.delivery.test_settling import edit, lose, made
from tests.support.office import Office, fresh
from tests.support.people import make_person

pytestmark = pytest.mark.slow

SCAN = {"of", "began_at", "ended_at", "pages", "count_first", "count_last", "complete"}


def last(state: State) -> dict[str, Any]:
    event = AuditEvent.objects.filter(action=f"submission.{state}").latest("seq")
    said: dict[str, Any] = event.after
    return said


def test_an_adopted_record_has_the_reading_that_found_it(office: Office) -> None:
    submission = lose(office, "drop_after")
    office.clock.turn(5)

    office.round()

    said = last(State.CONFIRMED)
    assert said["rule"] == "one_exact"
    assert said["candidates"] == [fresh(submission).opportunity_id]
    assert [scan["of"] for scan in said["scans"]] == ["household"]
    assert set(said["scans"][0]) == SCAN
    assert said["scans"][0]["complete"]


def test_a_proof_of_absence_has_both_readings_and_that_of_the_book(office: Office) -> None:
    lose(office, "drop_before")

    office.rounds(minutes=6)

    said = AuditEvent.objects.get(reason_code="absent").after
    assert said["rule"] == "absent_twice"
    assert [scan["of"] for scan in said["scans"]] == ["household", "household", "book"]
    assert said["scans"][1]["began_at"] > said["scans"][0]["ended_at"]
    assert said["candidates"] == []


def test_an_edit_that_was_found_done_has_its_reading_too(office: Office) -> None:
    edit(office, made(office), {"value": 700_000}, {"value": 640_000})
    office.box.mischief.append("drop_after")
    office.round()
    office.clock.turn(5)

    office.round()

    said = last(State.CONFIRMED)
    assert (said["rule"], [scan["of"] for scan in said["scans"]]) == ("as_wanted", ["deal"])


@pytest.mark.parametrize("decision", ["link", "close"])
def test_what_a_manager_decided_names_the_candidates_there_were(office: Office, decision: str) -> None:
    submission = lose(office, "drop_after")
    record = office.box.created[0]["id"]
    office.box.edit(record, value=700_000)
    office.rounds(minutes=10)
    assert last(State.REVIEW)["rule"] == "similar_found"
    facts: dict[str, Any] = {"person": make_person("Mona Manager", Role.MANAGER), "by": office.by}
    facts |= {"submission": fresh(submission), "reason": "looked", "clock": office.clock}

    if decision == "link":
        reviewing.link(opportunity_id=record, **facts)
    else:
        reviewing.close(**facts)

    assert last(State.CONFIRMED if decision == "link" else State.WITHDRAWN)["candidates"] == [record]
