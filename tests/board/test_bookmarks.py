"""A bookmark of a pipeline, stage, book, person or household that no longer exists says so."""

from datetime import UTC, datetime

import pytest
from django.test import Client

from opportunities.models import Book, Household, Member, Opportunity, Person, Pipeline, Stage
from tests.support.firm import LoadedFirm

from .conftest import Browse

VIEWS = ("board", "list")


def said(client: Client, query: str, view: str) -> str:
    """The text of the page's notices."""
    page = client.get(f"/board/?{query}&view={view}")
    assert page.status_code == 200
    main = page.text.partition("<main")[2]
    return " ".join(part.partition("</div>")[0] for part in main.split('class="notice notice-warn')[1:])


def gone(model: type, id: str) -> None:
    assert model.objects.filter(pk=id).update(gone_at=datetime.now(UTC)) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("view", VIEWS)
def test_of_a_pipeline_that_is_gone_it_names_it_and_the_one_shown_instead(
    loaded: LoadedFirm, owner: Person, browse: Browse, view: str
) -> None:
    name = Pipeline.objects.get(pk="pl_growth").name
    client = browse(owner)
    assert said(client, "pipeline=pl_growth", view) == ""
    gone(Pipeline, "pl_growth")

    text = said(client, "pipeline=pl_growth", view)

    assert f"The pipeline “{name}” is no longer in Slant." in text
    assert "is shown instead." in text


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("id", ["pl_nowhere", "pl_summit"])
def test_a_pipeline_out_of_reach_is_told_as_one_that_never_was_and_not_named(
    loaded: LoadedFirm, owner: Person, browse: Browse, id: str, view: str
) -> None:
    text = said(browse(owner), f"pipeline={id}", view)

    assert (
        "The pipeline in this address is no longer in Slant, or it is in a book you do not work in." in text
    )
    assert "Summit" not in text


@pytest.mark.parametrize("view", VIEWS)
def test_a_gone_stage_book_person_and_household_are_each_told(
    loaded: LoadedFirm, owner: Person, browse: Browse, view: str
) -> None:
    client, here = browse(owner), "pipeline=pl_growth"
    stage = Stage.objects.get(pk="pl_growth_2")
    gone(Stage, stage.pk)
    gone(Household, "hh_okonkwo")
    Member.objects.filter(user_id="us_dana").delete()

    told = {
        f"stage={stage.pk}": f"The stage “{stage.name}” in this address is no longer in Slant",
        f"stage={stage.pk}&stage=st_none": "2 stages in this address are no longer in Slant",
        "book=bk_summit": "The book in this address is no longer in Slant, or you do not work in it",
        "owner=us_dana": "The person in this address works in none of your books any more.",
        "household=hh_okonkwo": "The household in this address is no longer in Slant",
    }
    for query, sentence in told.items():
        assert sentence in said(client, f"{here}&{query}", view), query
    for query in ("stage=pl_growth_1", "book=bk_harbor", "owner=us_owner", "owner=me", "household=hh_rivera"):
        assert said(client, f"{here}&{query}", view) == "", query


def test_deals_of_somebody_who_left_are_still_shown(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    deal = Opportunity.objects.filter(stage_id="pl_growth_1", book_id="bk_harbor").first()
    assert deal
    Opportunity.objects.filter(pk=deal.pk).update(assigned_to_id="us_left", assigned_to_name="Lea Left")

    page = browse(owner).get("/board/?pipeline=pl_growth&owner=us_left&view=list")

    assert f'data-opportunity="{deal.pk}"' in page.text
    assert "Only deals that are still theirs are shown." in page.text


def test_a_board_whose_every_pipeline_is_gone_says_so(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    Pipeline.objects.update(gone_at=datetime.now(UTC))

    client = browse(owner)

    for view in VIEWS:
        assert "is no longer in Slant." in client.get(f"/board/?pipeline=pl_growth&view={view}").text, view


def test_a_report_of_somebody_who_left_says_so(loaded: LoadedFirm, owner: Person, browse: Browse) -> None:
    client = browse(owner)

    assert "works in none of your books any more" in client.get("/reports/overview/?owner=us_gone").text
    assert "works in none of your books" not in client.get("/reports/overview/?owner=us_owner").text
    assert "names something that is not in your books" in client.get("/reports/overview/?book=bk_gone").text


def test_a_book_that_was_taken_from_somebody_is_told_of_by_its_bookmark(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    client = browse(owner)
    gone(Book, "bk_harbor")

    assert "The book in this address is no longer in Slant" in said(client, "book=bk_harbor", "board")
