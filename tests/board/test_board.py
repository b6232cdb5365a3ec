"""The board without scripts: what it shows, to whom, how it adds up, and what it costs."""

import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from opportunities.models import (
    Alert,
    Book,
    Opportunity,
    Person,
    Stage,
    StageMeaning,
    Submission,
)
from opportunities.selection import Selection
from opportunities.selectors.board.page import board, lane
from tests.pages.conftest import Page
from tests.support.firm import LoadedFirm, load_firm
from tests.support.people import Firm

from .conftest import Browse

NOW = datetime.now(UTC)


def cards(page: Page, lane_id: str = "") -> list[str]:
    """The deals whose cards the page shows, in order."""
    return [
        attrs["data-opportunity"]
        for tag, attrs in page.elements
        if tag == "li" and "data-opportunity" in attrs and lane_id in ("", attrs["data-stage"])
    ]


def in_stage(stage: str, **where: Any) -> list[Opportunity]:
    return sorted(
        Opportunity.objects.filter(stage_id=stage, **where),
        key=lambda row: (row.stage_updated_at, row.pk),
        reverse=True,
    )


def test_each_lane_shows_its_newest_deals_and_its_kept_totals(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    page = Page(browse(owner).get("/board/?pipeline=pl_growth"))

    for stage in loaded.stages["pl_growth"][:5]:
        there = in_stage(stage.pk, book_id="bk_harbor")
        assert cards(page, stage.pk) == [row.pk for row in there[:20]]
        heading = page.said(f"lane-{stage.pk}")
        assert heading.startswith(f"{stage.name} {len(there)} deals")
    assert "Closed lost" in page.text
    assert not cards(page, "pl_growth_6")
    assert '<a href="/board/?pipeline=pl_growth" aria-current="page"> Growth' in page.text
    open_deals = Opportunity.objects.filter(book_id="bk_harbor", stage__in=loaded.stages["pl_growth"][:4])
    value = sum(row.value or 0 for row in open_deals)
    weighed = sum(
        (row.value or 0) * (row.stage.default_probability if row.probability is None else row.probability)
        for row in open_deals.select_related("stage")
    )
    assert f"<dd>${value:,} <small> {len(open_deals)} deals" in page.text
    assert f"<dd>${round(weighed / 100):,} <small>" in page.text


def test_windows_reach_every_deal_once(loaded: LoadedFirm, manager: Person, browse: Browse) -> None:
    client, stage = browse(manager), "pl_growth_1"
    # Several of the same moment: the id decides.
    same = datetime(2026, 1, 1, tzinfo=UTC)
    for row in Opportunity.objects.filter(stage_id=stage)[:30]:
        Opportunity.objects.filter(pk=row.pk).update(stage_updated_at=same)
    path, found = f"/board/pl_growth/{stage}/", []

    while path:
        page = Page(client.get(path))
        found += cards(page)
        path = next((link for link in page.links() if "after=" in link), "")

    assert found == [row.pk for row in in_stage(stage)]


def test_filters_count_what_they_show(loaded: LoadedFirm, manager: Person, browse: Browse) -> None:
    found = Q(name__icontains="abara") | Q(household__name__icontains="abara")
    rows = Opportunity.objects.filter(found, pipeline_id="pl_growth")
    page = Page(browse(manager).get("/board/?pipeline=pl_growth&q=abara&stale=no"))

    for stage in loaded.stages["pl_growth"][:5]:
        assert page.said(f"lane-{stage.pk}").startswith(
            f"{stage.name} {rows.filter(stage=stage).count()} deal"
        )
    assert page.value("q") == "abara"

    page = Page(browse(manager).get("/board/?pipeline=pl_growth&owner=us_dana&book=bk_harbor&min=lots"))

    assert "Owner: <b>Dana Doyle</b>" in page.text
    assert "Book: <b>Harbor</b>" in page.text
    assert "Enter whole dollars" in page.said("error-summary")
    assert {row.assigned_to_id for row in Opportunity.objects.filter(pk__in=cards(page))} == {"us_dana"}


def test_a_selection_that_finds_nothing_says_what_hides_what(
    loaded: LoadedFirm, owner: Person, browse: Browse
) -> None:
    page = Page(browse(owner).get("/board/?pipeline=pl_growth&owner=us_colleague&q=nobody+is+called+this"))

    assert "No deals match these filters" in page.text
    assert "owner Carl Colleague" in page.text
    hidden = Opportunity.objects.filter(pipeline_id="pl_growth", book_id="bk_harbor").count()
    assert f"{hidden} deals are hidden" in page.text


def test_cards_say_what_the_deal_is(firm: Firm, owner: Person, browse: Browse, settings: Any) -> None:
    StageMeaning.objects.create(stage_id="st_lead", stale_after_days=5)
    Opportunity.objects.create(
        id="op_1", name="Rollover <b>", book=firm.harbor, pipeline=firm.prospects, stage=firm.lead,
        household=firm.okonkwo, assigned_to_id="us_owner", assigned_to_name="Olivia Owner", probability=55,
        stage_updated_at=NOW - timedelta(days=6, hours=1), target_close_date=NOW.date() - timedelta(days=3),
        first_seen_at=NOW, seen_at=NOW,
    )  # fmt: skip

    text = browse(owner).get("/board/?pipeline=pl_prospects").text

    assert escape("Rollover <b>") in text
    assert "Rollover <b>" not in text
    for words in ("No value yet", "set by hand", "past its close date", "6 d", "in stage, stale", "OO"):
        assert words in text
    assert 'href="/opportunities/op_1/move/"' in text


def test_the_board_opens_as_it_was_left(
    loaded: LoadedFirm, owner: Person, manager: Person, browse: Browse
) -> None:
    client = browse(owner)
    assert "Owner: <b>me</b>" in client.get("/board/").text
    assert "Owner: " not in browse(manager).get("/board/").text

    answer = client.post("/board/", {"pipeline": "pl_care", "owner": "me", "q": "trust", "clear": "owner"})
    assert (answer.status_code, answer["Location"]) == (303, "/board/?pipeline=pl_care&q=trust")
    assert client.get("/board/").context["selection"] == Selection(pipeline="pl_care")

    answer = client.post("/board/", {"pipeline": "pl_care", "owner": "none", "min": "lots"})
    assert (answer.status_code, answer["Location"]) == (303, "/board/?pipeline=pl_care&owner=none&min=lots")


def test_who_only_reads_is_told_so_and_finds_no_way_to_move(
    loaded: LoadedFirm, viewer: Person, compliance: Person, browse: Browse
) -> None:
    for person in (viewer, compliance):
        text = browse(person).get("/board/?pipeline=pl_growth").text
        assert "You can read these deals but not change them" in text
        assert "/move/" not in text


def test_empty_and_nowhere(firm: Firm, owner: Person, browse: Browse) -> None:
    assert "No deals in this pipeline" in browse(owner).get("/board/?pipeline=pl_prospects").text

    Stage.objects.all().update(gone_at=NOW)
    Book.objects.all().update(gone_at=NOW)
    assert "Nothing here yet" in browse(owner).get("/board/").text


@pytest.mark.parametrize(
    "query", ["", "q=a", "stale=1&close=this-quarter&missing=any&min=1", "owner=us_dana"]
)
def test_a_board_costs_the_same_whatever_its_size(
    firm: Firm, manager: Person, browse: Browse, query: str
) -> None:
    client = browse(manager)
    address = f"/board/?pipeline=pl_growth&{query}"

    def cost() -> tuple[int, int]:
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        assert answer.status_code == 200
        return len(queries), len(gzip.compress(answer.content))

    load_firm(deals=3, firm=firm)
    few, _ = cost()
    Opportunity.objects.bulk_create(
        Opportunity(
            id=f"op_more_{n}", name=f"Deal {n} of a long list", book=firm.harbor, pipeline_id="pl_growth",
            stage_id="pl_growth_1", household=firm.okonkwo, assigned_to_id="us_dana", value=1000 * n,
            assigned_to_name=f"Owner {n}", stage_updated_at=NOW, first_seen_at=NOW, seen_at=NOW,
        )
        for n in range(400)
    )  # fmt: skip
    Alert.objects.create(cause="x", text="Something is wrong", opened_at=NOW)

    many, size = cost()

    assert many <= 10
    assert many <= few + 1
    assert size <= 30_000


def test_a_lane_out_of_reach_is_no_lane(loaded: LoadedFirm, owner: Person) -> None:
    now = datetime.now(UTC)

    assert lane(owner, Selection(pipeline="pl_summit"), "st_summit", now) is None
    assert lane(owner, Selection(pipeline="pl_growth"), "st_lead", now) is None
    assert board(owner, Selection(pipeline="pl_summit"), now).selection.pipeline != "pl_summit"


def test_what_is_on_its_way_lies_where_it_goes_and_counts_there(
    loaded: LoadedFirm, owner: Person, colleague: Person, outsider: Person
) -> None:
    deal = in_stage("pl_growth_1", book_id="bk_harbor")[0]
    before = {lane.stage.id: lane.sums for lane in board(owner, Selection(pipeline="pl_growth"), NOW).lanes}
    Submission.objects.create(
        kind="move",
        state="queued",
        person=owner,
        by_display="Olivia Owner",
        opportunity_id=deal.pk,
        body='{"pipeline_stage_id":"pl_growth_2"}',
        seen={"pipeline_stage_id": "pl_growth_1"},
        book_id="bk_harbor",
        name=deal.name,
        reference="SW-1",
        form_token="t",
        created_at=datetime.now(UTC),
    )

    for person, words in ((owner, "Moving from Identified…"), (colleague, "Olivia Owner is moving it here")):
        found = board(person, Selection(pipeline="pl_growth"), datetime.now(UTC))
        first, second = found.lanes[0], found.lanes[1]
        assert deal.pk not in [card.id for card in first.cards]
        assert second.cards[0].id == deal.pk
        note = second.cards[0].note
        assert note
        assert (note.how, note.text.startswith(words)) == ("saving", True)
        assert first.sums.count == before["pl_growth_1"].count - 1
        assert second.sums.value == before["pl_growth_2"].value + (deal.value or 0)
    assert all(
        card.note is None
        for lane in board(outsider, Selection(pipeline="pl_growth"), NOW).lanes
        for card in lane.cards
    )


@pytest.mark.parametrize(
    ("state", "reason", "age", "how", "words"),
    [
        ("sending", "", 1, "saving", "Moving from Identified"),
        ("sending", "", 20, "waiting", "Waiting for Slant"),
        ("queued", "unreachable", 1, "waiting", "Waiting for Slant"),
        ("unknown", "", 1, "unsure", "Please do not move it again"),
        ("review", "", 1, "unsure", "A manager will decide"),
        (
            "rejected",
            "conflict",
            1,
            "refused",
            "Still in Identified: someone changed it in Slant in the meantime",
        ),
    ],
)
def test_a_card_says_how_far_its_move_got(
    loaded: LoadedFirm,
    owner: Person,
    colleague: Person,
    browse: Browse,
    state: str,
    reason: str,
    age: int,
    how: str,
    words: str,
) -> None:
    now = datetime.now(UTC)
    deal = in_stage("pl_growth_1", book_id="bk_harbor")[0]
    Submission.objects.create(
        kind="move",
        state=state,
        person=owner,
        by_display="Olivia Owner",
        opportunity_id=deal.pk,
        reason_code=reason,
        body='{"pipeline_stage_id":"pl_growth_2"}',
        seen={"pipeline_stage_id": "pl_growth_1"},
        book_id="bk_harbor",
        name=deal.name,
        reference="SW-1",
        form_token="t",
        created_at=now - timedelta(seconds=age),
        settled_at=now,
    )

    found = board(owner, Selection(pipeline="pl_growth"), now)

    lies = found.lanes[0] if state == "rejected" else found.lanes[1]
    note = lies.cards[0].note
    assert note
    assert (note.how, words in note.text) == (how, True)
    theirs = board(colleague, Selection(pipeline="pl_growth"), now)
    assert [bool(card.note) for card in theirs.lanes[1].cards[:1]] == [state != "rejected"]
