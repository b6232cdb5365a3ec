"""Households that were deleted in Slant or left a person's books, while deals still name them."""

import json

import pytest
from django.test import Client

from opportunities.models import Book, Household, Opportunity, Person, Submission
from tests.support.people import Firm

from .conftest import HX, Browse, MakeDeal, Page, ago, edit_form, problems, version

pytestmark = pytest.mark.django_db
DEAL, EDIT = "/opportunities/op_1/", "/opportunities/op_1/edit/"
ELSEWHERE = "A household that is not in your books"
GONE = "Okonkwo (no longer in Slant)"


@pytest.fixture
def deal(make_deal: MakeDeal) -> Opportunity:
    return make_deal(name="Rollover")


def delete(household: Household) -> None:
    Household.objects.filter(pk=household.pk).update(gone_at=ago(0))


def hand_over(household: Household, book: Book) -> None:
    """Slant gives the household to another book, and its deal stays where it is."""
    Household.objects.filter(pk=household.pk).update(book=book)


def everywhere(client: Client) -> dict[str, str]:
    """What each page that names the household of a deal says."""
    addresses = {
        "deal": DEAL,
        "drawer": DEAL,
        "move": f"{DEAL}move/",
        "board": "/board/?pipeline=pl_prospects&view=board",
        "list": "/board/?pipeline=pl_prospects&view=list&sort=household",
        "file": "/opportunities.csv?pipeline=pl_prospects&sort=household",
        "data quality": "/reports/data-quality/?show=household-lost",
    }
    return {
        name: "".join(
            part.decode() if isinstance(part, bytes) else part
            for part in client.get(address, headers=HX if name == "drawer" else {})
        )
        for name, address in addresses.items()
    }


def options(page: Page) -> list[str]:
    """The values the edit form offers as households."""
    return [attrs["value"] for tag, attrs in page.elements if tag == "option" and "value" in attrs]


def test_a_deal_of_a_deleted_household_says_so_wherever_it_names_it(
    deal: Opportunity, owner: Person, browse: Browse, firm: Firm
) -> None:
    delete(firm.okonkwo)

    for name, text in everywhere(browse(owner)).items():
        assert GONE in text, name


def test_the_name_of_a_household_of_another_book_is_shown_to_nobody_who_may_not_see_it(
    deal: Opportunity, owner: Person, manager: Person, browse: Browse, firm: Firm
) -> None:
    version(deal, valid_from=ago(20), valid_to=ago(10), household_id=firm.alder.pk)
    hand_over(firm.okonkwo, firm.summit)

    for name, text in everywhere(browse(owner)).items():
        assert ELSEWHERE in text, name
        assert "Okonkwo" not in text, name
        assert "Alder" not in text, name
    assert "Okonkwo" in Page(browse(manager).get(DEAL)).text


def test_a_search_by_the_name_of_a_household_out_of_reach_finds_nothing(
    deal: Opportunity, owner: Person, browse: Browse, firm: Firm
) -> None:
    search = "/board/?pipeline=pl_prospects&view=list&q=okonkwo"
    assert 'data-opportunity="op_1"' in browse(owner).get(search).text

    hand_over(firm.okonkwo, firm.summit)

    assert 'data-opportunity="op_1"' not in browse(owner).get(search).text


@pytest.mark.parametrize("lost", ["deleted", "in another book"])
def test_the_edit_form_no_longer_offers_it_and_leaves_the_deal_as_it_is(
    deal: Opportunity, owner: Person, browse: Browse, firm: Firm, lost: str
) -> None:
    if lost == "deleted":
        delete(firm.okonkwo)
    else:
        hand_over(firm.okonkwo, firm.summit)
    client, called = browse(owner), GONE if lost == "deleted" else ELSEWHERE

    page = Page(client.get(EDIT))
    offered = options(page)
    found = client.get("/households/?q=okon&book_id=bk_harbor", headers=HX).text
    # As a browser posts it: of a choice that names no option, the first one.
    answer = client.post(EDIT, edit_form(deal, owner, household_id="", value="700,000"))

    assert "hh_okonkwo" not in offered
    assert {"", "none", "hh_rivera"} <= set(offered)
    assert f"Leave as it is: {called}" in page.text
    assert 'data-id="hh_okonkwo"' not in found
    assert answer.status_code == 303
    assert json.loads(Submission.objects.get().body) == {"value": 700_000}


def test_another_household_or_none_may_take_its_place(
    deal: Opportunity, owner: Person, browse: Browse, firm: Firm
) -> None:
    Household.objects.create(id="hh_new", name="Newman", type="PROSPECT", book=firm.harbor)
    delete(firm.okonkwo)
    client = browse(owner)

    for choice in ("hh_new", "none"):
        assert client.post(EDIT, edit_form(deal, owner, household_id=choice)).status_code == 303
        Submission.objects.update(state="withdrawn")

    rows = Submission.objects.order_by("created_at")
    assert [json.loads(row.body) for row in rows] == [{"household_id": "hh_new"}, {"household_id": None}]
    assert [row.seen for row in rows] == [{"household_id": "hh_okonkwo"}] * 2


def test_choosing_no_household_is_drawn_again_as_chosen_and_a_lost_one_is_not_accepted(
    deal: Opportunity, owner: Person, browse: Browse, firm: Firm
) -> None:
    delete(firm.rivera)
    delete(firm.okonkwo)
    client = browse(owner)

    redrawn = client.post(
        EDIT, edit_form(deal, owner, household_id="none") | {"redraw": "household"}, headers=HX
    )
    refused = client.post(EDIT, edit_form(deal, owner, household_id="hh_rivera"))

    assert '<option value="none" selected>No household</option>' in redrawn.text
    assert GONE not in redrawn.text.replace(f"Leave as it is: {GONE}", "")
    assert [field for field, _ in problems(Page(refused))] == ["household_id"]


def test_data_quality_counts_the_deals_of_lost_households_and_of_no_others(
    make_deal: MakeDeal, owner: Person, manager: Person, browse: Browse, firm: Firm
) -> None:
    make_deal("op_fine", household=firm.rivera, name="Fine")
    make_deal("op_none", household=None, name="Without")
    make_deal("op_gone", name="Gone")
    make_deal("op_away", household=firm.alder, name="Away")
    delete(firm.okonkwo)

    def listed(person: Person) -> set[str]:
        text = browse(person).get("/reports/data-quality/?show=household-lost").text
        return {name for name in ("Fine", "Without", "Gone", "Away") if f">{name}<" in text}

    assert listed(owner) == {"Gone", "Away"}
    assert listed(manager) == {"Gone"}
