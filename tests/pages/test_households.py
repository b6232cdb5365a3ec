from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from opportunities.mirror import meanings
from opportunities.models import Household, Meaning, Opportunity, Person, Stage, StageMeaning
from tests.support.people import Firm

from .conftest import Page, now

pytestmark = pytest.mark.django_db
Browse = Callable[[Person], Client]
PATH = "/households/"


def found(page: Page) -> list[str]:
    return [attrs["data-id"] for tag, attrs in page.elements if tag == "li" and "data-id" in attrs]


def deal(firm: Firm, id: str, household: Household, **fields: object) -> Opportunity:
    place = {"book": firm.harbor, "pipeline": firm.prospects, "stage": firm.lead}
    return Opportunity.objects.create(
        id=id, name=id, household=household, first_seen_at=now(), seen_at=now(), **place | fields
    )


def test_a_part_of_the_name_finds_it_with_kind_book_and_open_deals(
    owner: Person, browse: Browse, firm: Firm
) -> None:
    meanings.suggest(Stage.objects.all())
    deal(firm, "op_open", firm.okonkwo)
    deal(firm, "op_parked", firm.okonkwo, stage=firm.hidden)
    deal(firm, "op_gone", firm.okonkwo, gone_at=now())

    page = Page(browse(owner).get(PATH, {"q": "konk", "book_id": "bk_harbor"}))

    assert found(page) == ["hh_okonkwo"]
    assert page.said("household-option-1") == "Okonkwo Prospect Harbor, 1 open deal"
    assert "<html" not in page.text


def test_open_deals_are_those_in_stages_that_managers_count_as_open(
    owner: Person, browse: Browse, firm: Firm
) -> None:
    meanings.suggest(Stage.objects.all())
    for number, stage in enumerate((firm.lead, firm.hidden, firm.qualified)):
        deal(firm, f"op_{number}", firm.okonkwo, stage=stage)
    StageMeaning.objects.filter(pk="st_hidden").update(meaning=Meaning.OPEN)
    StageMeaning.objects.filter(pk="st_lead").update(meaning=Meaning.LOST)
    Stage.objects.filter(pk="st_qualified").update(default_probability=100)

    page = Page(browse(owner).get(PATH, {"q": "konk", "book_id": "bk_harbor"}))

    assert page.said("household-option-1") == "Okonkwo Prospect Harbor, 2 open deals"


def test_names_that_begin_with_it_come_first(owner: Person, browse: Browse, firm: Firm) -> None:
    Household.objects.create(id="hh_a", name="Aria", type="Client", book=firm.harbor)

    page = Page(browse(owner).get(PATH, {"q": "ri"}))

    assert found(page) == ["hh_rivera", "hh_a"]


@pytest.mark.parametrize("book", ["bk_summit", "bk_none", ""])
def test_households_out_of_reach_are_never_found(
    owner: Person, browse: Browse, firm: Firm, book: str
) -> None:
    page = Page(browse(owner).get(PATH, {"q": "alder", "book_id": book}))

    assert found(page) == []
    assert "No household in your books has “alder” in its name." in page.text


def test_a_book_one_only_reads_offers_none(viewer: Person, browse: Browse, firm: Firm) -> None:
    assert found(Page(browse(viewer).get(PATH, {"q": "o", "book_id": "bk_harbor"}))) == []


def test_a_name_is_text_and_never_markup(owner: Person, browse: Browse, firm: Firm) -> None:
    Household.objects.create(id='hh"x', name="<img src=x onerror=alert(1)>", type="Client", book=firm.harbor)

    text = browse(owner).get(PATH, {"q": "<img"}).content.decode()

    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_other_methods_are_refused(owner: Person, browse: Browse) -> None:
    assert browse(owner).post(PATH).status_code == 405


def test_the_number_of_queries_does_not_grow(owner: Person, browse: Browse, firm: Firm) -> None:
    client = browse(owner)
    client.get(PATH)
    with CaptureQueriesContext(connection) as few:
        client.get(PATH, {"q": "okonkwo"})
    for number in range(3):
        household = Household.objects.create(id=f"hh_{number}", name=f"Okonkwo {number}", book=firm.harbor)
        deal(firm, f"op_{number}", household)

    with CaptureQueriesContext(connection) as many:
        client.get(PATH, {"q": "okonkwo"})

    assert len(few) == len(many)
