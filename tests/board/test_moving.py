"""Moving a deal: one form for scripts and people without, what it refuses and asks, and the way back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from opportunities.actions import form_tokens, submissions
from opportunities.models import AuditEvent, LostReason, Opportunity, Person, State, Submission
from opportunities.views import limits
from tests.pages.conftest import Page, problems
from tests.support.firm import LoadedFirm

from .conftest import Browse

PART = {"HX-Request": "true"}
FIRST, SECOND, WON, LOST = "pl_growth_1", "pl_growth_2", "pl_growth_5", "pl_growth_6"


@pytest.fixture
def deal(loaded: LoadedFirm) -> Opportunity:
    row = Opportunity.objects.filter(stage_id=FIRST, book_id="bk_harbor", probability=None).first()
    assert row
    return row


def form(person: Person, to: str, **more: Any) -> dict[str, Any]:
    fields = {
        "pipeline_stage_id": to,
        "seen_pipeline_stage_id": FIRST,
        "form_token": form_tokens.issue_token(person),
    }
    return {name: value for name, value in (fields | more).items() if value is not None}


def settle(row: Submission, state: str = State.CONFIRMED, **fields: Any) -> None:
    """Set the state as the worker would, and update the mirror."""
    now = datetime.now(UTC)
    Submission.objects.filter(pk=row.pk).update(state=state, settled_at=now, **fields)
    if state == State.CONFIRMED:
        Opportunity.objects.filter(pk=row.opportunity_id).update(stage_id=row.body.split('"')[3])


def test_a_move_is_taken_once_and_leads_to_its_page(deal: Opportunity, owner: Person, browse: Browse) -> None:
    client, sent = browse(owner), form(owner, SECOND, probability="35")

    answers = [client.post(f"/opportunities/{deal.pk}/move/", sent) for _ in range(2)]

    row = Submission.objects.get()
    assert [answer["Location"] for answer in answers] == [f"/submissions/{row.pk}/"] * 2
    assert (row.kind, row.method, row.path) == ("move", "PATCH", f"/opportunities/{deal.pk}")
    assert row.body == f'{{"pipeline_stage_id":"{SECOND}","probability":35}}'
    assert row.seen == {"pipeline_stage_id": FIRST, "probability": None}


def test_without_scripts_it_leads_back_to_the_board_and_can_be_undone(
    deal: Opportunity, owner: Person, browse: Browse
) -> None:
    client, back = browse(owner), "/board/?pipeline=pl_growth&owner=me"
    page = Page(client.get(f"/opportunities/{deal.pk}/move/", {"next": back}))
    assert page.value("seen_pipeline_stage_id") == page.value("pipeline_stage_id") == FIRST
    assert page.value("next") == back

    answer = client.post(f"/opportunities/{deal.pk}/move/", form(owner, SECOND, next=back))

    row = Submission.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"{back}&moved={row.pk}")
    page = Page(client.get(answer["Location"]))
    assert f"{deal.name} will move to Connected as soon as Slant accepts it" in page.text
    assert page.value("undo") == str(row.pk)
    undo = {"undo": str(row.pk), "form_token": form_tokens.issue_token(owner), "next": back}
    answer = client.post(f"/opportunities/{deal.pk}/move/", undo)
    assert answer["Location"] == back
    row.refresh_from_db()
    assert row.state == State.WITHDRAWN
    assert f"{deal.name} stays in Identified" in client.get(back).text
    # Nobody is sent anywhere else.
    answer = client.post(f"/opportunities/{deal.pk}/move/", form(owner, SECOND, next="//evil.example/"))
    assert answer["Location"].startswith("/submissions/")


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://testserver/board/?owner=me", "/board/?owner=me"),
        ("http://testserver/opportunities/", ""),
        ("https://evil.example/board/", ""),
        ("http://[", ""),
    ],
)
def test_the_form_leads_back_to_the_board_it_was_opened_from_and_to_no_other_site(
    deal: Opportunity, owner: Person, browse: Browse, referer: str, back: str
) -> None:
    answer = browse(owner).get(f"/opportunities/{deal.pk}/move/", headers={"Referer": referer})

    assert Page(answer).value("next") == back


def test_a_move_that_arrived_is_undone_by_moving_back_with_its_probability(
    deal: Opportunity, owner: Person, browse: Browse
) -> None:
    client = browse(owner)
    Opportunity.objects.filter(pk=deal.pk).update(probability=55)
    client.post(f"/opportunities/{deal.pk}/move/", form(owner, WON, probability="100"))
    first = Submission.objects.get()
    settle(first)
    Opportunity.objects.filter(pk=deal.pk).update(probability=100)

    undo = {"undo": str(first.pk), "form_token": form_tokens.issue_token(owner)}
    answer = client.post(f"/opportunities/{deal.pk}/move/", undo, headers=PART)

    back = Submission.objects.exclude(pk=first.pk).get()
    assert answer.status_code == 200
    assert back.body == f'{{"pipeline_stage_id":"{FIRST}","probability":55}}'
    assert back.seen == {"pipeline_stage_id": WON, "probability": 100}


def test_a_colleagues_move_is_not_taken_back_nor_told_of(
    deal: Opportunity, owner: Person, colleague: Person, browse: Browse
) -> None:
    path = f"/opportunities/{deal.pk}/move/"
    browse(owner).post(path, form(owner, SECOND))
    first = Submission.objects.get()
    said = Page(browse(colleague).get(f"/board/?moved={first.pk}"))
    settle(first)

    undo = {"undo": str(first.pk), "form_token": form_tokens.issue_token(colleague)}
    answer = browse(colleague).post(path, undo)

    assert (answer.status_code, "goes to Connected" in said.text) == (422, False)
    assert Submission.objects.get() == first


def test_a_lost_stage_asks_why_and_keeps_it_here(deal: Opportunity, owner: Person, browse: Browse) -> None:
    client, path = browse(owner), f"/opportunities/{deal.pk}/move/"

    part = client.post(path, form(owner, LOST), headers=PART)
    whole = client.post(path, form(owner, LOST))

    for answer in (part, whole):
        assert answer.status_code == 422
        assert "Say in a few words why the deal was lost" in Page(answer).said("lost_reason-error")
    assert "<html" not in part.text
    assert whole.text.count("<title>Error: ") == 1
    assert not Submission.objects.exists()

    client.post(path, form(owner, LOST, lost_reason="Fees"))

    row, reason = Submission.objects.get(), LostReason.objects.get()
    assert (reason.opportunity_id, reason.stage_id, reason.reason, reason.by, reason.submission_id) == (
        deal.pk, LOST, "Fees", "Olivia Owner", row.pk,
    )  # fmt: skip
    assert "Fees" not in row.body
    event = AuditEvent.objects.get(action="opportunity.lost_reason")
    assert (event.object_id, event.reason_text) == (deal.pk, "Fees")

    # The move back may be refused: then the deal is still lost, and why.
    settle(row)
    client.post(path, {"undo": str(row.pk), "form_token": form_tokens.issue_token(owner)})
    assert Submission.objects.count() == 2
    page = Page(client.get(f"/opportunities/{deal.pk}/"))
    assert "Lost because: Fees" in " ".join(page.said("deal").split())


def test_a_reason_that_was_typed_and_then_not_needed_is_not_kept(
    deal: Opportunity, owner: Person, browse: Browse
) -> None:
    browse(owner).post(f"/opportunities/{deal.pk}/move/", form(owner, SECOND, lost_reason="Fees"))

    assert not LostReason.objects.exists()


def test_a_won_stage_offers_certainty_to_a_deal_with_its_own_probability(
    deal: Opportunity, owner: Person, browse: Browse
) -> None:
    client, path = browse(owner), f"/opportunities/{deal.pk}/move/?pipeline_stage_id={WON}"
    offer = "Set its probability to 100%"

    assert offer not in client.get(path, headers=PART).text
    Opportunity.objects.filter(pk=deal.pk).update(probability=55)
    assert offer in client.get(path, headers=PART).text


@pytest.mark.parametrize("headers", [{}, PART])
@pytest.mark.parametrize("seen", [55, None])
def test_a_probability_set_by_a_colleague_after_the_form_was_opened_is_not_overwritten_unasked(
    deal: Opportunity, owner: Person, browse: Browse, headers: dict[str, str], seen: int | None
) -> None:
    client, path = browse(owner), f"/opportunities/{deal.pk}/move/"
    Opportunity.objects.filter(pk=deal.pk).update(probability=seen)
    opened = Page(client.get(path)).value("seen_probability")
    Opportunity.objects.filter(pk=deal.pk).update(probability=70)

    sent = form(owner, WON, probability="100", seen_probability=opened)
    answer = client.post(path, sent, headers=headers)

    assert (answer.status_code, opened) == (422, "" if seen is None else "55")
    assert "Someone changed its probability in the meantime." in answer.text
    assert not Submission.objects.exists()
    if not headers:
        assert Page(answer).value("seen_probability") == opened
    client.post(path, sent | {"confirm_overwrite": "yes"})
    assert Submission.objects.get().seen == {"pipeline_stage_id": FIRST, "probability": 70}


def test_a_form_that_does_not_say_which_probability_was_seen_means_the_one_there_is(
    deal: Opportunity, owner: Person, browse: Browse
) -> None:
    Opportunity.objects.filter(pk=deal.pk).update(probability=70)

    browse(owner).post(f"/opportunities/{deal.pk}/move/", form(owner, WON, probability="100"))

    assert Submission.objects.get().seen == {"pipeline_stage_id": FIRST, "probability": 70}


def test_the_answer_for_scripts_is_the_card_where_it_truly_is(
    deal: Opportunity, owner: Person, colleague: Person, browse: Browse
) -> None:
    client, path = browse(owner), f"/opportunities/{deal.pk}/move/"

    page = Page(client.post(path, form(owner, SECOND), headers=PART))

    card = next(attrs for tag, attrs in page.elements if tag == "li")
    assert (card["data-opportunity"], card["data-stage"]) == (deal.pk, SECOND)
    assert "is-saving" in card["class"]
    assert page.value("undo") == str(Submission.objects.get().pk)

    # Meanwhile a colleague who has not seen it moves it on: asked first, then done.
    theirs = browse(colleague)
    answer = theirs.post(path, form(colleague, WON), headers=PART)
    page = Page(answer)
    card = next(attrs for tag, attrs in page.elements if tag == "li")
    assert (answer.status_code, card["data-stage"]) == (422, SECOND)
    assert "Someone moved it to Connected in the meantime" in page.text
    assert f'data-move-to="{WON}"' in page.text
    answer = theirs.post(path, form(colleague, WON))
    assert answer.status_code == 422
    assert [field for field, _ in problems(Page(answer))] == ["confirm_overwrite"]
    assert theirs.post(path, form(colleague, WON, confirm_overwrite="yes")).status_code == 303
    assert Submission.objects.filter(person=colleague).get().seen == {"pipeline_stage_id": SECOND}


def test_a_refusal_of_slants_puts_the_card_back_and_says_why(
    deal: Opportunity, owner: Person, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(row: Submission, **_: Any) -> Submission:
        settle(row, State.REJECTED, reason_code="rejected", reason_text="Stage is locked.")
        row.refresh_from_db()
        return row

    monkeypatch.setattr(submissions, "wait_for_outcome", refused)
    client, path = browse(owner), f"/opportunities/{deal.pk}/move/"

    answer = client.post(path, form(owner, SECOND), headers=PART)

    page = Page(answer)
    card = next(attrs for tag, attrs in page.elements if tag == "li")
    assert (answer.status_code, card["data-stage"], "is-refused" in card["class"]) == (422, FIRST, True)
    assert "Still in Identified: Slant said “Stage is locked”." in page.text
    assert "Details" in page.text
    [(field, said)] = problems(Page(client.post(path, form(owner, SECOND))))
    assert (field, said) == ("pipeline_stage_id", "Still in Identified: Slant said “Stage is locked”.")


BAD = {
    "no stage": ({"pipeline_stage_id": ""}, "Choose the stage to move it to"),
    "a stage of elsewhere": ({"pipeline_stage_id": "st_lead"}, "is not in this pipeline"),
    "where it is": ({"pipeline_stage_id": FIRST}, "It is already in Identified"),
    "no idea where it was": ({"seen_pipeline_stage_id": None}, "too old to send"),
    "not a percentage": ({"probability": "120"}, "whole number from 0 to 100"),
    "an endless reason": ({"pipeline_stage_id": LOST, "lost_reason": "x" * 501}, "Shorten the reason"),
    "an unreadable row": ({"row": "x"}, "too old to send"),
    "no token": ({"form_token": None}, "opened by someone else"),
    "a forged token": ({"form_token": "abc"}, "opened by someone else"),
    "somebody else's undo": ({"undo": "11111111-2222-4333-8444-555555555555"}, "opened by someone else"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    deal: Opportunity, owner: Person, browse: Browse, case: str
) -> None:
    changed, words = BAD[case]
    for headers in ({}, PART):
        answer = browse(owner).post(
            f"/opportunities/{deal.pk}/move/", form(owner, SECOND, **changed), headers=headers
        )
        assert answer.status_code == 422
        assert words in answer.text
        if not headers:
            fields = {"a percentage": "probability", "endless reason": "lost_reason"}
            field = next((at for part, at in fields.items() if part in case), "pipeline_stage_id")
            assert [at for at, _ in problems(Page(answer))] == [field]
    assert not Submission.objects.exists()


def test_a_form_sent_before_with_another_move_says_so_at_the_stage(
    deal: Opportunity, owner: Person, browse: Browse
) -> None:
    client, sent = browse(owner), form(owner, SECOND)
    client.post(f"/opportunities/{deal.pk}/move/", sent)

    page = Page(client.post(f"/opportunities/{deal.pk}/move/", sent | {"pipeline_stage_id": WON}))

    [(field, said)] = problems(page)
    assert (field, "already sent with a different move" in said) == ("pipeline_stage_id", True)
    assert page.value("form_token") not in ("", sent["form_token"])
    assert Submission.objects.count() == 1


def test_a_refused_move_is_made_again_from_its_page_with_what_was_asked_for(
    deal: Opportunity, owner: Person, browse: Browse
) -> None:
    client, sent = browse(owner), form(owner, SECOND, probability="35")
    first = client.post(f"/opportunities/{deal.pk}/move/", sent)
    settle(Submission.objects.get(), State.REJECTED, reason_code="rejected", reason_text="Stage is locked.")

    again = client.post(f"/opportunities/{deal.pk}/move/", sent)
    correct = Page(client.get(first["Location"])).by_id("correct")
    page = Page(client.get(correct["href"]))

    assert (again.status_code, again["Location"]) == (303, first["Location"])
    assert (page.value("pipeline_stage_id"), page.value("probability")) == (SECOND, "35")
    assert page.value("seen_pipeline_stage_id") == FIRST
    assert Submission.objects.count() == 1
    assert client.get(f"/opportunities/new/?from={Submission.objects.get().pk}").status_code == 404


def test_who_may_not_move_is_refused(
    deal: Opportunity,
    owner: Person,
    viewer: Person,
    outsider: Person,
    compliance: Person,
    manager: Person,
    browse: Browse,
) -> None:
    path = f"/opportunities/{deal.pk}/move/"

    def status(person: Person) -> int:
        return browse(person).post(path, form(person, SECOND)).status_code

    assert [status(person) for person in (viewer, compliance, outsider)] == [403, 403, 404]
    assert not Submission.objects.exists()
    assert status(manager) == 303
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    assert strict.post(path, form(owner, SECOND)).status_code == 403


def test_too_many_moves_wait(deal: Opportunity, owner: Person, browse: Browse, monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "SUBMISSION", (limits.Limit("submission", 1, "person"),))
    client, path = browse(owner), f"/opportunities/{deal.pk}/move/"

    first, second = (client.post(path, form(owner, SECOND), headers=PART) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 429)
    assert int(second["Retry-After"]) > 0
    assert Submission.objects.count() == 1
