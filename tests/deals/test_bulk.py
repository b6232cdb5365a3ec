"""Many deals at once: each row is a submission of its own, refused by itself, and never sent twice."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from opportunities.actions import bulk, form_tokens
from opportunities.models import (
    AuditEvent,
    LostReason,
    Meaning,
    Opportunity,
    OpportunityVersion,
    Person,
    StageMeaning,
    State,
    Submission,
)
from opportunities.wording import bulk as bulk_words
from tests.support.people import Firm

from .conftest import HX, Browse, MakeDeal, Page, ago, edit_form, problems, version

pytestmark = pytest.mark.django_db
BULK = "/opportunities/bulk/"
Post = Callable[..., HttpResponse]


@pytest.fixture
def post(browse: Browse, owner: Person) -> Post:
    def sent(
        ids: list[str], person: Person = owner, headers: dict[str, str] | None = None, **fields: str
    ) -> Any:
        form: dict[str, Any] = {"id": ids, "form_token": form_tokens.issue_token(person)}
        return browse(person).post(BULK, form | fields, headers=headers or {})

    return sent


def result(browse: Browse, person: Person, response: Any) -> Page:
    assert response.status_code == 303, response.content.decode()
    return Page(browse(person).get(response["Location"]))


def asked() -> list[tuple[str, str, int, dict[str, Any], dict[str, Any]]]:
    rows = Submission.objects.order_by("row")
    return [(row.opportunity_id, row.kind, row.row, json.loads(row.body), row.seen) for row in rows]


def told(page: Page) -> dict[str, str]:
    """By deal: the words of its row."""
    found: dict[str, str] = {}
    for row in page.text.split("<tr ")[1:]:
        id = row.split('data-opportunity="')[1].split('"')[0]
        text = "".join(part.split(">", 1)[-1] for part in row.split("</tr>")[0].split("<"))
        found[id] = " ".join(text.split())
    return found


def test_each_deal_moves_by_a_submission_of_its_own_and_the_others_say_why_not(
    owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm, post: Post
) -> None:
    for id in ("op_1", "op_2"):
        make_deal(id)
    make_deal("op_there", name="There", stage=firm.lead)
    make_deal("op_other", name="Other", pipeline=firm.clients, stage=firm.proposal)
    make_deal("op_summit", name="Secret", book=firm.summit)
    make_deal("op_archive", name="Read only", book=firm.archive)

    response = post(
        ["op_1", "op_2", "op_there", "op_other", "op_summit", "op_archive", "op_none"],
        pipeline_stage_id="st_lead",
    )

    assert asked() == [
        (id, "move", row, {"pipeline_stage_id": "st_lead"}, {"pipeline_stage_id": "st_qualified"})
        for row, id in enumerate(("op_1", "op_2"))
    ]
    page = result(browse, owner, response)
    assert page.said("main").startswith("Moving 7 deals to Lead") or "Moving 7 deals to Lead" in page.text
    said = told(page)
    assert said["op_1"] == "Okonkwo rollover Waiting"
    assert "It is already there" in said["op_there"]
    assert "another pipeline, which has no stage Lead" in said["op_other"]
    assert "in a book you cannot change" in said["op_archive"]
    assert said["op_summit"].replace("op_summit", "") == said["op_none"].replace("op_none", "")
    assert "Secret" not in page.text
    event = AuditEvent.objects.get(action="bulk.asked")
    assert (event.after["rows"], len(event.after["refused"])) == (7, 5)


def test_a_leavers_deals_are_given_to_somebody_who_works_in_their_book(
    manager: Person, browse: Browse, make_deal: MakeDeal, firm: Firm, post: Post
) -> None:
    make_deal("op_1", assigned_to_id="us_left", assigned_to_name="Lee Left")
    make_deal("op_2", assigned_to_id="us_colleague")
    make_deal("op_3", book=firm.summit, pipeline=firm.summit_only, stage=firm.onboarding)

    response = post(["op_1", "op_2", "op_3"], manager, assigned_to_id="us_colleague")

    assert asked() == [
        ("op_1", "edit", 0, {"assigned_to_id": "us_colleague"}, {"assigned_to_id": "us_left"}),
    ]
    said = told(result(browse, manager, response))
    assert "They already own it" in said["op_2"]
    assert "Carl Colleague does not work in its book." in said["op_3"]


def test_what_changed_after_the_list_was_drawn_is_left_as_it_is(
    owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm, post: Post
) -> None:
    row = make_deal("op_1", stage=firm.hidden)
    OpportunityVersion.objects.update(valid_from=ago(0.001))
    version(row, stage_id="st_qualified", valid_from=ago(9), valid_to=ago(0.001))
    make_deal("op_2")

    response = post(["op_1", "op_2"], pipeline_stage_id="st_lead", shown_at=ago(1).isoformat())

    assert [row[0] for row in asked()] == ["op_2"]
    assert "Someone changed it after you opened the list" in told(result(browse, owner, response))["op_1"]


def test_a_lost_stage_wants_one_reason_for_all(
    owner: Person, make_deal: MakeDeal, firm: Firm, post: Post
) -> None:
    make_deal("op_1")
    make_deal("op_2")
    StageMeaning.objects.filter(pk="st_hidden").update(meaning=Meaning.LOST)

    without = post(["op_1", "op_2"], pipeline_stage_id="st_hidden")
    with_reason = post(["op_1", "op_2"], pipeline_stage_id="st_hidden", lost_reason="Merged with a bank")

    assert (without.status_code, with_reason.status_code) == (422, 303)
    page = Page(without)
    assert "Say in a few words why these deals were lost." in page.said("lost_reason-error")
    assert page.value("pipeline_stage_id") == "st_hidden"
    assert set(LostReason.objects.values_list("opportunity_id", "reason")) == {
        ("op_1", "Merged with a bank"), ("op_2", "Merged with a bank"),
    }  # fmt: skip


@pytest.mark.parametrize(("length", "status"), [(500, 303), (501, 422)])
def test_a_long_reason_is_kept_whole_or_said_to_be_too_long(
    owner: Person, make_deal: MakeDeal, post: Post, length: int, status: int
) -> None:
    make_deal("op_1")
    StageMeaning.objects.filter(pk="st_hidden").update(meaning=Meaning.LOST)
    typed = "x" * length

    response = post(["op_1"], pipeline_stage_id="st_hidden", lost_reason=typed)

    assert response.status_code == status
    assert list(LostReason.objects.values_list("reason", flat=True)) == ([typed] if status == 303 else [])
    if status == 422:
        page = Page(response)
        assert page.said("lost_reason-error") == "Error: Shorten the reason to 500 characters."
        assert page.value("lost_reason") == typed


def test_the_chosen_deals_are_read_once(make_deal: MakeDeal, post: Post) -> None:
    make_deal("op_1")

    with CaptureQueriesContext(connection) as seen:
        assert post(["op_1"]).status_code == 200

    assert sum("SUM(" in query["sql"] for query in seen) == 1


def test_what_was_seen_is_what_lasted_then_among_many_changes(
    make_deal: MakeDeal, firm: Firm, owner: Person
) -> None:
    row = make_deal("op_1", stage=firm.lead)
    OpportunityVersion.objects.update(valid_from=ago(1))
    version(row, stage_id="st_hidden", valid_from=ago(9), valid_to=ago(5))
    version(row, stage_id="st_qualified", valid_from=ago(5), valid_to=ago(1))

    for day, stage in (
        (7, "st_hidden"),
        (5, "st_qualified"),
        (2, "st_qualified"),
        (1, "st_lead"),
        (0, "st_lead"),
    ):
        seen = bulk._seen_places(bulk.BulkRequest(("op_1",), seen_at=ago(day)), {"op_1": row})
        assert seen == {"op_1": {"stage": stage, "owner": "us_owner"}}


def test_the_list_asks_first_what_to_do_without_any_script(
    owner: Person, browse: Browse, make_deal: MakeDeal, post: Post
) -> None:
    make_deal("op_1")
    make_deal("op_2", name="Second", value=None)

    where, who = post(["op_1", "op_2"], ask="stage"), post(["op_1", "op_2"], ask="owner")

    assert (where.status_code, who.status_code) == (200, 200)
    assert "2 deals, $640,000 Okonkwo rollover, Second" in Page(where).said("bulk-deals")
    assert all(
        name in Page(where).said("field-pipeline_stage_id") for name in ("Lead", "Qualified", "Parked")
    )
    assert all(
        name in Page(who).said("field-assigned_to_id") for name in ("Olivia Owner (me)", "Carl Colleague")
    )
    assert "Vera Viewer" not in Page(who).text
    assert asked() == []


def test_what_is_wrong_is_said_and_nothing_is_changed(
    owner: Person, colleague: Person, browse: Browse, make_deal: MakeDeal, post: Post
) -> None:
    make_deal("op_1")
    many = [f"op_{number}" for number in range(501)]

    for ids, fields, at, said in (
        ([], {"pipeline_stage_id": "st_lead"}, "id", "Choose at least one deal."),
        (many, {"pipeline_stage_id": "st_lead"}, "id", "Choose at most 500 deals at once. 501 were chosen"),
        (
            ["op_1"],
            {"pipeline_stage_id": "st_summit", "ask": "owner"},
            "pipeline_stage_id",
            "Choose one of the stages listed.",
        ),
        (["op_1"], {"assigned_to_id": "us_viewer"}, "assigned_to_id", "Choose one of the people listed."),
        (
            ["op_1"],
            {"pipeline_stage_id": "st_lead", "assigned_to_id": "us_owner"},
            "assigned_to_id",
            "not both",
        ),
        (
            ["op_1"],
            {"pipeline_stage_id": "st_lead", "form_token": form_tokens.issue_token(colleague)},
            "form_token",
            "too old",
        ),
        (["op_1"], {"pipeline_stage_id": "st_lead", "form_token": "forged"}, "form_token", "too old"),
    ):
        response = post(ids, **fields)
        assert response.status_code == 422, said
        [(field, told_there)] = problems(Page(response))
        assert (field, said in told_there) == (at, True), said
    assert asked() == []
    assert not AuditEvent.objects.filter(action="bulk.asked").exists()


def test_the_same_form_sent_twice_is_one_bulk_change(owner: Person, make_deal: MakeDeal, post: Post) -> None:
    make_deal("op_1")
    make_deal("op_2")
    token = form_tokens.issue_token(owner)

    first = post(["op_1", "op_2"], pipeline_stage_id="st_lead", form_token=token)
    again = post(["op_1", "op_2"], pipeline_stage_id="st_lead", form_token=token)
    other_deals = post(["op_2", "op_1"], pipeline_stage_id="st_lead", form_token=token)
    other_stage = post(["op_1", "op_2"], pipeline_stage_id="st_hidden", form_token=token)

    assert first["Location"] == again["Location"]
    assert [other_deals.status_code, other_stage.status_code] == [422, 422]
    assert Submission.objects.count() == 2
    assert AuditEvent.objects.filter(action="bulk.asked").count() == 1


def test_a_token_sent_before_for_other_deals_or_another_stage_changes_none_of_them(
    owner: Person, make_deal: MakeDeal, firm: Firm, post: Post
) -> None:
    make_deal("op_1")
    make_deal("op_2")
    make_deal("op_there", stage=firm.lead)
    token = form_tokens.issue_token(owner)
    post(["op_there", "op_1"], pipeline_stage_id="st_lead", form_token=token)

    more = post(["op_there", "op_1", "op_2"], pipeline_stage_id="st_lead", form_token=token)
    other = post(["op_there", "op_2"], pipeline_stage_id="st_hidden", form_token=token)
    given = post(["op_there"], assigned_to_id="us_colleague", form_token=token)

    for response in (more, other, given):
        assert response.status_code == 422
        assert problems(Page(response)) == [("form_token", bulk_words.SENT_BEFORE)]
        assert Page(response).value("form_token") not in ("", token)
    assert [row[0] for row in asked()] == ["op_1"]
    assert AuditEvent.objects.get(action="bulk.asked").after["rows"] == 2


def test_a_token_of_which_every_row_was_refused_is_spent_as_well(
    owner: Person, make_deal: MakeDeal, firm: Firm, post: Post
) -> None:
    make_deal("op_there", stage=firm.lead)
    make_deal("op_1")
    token = form_tokens.issue_token(owner)

    first = post(["op_there"], pipeline_stage_id="st_lead", form_token=token)
    again = post(["op_there"], pipeline_stage_id="st_lead", form_token=token)
    other = post(["op_1"], pipeline_stage_id="st_lead", form_token=token)

    assert first["Location"] == again["Location"]
    assert other.status_code == 422
    assert asked() == []


def test_a_token_another_form_was_sent_with_makes_no_bulk_change(
    owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm, post: Post
) -> None:
    row = make_deal("op_1")
    make_deal("op_there", stage=firm.lead)
    make_deal("op_2")
    form = edit_form(row, owner, name="Renamed")
    browse(owner).post("/opportunities/op_1/edit/", form)

    response = post(["op_there", "op_2"], pipeline_stage_id="st_lead", form_token=form["form_token"])

    assert response.status_code == 422
    assert [row[:2] for row in asked()] == [("op_1", "edit")]


def test_sent_again_after_a_crash_between_two_commits_it_completes_what_is_missing(
    owner: Person,
    browse: Browse,
    make_deal: MakeDeal,
    firm: Firm,
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "ROWS_PER_COMMIT", 2)
    ids = ["op_1", "op_2", "op_3", "op_4"]
    for id in ids:
        make_deal(id)
    token, move = form_tokens.issue_token(owner), bulk.moving.move

    def dies_at_the_third(**asked_for: Any) -> Submission:
        if asked_for["row"] == 2:
            raise SystemExit("the power went off")
        return move(**asked_for)

    monkeypatch.setattr(bulk.moving, "move", dies_at_the_third)
    with pytest.raises(SystemExit):
        post(ids, pipeline_stage_id="st_lead", form_token=token)
    monkeypatch.setattr(bulk.moving, "move", move)
    # What was committed has arrived in Slant meanwhile.
    Submission.objects.filter(row=0).update(state=State.CONFIRMED)
    Opportunity.objects.filter(pk="op_1").update(stage=firm.lead)
    other = post([*ids, "op_5"], pipeline_stage_id="st_lead", form_token=token)
    again = post(ids, pipeline_stage_id="st_lead", form_token=token)

    assert other.status_code == 422
    assert [row[0] for row in asked()] == ids
    assert Page(browse(owner).get(again["Location"])).text.count("<tr data-opportunity=") == 4
    assert AuditEvent.objects.get(action="bulk.asked").after["refused"] == {}


def test_the_result_keeps_itself_up_to_date_until_all_is_settled(
    owner: Person, colleague: Person, browse: Browse, make_deal: MakeDeal, post: Post
) -> None:
    make_deal("op_1")
    make_deal("op_2")
    address = post(["op_1", "op_2"], pipeline_stage_id="st_lead")["Location"]
    client = browse(owner)
    page = Page(client.get(address))
    poll = page.by_id("bulk-result")["data-poll"]

    assert "0 of 2 done" in page.said("progress-title")
    assert client.get(poll, headers=HX | {"X-Poll": "1"}).status_code == 204
    Submission.objects.filter(row=0).update(state=State.CONFIRMED)
    Submission.objects.filter(row=1).update(
        state=State.REJECTED, reason_code="rejected", reason_text="The deal is locked."
    )
    part = Page(client.get(poll, headers=HX | {"X-Poll": "1"}))

    assert "<html" not in part.text
    assert part.by_id("bulk-result")["data-final"] == "yes"
    assert part.said("progress-title") == "1 done, 1 not changed"
    assert "Slant said: “The deal is locked”." in told(part)["op_2"]
    assert browse(colleague).get(address).status_code == 404
    assert client.get(f"{BULK}?sent=nothing").status_code == 404


def test_who_only_reads_changes_nothing(
    viewer: Person, compliance: Person, make_deal: MakeDeal, post: Post, browse: Browse
) -> None:
    make_deal("op_1")

    assert post(["op_1"], compliance, pipeline_stage_id="st_lead").status_code == 403
    refused = post(["op_1"], viewer, pipeline_stage_id="st_lead")

    assert refused.status_code == 422
    assert asked() == []
    assert Opportunity.objects.get().stage_id == "st_qualified"
