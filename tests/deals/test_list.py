"""The list of a selection, and the same as a file."""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from opportunities.forms.selection import selection_of
from opportunities.listing import SORTS
from opportunities.models import AuditEvent, Opportunity, Person, Submission
from opportunities.selectors.board import page as boards
from opportunities.selectors.listing import WINDOW
from tests.support.firm import LoadedFirm, load_firm
from tests.support.people import Firm

from .conftest import HX, Browse, MakeDeal, Page, ago, in_days

pytestmark = pytest.mark.django_db
LIST = "/board/?view=list"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def loaded(firm: Firm) -> LoadedFirm:
    return load_firm(deals=300, firm=firm, now=timezone.now())


def ids(page: Page) -> list[str]:
    return [
        attrs["data-opportunity"]
        for tag, attrs in page.elements
        if tag == "tr" and "data-opportunity" in attrs
    ]


def rows_of(client: Client, query: str) -> list[dict[str, str]]:
    response = client.get(f"/opportunities.csv?{query}")
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_column_sorts_both_ways_with_what_is_missing_last(
    owner: Person, browse: Browse, make_deal: MakeDeal, firm: Firm
) -> None:
    make_deal("op_a", name="apple", value=2, probability=90, assigned_to_name="zoe", stage=firm.lead)
    make_deal(
        "op_b", name="Banana", value=1, target_close_date=None, household=None, stage_updated_at=ago(50)
    )
    make_deal(
        "op_c",
        name="cherry",
        value=None,
        assigned_to_id="",
        assigned_to_name="",
        target_close_date=in_days(1),
    )
    client = browse(owner)
    expected = {
        "name": "abc",
        "household": "acb",
        "stage": "abc",
        "value": "bac",
        "probability": "bca",
        "weighted": "bac",
        "close": "cab",
        "owner": "bac",
    }

    for column, order in expected.items():
        up = "".join(
            id[-1] for id in ids(Page(client.get(f"{LIST}&owner=&pipeline=pl_prospects&sort={column}")))
        )
        down = "".join(id[-1] for id in ids(Page(client.get(f"{LIST}&pipeline=pl_prospects&sort=-{column}"))))
        assert up == order, column
        missing = {"household": "b", "value": "c", "weighted": "c", "close": "b", "owner": "c"}.get(
            column, ""
        )
        assert down[-1] == (missing or down[-1])
        assert sorted(down) == sorted(up)
    since = Page(client.get(f"{LIST}&pipeline=pl_prospects&sort=-since"))
    assert ids(since)[0] == "op_b"
    assert [
        attrs.get("aria-sort") for tag, attrs in since.elements if tag == "th" and "aria-sort" in attrs
    ] == ["descending"]
    assert set(expected) | {"since"} == set(SORTS)


def test_windows_hold_every_deal_once_whatever_they_are_sorted_by(
    owner: Person, browse: Browse, loaded: LoadedFirm
) -> None:
    client = browse(owner)
    for sort in ("-value", "close", "household", "-since"):
        found: list[str] = []
        address = f"{LIST}&pipeline=pl_growth&sort={sort}"
        whole = Page(client.get(address))
        part = whole
        while True:
            found += ids(part)
            more = part.by_id("list-more").get("hx-get")
            if not more:
                break
            part = Page(client.get(more, headers=HX))
            assert "<html" not in part.text
        wanted = Opportunity.objects.filter(pipeline_id="pl_growth", book_id="bk_harbor")
        assert len(found) == len(set(found))
        assert (sort, len(found)) == (sort, wanted.count())
        assert set(found) == set(wanted.values_list("pk", flat=True))
        assert f"{len(found)} deals, {len(found)} shown" in part.said("list-foot")
        assert f"{len(found)} deals, {WINDOW} shown" in whole.said("list-foot")


SELECTIONS = (
    "",
    "owner=us_dana",
    "min=1000000",
    "stale=1",
    "q=Haas",
    "missing=value",
    "owner=none",
    "close=overdue",
)


def test_totals_are_the_boards_and_those_of_the_file(
    owner: Person, browse: Browse, loaded: LoadedFirm
) -> None:
    client = browse(owner)
    for narrowed in SELECTIONS:
        query = f"pipeline=pl_growth&{narrowed}"
        head = boards.head(owner, selection_of(query), timezone.now())
        assert head is not None
        lanes = [*head.lanes, *head.rail]
        page = Page(client.get(f"{LIST}&{query}"))
        rows = rows_of(client, query)

        count, value = sum(lane.sums.count for lane in lanes), sum(lane.sums.value for lane in lanes)
        # A closed deal has no weighted value.
        weighted = sum(lane.sums.weighted for lane in lanes if lane.stage.meaning == "open")
        assert len(rows) == count
        assert sum(int(row["Value"] or 0) for row in rows) == value
        assert round(sum(float(row["Weighted"] or 0) for row in rows) * 100) == weighted
        if count:
            foot = page.said("list-foot")
            assert foot.startswith(f"{count} deal")
            assert f"${value:,}" in foot
            assert f"${round(weighted / 100):,}" in foot
            assert f"${head.figures.open.value:,}" in page.said("board-head")


def test_the_list_costs_no_more_queries_for_more_deals_and_ten_at_most(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    client = browse(owner)
    make_deal()
    address = f"{LIST}&pipeline=pl_prospects"
    client.get(address)
    with CaptureQueriesContext(connection) as one:
        client.get(address)
    for number in range(2, 60):
        make_deal(f"op_{number}")
    with CaptureQueriesContext(connection) as many:
        client.get(address)

    assert len(many) == len(one) <= 10, [query["sql"][:90] for query in many]


def test_a_row_says_what_a_card_says(
    owner: Person, viewer: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal(value=None, target_close_date=in_days(-2), stage_updated_at=ago(48))
    Submission.objects.create(
        kind="edit",
        person=owner,
        book_id="bk_harbor",
        opportunity_id="op_1",
        body="{}",
        name="x",
        reference="r",
        form_token="t",
        created_at=ago(0),
    )

    page = Page(browse(owner).get(f"{LIST}&pipeline=pl_prospects"))
    reader = Page(browse(viewer).get(f"{LIST}&pipeline=pl_prospects"))

    for said in (
        "Okonkwo rollover",
        "On its way",
        "No value yet",
        ", past its close date",
        "48 d , stale",
        "Olivia Owner",
    ):
        assert said in page.said("list-form")
    assert "/opportunities/op_1/" in page.links()
    assert 'name="id"' in page.text
    assert 'name="id"' not in reader.text
    assert 'id="bulk"' not in reader.text


def test_only_ones_own_books_and_nothing_found_is_said(
    owner: Person, outsider: Person, stranger: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal()

    assert ids(Page(browse(outsider).get(f"{LIST}&pipeline=pl_prospects"))) == []
    nothing = Page(browse(owner).get(f"{LIST}&pipeline=pl_prospects&q=nobody"))
    assert "No deals match these filters" in nothing.text
    assert "No deals in this pipeline" in Page(browse(outsider).get(f"{LIST}&pipeline=pl_summit")).text
    assert rows_of(browse(outsider), "pipeline=pl_prospects") == []


# The file


def test_the_file_says_what_it_is_and_runs_nothing(
    owner: Person, browse: Browse, make_deal: MakeDeal
) -> None:
    make_deal(name="=cmd|' /C calc'!A0", probability=33, value=-0)
    make_deal("op_2", name='Comma, "quote"', value=640_000, probability=33)
    client = browse(owner)

    response = client.get("/opportunities.csv?pipeline=pl_prospects&owner=me&sort=name&about=only")
    head = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="deals-\d{4}-\d\d-\d\d\.csv"', response["Content-Disposition"])
    for said in ("Deals", '"Slant data as of","20', "Pipeline: New money; ", '"Exported by","Olivia Owner"'):
        assert said in head
    rows = rows_of(client, "pipeline=pl_prospects&sort=name")
    assert [row["Deal"] for row in rows] == ["'=cmd|' /C calc'!A0", 'Comma, "quote"']
    assert (rows[1]["Value"], rows[1]["Weighted"], rows[1]["Probability"]) == ("640000", "211200", "33")
    assert (rows[1]["Days in stage"], rows[1]["Target close"]) == ("10", in_days(60).isoformat())


def test_the_workbook_holds_what_the_file_holds(owner: Person, browse: Browse, make_deal: MakeDeal) -> None:
    make_deal(name="Okonkwo rollover", value=640_000, probability=33)
    client = browse(owner)

    response = client.get("/opportunities.xlsx?pipeline=pl_prospects")

    assert re.fullmatch(
        r'attachment; filename="deals-\d{4}-\d\d-\d\d\.xlsx"', response["Content-Disposition"]
    )
    with ZipFile(io.BytesIO(response.content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        strings = archive.read("xl/sharedStrings.xml").decode()
    assert "<v>640000</v>" in sheet
    for said in ("Okonkwo rollover", "Pipeline: New money", "Olivia Owner", "Weighted: value times"):
        assert said in strings
    event = AuditEvent.objects.get(action="client_data.exported")
    assert (event.after["format"], event.after["rows"]) == ("xlsx", 1)


def test_each_taking_is_in_the_trail_and_sixty_an_hour_are_enough(
    owner: Person, browse: Browse, make_deal: MakeDeal, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_deal()
    client = browse(owner)
    caches["process"].clear()

    rows_of(client, "pipeline=pl_prospects&q=Okonkwo")

    event = AuditEvent.objects.get(action="client_data.exported")
    assert (event.actor_sub, event.object_type) == (owner.sub, "opportunities")
    assert event.after == {"format": "csv", "rows": 1, "filters": "pipeline=pl_prospects&q=Okonkwo"}
    for _ in range(59):
        client.get("/opportunities.csv?pipeline=pl_none")
    over: Any = client.get("/opportunities.csv")
    assert over.status_code == 429
    assert int(over["Retry-After"]) > 0
