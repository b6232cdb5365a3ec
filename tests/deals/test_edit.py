"""Changing a deal in place: the rules and words of the form that makes one, conflicts asked about, nothing
lost.
"""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from opportunities.actions import form_tokens, submissions
from opportunities.models import OpportunityVersion, Person, State, Submission
from opportunities.wording import fields as fields_words
from opportunities.wording.deals import FORM_NOT_YOURS, FORM_SENT_BEFORE
from tests.support.people import Firm

from .conftest import HX, Browse, MakeDeal, Page, edit_form, in_days, problems

pytestmark = pytest.mark.django_db
EDIT = "/opportunities/op_1/edit/"


def sent() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(json.loads(row.body), row.seen) for row in Submission.objects.order_by("created_at")]


def test_only_what_differs_is_sent_with_what_was_seen(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row = make_deal()
    typed = edit_form(
        row,
        owner,
        name="Okonkwo transfer",
        value="700k",
        probability="",
        target_close_date=in_days(90).isoformat(),
        household_id="",
        assigned_to_id="us_colleague",
    )

    response = browse(owner).post(EDIT, typed)

    submission = Submission.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/submissions/{submission.pk}/")
    assert (submission.kind, submission.method, submission.path) == ("edit", "PATCH", "/opportunities/op_1")
    assert sent() == [
        (
            {
                "name": "Okonkwo transfer", "household_id": None, "value": 700_000,
                "target_close_date": f"{in_days(90)}T00:00:00Z", "assigned_to_id": "us_colleague",
            },
            {
                "name": "Okonkwo rollover", "household_id": "hh_okonkwo", "value": 640_000,
                "target_close_date": in_days(60).isoformat(), "assigned_to_id": "us_owner",
            },
        )
    ]  # fmt: skip
    assert submission.labels == {"book": "Harbor", "owner": "Carl Colleague"}


def test_the_form_shows_what_is_there_and_what_was_seen(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal(probability=55)

    for headers in ({}, HX):
        page = Page(browse(owner).get(EDIT, headers=headers))
        shown = {
            name: page.value(name)
            for name in ("name", "value", "probability", "household_id", "assigned_to_id")
        }
        seen = {name: page.value(f"seen_{name}") for name in shown}

        assert shown == {
            "name": "Okonkwo rollover", "value": "640,000", "probability": "55", "household_id": "hh_okonkwo",
            "assigned_to_id": "us_owner",
        }  # fmt: skip
        assert seen == shown | {"value": "640000"}
        assert (
            page.value("target_close_date") == page.value("seen_target_close_date") == in_days(60).isoformat()
        )
        assert ("<html" in page.text) == (not headers)
        assert page.by_id("edit-form")["action"] == EDIT


WRONG = [
    ("name", "", fields_words.NAME_MISSING),
    ("name", "x" * 256, fields_words.NAME_TOO_LONG.format(length=256)),
    ("value", "lots", fields_words.VALUE_NOT_A_NUMBER),
    ("value", "1.50", fields_words.VALUE_NOT_WHOLE),
    ("probability", "101", fields_words.PROBABILITY_OUT_OF_RANGE),
    ("target_close_date", "2020-01-01", "Choose a date after today"),
    ("target_close_date", "soon", "Choose a date, or type it as year-month-day"),
    ("household_id", "hh_alder", fields_words.HOUSEHOLD_UNKNOWN),
    ("household_id", "hh_rivera", "New money takes only prospects, and Rivera is a client."),
    ("assigned_to_id", "", fields_words.OWNER_MISSING),
    ("assigned_to_id", "us_viewer", "Vera Viewer only reads this book."),
    ("assigned_to_id", "us_outsider", fields_words.OWNER_UNKNOWN),
]


def test_what_is_wrong_is_said_in_the_words_of_the_form_for_a_new_deal(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row, client = make_deal(), browse(owner)

    for field, value, said in WRONG:
        for headers in ({}, HX):
            response = client.post(EDIT, edit_form(row, owner, **{field: value}), headers=headers)
            page = Page(response)

            assert response.status_code == 422, field
            assert said in page.said(f"{field}-error"), field
            assert f"#id_{field}" in page.links()
            assert page.value(field) == value
            assert page.value(f"seen_{field}") == edit_form(row, owner)[f"seen_{field}"]
            assert ("<title>Error: Edit Okonkwo rollover" in page.text) == (not headers)
    assert sent() == []


def test_what_is_as_it_was_is_neither_judged_nor_sent(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    """A past date, an owner who left and a household of the wrong kind do not keep a new name from being
    saved.
    """
    row = make_deal(
        target_close_date=in_days(-9),
        assigned_to_id="us_left",
        assigned_to_name="Lee Left",
        household_id="hh_rivera",
    )
    client = browse(owner)

    response = client.post(EDIT, edit_form(row, owner, name="New name", value="640,000"))

    assert response.status_code == 303
    assert sent() == [({"name": "New name"}, {"name": "Okonkwo rollover"})]
    assert "Lee Left" in Page(client.get(EDIT)).text


def test_nothing_changed_sends_nothing_and_a_field_left_out_stays(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row, client = make_deal(), browse(owner)

    same = client.post(EDIT, edit_form(row, owner), follow=True)
    part = client.post(
        EDIT,
        {"form_token": form_tokens.issue_token(owner), "probability": "70", "seen_probability": ""},
    )

    assert "Nothing was changed: every field is as it was." in same.content.decode()
    assert part.status_code == 303
    assert sent() == [({"probability": 70}, {"probability": None})]


def test_a_change_made_meanwhile_is_asked_about_and_overwritten_only_on_a_yes(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row, client = make_deal(), browse(owner)
    typed = edit_form(row, owner, value="700,000", name="Better name", seen_value="600000")
    OpportunityVersion.objects.update(by="Carl Colleague")

    asked = client.post(EDIT, typed)
    page = Page(asked)

    assert asked.status_code == 422
    assert "Carl Colleague changed value while you were editing." in page.said("field-confirm_overwrite")
    assert "Value$600,000$640,000$700,000" in page.said("field-confirm_overwrite").replace(" ", "")
    assert "#id_confirm_overwrite" in page.links()
    assert (page.value("value"), page.value("name")) == ("700,000", "Better name")
    assert sent() == []

    again = typed | {"form_token": page.value("form_token"), "seen_value": page.value("seen_value")}
    assert client.post(EDIT, again).status_code == 422
    yes = client.post(EDIT, again | {"confirm_overwrite": "yes"})

    assert yes.status_code == 303
    assert sent() == [
        ({"name": "Better name", "value": 700_000}, {"name": "Okonkwo rollover", "value": 640_000}),
    ]


def test_a_form_that_does_not_say_what_it_saw_is_asked_too(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row = make_deal()
    typed = {name: value for name, value in edit_form(row, owner, value="1").items() if name != "seen_value"}

    assert browse(owner).post(EDIT, typed).status_code == 422
    assert sent() == []


def test_the_next_change_sees_the_one_that_waits_as_there_already(
    owner: Person, colleague: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row = make_deal()
    browse(owner).post(EDIT, edit_form(row, owner, value="700,000"))

    page = Page(browse(owner).get(EDIT))
    second = browse(owner).post(
        EDIT, edit_form(row, owner, value="710,000", seen_value=page.value("seen_value"))
    )
    blind = browse(colleague).post(EDIT, edit_form(row, colleague, value="650,000"))

    assert page.value("value") == "700,000"
    assert "An earlier change to this deal is still on its way" in page.text
    assert second.status_code == 303
    assert sent()[1] == ({"value": 710_000}, {"value": 700_000})
    assert blind.status_code == 422
    assert (
        "Olivia Owner changed value while you were editing; that change is on its way to Slant."
        in Page(blind).text
    )


def test_in_place_the_answer_is_the_deal_with_what_became_of_it(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row = make_deal()

    response = browse(owner).post(EDIT, edit_form(row, owner, value="700,000"), headers=HX)

    page = Page(response)
    assert response.status_code == 200
    assert "deals:changed" in response["HX-Trigger"]
    assert "Okonkwo rollover is saved here and will be sent to Slant automatically." in page.said("deal")
    assert "Change value to $700,000: waiting its turn." in page.said("deal")
    assert page.by_id("deal")["data-unsettled"] == "yes"


def test_a_change_withdrawn_in_another_tab_is_not_told_as_saved_when_its_form_is_sent_again(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row, client = make_deal(), browse(owner)
    typed = edit_form(row, owner, value="700,000")
    client.post(EDIT, typed, headers=HX)
    client.post(f"/submissions/{Submission.objects.get().pk}/withdraw/")

    page = Page(client.post(EDIT, typed, headers=HX))

    assert "Your change to Okonkwo rollover was withdrawn. Nothing was changed" in page.said("deal")
    assert Submission.objects.get().state == State.WITHDRAWN


def test_a_conflict_found_by_slant_costs_as_many_queries_for_one_field_as_for_three(
    owner: Person, browse: Browse, make_deal: MakeDeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, client = make_deal(), browse(owner)
    asked: list[str] = []
    wanted = {"value": "700,000", "probability": "70", "target_close_date": in_days(90).isoformat()}

    def refuse(submission: Submission, **kwargs: object) -> Submission:
        submission.state, submission.reason_code = State.REJECTED, "conflict"
        submission.field_errors = dict.fromkeys(asked, "changed")
        submission.save()
        return submission

    monkeypatch.setattr(submissions, "wait_for_outcome", refuse)
    counts = []
    for asked[:] in (list(wanted)[:1], list(wanted)[:1], list(wanted)):
        with CaptureQueriesContext(connection) as seen:
            response = client.post(EDIT, edit_form(row, owner, **wanted))
        counts.append(len(seen))
        assert response.status_code == 422

    assert counts[1] == counts[2]


def test_a_refusal_by_slant_stands_at_its_field_and_can_be_corrected(
    owner: Person, browse: Browse, make_deal: MakeDeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, client = make_deal(), browse(owner)

    def refuse(submission: Submission, **kwargs: object) -> Submission:
        Submission.objects.filter(pk=submission.pk).update(
            state=State.REJECTED,
            reason_code="rejected",
            reason_text="No.",
            field_errors={"value": ["too round"]},
        )
        submission.refresh_from_db()
        return submission

    monkeypatch.setattr(submissions, "wait_for_outcome", refuse)
    response = client.post(EDIT, edit_form(row, owner, value="700,000"))
    page, refused = Page(response), Submission.objects.get()

    assert response.status_code == 422
    assert "Slant did not accept this: too round" in page.said("value-error")
    assert page.value("supersedes") == str(refused.pk)
    assert Page(client.get(f"{EDIT}?from={refused.pk}")).value("value") == "700,000"
    later = Page(client.get(f"/submissions/{refused.pk}/"))
    assert f"{EDIT}?from={refused.pk}" in later.links()


def test_the_same_token_makes_one_change(
    owner: Person, colleague: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row, client = make_deal(), browse(owner)
    make_deal("op_2")
    typed = edit_form(row, owner, value="700,000")

    first, again = client.post(EDIT, typed), client.post(EDIT, typed)
    other = client.post(EDIT, typed | {"value": "800,000"})
    elsewhere = client.post("/opportunities/op_2/edit/", typed)
    stolen = browse(colleague).post(EDIT, typed)

    assert first["Location"] == again["Location"]
    for refused, words in (
        (other, FORM_SENT_BEFORE),
        (elsewhere, FORM_SENT_BEFORE),
        (stolen, FORM_NOT_YOURS),
    ):
        assert refused.status_code == 422
        assert problems(Page(refused)) == [("form_token", words)]
    assert Submission.objects.count() == 1


def test_the_same_edit_sent_again_after_slant_refused_it_leads_to_the_first(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row, client = make_deal(), browse(owner)
    typed = edit_form(row, owner, value="700,000")
    first = client.post(EDIT, typed)
    Submission.objects.update(state=State.REJECTED, reason_code="rejected", reason_text="No.")

    again = client.post(EDIT, typed)

    assert (again.status_code, again["Location"]) == (303, first["Location"])
    assert Submission.objects.count() == 1


@pytest.mark.parametrize("whole", [True, False])
def test_a_form_that_changes_nothing_still_needs_a_token_of_its_own(
    owner: Person, manager: Person, browse: Browse, make_deal: MakeDeal, whole: bool
) -> None:
    row = make_deal()
    person = owner if whole else manager
    client, used = browse(person), form_tokens.issue_token(person)
    client.post(EDIT, edit_form(row, person, value="700,000", form_token=used))

    for token, words in ((used, FORM_SENT_BEFORE), ("forged", FORM_NOT_YOURS), ("", FORM_NOT_YOURS)):
        typed = edit_form(row, person) if whole else {}
        response = client.post(EDIT, typed | {"form_token": token})
        assert response.status_code == 422
        assert problems(Page(response)) == [("form_token", words)]
    fresh = client.post(EDIT, {"form_token": form_tokens.issue_token(person)})
    assert (fresh.status_code, fresh["Location"]) == (303, "/opportunities/op_1/")
    assert Submission.objects.count() == 1


def test_who_may_not_write_cannot_edit(
    viewer: Person,
    compliance: Person,
    outsider: Person,
    owner: Person,
    browse: Browse,
    make_deal: MakeDeal,
    firm: Firm,
) -> None:
    row = make_deal()
    make_deal("op_archive", book=firm.archive)

    for person, path, status in (
        (viewer, EDIT, 403),
        (compliance, EDIT, 403),
        (outsider, EDIT, 404),
        (owner, "/opportunities/none/edit/", 404),
        (owner, "/opportunities/op_archive/edit/", 403),
    ):
        client = browse(person)
        assert client.get(path).status_code == status
        assert client.post(path, edit_form(row, person, value="1")).status_code == status
    assert sent() == []


def test_more_changes_than_one_person_types_have_to_wait(
    owner: Person, browse: Browse, make_deal: MakeDeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make_deal()
    monkeypatch.setattr("opportunities.views.limits.spend", lambda request, limits: 17)

    response = browse(owner).post(EDIT, edit_form(row, owner, value="1"))

    assert (response.status_code, response["Retry-After"]) == (429, "17")
    [(field, said)] = problems(Page(response))
    assert (field, "try again in 17 s" in said) == ("form_token", True)


def test_without_scripts_a_household_is_found_by_a_button(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    row = make_deal(household=None)
    typed = edit_form(row, owner, q="Oko", redraw="household", name="Typed on")

    page = Page(browse(owner).post(EDIT, typed))
    part = Page(browse(owner).post(EDIT, typed | {"household_id": "hh_okonkwo", "q": ""}, headers=HX))

    assert page.value("name") == "Typed on"
    assert "Okonkwo (prospect)" in page.text
    assert (part.first("div")["id"], part.value("household_id")) == ("household-row", "hh_okonkwo")
    assert sent() == []
