"""Slant's custom fields are changed like any other field of a deal, by the type Slant defines."""

import json
import re

import pytest

from opportunities.models import Opportunity, Person, Submission, SyncState
from opportunities.wording import fields as words

from .conftest import Browse, MakeDeal, Page, edit_form, problems

pytestmark = pytest.mark.django_db
EDIT = "/opportunities/op_1/edit/"
DEFINED = [
    ["lead_source", "Lead source", "single_select", ["Referral", "Seminar", "Website"]],
    ["score", "Score", "number", []],
    ["has_trust", "Has a trust", "boolean", []],
    ["review_on", "Review on", "date", []],
    ["note", "Note", "text", []],
    ["partner", "Partner", "cross_reference", []],
]
HELD = {"lead_source": "Referral", "score": 12, "has_trust": True, "review_on": "2027-03-01T00:00:00Z"}


@pytest.fixture
def deal(make_deal: MakeDeal) -> Opportunity:
    SyncState.objects.update_or_create(pk="custom_fields", defaults={"cursor": {"fields": DEFINED}})
    return make_deal(custom_fields=HELD | {"partner": "hh_okonkwo"})


def custom(**typed: str) -> dict[str, str]:
    """Fields of the form as they were seen, with what is given typed over them."""
    seen = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in HELD.items()}
    now = seen | {"review_on": "2027-03-01", "note": ""} | typed
    return {f"custom_fields.{key}": value for key, value in now.items()} | {
        f"seen_custom_fields.{key}": value for key, value in (seen | {"note": ""}).items()
    }


def test_the_form_shows_each_field_slant_defines_by_its_type(
    owner: Person, browse: Browse, deal: Opportunity
) -> None:
    page = Page(browse(owner).get(EDIT))

    shown = {
        key: page.value(f"custom_fields.{key}") for key in ("lead_source", "score", "has_trust", "review_on")
    }

    assert shown == {"lead_source": "Referral", "score": "12", "has_trust": "true", "review_on": "2027-03-01"}
    assert page.value("custom_fields.note") == ""
    assert "custom_fields.partner" not in page.text
    assert "Has a trust" in page.text


def test_what_differs_travels_as_one_object(owner: Person, browse: Browse, deal: Opportunity) -> None:
    typed = custom(
        lead_source="Seminar", score="1,250.5", has_trust="false", review_on="2027-04-30", note="Call"
    )

    browse(owner).post(EDIT, edit_form(deal, owner, **typed))

    submission = Submission.objects.get()
    assert json.loads(submission.body) == {
        "custom_fields": {
            "lead_source": "Seminar",
            "score": 1250.5,
            "has_trust": False,
            "review_on": "2027-04-30",
            "note": "Call",
        }
    }
    assert submission.seen == {
        "custom_fields.lead_source": "Referral",
        "custom_fields.score": 12,
        "custom_fields.has_trust": True,
        "custom_fields.review_on": "2027-03-01T00:00:00Z",
        "custom_fields.note": None,
    }


def test_what_is_as_it_was_seen_or_was_not_posted_is_not_sent(
    owner: Person, browse: Browse, deal: Opportunity
) -> None:
    client = browse(owner)

    client.post(EDIT, edit_form(deal, owner, name="Okonkwo transfer", **custom()))
    client.post(
        EDIT, edit_form(deal, owner, name="Okonkwo transfer", seen_name="Okonkwo transfer", value="1")
    )

    assert [sorted(json.loads(row.body)) for row in Submission.objects.order_by("created_at")] == [
        ["name"],
        ["value"],
    ]


def test_a_field_is_cleared_with_null(owner: Person, browse: Browse, deal: Opportunity) -> None:
    browse(owner).post(EDIT, edit_form(deal, owner, **custom(lead_source="", score="")))

    assert json.loads(Submission.objects.get().body) == {
        "custom_fields": {"lead_source": None, "score": None}
    }


@pytest.mark.parametrize(
    ("key", "typed", "said"),
    [
        ("lead_source", "Billboard", words.CHOICE_UNKNOWN),
        ("score", "twelve", words.NUMBER_UNREADABLE),
        ("score", "1e400", words.NUMBER_UNREADABLE),
        ("has_trust", "perhaps", words.CHOICE_UNKNOWN),
        ("review_on", "soon", "Choose a date, or type it as year-month-day"),
        ("note", "x" * 1001, "Shorten this to 1000 characters."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_kept(
    owner: Person, browse: Browse, deal: Opportunity, key: str, typed: str, said: str
) -> None:
    response = browse(owner).post(EDIT, edit_form(deal, owner, **custom(**{key: typed})))

    page = Page(response)
    assert response.status_code == 422
    assert said in page.said(f"custom_fields.{key}-error")
    assert page.value(f"custom_fields.{key}") == typed
    assert not Submission.objects.exists()


def test_a_change_made_in_slant_meanwhile_is_asked_about(
    owner: Person, browse: Browse, deal: Opportunity
) -> None:
    deal.custom_fields = HELD | {"lead_source": "Website"}
    deal.save()

    response = browse(owner).post(EDIT, edit_form(deal, owner, **custom(lead_source="Seminar")))

    assert response.status_code == 422
    assert "Website" in Page(response).text
    assert not Submission.objects.exists()
    assert [target for target, _ in problems(Page(response))] == ["confirm_overwrite"]


def test_the_submission_shows_it_in_words(owner: Person, browse: Browse, deal: Opportunity) -> None:
    browse(owner).post(EDIT, edit_form(deal, owner, **custom(has_trust="false")))

    page = Page(browse(owner).get(f"/submissions/{Submission.objects.get().pk}/"))

    said = " ".join(re.sub(r"<[^>]+>", " ", page.text).split())
    assert "Has trust No (was Yes)" in said, said[said.find("Has trust") :][:80]
