"""What managers decide about what is in review, and that it is done."""

from unittest.mock import patch

import pytest

from opportunities.actions import reviewing
from opportunities.delivery import deciding
from opportunities.delivery.scanning import Candidates
from opportunities.models import Person, Role, State, Submission
from opportunities.slant.pages import Scan
from tests.delivery.test_settling import edit, lose, made
from tests.support.office import Office, fresh
from tests.support.people import make_person

pytestmark = pytest.mark.slow


@pytest.fixture
def mona(db: None) -> Person:
    return make_person("Mona Manager", Role.MANAGER)


def send_again(office: Office, submission: Submission, mona: Person, seen: list[str]) -> None:
    reviewing.send_again(
        submission=submission, seen_ids=seen, reason="not ours", person=mona, by=office.by, clock=office.clock
    )


def edit_in_review(office: Office) -> tuple[str, Submission]:
    """An edit whose answer was lost, of a value that a colleague then changed to 2 in Slant."""
    deal_id = made(office)
    submission = edit(office, deal_id, {"value": 1}, {"value": 640_000})
    office.box.mischief.append("drop_before")
    office.round()
    office.box.edit(deal_id, value=2)
    office.rounds(minutes=10)
    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "changed_meanwhile")
    return deal_id, submission


def test_what_was_found_after_the_page_was_shown_is_not_ruled_out(office: Office, mona: Person) -> None:
    submission = lose(office, "+500")
    record = office.box.created[0]["id"]
    with (
        patch.object(deciding, "find_candidates", lambda *a, **k: Candidates((), ())),
        patch.object(Scan, "complete", property(lambda self: False)),
    ):
        office.rounds(minutes=15)
    shown = reviewing.candidate_ids(fresh(submission))
    office.box.edit(record, value=700_000)
    office.rounds(minutes=12)

    with pytest.raises(reviewing.MoreFound):
        send_again(office, fresh(submission), mona, shown)

    office.rounds(minutes=10)
    assert fresh(submission).state == State.REVIEW
    assert reviewing.candidate_ids(submission) == [record]
    assert len(office.box.created) == 1


def test_an_edit_sent_again_overwrites_the_value_its_manager_saw(office: Office, mona: Person) -> None:
    deal_id, submission = edit_in_review(office)

    send_again(office, submission, mona, [deal_id])
    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert office.box.store.tables["opportunity"][deal_id]["value"] == 1


def test_a_value_changed_once_more_is_asked_about_once_more(office: Office, mona: Person) -> None:
    deal_id, submission = edit_in_review(office)
    send_again(office, submission, mona, [deal_id])
    office.box.edit(deal_id, value=3)

    office.rounds(minutes=6)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "changed_meanwhile")
    assert submission.check_state["candidates"][0]["fields"]["value"] == 3
    assert office.box.store.tables["opportunity"][deal_id]["value"] == 3


def test_a_custom_field_sent_again_overwrites_the_value_its_manager_saw(office: Office, mona: Person) -> None:
    deal_id, field = made(office), "custom_fields.lead_source"
    submission = edit(office, deal_id, {field: "Referral"}, {field: None})
    office.box.mischief.append("drop_before")
    office.round()
    office.box.edit(deal_id, custom_fields={"lead_source": "Seminar"})
    office.rounds(minutes=10)
    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "changed_meanwhile")

    send_again(office, submission, mona, [deal_id])
    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert office.box.store.tables["opportunity"][deal_id]["custom_fields"]["lead_source"] == "Referral"
