"""The page of one deal, and the drawer that shows the same."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from opportunities.mirror import definitions
from opportunities.models import (
    AuditEvent,
    LostReason,
    Meaning,
    Opportunity,
    Person,
    StageMeaning,
    State,
    Submission,
)
from tests.support.people import Firm
from tests.support.slant_box import SlantBox, TurnedClock

from .conftest import HX, Browse, MakeDeal, Page, ago, in_days, version

pytestmark = pytest.mark.django_db
DEAL = "/opportunities/op_1/"


def words(page: Page) -> str:
    return " ".join(page.said("deal").split())


def test_page_and_drawer_say_the_same_of_every_field(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal(
        probability=55,
        custom_fields={"lead_source": "Referral", "has_trust": True, "score": 1200, "note": ""},
    )
    client = browse(owner)

    whole, part = Page(client.get(DEAL)), Page(client.get(DEAL, headers=HX))

    assert ("<html" in whole.text, "<html" in part.text) == (True, False)
    for page in (whole, part):
        for said in (
            "Value $640,000",
            "Probability 55% set by hand, stage default 40%",
            "Weighted $352,000",
            f"Target close {in_days(60).day} {in_days(60):%B %Y} in 60 days",
            "Owner OO Olivia Owner",
            "Household Okonkwo (prospect)",
            "Book Harbor",
            "Pipeline New money",
            "Slant record op_1",
            "Lead source Referral",
            "Has trust Yes",
            "Score 1,200",
            "Note Empty",
            "30 days since it was created",
        ):
            assert said in words(page), said
    assert part.by_id("deal")["data-stage"] == "st_qualified"
    assert Page(client.get(DEAL)).by_id("deal")["data-opportunity"] == "op_1"


def test_custom_fields_bear_slants_names_in_slants_order(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    box = SlantBox(TurnedClock())
    assert definitions.read_if_due(box.client(), clock=box.clock)
    asked = len(box.requests)
    assert not definitions.read_if_due(box.client(), clock=box.clock)
    assert len(box.requests) == asked
    names = [field.label for field in definitions.load_definitions()]
    keys = [field.name.removeprefix("custom_fields.") for field in definitions.load_definitions()]
    make_deal(custom_fields={"unheard_of": [1, "two"]} | dict.fromkeys(reversed(keys), "2026-11-30"))

    said = words(Page(browse(owner).get(DEAL)))

    assert names
    places = [said.index(name) for name in [*names, "Unheard of 1, two"]]
    assert places == sorted(places)
    assert "30 November 2026" in said


def test_what_is_missing_is_said(owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm) -> None:
    make_deal(value=None, target_close_date=None, household=None, assigned_to_id="", assigned_to_name="")
    make_deal(
        "op_2",
        target_close_date=in_days(-3),
        stage_id="st_gone",
        assigned_to_id="us_left",
        assigned_to_name="",
    )
    client = browse(owner)

    empty, odd = words(Page(client.get(DEAL))), words(Page(client.get("/opportunities/op_2/")))

    for said in (
        "No value yet",
        "No date yet",
        "No owner",
        "Not weighted",
        "No household",
        "40% follows the stage",
    ):
        assert said in empty
    for said in ("3 days ago", "Another stage", "Former member"):
        assert said in odd


def test_time_in_each_stage_comes_from_the_history(
    owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm
) -> None:
    """Ten days of it nobody recorded; then Lead 5, Qualified 3, Lead again 2, Qualified 10."""
    row = make_deal()
    for stage, since, begin, end in (
        (firm.lead, 20, 18, 15), (firm.qualified, 15, 15, 12), (firm.lead, 12, 12, 10),
    ):  # fmt: skip
        version(row, stage_id=stage.pk, stage_since=ago(since), valid_from=ago(begin), valid_to=ago(end))

    page = words(Page(browse(owner).get(DEAL)))

    assert "Earlier, not known 10 days Lead 2 times 7 days Qualified 2 times 13 days" in page


def test_what_changed_is_told_with_who_where_known(
    owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm
) -> None:
    row = make_deal()
    version(row, stage_id="st_lead", value=600_000, valid_from=ago(25), valid_to=ago(20), by="Carl Colleague")
    version(
        row, stage_id="st_lead", probability=15, assigned_to_id="us_colleague", household_id="",
        valid_from=ago(20), valid_to=ago(10), target_close_date=None, name="Okonkwo",
    )  # fmt: skip

    said = words(Page(browse(owner).get(DEAL)))

    assert "Carl Colleague created it with $600,000." in said
    assert (
        "Slant renamed it from “Okonkwo rollover”, set the value to $640,000 (was $600,000), "
        "set the probability to 15%, cleared the target close"
    ) in said
    assert "reassigned it from Olivia Owner to Carl Colleague" in said
    assert "Seen by sync." in said
    assert "Slant moved it from Lead to Qualified, renamed it from “Okonkwo”" in said
    assert said.index("moved it from Lead") < said.index("Carl Colleague created it")


def test_what_is_on_its_way_and_what_was_refused_is_said_to_all_who_see_the_deal(
    owner: Person, colleague: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal()
    given = {
        "kind": "move",
        "person": owner,
        "by_display": "Olivia Owner",
        "book_id": "bk_harbor",
        "opportunity_id": "op_1",
        "body": '{"pipeline_stage_id":"st_lead"}',
        "name": "Okonkwo rollover",
        "labels": {"stage": "Lead"},
    }
    Submission.objects.create(
        **given, reference="SW-1", form_token="a", created_at=ago(0), reason_code="unreachable"
    )

    mine, theirs = (Page(browse(person).get(DEAL)) for person in (owner, colleague))

    for page in (mine, theirs):
        assert "Move to Lead: waiting for slant. Slant does not answer." in words(page)
        assert page.by_id("deal")["data-unsettled"] == "yes"
    assert [
        any("/submissions/" in link and len(link) > 20 for link in page.links()) for page in (mine, theirs)
    ] == [
        True,
        False,
    ]

    Submission.objects.update(
        state="rejected", reason_code="rejected", reason_text="Stage is closed.", settled_at=ago(0)
    )
    page = Page(browse(owner).get(DEAL))
    assert "Move to Lead: slant refused it. Slant said: “Stage is closed”. Nothing was changed." in words(
        page
    )
    assert page.by_id("deal")["data-unsettled"] == "no"


def test_a_lost_deal_says_why_it_was_moved_there_and_not_why_it_once_was(
    owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm
) -> None:
    row = make_deal(stage=firm.hidden)
    StageMeaning.objects.filter(pk="st_hidden").update(meaning=Meaning.LOST)
    move = Submission.objects.create(
        kind="move",
        person=owner,
        book_id="bk_harbor",
        opportunity_id="op_1",
        body='{"pipeline_stage_id":"st_hidden"}',
        name=row.name,
        reference="SW-1",
        form_token="a",
        created_at=ago(9),
    )
    LostReason.objects.create(
        submission_id=move.pk,
        opportunity_id="op_1",
        stage_id="st_hidden",
        reason="A bank",
        by="Carl",
        at=ago(9),
    )

    def says_why() -> bool:
        return "Lost because: A bank Carl" in words(Page(browse(owner).get(DEAL)))

    # The move has not arrived: somebody moved the deal there in Slant.
    assert not says_why()
    Submission.objects.update(state=State.CONFIRMED, settled_at=ago(8))
    assert says_why()
    # The deal was open once more since.
    version(row, stage_id="st_lead", valid_from=ago(5), valid_to=ago(3))
    assert not says_why()


def test_who_may_see_it_and_who_may_change_it(
    owner: Person, viewer: Person, outsider: Person, manager: Person, compliance: Person, browse: Browse,
    make_deal: MakeDeal, firm: Firm,
) -> None:  # fmt: skip
    make_deal()
    make_deal("op_archive", book=firm.archive)
    gone = make_deal("op_gone")
    Opportunity.objects.filter(pk=gone.pk).update(gone_at=ago(0))

    may_edit = {}
    for person in (owner, viewer, manager, compliance):
        page = Page(browse(person).get(DEAL))
        assert "Okonkwo rollover" in page.text
        may_edit[person.name] = f"{DEAL}edit/" in page.links()
    refused, unknown = (browse(outsider).get(path) for path in (DEAL, "/opportunities/op_none/"))

    assert may_edit == {
        "Olivia Owner": True,
        "Vera Viewer": False,
        "Mona Manager": True,
        "Cleo Compliance": False,
    }
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert "There is nothing here for you" in Page(refused).said("main")
    assert "There is nothing here for you" in Page(unknown).said("main")
    reader = words(Page(browse(viewer).get(DEAL)))
    assert "You can read this book but not change it. Its principal is Olivia Owner." in reader
    assert "Slantweb itself can only read this book" in words(
        Page(browse(owner).get("/opportunities/op_archive/"))
    )
    assert "Slant no longer has this deal." in words(Page(browse(owner).get("/opportunities/op_gone/")))
    for id in ("%00", "a%0Ab", "x" * 201):
        assert browse(owner).get(f"/opportunities/{id}/").status_code == 404
    assert browse(owner).post(DEAL).status_code == 405


def test_looking_at_it_is_in_the_trail_and_its_polls_are_not(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal()
    client = browse(owner)

    client.get(DEAL, headers=HX)
    client.get(DEAL, headers=HX | {"X-Poll": "1"})

    event = AuditEvent.objects.get(action="client_data.viewed")
    assert (event.object_type, event.object_id) == ("opportunity", "op_1")


def test_its_trail_is_there_for_those_who_may_read_it(
    owner: Person, manager: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal()
    browse(owner).get(DEAL)

    theirs, plain = Page(browse(manager).get(DEAL)), Page(browse(owner).get(DEAL))

    assert "/audit/?object=opportunity:op_1" in theirs.links()
    assert "Olivia Owner looked at" in words(theirs)
    assert not any("/audit/" in link for link in plain.links())


def test_it_opens_in_slant_where_we_know_slants_pages(
    owner: Person, browse: Browse, make_deal: MakeDeal, settings: object
) -> None:
    make_deal()
    client = browse(owner)
    assert "Open in Slant" not in client.get(DEAL).content.decode()

    settings.SLANT_APP_URL = "https://app.slant.example"  # type: ignore[attr-defined]

    assert "https://app.slant.example/opportunities/op_1" in Page(client.get(DEAL)).links()


def test_a_long_history_costs_no_more_queries_and_a_page_seven_at_most(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    client, row = browse(owner), make_deal(custom_fields={"lead_source": "Referral"})
    client.get(DEAL)
    with CaptureQueriesContext(connection) as few:
        client.get(DEAL)
    for day in range(11, 30):
        version(row, value=day, valid_from=ago(day), valid_to=ago(day - 1))
    with CaptureQueriesContext(connection) as many:
        client.get(DEAL)

    assert len(many) == len(few)
    assert len(few) <= 7, [query["sql"][:80] for query in few]
