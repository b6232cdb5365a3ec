"""The review queue and the stop button: what managers decide, and that nobody else does."""

import re

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from opportunities.clock import SystemClock
from opportunities.models import AuditEvent, Hold, Opportunity, Person, State
from opportunities.selectors.review import compare
from opportunities.trail import audit
from opportunities.trail.audit import Actor
from opportunities.wording import review as review_words
from tests.pages.conftest import Make, Page, now, problems
from tests.support.people import Firm

FOUND = {
    "candidates": [
        {
            "id": "op_found",
            "match": "near",
            "created_at": "2026-11-23T10:12:06+00:00",
            "fields": {"name": "Okonkwo rollover", "value": 700_000, "household_id": "hh_okonkwo"},
        }
    ],
    "scan": {"began_at": "2026-11-23T10:13:00+00:00", "complete": True, "count_last": 12, "pages": 1},
}

FOUND_TWO = FOUND | {"candidates": [FOUND["candidates"][0], FOUND["candidates"][0] | {"id": "op_later"}]}


def test_the_queue_lists_what_waits_and_links_to_it(browse, sent: Make, manager: Person) -> None:
    row = sent(State.REVIEW, reason_code="similar_found", check_state=FOUND)

    page = browse(manager).get("/submissions/review/").content.decode()

    assert f"/submissions/{row.pk}/#decide" in page
    assert "Olivia Owner" in page


def test_an_empty_queue_says_so(browse, firm: Firm, manager: Person) -> None:
    assert "Nothing is waiting for you" in browse(manager).get("/submissions/review/").content.decode()


def test_the_queue_costs_the_same_for_one_row_and_for_three(browse, sent: Make, manager: Person) -> None:
    client = browse(manager)
    client.get("/submissions/review/")  # notes the person's activity, once a minute
    counts = []
    for more in (1, 2):
        for _ in range(more):
            sent(State.REVIEW, check_state=FOUND)
        with CaptureQueriesContext(connection) as seen:
            client.get("/submissions/review/")
        counts.append(len(seen))

    assert counts[0] == counts[1]


def test_what_we_sent_stands_beside_what_was_found(browse, sent: Make, manager: Person) -> None:
    row = sent(State.REVIEW, reason_code="similar_found", check_state=FOUND)

    page = browse(manager).get(f"/submissions/{row.pk}/").content.decode()

    assert "Found in Slant: <code>op_found</code>" in page
    assert "$700,000" in page
    assert "differs" in page
    assert "Link to op_found" in page


@pytest.mark.parametrize(
    ("decision", "state", "record"),
    [("link", State.CONFIRMED, "op_found"), ("resend", State.QUEUED, ""), ("close", State.WITHDRAWN, "")],
)
def test_a_decision_is_carried_out_and_recorded_with_its_reason(
    browse, sent: Make, manager: Person, decision: str, state: str, record: str
) -> None:
    row = sent(State.REVIEW, check_state=FOUND)

    answer = browse(manager).post(
        f"/submissions/{row.pk}/decide/",
        {"decision": decision, "opportunity_id": "op_found", "reason": "same minute, same owner"},
    )

    row.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (303, f"/submissions/{row.pk}/")
    assert (row.state, row.opportunity_id) == (state, record)
    event = AuditEvent.objects.filter(object_id=str(row.pk)).latest("seq")
    assert (event.actor_display, event.reason_text) == ("Mona Manager", "same minute, same owner")


def test_a_decision_without_a_reason_comes_back_with_the_same_page(
    browse, sent: Make, manager: Person
) -> None:
    row = sent(State.REVIEW, check_state=FOUND)

    answer = browse(manager).post(
        f"/submissions/{row.pk}/decide/", {"decision": "link", "opportunity_id": "op_found", "reason": " "}
    )

    assert answer.status_code == 422
    assert problems(Page(answer)) == [("reason", review_words.REASON_MISSING)]
    row.refresh_from_db()
    assert row.state == State.REVIEW


def test_what_was_chosen_and_the_trail_stand_there_still_when_the_reason_was_forgotten(
    browse, sent: Make, manager: Person
) -> None:
    second = FOUND["candidates"][0] | {"id": "op_second"}
    row = sent(State.REVIEW, check_state=FOUND | {"candidates": [*FOUND["candidates"], second]})
    client, address = browse(manager), f"/submissions/{row.pk}/"
    with transaction.atomic():
        event = audit.record(
            clock=SystemClock(), by=Actor.of(manager), action="submission.review", submission=row
        )
    first = Page(client.get(address))

    again = Page(
        client.post(f"{address}decide/", {"decision": "link", "opportunity_id": "op_second", "reason": ""})
    )

    assert (first.value("opportunity_id"), again.value("opportunity_id")) == ("op_found", "op_second")
    for page in (first, again):
        assert page.said("trail") == "Trail"
        assert f'data-seq="{event.seq}"' in page.text


def test_the_comparison_costs_the_same_for_one_candidate_and_for_three(
    sent: Make, firm: Firm, manager: Person
) -> None:
    at = {
        "first_seen_at": now(),
        "seen_at": now(),
        "book": firm.harbor,
        "pipeline": firm.prospects,
        "stage": firm.lead,
    }
    for number in range(3):
        Opportunity.objects.create(id=f"op_{number}", name=f"Deal {number}", **at)
    counts = []
    for many in (1, 3):
        row = sent(
            State.REVIEW, check_state={"candidates": [{"id": f"op_{number}"} for number in range(many)]}
        )
        with CaptureQueriesContext(connection) as seen:
            comparison = compare(row)
        counts.append(len(seen))

    assert [candidate.cells[0].text for candidate in comparison.candidates] == ["Deal 0", "Deal 1", "Deal 2"]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("code", "is_said"), [("linked", True), ("closed", True), ("send", False), ("", False)]
)
def test_only_the_reason_of_a_managers_decision_is_told_as_one(
    browse, sent: Make, manager: Person, code: str, is_said: bool
) -> None:
    row = sent(State.WITHDRAWN, reason_code=code, reason_text="Entered twice")

    assert ("The manager's reason" in browse(manager).get(f"/submissions/{row.pk}/").text) == is_said


@pytest.mark.parametrize("state", [{}, FOUND])
def test_what_nobody_can_decide_is_said_in_our_own_words(
    browse, sent: Make, manager: Person, state: dict
) -> None:
    row = sent(State.REVIEW, check_state=state)

    answer = browse(manager).post(
        f"/submissions/{row.pk}/decide/", {"decision": "zz", "opportunity_id": "x" * 201, "reason": "x"}
    )

    assert answer.status_code == 422
    assert problems(Page(answer)) == [
        ("decision", review_words.DECISION_MISSING),
        ("opportunity_id", review_words.NOT_A_CANDIDATE),
    ]


def test_a_record_that_was_not_found_for_it_cannot_be_linked(browse, sent: Make, manager: Person) -> None:
    row = sent(State.REVIEW, check_state=FOUND)

    answer = browse(manager).post(
        f"/submissions/{row.pk}/decide/", {"decision": "link", "opportunity_id": "op_other", "reason": "x"}
    )

    assert answer.status_code == 422
    assert problems(Page(answer)) == [("opportunity_id", review_words.NOT_A_CANDIDATE)]
    row.refresh_from_db()
    assert row.state == State.REVIEW


def test_a_change_in_review_is_not_asked_about_as_a_deal_to_be_made(
    browse, sent: Make, manager: Person
) -> None:
    row = sent(
        State.REVIEW, kind="edit", opportunity_id="op_found", check_state={"candidates": FOUND["candidates"]}
    )
    client, address = browse(manager), f"/submissions/{row.pk}/"

    page = Page(client.get(address))
    said = client.post(f"{address}decide/", {"decision": "close", "reason": "x"}, follow=True).text

    assert page.said("decide-title") == "Did this change arrive?"
    for words in ("Created", "same deal", "without a record", "list could not be read"):
        assert words not in page.said("decide")
    assert "It arrived in op_found" in page.said("decide")
    assert "The change to Okonkwo rollover is closed. Nothing more will be sent." in said


@pytest.mark.parametrize(("kind", "words"), [("create", "created"), ("edit", "saved"), ("move", "moved")])
def test_what_was_settled_meanwhile_is_not_decided_twice(
    browse, sent: Make, manager: Person, kind: str, words: str
) -> None:
    row = sent(State.CONFIRMED, kind=kind, opportunity_id="op_found")

    answer = browse(manager).post(
        f"/submissions/{row.pk}/decide/", {"decision": "close", "reason": "x"}, follow=True
    )

    assert f"It was settled in the meantime: {words}." in answer.content.decode()


@pytest.mark.parametrize("posted", [{}, {"seen": "op_found"}, {"opportunity_id": "op_found"}])
def test_what_was_found_while_the_page_was_open_is_shown_before_it_is_sent_again(
    browse, sent: Make, manager: Person, posted: dict[str, str]
) -> None:
    """A script that names no candidate is asked as well."""
    row = sent(State.REVIEW, check_state=FOUND_TWO)

    answer = browse(manager).post(
        f"/submissions/{row.pk}/decide/", {"decision": "resend", "reason": "not ours"} | posted
    )

    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Something more was found in Slant" in page
    assert "Found in Slant: <code>op_later</code>" in page
    row.refresh_from_db()
    assert row.state == State.REVIEW
    assert "ruled_out" not in row.check_state


def test_the_page_says_which_candidates_it_showed(browse, sent: Make, manager: Person) -> None:
    row = sent(State.REVIEW, check_state=FOUND_TWO)
    client = browse(manager)
    page = client.get(f"/submissions/{row.pk}/").content.decode()
    seen = re.findall(r'name="seen" value="(\w+)"', page)

    client.post(f"/submissions/{row.pk}/decide/", {"decision": "resend", "reason": "not ours", "seen": seen})

    row.refresh_from_db()
    assert row.state == State.QUEUED
    assert row.check_state == {"ruled_out": ["op_found", "op_later"]}


def test_with_nothing_found_it_is_sent_again_at_a_word(browse, sent: Make, manager: Person) -> None:
    row = sent(State.REVIEW, check_state={})

    browse(manager).post(f"/submissions/{row.pk}/decide/", {"decision": "resend", "reason": "not there"})

    row.refresh_from_db()
    assert row.state == State.QUEUED


@pytest.mark.parametrize("who", ["owner", "colleague", "viewer", "compliance"])
def test_only_managers_decide(browse, sent: Make, who: str, request: pytest.FixtureRequest) -> None:
    row = sent(State.REVIEW, check_state=FOUND)
    client = browse(request.getfixturevalue(who))

    assert client.get("/submissions/review/").status_code == 403
    assert client.get("/settings/sending/").status_code == 403
    assert (
        client.post(f"/submissions/{row.pk}/decide/", {"decision": "close", "reason": "x"}).status_code == 403
    )
    row.refresh_from_db()
    assert row.state == State.REVIEW


def test_a_manager_stops_all_sending_and_goes_on(browse, firm: Firm, manager: Person) -> None:
    client = browse(manager)

    client.post("/settings/sending/", {"do": "hold", "reason": "price list is wrong"})
    stopped = client.get("/settings/sending/").content.decode()
    assert Hold.objects.filter(pk="stopped", by="Mona Manager").exists()
    assert "Nothing is sent to Slant." in stopped
    client.post("/settings/sending/", {"do": "release:stopped", "reason": "mended"})

    assert not Hold.objects.exists()
    assert [event.action for event in AuditEvent.objects.order_by("seq")][-2:] == [
        "sending.held",
        "sending.released",
    ]


def test_a_stop_without_a_reason_is_asked_for_one(browse, firm: Firm, manager: Person) -> None:
    answer = browse(manager).post("/settings/sending/", {"do": "hold", "reason": ""})

    assert answer.status_code == 422
    assert "Say why in a few words" in answer.content.decode()
    assert not Hold.objects.exists()


def test_a_reason_that_is_too_long_stays_in_its_box(browse, firm: Firm, manager: Person) -> None:
    reason = "Slant asked us to wait. " * 13

    answer = browse(manager).post("/settings/sending/", {"do": "hold", "reason": reason})

    assert answer.status_code == 422
    assert f'value="{reason}"' in answer.content.decode()


def test_a_hold_for_our_token_is_not_lifted_by_hand(browse, firm: Firm, manager: Person, sent: Make) -> None:
    row = sent()
    Hold.objects.create(code="token_refused", reason="refused", at=row.created_at)

    browse(manager).post("/settings/sending/", {"do": "release:token_refused", "reason": "try"})

    assert Hold.objects.filter(pk="token_refused").exists()
