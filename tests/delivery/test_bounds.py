"""What must not go on for ever: sending in vain, looking in vain, and looks that never come to a decision."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from opportunities.actions import reviewing
from opportunities.delivery import settling
from opportunities.delivery.deciding import Decision, limit
from opportunities.models import Budget, Role, State, Submission
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.transport import Raw
from tests.delivery.test_settling import edit, lose, made
from tests.support.office import Office, fresh
from tests.support.people import make_person

pytestmark = pytest.mark.slow


def test_what_fails_each_time_is_sent_three_times_and_then_a_manager_is_asked(office: Office) -> None:
    submission = office.submit()
    office.box.mischief.extend(["500"] * 100)

    office.rounds(minutes=30)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "sent_in_vain")
    assert len(office.box.sends) == 3


def test_an_edit_that_fails_each_time_is_not_sent_for_ever_either(office: Office) -> None:
    deal_id = made(office)
    submission = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})
    office.box.mischief.extend(["500"] * 100)

    office.rounds(minutes=30)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "sent_in_vain")
    assert len(office.box.sends) == 1 + 3


def test_a_manager_who_sends_it_again_begins_the_count_anew(office: Office) -> None:
    submission = office.submit()
    office.box.mischief.extend(["500"] * 3)
    office.rounds(minutes=30)
    boss = make_person("Mona Manager", Role.MANAGER)

    reviewing.send_again(
        submission=fresh(submission), reason="it is mended", person=boss, by=office.by, clock=office.clock
    )
    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


@pytest.mark.parametrize("answer", [(400, b"{}"), (403, b"{}"), (200, b'{"data": [{"id": "op_half"}]}')])
def test_two_hours_of_answers_that_say_nothing_go_to_a_manager(
    office: Office, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes]
) -> None:
    """A list that is refused, or holds one record that cannot be read."""
    submission = lose(office, "drop_after")
    real = office.slant._transport.exchange

    def say(method: str, url: str, **rest: Any) -> Any:
        if "/households/" in url:
            return Raw(answer[0], {}, answer[1], False)
        return real(method, url, **rest)

    monkeypatch.setattr(office.slant._transport, "exchange", say)
    office.rounds(minutes=100, every=60)
    assert fresh(submission).state == State.UNKNOWN
    office.rounds(minutes=25, every=60)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "too_long")
    assert Budget.objects.get().opened_at is None, "what one list answers stops no other reading"


def test_an_outage_is_not_counted_as_time_in_which_slant_answered(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = lose(office, "drop_after")

    def away(*given: object, **named: object) -> object:
        raise errors.SlantNoAnswer(status=502)

    monkeypatch.setattr(SlantClient, "household_opportunity_pages", away)
    office.rounds(minutes=150, every=60)

    assert fresh(submission).state == State.UNKNOWN


def test_how_long_slant_has_been_answering_goes_on_counting_through_a_send(office: Office) -> None:
    submission = lose(office, "drop_before")
    office.clock.turn(5)
    office.round()
    since = fresh(submission).check_state["answered_since"]
    office.box.mischief.append("500")

    office.rounds(minutes=6)

    assert submission.attempts.count() == 2
    assert fresh(submission).check_state["answered_since"] == since


def test_in_review_it_is_still_looked_for_after_a_list_that_was_not_there(office: Office) -> None:
    submission = lose(
        office, "drop_after", household_id="", pipeline_id="pl_events", pipeline_stage_id="st_ev_ident"
    )
    record = office.box.created[0]["id"]
    office.box.edit(record, value=700_000)
    office.rounds(minutes=10)
    office.box.control(switches={"list_opportunities": "not_found"})
    office.rounds(minutes=12)
    assert fresh(submission).state == State.REVIEW
    office.box.control(switches={"list_opportunities": "on"})
    office.box.edit(record, value=640_000)

    office.rounds(minutes=12)

    assert fresh(submission).state == State.CONFIRMED


def test_a_list_that_is_long_in_coming_is_read_to_its_end_by_one_worker(office: Office) -> None:
    """Each of its pages takes long, and another worker looks for work meanwhile."""
    submission = lose(
        office, "drop_after", household_id="", pipeline_id="pl_events", pipeline_stage_id="st_ev_ident"
    )
    office.clock.turn(5)
    busy = []

    def slow() -> None:
        if not busy:
            busy.append(True)
            office.clock.turn(65)
            office.round("worker-2")
            busy.clear()

    office.box.before_read = slow
    office.round("worker-1")

    assert fresh(submission).state == State.CONFIRMED
    assert submission.check_state["scan"]["pages"] > 1
    read = timedelta(seconds=65 * submission.check_state["scan"]["pages"])
    assert read > timedelta(seconds=settling.LEASE_SECONDS)


def test_a_manager_is_asked_within_two_hours_though_looks_come_late(office: Office) -> None:
    submission = lose(office, "drop_after")
    since = office.clock.now() - timedelta(minutes=119)
    Submission.objects.filter(pk=submission.pk).update(check_state={"answered_since": since.isoformat()})
    again = Decision(None)

    assert limit(fresh(submission), again, office.clock).state == State.REVIEW
    assert limit(submission, replace(again, was_answered=False), office.clock) == replace(
        again, was_answered=False
    )
