"""The form before it is sent: what it offers, what a change redraws, what it suggests."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from opportunities.models import Household, Opportunity, Person, Pipeline, Stage, Submission
from tests.support.people import Firm

from .conftest import Fill, Page, in_days, now

pytestmark = pytest.mark.django_db
NEW, FIELDS = "/opportunities/new/", "/opportunities/new/fields/"
Browse = Callable[[Person], Client]


def test_any_field_in_the_query_string_prefills_it(owner: Person, browse: Browse, firm: Firm) -> None:
    query = {
        "book_id": "bk_harbor",
        "household_id": "hh_okonkwo",
        "name": "Typed",
        "value": "640k",
        "probability": "30",
        "target_close_date": in_days(30),
        "pipeline_id": "pl_anyone",
        "assigned_to_id": "us_colleague",
    }

    page = Page(browse(owner).get(NEW, query))

    assert {name: page.value(name) for name in query} == query
    assert page.value("pipeline_stage_id") == "st_referred"


def test_the_form_starts_with_the_only_book_oneself_and_the_first_stage(
    owner: Person, browse: Browse, firm: Firm
) -> None:
    page = Page(browse(owner).get(NEW))

    assert page.value("book_id") == "bk_harbor"
    assert page.value("pipeline_id") == "pl_prospects"
    assert page.value("pipeline_stage_id") == "st_lead"
    assert page.value("assigned_to_id") == "us_owner"
    assert page.said("probability-hint") == "Empty follows the stage: 10%."


def test_only_what_fits_is_offered(owner: Person, browse: Browse, firm: Firm) -> None:
    page = Page(browse(owner).get(NEW))

    assert page.said("id_book_id") == "Harbor"
    assert page.said("id_pipeline_id") == "New money Rollovers Referrals Let Slant choose"
    assert "Vera Viewer" not in page.said("id_assigned_to_id")
    assert "Alder" not in page.said("id_household_id")


def test_hidden_stages_are_behind_more_stages(owner: Person, browse: Browse, firm: Firm) -> None:
    page = Page(browse(owner).get(NEW))
    opened = Page(browse(owner).get(NEW, {"pipeline_id": "pl_prospects", "pipeline_stage_id": "st_hidden"}))

    assert page.by_id("id_pipeline_stage_id-st_hidden")["value"] == "st_hidden"
    assert "open" not in page.first("details")
    assert "open" in opened.first("details")


def test_a_household_suggests_a_name_until_one_is_typed(owner: Person, browse: Browse, firm: Firm) -> None:
    Household.objects.filter(pk="hh_okonkwo").update(name="The Okonkwo Family")
    client = browse(owner)

    suggested = Page(client.get(NEW, {"household_id": "hh_okonkwo"}))
    followed = Page(
        client.get(
            NEW,
            {
                "household_id": "hh_rivera",
                "name": "Okonkwo opportunity",
                "name_suggested": "Okonkwo opportunity",
            },
        )
    )
    typed = Page(
        client.get(
            NEW, {"household_id": "hh_rivera", "name": "Mine", "name_suggested": "Okonkwo opportunity"}
        )
    )

    assert suggested.value("name") == "Okonkwo opportunity"
    assert followed.value("name") == "Rivera opportunity"
    assert typed.value("name") == "Mine"


def test_a_change_of_household_switches_a_pipeline_that_no_longer_fits_and_says_so(
    owner: Person, browse: Browse, fill: Fill
) -> None:
    page = Page(browse(owner).post(FIELDS, fill(owner, household_id="hh_rivera", changed="household_id")))

    assert page.value("pipeline_id") == "pl_clients"
    assert page.value("pipeline_stage_id") == "st_proposal"
    assert page.said("pipeline_id-hint") == "Changed to Rollovers, because Rivera is a client."
    assert page.said("probability-hint") == "Empty follows the stage: 50%."


def test_what_was_changed_last_is_never_replaced(owner: Person, browse: Browse, fill: Fill) -> None:
    page = Page(browse(owner).post(FIELDS, fill(owner, household_id="hh_rivera", changed="pipeline_id")))

    assert page.value("pipeline_id") == "pl_prospects"


def test_a_change_of_book_takes_out_the_others_household(manager: Person, browse: Browse, fill: Fill) -> None:
    page = Page(browse(manager).post(FIELDS, fill(manager, book_id="bk_summit", changed="book_id")))

    assert page.value("household_id") == ""
    assert page.said("household_id-hint") == "Okonkwo belongs to another book, so it was removed."


def test_typing_redraws_the_summary_alone(owner: Person, browse: Browse, fill: Fill) -> None:
    page = Page(browse(owner).post(FIELDS, fill(owner, value="1.2m", changed="value name")))

    assert "$1,200,000" in page.said("summary")
    assert "$480,000 weighted at 40%" in page.said("summary")
    assert "hx-swap-oob" not in page.text
    assert "<html" not in page.text


def test_choosing_redraws_what_depends_on_it_but_no_text_box(
    owner: Person, browse: Browse, fill: Fill
) -> None:
    page = Page(browse(owner).get(FIELDS, fill(owner, changed="pipeline_id")))

    swapped = {attrs["id"] for _, attrs in page.elements if "hx-swap-oob" in attrs}
    assert swapped == {
        "field-book_id",
        "field-household_id",
        "field-pipeline_id",
        "field-pipeline_type",
        "field-assigned_to_id",
        "field-pipeline_stage_id",
        "probability-hint",
        "id_name_suggested",
    }


def test_the_summary_says_what_has_to_be_corrected(owner: Person, browse: Browse, fill: Fill) -> None:
    page = Page(browse(owner).post(FIELDS, fill(owner, probability="130", changed="probability")))

    assert "Probability needs correcting" in page.said("summary")


def test_the_summary_looks_for_similar_deals(owner: Person, browse: Browse, fill: Fill) -> None:
    client = browse(owner)
    before = Page(client.post(FIELDS, fill(owner))).said("summary")
    client.post(NEW, fill(owner))

    after = Page(client.post(FIELDS, fill(owner))).said("summary")

    assert "No similar deal in the last 24 hours" in before
    assert "A similar deal was entered in the last 24 hours" in after


def test_without_scripts_find_household_draws_the_form_again_with_matches(
    owner: Person, browse: Browse, fill: Fill
) -> None:
    form = fill(owner, household_id="", q="riv", value="1.2m", redraw="household")

    response = browse(owner).post(NEW, form)

    page = Page(response)
    assert response.status_code == 200
    assert page.said("id_household_id") == "No household Rivera (client)"
    assert (page.value("value"), page.value("name"), page.value("q")) == ("1.2m", "Okonkwo rollover", "riv")
    assert not Submission.objects.exists()


def test_a_redraw_asks_for_nothing_to_be_sent(owner: Person, browse: Browse, fill: Fill) -> None:
    browse(owner).get(NEW, fill(owner))
    browse(owner).post(FIELDS, fill(owner))

    assert not Submission.objects.exists()


@pytest.mark.parametrize("path", [NEW, FIELDS])
def test_the_number_of_queries_does_not_grow_with_what_there_is_to_choose(
    owner: Person, browse: Browse, firm: Firm, path: str
) -> None:
    client = browse(owner)
    query = {"book_id": "bk_harbor", "household_id": "hh_okonkwo", "name": "x", "value": "1"}
    client.get(path, query)
    with CaptureQueriesContext(connection) as few:
        client.get(path, query)
    for number in range(3):
        pipeline = Pipeline.objects.create(id=f"pl_{number}", name=f"P{number}")
        stage = Stage.objects.create(id=f"st_{number}", pipeline=pipeline, name="S")
        household = Household.objects.create(id=f"hh_{number}", name=f"H{number}", book=firm.harbor)
        Opportunity.objects.create(
            id=f"op_{number}",
            name="D",
            book=firm.harbor,
            pipeline=pipeline,
            stage=stage,
            household=household,
            first_seen_at=now(),
            seen_at=now(),
        )

    with CaptureQueriesContext(connection) as many:
        client.get(path, query)

    assert len(many) == len(few) <= 20
