"""Entering an opportunity: what is taken, what is asked, and what comes back."""

import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from opportunities.actions import form_tokens, submissions
from opportunities.models import (
    Book,
    Household,
    Instance,
    Person,
    Pipeline,
    Stage,
    State,
    Submission,
)
from opportunities.wording import create as create_words
from opportunities.wording import fields as fields_words
from opportunities.wording import shell as shell_words
from tests.support.people import Firm

from .conftest import Fill, Page, in_days, problems

pytestmark = pytest.mark.django_db
NEW = "/opportunities/new/"
Browse = Callable[[Person], Client]


def body(submission: Submission) -> dict[str, object]:
    sent: dict[str, object] = json.loads(submission.body)
    return sent


def test_a_filled_form_becomes_one_submission(owner: Person, browse: Browse, fill: Fill, firm: Firm) -> None:
    response = browse(owner).post(NEW, fill(owner))

    row = Submission.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/submissions/{row.pk}/")
    assert body(row) == {
        "book_id": "bk_harbor",
        "name": "Okonkwo rollover",
        "value": 640_000,
        "target_close_date": f"{in_days(60)}T00:00:00Z",
        "pipeline_id": "pl_prospects",
        "pipeline_stage_id": "st_qualified",
        "household_id": "hh_okonkwo",
        "assigned_to_id": "us_owner",
    }
    assert row.labels["owner"] == "Olivia Owner"


def test_the_least_that_can_be_sent_goes_to_the_person_themselves_and_the_first_stage(
    owner: Person, browse: Browse, firm: Firm
) -> None:
    form = {
        "book_id": "bk_harbor",
        "name": "Small",
        "pipeline_id": "pl_prospects",
        "form_token": form_tokens.issue_token(owner),
    }

    browse(owner).post(NEW, form)

    assert body(Submission.objects.get()) == {
        "book_id": "bk_harbor",
        "name": "Small",
        "pipeline_id": "pl_prospects",
        "pipeline_stage_id": "st_lead",
        "assigned_to_id": "us_owner",
    }


@pytest.mark.parametrize(
    ("household", "kind", "sent"),
    [
        ("hh_okonkwo", "", {"household_id": "hh_okonkwo"}),
        ("", "client", {"pipeline_type": "client"}),
        ("hh_rivera", "prospect", {"household_id": "hh_rivera"}),
    ],
)
def test_slant_may_choose_the_pipeline(
    owner: Person, browse: Browse, fill: Fill, household: str, kind: str, sent: dict[str, str]
) -> None:
    form = fill(owner, pipeline_id="", pipeline_stage_id="", household_id=household, pipeline_type=kind)

    browse(owner).post(NEW, form)

    way = {
        name: value
        for name, value in body(Submission.objects.get()).items()
        if name in ("household_id", "pipeline_type", "pipeline_id", "pipeline_stage_id")
    }
    assert way == sent


def test_create_and_add_another_keeps_book_pipeline_and_owner(
    owner: Person, browse: Browse, fill: Fill
) -> None:
    client = browse(owner)

    response = client.post(NEW, fill(owner, after="another"))

    assert response.status_code == 303
    assert response["Location"] == f"{NEW}?book_id=bk_harbor&pipeline_id=pl_prospects&assigned_to_id=us_owner"
    again = client.get(response["Location"])
    page = Page(again)
    assert (page.value("book_id"), page.value("pipeline_id"), page.value("name")) == (
        "bk_harbor",
        "pl_prospects",
        "",
    )
    assert "Okonkwo rollover is saved and will be sent to Slant automatically." in page.text


def test_a_form_sent_again_after_its_deal_was_withdrawn_does_not_say_that_it_goes_to_slant(
    owner: Person, browse: Browse, fill: Fill
) -> None:
    client, form = browse(owner), fill(owner, after="another")
    client.get(client.post(NEW, form)["Location"])
    client.post(f"/submissions/{Submission.objects.get().pk}/withdraw/", follow=True)

    page = Page(client.get(client.post(NEW, form)["Location"]))

    assert "Okonkwo rollover was withdrawn and is not sent." in page.text
    assert "will be sent to Slant" not in page.text


def test_with_htmx_the_browser_is_sent_on(owner: Person, browse: Browse, fill: Fill) -> None:
    response = browse(owner).post(NEW, fill(owner), headers={"HX-Request": "true"})

    assert response["HX-Redirect"] == f"/submissions/{Submission.objects.get().pk}/"


# The token


def test_the_same_form_again_is_the_same_submission(owner: Person, browse: Browse, fill: Fill) -> None:
    client, form = browse(owner), fill(owner)

    first, second = client.post(NEW, form), client.post(NEW, form)

    assert second["Location"] == first["Location"]
    assert Submission.objects.count() == 1


def test_the_same_token_with_other_content_is_asked_about(owner: Person, browse: Browse, fill: Fill) -> None:
    client, form = browse(owner), fill(owner)
    client.post(NEW, form)

    response = client.post(NEW, form | {"name": "Another one"})

    page = Page(response)
    assert response.status_code == 422
    assert problems(page) == [("form_token", create_words.FORM_SENT_BEFORE)]
    assert page.value("name") == "Another one"
    assert page.value("form_token") not in ("", form["form_token"])
    assert Submission.objects.count() == 1


@pytest.mark.parametrize("forged", ["", None, "forged", "x:y:z"])
def test_a_forged_token_sends_nothing(owner: Person, browse: Browse, fill: Fill, forged: str | None) -> None:
    response = browse(owner).post(NEW, fill(owner, form_token=forged))

    assert response.status_code == 422
    assert problems(Page(response)) == [("form_token", create_words.FORM_NOT_YOURS)]
    assert not Submission.objects.exists()


def test_another_persons_token_sends_nothing(
    owner: Person, colleague: Person, browse: Browse, fill: Fill
) -> None:
    response = browse(owner).post(NEW, fill(owner, form_token=form_tokens.issue_token(colleague)))

    assert response.status_code == 422
    assert not Submission.objects.exists()


# The duplicate question


def test_a_similar_deal_is_asked_about_and_may_be_created_anyway(
    owner: Person, browse: Browse, fill: Fill
) -> None:
    client = browse(owner)
    client.post(NEW, fill(owner))

    response = client.post(NEW, fill(owner))
    page = Page(response)
    anyway = client.post(NEW, fill(owner, confirm_duplicate="yes", form_token=page.value("form_token")))

    assert response.status_code == 422
    assert "Say whether this is the deal Olivia Owner entered at" in page.said("confirm_duplicate-error")
    assert "#id_confirm_duplicate" in page.links()
    assert page.by_id("id_confirm_duplicate")
    assert anyway.status_code == 303
    assert Submission.objects.count() == 2


def test_yes_it_is_the_same_opens_that_one(owner: Person, browse: Browse, fill: Fill) -> None:
    client = browse(owner)
    client.post(NEW, fill(owner))
    first = Submission.objects.get()

    response = client.post(NEW, fill(owner, confirm_duplicate="same"))

    assert (response.status_code, response["Location"]) == (303, f"/submissions/{first.pk}/")
    assert Submission.objects.count() == 1


# Refused by Slant


def refuse(row: Submission, **fields: object) -> Submission:
    for name, value in ({"state": State.REJECTED, "reason_code": "rejected"} | fields).items():
        setattr(row, name, value)
    Submission.objects.filter(pk=row.pk).update(
        state=row.state,
        reason_code=row.reason_code,
        reason_text=row.reason_text,
        field_errors=row.field_errors,
    )
    return row


def test_what_slant_refuses_at_once_looks_like_a_local_refusal(
    owner: Person, browse: Browse, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        submissions,
        "wait_for_outcome",
        lambda row, **_: refuse(row, field_errors={"owner_id": ["is on leave"], "value": ["too much"]}),
    )
    client = browse(owner)

    response = client.post(NEW, fill(owner))

    row, page = Submission.objects.get(), Page(response)
    assert response.status_code == 422
    assert page.said("value-error") == "Error: Slant did not accept this: too much"
    assert page.said("assigned_to_id-error") == "Error: Slant did not accept this: is on leave"
    assert page.value("name") == "Okonkwo rollover"
    assert page.value("supersedes") == str(row.pk)
    monkeypatch.undo()
    client.post(NEW, fill(owner, value="1m", supersedes=str(row.pk), form_token=page.value("form_token")))
    assert Submission.objects.get(value=1_000_000).supersedes == row


def test_the_same_form_sent_again_after_slant_refused_it_leads_to_the_first(
    owner: Person, browse: Browse, fill: Fill
) -> None:
    client, form = browse(owner), fill(owner)
    first = client.post(NEW, form)
    refuse(Submission.objects.get(), reason_text="Closed today")

    again = client.post(NEW, form)
    in_place = client.post(NEW, form, headers={"HX-Request": "true"})

    assert (again.status_code, again["Location"]) == (303, first["Location"])
    assert "Closed today" in Page(in_place).said("form_token-error")
    assert Submission.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "where", "sentence"),
    [
        (
            {"reason_text": "Closed today"},
            "form_token-error",
            "Slant did not accept this deal: Closed today.",
        ),
        ({}, "form_token-error", create_words.SLANT_REFUSED_NO_WORDS),
        (
            {"reason_code": "forbidden_book"},
            "book_id-error",
            create_words.SLANT_REFUSED_BOOK.format(book="Harbor"),
        ),
    ],
)
def test_a_refusal_without_a_field_is_told_where_it_belongs(
    owner: Person,
    browse: Browse,
    fill: Fill,
    monkeypatch: pytest.MonkeyPatch,
    fields: dict[str, str],
    where: str,
    sentence: str,
) -> None:
    monkeypatch.setattr(submissions, "wait_for_outcome", lambda row, **_: refuse(row, **fields))

    page = Page(browse(owner).post(NEW, fill(owner)))

    assert sentence in page.said(where)
    assert [field for field, _ in problems(page)] == [where.removesuffix("-error")]


def test_correct_and_send_again_fills_the_form(owner: Person, browse: Browse, fill: Fill) -> None:
    client = browse(owner)
    client.post(NEW, fill(owner, probability="30"))
    row = refuse(Submission.objects.get())

    page = Page(client.get(f"{NEW}?from={row.pk}"))

    assert page.value("name") == "Okonkwo rollover"
    assert page.value("value") == "640,000"
    assert page.value("probability") == "30"
    assert page.value("target_close_date") == in_days(60)
    assert page.value("pipeline_stage_id") == "st_qualified"
    assert page.value("supersedes") == str(row.pk)


@pytest.mark.parametrize("id", ["nonsense", "6d5b3a4e-0000-4000-8000-000000000000"])
def test_nobody_starts_from_what_is_not_theirs(
    owner: Person, colleague: Person, browse: Browse, fill: Fill, id: str
) -> None:
    browse(owner).post(NEW, fill(owner))

    unknown = browse(colleague).get(f"{NEW}?from={id}")
    others = browse(colleague).get(f"{NEW}?from={Submission.objects.get().pk}")

    assert (unknown.status_code, others.status_code) == (404, 404)
    assert Page(unknown).said("main") == Page(others).said("main")


# Who may


def test_a_viewer_is_told_why_and_whom_to_ask(viewer: Person, browse: Browse, fill: Fill) -> None:
    client = browse(viewer)

    page = client.get(NEW)
    post = client.post(NEW, fill(viewer))

    assert page.status_code == 200
    assert "You have no book to enter deals in" in page.content.decode()
    assert "ask Olivia Owner" in page.content.decode()
    assert post.status_code == 422
    assert Page(post).said("book_id-error") == f"Error: {fields_words.BOOK_READ_ONLY.format(book='Harbor')}"
    assert not Submission.objects.exists()


def test_an_outsider_gets_the_words_of_the_unknown(outsider: Person, browse: Browse, fill: Fill) -> None:
    page = Page(browse(outsider).post(NEW, fill(outsider)))

    assert page.said("book_id-error") == f"Error: {fields_words.BOOK_UNKNOWN}"
    assert "Harbor" not in page.text
    assert "Okonkwo (" not in page.text


@pytest.mark.parametrize("path", [NEW, NEW + "fields/"])
def test_compliance_changes_nothing(compliance: Person, browse: Browse, fill: Fill, path: str) -> None:
    client = browse(compliance)

    assert client.get(path).status_code == 403
    assert client.post(path, fill(compliance)).status_code == 403
    assert not Submission.objects.exists()


def test_a_manager_must_pick_an_owner(manager: Person, browse: Browse, firm: Firm) -> None:
    page = Page(browse(manager).get(f"{NEW}?book_id=bk_harbor"))

    assert page.value("assigned_to_id") == ""
    assert "Choose an owner" in page.said("id_assigned_to_id")


def test_a_token_that_reads_only_closes_the_form(owner: Person, browse: Browse, fill: Fill) -> None:
    Instance.objects.update_or_create(pk=1, defaults={"can_write": False, "ever_could_write": False})
    client = browse(owner)

    page, post = client.get(NEW).content.decode(), client.post(NEW, fill(owner))

    assert "Slant lets Slantweb read, but not make changes." in page
    assert post.status_code == 422
    assert problems(Page(post)) == [("form_token", shell_words.CANNOT_WRITE)]
    assert not Submission.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("name", ["new", "new_fields"])
def test_other_methods_are_refused(owner: Person, browse: Browse, method: str, name: str) -> None:
    response = getattr(browse(owner), method)(reverse(f"opportunities:{name}"))

    assert response.status_code == 405


def test_the_form_costs_as_many_queries_however_much_there_is_to_choose_and_ten_at_most(
    manager: Person, browse: Browse, firm: Firm
) -> None:
    client = browse(manager)
    client.get(NEW)
    with CaptureQueriesContext(connection) as few:
        client.get(NEW)
    for number in range(5):
        book = Book.objects.create(pk=f"bk_{number}", name=f"Book {number}", role="editor")
        pipeline = Pipeline.objects.create(pk=f"pl_{number}", name=f"Pipeline {number}", book=None)
        Stage.objects.create(pk=f"st_{number}", name="First", pipeline=pipeline)
        Household.objects.create(pk=f"hh_{number}", name=f"House {number}", book=book)
    with CaptureQueriesContext(connection) as many:
        client.get(NEW)

    assert len(many) == len(few) <= 10, [query["sql"][:80] for query in many]
