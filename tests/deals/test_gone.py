"""A change of a deal that Slant deleted says so, and the deal leaves; a refused one tells its own reason."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from opportunities.actions import form_tokens, submissions
from opportunities.deal_fields import values_of_row
from opportunities.delivery import kinds
from opportunities.forms.edit import typed_and_seen
from opportunities.models import Opportunity, OpportunityVersion, Person, State, Submission
from opportunities.wording.submissions import reasons_of
from tests.support.office import Office, box, office, production_waits, theo
from tests.support.slant_box import TurnedClock

from .conftest import HX, Browse, Page, problems

__all__ = ["box", "office", "production_waits", "theo"]

pytestmark = pytest.mark.django_db
DEAL = "op_71qz5d"
PAGE = f"/opportunities/{DEAL}/"


@pytest.fixture
def clock() -> TurnedClock:
    """The web's own clock is the machine's, and the worker's must not be behind it."""
    return TurnedClock(datetime.now(UTC))


@pytest.fixture
def answered(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The worker answers within the wait of the page."""

    def wait(submission: Submission, **_: Any) -> Submission:
        office.clock.turn(max(0.0, (submission.created_at - office.clock.now()).total_seconds()) + 1)
        office.round()
        submission.refresh_from_db()
        return submission

    monkeypatch.setattr(submissions, "wait_for_outcome", wait)
    return office


@pytest.fixture
def client(answered: Office, browse: Browse) -> Client:
    return browse(answered.person)


def move_form(person: Person, to: str = "st_conn") -> dict[str, str]:
    deal = Opportunity.objects.get(pk=DEAL)
    return {
        "pipeline_stage_id": to,
        "seen_pipeline_stage_id": deal.stage_id,
        "form_token": form_tokens.issue_token(person),
    }


def edit_form(person: Person, **changed: str) -> dict[str, str]:
    deal = Opportunity.objects.get(pk=DEAL)
    return typed_and_seen(values_of_row(deal)) | changed | {"form_token": form_tokens.issue_token(person)}


def delete(office: Office) -> None:
    office.box.control(records=[{"op": "delete", "id": DEAL}])


def is_shown(client: Client) -> list[bool]:
    """Whether board and list show the deal."""
    addresses = ("/board/?pipeline=pl_newbiz&view=board", "/board/?pipeline=pl_newbiz&view=list")
    return [f'data-opportunity="{DEAL}"' in client.get(address).text for address in addresses]


def test_a_move_of_a_deal_slant_deleted_says_so_and_its_card_leaves_board_and_list(
    client: Client, answered: Office
) -> None:
    assert is_shown(client) == [True, True]
    delete(answered)

    answer = client.post(f"{PAGE}move/", move_form(answered.person), headers=HX)

    page = Page(answer)
    assert answer.status_code == 422
    assert "Okonkwo rollover was not moved: it is no longer in Slant." in page.text
    assert f'data-gone="{DEAL}"' in page.text
    assert not [tag for tag, _ in page.elements if tag == "li"], "no card comes back"
    assert is_shown(client) == [False, False]
    row = Submission.objects.get()
    assert (row.state, row.reason_code, row.remote_status) == (State.REJECTED, "record_gone", 404)
    assert OpportunityVersion.objects.get(opportunity_id=DEAL, valid_to=None).gone
    page = Page(client.get(PAGE))
    assert "Slant no longer has this deal." in page.text
    assert "Okonkwo rollover is no longer in Slant, so nothing was changed." in page.text
    page = Page(client.get(f"/submissions/{row.pk}/"))
    assert "The deal is gone" in page.text
    assert not [link for link in page.links() if link.startswith(f"{PAGE}move/")], "nothing can be corrected"


def test_without_scripts_a_move_of_a_deleted_deal_says_so_too(client: Client, answered: Office) -> None:
    delete(answered)
    sent = move_form(answered.person)

    answer = client.post(f"{PAGE}move/", sent)

    assert answer.status_code == 422
    assert problems(Page(answer)) == [("pipeline_stage_id", "it is no longer in Slant.")]
    # The form is still open, and it is sent once more: it leads to the deal as it last was.
    answer = client.post(f"{PAGE}move/", move_form(answered.person), follow=True)
    assert answer.redirect_chain == [(PAGE, 303)]
    assert "Okonkwo rollover is no longer in Slant, so nothing was sent." in answer.text
    assert Submission.objects.count() == 1


def test_an_edit_of_a_deal_slant_deleted_says_so_and_the_deal_leaves_board_and_list(
    client: Client, answered: Office
) -> None:
    delete(answered)

    answer = client.post(f"{PAGE}edit/", edit_form(answered.person, value="700,000"), headers=HX)

    assert answer.status_code == 422
    [(_, said)] = problems(Page(answer))
    assert said.startswith("This deal is no longer in Slant, so nothing was changed.")
    assert "deals:changed" in answer["HX-Trigger"]
    assert is_shown(client) == [False, False]


@pytest.mark.parametrize("what", ["edit", "move"])
def test_a_form_of_a_deal_known_to_be_gone_leads_to_the_deal_as_it_last_was(
    client: Client, answered: Office, what: str
) -> None:
    Opportunity.objects.filter(pk=DEAL).update(gone_at=answered.clock.now())
    form = move_form(answered.person) if what == "move" else edit_form(answered.person, value="1")

    for answer in (client.get(f"{PAGE}{what}/"), client.post(f"{PAGE}{what}/", form)):
        assert (answer.status_code, answer["Location"]) == (303, PAGE)
    assert "is no longer in Slant, so nothing was sent." in client.get(PAGE).text
    assert Submission.objects.count() == 0


def test_a_card_that_is_moved_after_sync_found_its_deal_gone_leaves_the_board_and_says_why(
    client: Client, answered: Office
) -> None:
    form = move_form(answered.person)
    Opportunity.objects.filter(pk=DEAL).update(gone_at=answered.clock.now())

    answer = client.post(f"{PAGE}move/", form, headers=HX)

    assert answer.status_code == 422
    assert f'data-gone="{DEAL}"' in answer.text
    assert "Okonkwo rollover is no longer in Slant, so nothing was sent." in answer.text


def test_a_deal_deleted_between_the_reading_and_the_write_is_gone_too(
    client: Client, answered: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = kinds.ChangeKind.send

    def late(*given: Any) -> Any:
        delete(answered)
        return real(*given)

    monkeypatch.setattr(kinds.ChangeKind, "send", late)

    answer = client.post(f"{PAGE}move/", move_form(answered.person), headers=HX)

    assert "it is no longer in Slant" in answer.text
    assert Opportunity.objects.get(pk=DEAL).gone_at is not None


def test_a_404_about_something_else_than_the_deal_is_a_refusal_and_the_deal_stays(
    client: Client, answered: Office
) -> None:
    answered.box.mischief.append("404")

    answer = client.post(f"{PAGE}move/", move_form(answered.person), headers=HX)

    assert answer.status_code == 422
    assert "no longer in Slant" not in answer.text
    assert Submission.objects.get().reason_code == "rejected"
    assert is_shown(client) == [True, True]


def test_a_change_whose_answer_was_lost_and_whose_deal_is_gone_goes_to_a_manager_and_the_deal_leaves(
    client: Client, answered: Office
) -> None:
    answered.box.mischief.append("drop_after")
    client.post(f"{PAGE}move/", move_form(answered.person), headers=HX)
    delete(answered)

    answered.rounds(minutes=1)

    row = Submission.objects.get()
    assert (row.state, row.reason_code) == (State.REVIEW, "record_gone")
    assert "The deal is no longer in Slant" in client.get(f"/submissions/{row.pk}/").text
    assert Opportunity.objects.get(pk=DEAL).gone_at is not None


def test_a_deal_that_slant_shows_again_is_back_on_the_board(client: Client, answered: Office) -> None:
    row = answered.box.store.tables["opportunity"][DEAL]
    delete(answered)
    client.post(f"{PAGE}move/", move_form(answered.person), headers=HX)
    answered.box.store.put("opportunity", row)

    answered.rounds(minutes=12, every=60)

    assert is_shown(client) == [True, True]


# What Slant refused


@pytest.mark.parametrize("shape", ["nested", "flat", "field_map"])
def test_a_refused_move_tells_the_fields_own_reason_wherever_it_is_told(
    client: Client, answered: Office, shape: str
) -> None:
    answered.box.control(switches={"error_shape": shape})
    stages = answered.box.store.tables["pipeline"]["pl_newbiz"]["pipeline_stages"]
    answered.box.edit("pl_newbiz", pipeline_stages=[one for one in stages if one["id"] != "st_conn"])
    reason = "Slant said “Stage: does not belong to the pipeline”."

    card = client.post(f"{PAGE}move/", move_form(answered.person), headers=HX)

    assert reason in card.text
    assert "Some fields are not valid" not in card.text
    [(_, said)] = problems(Page(client.post(f"{PAGE}move/", move_form(answered.person))))
    assert said == f"Still in Qualified: {reason}"
    assert reason in client.get("/board/?pipeline=pl_newbiz&view=board").text
    told = "Slant said: “Stage: does not belong to the pipeline”. Nothing was changed."
    assert told in client.get(PAGE).text
    assert told in client.get(f"/submissions/{Submission.objects.last().pk}/").text  # type: ignore[union-attr]


def test_a_refused_edit_tells_the_reason_of_a_field_the_form_does_not_show(
    client: Client, answered: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(submission: Submission, **_: Any) -> Submission:
        submission.state, submission.reason_code = State.REJECTED, "rejected"
        submission.reason_text = "Some fields are not valid."
        submission.field_errors = {"value": ["is too round"], "book_id": ["is locked"]}
        submission.save()
        return submission

    monkeypatch.setattr(submissions, "wait_for_outcome", refuse)

    answer = client.post(f"{PAGE}edit/", edit_form(answered.person, value="700,000"))

    said = dict(problems(Page(answer)))
    assert said["value"] == "Slant did not accept this: is too round"
    assert "Book: is locked." in said["form_token"]


@pytest.mark.parametrize(
    ("field_errors", "said"),
    [
        ({}, "Some fields are not valid"),
        ({"value": ["is too round."]}, "Value: is too round"),
        ({"value": "is too round"}, "Value: is too round"),
        ({"owner_id": ["left"], "stage_order": ["odd"]}, "Owner: left; The deal: odd"),
        ({"name": ["a", "b", "c", "d", "e"]}, "Name: a; Name: b; Name: c; and 2 more"),
    ],
)
def test_the_reasons_of_fields_come_before_the_general_line(field_errors: dict[str, Any], said: str) -> None:
    assert reasons_of("Some fields are not valid.", field_errors) == said
