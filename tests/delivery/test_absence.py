"""When absence counts: what was changed in Slant meanwhile, and what follows for a close date."""

from datetime import timedelta
from unittest.mock import patch

import pytest

from opportunities.actions import reviewing
from opportunities.delivery import deciding
from opportunities.delivery.scanning import Candidates
from opportunities.models import Role, State
from opportunities.slant.pages import Scan
from tests.delivery.test_settling import lose
from tests.support.office import Office, fresh
from tests.support.people import make_person

pytestmark = pytest.mark.slow


def other_household(office: Office) -> str:
    homes = office.box.store.tables["household"].values()
    return next(h["id"] for h in homes if h["book_id"] == "bk_pine01" and h["id"] != "hh_okonkwo")


def book_reads(office: Office) -> list[dict[str, object]]:
    return [entry for entry in office.box.requests if entry["query"].get("book_id") and not entry["body"]]


@pytest.mark.parametrize("to", ["none", "another"])
def test_a_record_given_to_another_household_goes_to_a_manager_never_to_a_second_send(
    office: Office, to: str
) -> None:
    """Slant answered 500 after making it, so the same key would make a second one."""
    submission = lose(office, "+500")
    record = office.box.created[0]["id"]
    office.box.edit(record, household_id=other_household(office) if to == "another" else None)

    office.rounds(minutes=10)
    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "similar_found")
    office.rounds(minutes=12)

    assert reviewing.candidate_ids(fresh(submission)) == [record], "later looks do not lose it again"
    assert len(office.box.created) == 1


def test_it_is_still_so_when_everything_was_off_until_the_key_was_forgotten(office: Office) -> None:
    submission = lose(office, "drop_after")
    office.box.edit(office.box.created[0]["id"], household_id=None)

    office.clock.turn(minutes=80)
    office.rounds(minutes=10)

    assert fresh(submission).state == State.REVIEW
    assert len(office.box.created) == 1


def test_the_book_is_read_only_when_the_household_alone_would_prove_absence(office: Office) -> None:
    office.rounds(minutes=2)
    found, absent = lose(office, "drop_after"), lose(office, "drop_before", name="Another deal", value=1)

    office.rounds(minutes=2)
    assert book_reads(office) == []
    office.rounds(minutes=3)

    assert book_reads(office)
    assert {fresh(found).state, fresh(absent).state} == {State.CONFIRMED}


def test_a_book_that_is_not_read_whole_proves_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = lose(office, "drop_before")
    whole = Scan.complete.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(Scan, "complete", property(lambda scan: whole(scan) and len(scan) < 50))

    office.rounds(minutes=30)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "incomplete_scan")
    assert len(office.box.sends) == 1


def test_without_a_list_of_the_book_a_manager_is_asked_and_what_they_decide_is_done(office: Office) -> None:
    office.box.control(switches={"list_opportunities": "not_found"})
    submission = lose(office, "drop_before")

    office.rounds(minutes=10)
    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "cannot_list")
    boss = make_person("Mona Manager", Role.MANAGER)
    reviewing.send_again(
        submission=submission, reason="not in Slant", person=boss, by=office.by, clock=office.clock
    )
    office.rounds(minutes=10)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_what_may_be_in_slant_is_not_refused_for_its_date_before_it_was_looked_for(office: Office) -> None:
    """A manager sends it again on the day it should close, and it is in Slant after all."""
    tomorrow = (office.clock.now() + timedelta(days=1)).date()
    submission = lose(office, "+500", target_close_date=tomorrow)
    nothing = Candidates((), ())
    with (
        patch.object(deciding, "find_candidates", lambda *a, **k: nothing),
        patch.object(Scan, "complete", property(lambda self: False)),
    ):
        office.rounds(minutes=15)
    assert fresh(submission).state == State.REVIEW
    office.clock.turn(minutes=60 * 12)
    boss = make_person("Mona Manager", Role.MANAGER)
    reviewing.send_again(submission=submission, reason="x", person=boss, by=office.by, clock=office.clock)

    office.rounds(minutes=10)

    assert fresh(submission).state == State.CONFIRMED
    assert submission.opportunity_id == office.box.created[0]["id"]


def test_what_is_proven_absent_is_refused_for_its_date(office: Office) -> None:
    tomorrow = (office.clock.now() + timedelta(days=1)).date()
    office.clock.turn(minutes=60 * 11 + 58)
    submission = lose(office, "drop_before", target_close_date=tomorrow)

    office.rounds(minutes=10)

    assert (fresh(submission).state, submission.reason_code) == (State.REJECTED, "date_passed")
    assert office.box.created == []
