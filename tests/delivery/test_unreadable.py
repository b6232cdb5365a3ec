"""Lost answers in lists with unreadable records: none is ignored, and none stops the search."""

import json
from typing import Any

import pytest

from opportunities.actions import reviewing
from opportunities.delivery import answers
from opportunities.delivery.kinds import Match, kind_of
from opportunities.models import Opportunity, Role, State, UnreadableRecord
from opportunities.slant.record_reading import read_leniently
from opportunities.slant.types import OpportunityRecord
from tests.delivery.test_settling import edit, lose, made
from tests.slant.samples import OPPORTUNITY
from tests.support.odd_records import ODD_DEALS, ODD_IDS, Odd
from tests.support.office import Office, fresh
from tests.support.people import make_person
from tests.support.slant_box import SlantBox, TurnedClock

ELSE = "op_xty0nb"  # a deal of the same book, another household's


@pytest.fixture
def box(clock: TurnedClock) -> SlantBox:
    return SlantBox(clock, opportunities=40)


def show(office: Office, id: str, how: Odd) -> None:
    office.box.control(records=[{"op": "show", "id": id, **how}])


def add(office: Office, **fields: Any) -> str:
    """Enter a deal in Slant itself. Returns its id."""
    known = {"name": "By hand", "book_id": "bk_pine01", "pipeline_id": "pl_newbiz", "value": 5}
    known |= {"pipeline_stage_id": "st_qual", "assigned_to_id": "u_9xw20c", "household_id": "hh_5ci51w"}
    office.box.control(records=[{"op": "create", "type": "opportunity", "set": known | fields}])
    return list(office.box.store.tables["opportunity"])[-1]


def show_everything_odd(office: Office) -> None:
    """Every way there is, each on a deal of others."""
    ways = [how for _, how in ODD_DEALS.values()] + list(ODD_IDS.values())
    rows = office.box.store.tables["opportunity"]
    others = [id for id, row in rows.items() if row["book_id"] != "bk_salt99"]
    for id, how in zip(others, ways, strict=False):
        show(office, id, how)


def test_a_lost_answer_is_found_at_once_beside_the_odd_records_of_others(office: Office) -> None:
    show_everything_odd(office)
    submission = lose(office, "drop_after")

    office.rounds(minutes=0.5, every=10)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_what_the_mirror_knew_before_the_send_is_no_candidate_and_absence_is_proven(office: Office) -> None:
    show_everything_odd(office)
    office.rounds(minutes=25, every=300)
    submission = lose(office, "drop_before")

    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1
    assert len(office.box.sends) == 2


@pytest.mark.parametrize("name", ["half a pair", "household an object", "null", "an id of 300 characters"])
def test_our_own_record_is_never_made_twice_however_oddly_it_is_shown(name: str, office: Office) -> None:
    """Slant answered 500 after making it, so the same key would make a second one."""
    show(office, "new", ODD_IDS.get(name) or ODD_DEALS[name][1])
    submission = lose(office, "+500")

    office.rounds(minutes=6, every=30)

    assert len(office.box.created) == 1
    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "similar_found")
    assert len(reviewing.candidate_ids(submission)) == 1


def read(how: Odd) -> OpportunityRecord:
    """The record of the submission of these tests, shown in this way."""
    shown = OPPORTUNITY | {"name": "Okonkwo second opinion"}
    shown = how.get("replace", {**shown, **how.get("set", {})})
    if isinstance(shown, dict):
        shown = {name: value for name, value in shown.items() if name not in how.get("unset", ())}
    return read_leniently(OpportunityRecord, json.loads(json.dumps(shown)))


def test_what_cannot_be_read_may_be_the_same_and_is_no_match(office: Office) -> None:
    submission = office.submit()
    kind = kind_of(submission)
    identifying = ("id", "name", "book_id", "household_id", "value", "pipeline", "assigned_to")

    assert kind.matches(read({}), submission) is Match.EXACT
    for place, how in [*ODD_DEALS.values(), *(("id", how) for how in ODD_IDS.values())]:
        tells = place.split(".")[0] in identifying and place != "assigned_to.first_name"
        says_another = how == {"replace": {}}  # no name, no household: nothing is there to be the same
        expected = Match.NEAR if tells or says_another else Match.EXACT
        assert kind.matches(read(how), submission) is expected, place


def test_an_odd_record_is_near_only_if_its_household_or_its_name_may_be_the_one(office: Office) -> None:
    submission = office.submit()
    another = {"name": "By hand", "household_id": "hh_5ci51w", "book_id": "bk_pine01"}

    def match(how: Odd) -> Match:
        return kind_of(submission).matches(read({**how, "set": another | how.get("set", {})}), submission)

    for name, (place, how) in ODD_DEALS.items():
        may_be = place in ("name", "household_id")
        assert match(how) is (Match.NEAR if may_be else Match.NONE), name
    for name, how in ODD_IDS.items():
        says_nothing = "replace" in how
        assert match(how) is (Match.NEAR if says_nothing else Match.NONE), name


def test_a_manager_who_rules_out_a_record_without_an_id_is_not_asked_again(office: Office) -> None:
    submission = lose(office, "drop_before")
    show(office, add(office), {"replace": None})
    office.rounds(minutes=8)
    assert fresh(submission).state == State.REVIEW
    boss = make_person("Boss", Role.MANAGER)

    reviewing.send_again(
        submission=submission,
        person=boss,
        by=office.by,
        clock=office.clock,
        reason="It is not ours.",
        seen_ids=reviewing.candidate_ids(submission),
    )
    office.rounds(minutes=6)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_an_id_that_stands_twice_on_a_page_only_sends_absence_to_a_manager(office: Office) -> None:
    show(office, ELSE, {"set": {"id": "op_71qz5d"}})
    office.rounds(minutes=2)
    found, absent = lose(office, "drop_after"), lose(office, "drop_before", name="Another deal", value=1)

    office.rounds(minutes=15)

    assert fresh(found).state == State.CONFIRMED
    assert (fresh(absent).state, absent.reason_code) == (State.REVIEW, "incomplete_scan")
    assert len(office.box.created) == 1


# --- The answer to our own write -------------------------------------------------------------------


def test_an_odd_field_in_the_answer_to_our_create_does_not_lose_the_answer(office: Office) -> None:
    for number, (name, (place, how)) in enumerate(ODD_DEALS.items()):
        show(office, "new", how)
        submission = office.submit(name=f"Deal {number}", confirm_duplicate=True)

        office.round()

        assert fresh(submission).state == State.CONFIRMED, name
        assert submission.opportunity_id == office.box.created[-1]["id"]
        assert submission.attempts.count() == 1
        assert UnreadableRecord.objects.filter(key=submission.opportunity_id).exists()
        has_place = place.split(".")[0] not in ("book_id", "pipeline", "pipeline_stage")
        assert Opportunity.objects.filter(pk=submission.opportunity_id).exists() == has_place


@pytest.mark.parametrize("name", ["null", "a number for an id"])
def test_an_answer_without_a_usable_id_is_settled_by_looking(name: str, office: Office) -> None:
    show(office, "new", ODD_IDS[name])
    submission = office.submit()
    office.round()
    assert fresh(submission).state == State.UNKNOWN

    show(office, "new", {})
    office.rounds(minutes=1)

    assert fresh(submission).state == State.CONFIRMED
    assert len(office.box.created) == 1


def test_an_answer_in_which_nothing_tells_the_deal_from_others_is_looked_into(office: Office) -> None:
    odd = {"name": 7, "value": "x", "household_id": 7, "assigned_to": "u", "pipeline": {"id": 7}}
    show(office, "new", {"set": odd})
    submission = office.submit()

    office.round()

    assert (fresh(submission).state, submission.reason_code) == (State.UNKNOWN, "not_shown")


# --- Edits of an odd deal ----------------------------------------------------------------------------


def test_another_field_of_an_odd_deal_is_edited_as_always(office: Office) -> None:
    deal_id = made(office)
    show(office, deal_id, {"set": {"probability": 101}})
    submission = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})

    office.round()

    assert fresh(submission).state == State.CONFIRMED
    assert office.box.store.tables["opportunity"][deal_id]["value"] == 700_000


def test_a_field_that_cannot_be_read_is_not_overwritten_and_the_reason_is_told(office: Office) -> None:
    deal_id = made(office)
    show(office, deal_id, {"set": {"value": "1,000,000"}})
    submission = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})

    office.round()

    assert (fresh(submission).state, submission.reason_code) == (State.REJECTED, "conflict")
    assert submission.field_errors == {"value": [answers.NOT_READABLE]}
    assert len(office.box.sends) == 1


def test_an_edit_is_not_taken_for_made_by_a_value_that_cannot_be_read(office: Office) -> None:
    deal_id = made(office)
    submission = edit(office, deal_id, {"probability": None}, {"probability": 20})
    office.box.store.tables["opportunity"][deal_id] |= {"probability": 20}
    office.box.mischief.append("drop_before")
    office.round()
    show(office, deal_id, {"set": {"probability": 101}})

    office.rounds(minutes=5, every=30)

    assert (fresh(submission).state, submission.reason_code) == (State.REVIEW, "changed_meanwhile")


def test_an_edit_of_a_deal_that_shows_nothing_to_read_ends_unsent(office: Office) -> None:
    deal_id = made(office)
    show(office, deal_id, {"replace": None})
    submission = edit(office, deal_id, {"value": 700_000}, {"value": 640_000})

    office.rounds(minutes=20, every=30)

    assert (fresh(submission).state, submission.reason_code) == (State.REJECTED, "conflict")
    assert submission.field_errors == {"value": [answers.NOT_READABLE]}
    assert len(office.box.sends) == 1
