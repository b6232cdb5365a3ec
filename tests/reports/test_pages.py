"""Reports as people see them: the same numbers on page, in files and on the board, within one's books."""

import csv
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import caches
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from opportunities.forms.selection import selection_of
from opportunities.models import AuditEvent, Opportunity, Person, Role, StageTotal, Target
from opportunities.selection import Selection
from opportunities.selectors.reports.registry import REPORTS
from opportunities.selectors.selection import deals
from opportunities.wording import reports as reports_words
from tests.reports.story import (
    CARL,
    HARBOR,
    NOW,
    OLIVIA,
    OTTO,
    A,
    B,
    C,
    Desk,
    ageing_of,
    changes_of,
    forecast_of,
    funnel_of,
    on,
    overview_of,
    owners_of,
    quality_of,
    settle,
    tell,
)
from tests.reports.test_small_firm import FIRST, LAST
from tests.support.people import make_person

QUARTER = "from=2026-10-01&to=2026-12-31"
pytestmark = pytest.mark.usefixtures("today")


def client_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def visit(small: Desk) -> Client:
    caches["process"].clear()
    return client_of(small.manager)


def page(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return str(response.content.decode())


def cells(html: str, table: str) -> list[list[str]]:
    """The words of a table's body, cell by cell."""
    found = re.search(rf'<table class="table" id="table-{table}">(.*?)</table>', html, re.S)
    assert found, table
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found[1], re.S)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)]
        for row in rows
    ]


def csv_rows(client: Client, slug: str, query: str = QUARTER) -> list[list[str]]:
    response = client.get(f"/reports/{slug}.csv?{query}")
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))


def test_every_report_states_its_finding_and_shows_its_numbers(visit: Client) -> None:
    findings = {}
    for slug in REPORTS:
        html = page(visit, f"/reports/{slug}/?{QUARTER}")
        found = re.search(r'<h2 class="finding">(.*?)</h2>', html)
        assert found, slug
        findings[slug] = found[1]
        assert "<table" in html
        assert "style=" not in html

    assert (
        findings["changes"]
        == "The open pipeline grew by $840,000 from 1 Oct to today, even after $620,000 was won."
    )
    assert findings["ageing"] == "11 of 18 deals are stale, $1,910,000 in total."
    assert findings["data-quality"] == "14 of 18 deals need attention."
    assert findings["overview"].startswith("$620,000 was won this quarter.")
    assert "$620,000 is won this quarter and $617,000 weighted is due: 80% likely" in findings["forecast"]


def test_totals_of_page_files_and_board_agree(visit: Client, small: Desk) -> None:
    selected = deals(small.manager, Selection(stage=(A, B, C)), NOW)
    kept = StageTotal.objects.filter(stage_id__in=(A, B, C)).aggregate(
        value=Sum("value"), weighted=Sum("weighted")
    )
    html = page(visit, f"/reports/overview/?{QUARTER}")
    on_page = {row[0]: row[2] for row in cells(html, "measures")[1:]}
    in_file = {row[0]: row[2] for row in csv_rows(visit, "overview") if len(row) > 2}
    forecast = [row for row in csv_rows(visit, "forecast") if row[2].isdigit()]

    assert selected.aggregate(Sum("value"))["value__sum"] == kept["value"] == 3_190_000
    assert (kept["weighted"] + 50) // 100 == 967_000
    assert (on_page["Open pipeline"], on_page["Weighted pipeline"]) == ("$3,190,000", "$967,000")
    assert (in_file["Open pipeline"], in_file["Weighted pipeline"]) == ("3190000", "967000")
    assert [sum(int(row[place]) for row in forecast) for place in (2, 3)] == [18, 967_000]
    steps = cells(page(visit, f"/reports/changes/?{QUARTER}"), "steps")
    assert steps[-1] == ["Open today", "18", "$3,190,000"]


def test_every_number_opens_the_deals_behind_it(visit: Client, small: Desk) -> None:
    """Deals of today in the list; what happened, on the report itself, adding up to the number."""
    html = page(visit, f"/reports/changes/?{QUARTER}&show=lost")
    behind = cells(html, "behind")

    assert [row[0] for row in behind[1:]] == ["Deal d05", "Deal d20"]
    assert [row[3] for row in behind[1:]] == ["\u2212$500,000", "\u2212$170,000"]
    won = cells(page(visit, f"/reports/overview/?{QUARTER}&show=won"), "behind")
    assert [row[0] for row in won[1:]] == ["Deal d03", "Deal d21", "Deal d15"]
    lost = cells(page(visit, f"/reports/funnel/?{QUARTER}&show=lost:{A}"), "behind")
    assert [row[0] for row in lost[1:]] == ["Deal d20"]
    created = cells(page(visit, f"/reports/overview/?{QUARTER}&show=created"), "behind")
    assert len(created[1:]) == 11
    then = page(visit, f"/reports/changes/?{QUARTER}&day=2026-09-30&show=on:{A}")
    assert cells(then, "board")[1][:2] == ["First Desk", "7"]
    assert len(cells(then, "behind")[1:]) == 7


# In November and December, overdue, undated, later, all: without Otto's, and without d28, whose owner left.
IN_QUARTER = ([2, 5, 1, 2, 2, 12], [3, 8, 1, 2, 4, 18])


@pytest.mark.parametrize(
    ("days", "counts"),
    [
        (QUARTER, IN_QUARTER),
        # A month is told with the whole of its quarter.
        ("from=2026-11-01&to=2026-11-30", IN_QUARTER),
        # In January and February, overdue, undated, earlier, later, all.
        ("from=2027-02-01&to=2027-02-28", ([2, 1, 2, 7, 12], [2, 1, 1, 2, 11, 1, 18])),
    ],
    ids=["quarter", "month", "month to come"],
)
def test_deals_of_today_open_in_the_list_where_it_can_show_them(
    visit: Client, small: Desk, days: str, counts: tuple[list[int], list[int]]
) -> None:
    """The list holds one pipeline and knows no teams; elsewhere the report shows them itself. The count is
    the number.
    """

    def linked(query: str) -> dict[str, int]:
        html = page(visit, f"/reports/forecast/?{days}{query}")
        body = html[html.index('id="table-stretches"') : html.index('id="table-quarters"')]
        found = re.findall(r'<td class="n"[^>]*><a href="([^"]*)">(\d+)</a>', body)
        return {unescape(address): int(count) for address, count in found}

    here, there = linked("&team=bk_harbor"), linked("&pipeline=pl_desk")

    assert (list(here.values()), list(there.values())) == counts
    for address, count in here.items():
        assert len(cells(page(visit, address), "behind")[1:]) == count
    for address, count in there.items():
        assert address.startswith("/board/?")
        assert deals(small.manager, selection_of(address.partition("?")[2]), NOW).count() == count


def test_a_leavers_deals_are_given_away_in_one_bulk(visit: Client, small: Desk) -> None:
    html = page(visit, "/reports/data-quality/")
    read_only = page(client_of(make_person("Cleo Compliance", Role.COMPLIANCE)), "/reports/data-quality/")

    form = re.search(r'<form[^>]*action="/opportunities/bulk/".*?</form>', html, re.S)
    assert form
    assert re.findall(r'name="id" value="([^"]*)"', form[0]) == ["d28"]
    asked = visit.post("/opportunities/bulk/", {"ask": "owner", "id": ["d28"]})
    assert (asked.status_code, "Deal d28" in asked.content.decode()) == (200, True)
    assert "/opportunities/bulk/" not in read_only


def test_an_address_with_a_period_in_words_becomes_one_with_its_days(visit: Client) -> None:
    def sent(query: str) -> str:
        return str(visit.get(f"/reports/owners/?{query}").headers.get("Location", ""))

    assert (
        sent("period=last-quarter&owner=us_owner&book=")
        == "/reports/owners/?from=2026-07-01&to=2026-09-30&owner=us_owner"
    )
    # Days typed by hand win over the name that stood beside them.
    drawn = "period=this-quarter&was=2026-10-01..2026-12-31"
    assert sent(f"{drawn}&from=2026-11-01&to=2026-11-10") == "/reports/owners/?from=2026-11-01&to=2026-11-10"
    assert sent(f"{drawn}&from=2026-10-01&to=2026-12-31") == "/reports/owners/?from=2026-10-01&to=2026-12-31"
    assert sent("period=last-month&was=2026-10-01..2026-12-31&from=2026-10-01&to=2026-12-31").endswith(
        "to=2026-10-31"
    )


def test_what_cannot_be_read_is_said_and_never_fails(visit: Client) -> None:
    assert reports_words.DAY_UNREADABLE in page(visit, "/reports/overview/?from=soon")
    assert reports_words.DAYS_BACKWARDS in page(visit, "/reports/changes/?from=2026-11-10&to=2026-11-01")
    assert reports_words.FILTER_UNKNOWN in page(visit, "/reports/forecast/?book=bk_nowhere")
    for slug in REPORTS:
        page(visit, f"/reports/{slug}/?owner=%00&show=%27x&day=2026-02-30&by=x")
        page(visit, f"/reports/{slug}/?team=zz&owner=none&from=0001-01-01&to=9999-12-31&show=on:st_a")
    assert visit.get("/reports/nope/").status_code == 404
    assert visit.post("/reports/overview/").status_code == 405


def test_sales_see_their_own_books_and_compliance_reads_all(small: Desk) -> None:
    otto = make_person("Otto Outsider", Role.SALES, member_id=OTTO)
    nobody = make_person("Nora Nobody", Role.SALES)
    compliance = make_person("Cleo Compliance", Role.COMPLIANCE)

    assert overview_of(small.query(FIRST, LAST, person=otto)).open_now.value == 690_000
    html = page(client_of(otto), f"/reports/changes/?{QUARTER}&show=moved-in")
    assert "Harbor" not in html
    assert cells(html, "behind")[1][0] == "Deal d18"
    assert page(client_of(compliance), f"/reports/overview/?{QUARTER}").count("$3,190,000") == 2
    empty = page(client_of(nobody), "/reports/ageing/")
    assert reports_words.NO_BOOKS in empty
    assert not re.search(r"Deal d\d|Harbor|\$[1-9]", empty)
    for person in (otto, nobody, compliance):
        assert client_of(person).get("/settings/targets/").status_code == 403
    # A filter reaches no further than the person does.
    assert overview_of(small.query(FIRST, LAST, person=otto, book=HARBOR)).open_now.deals == 0


def test_files_hold_numbers_and_dates_run_nothing_and_are_recorded(visit: Client, small: Desk) -> None:
    Opportunity.objects.filter(pk="d07").update(name="=cmd|'/c calc'!A1")

    rows = csv_rows(visit, "data-quality")
    about = csv_rows(visit, "data-quality", f"{QUARTER}&about=only")
    listed = csv_rows(visit, "data-quality", f"{QUARTER}&table=problem-passed")
    book = visit.get(f"/reports/data-quality.xlsx?{QUARTER}&owner={CARL}")

    assert 'table=problem-passed"' in page(visit, f"/reports/data-quality/?{QUARTER}")
    assert about[0][0] == "Data quality"
    assert dict(row for row in about)["Exported by"] == "Mona Manager"
    assert ["Close date passed", "1", "5.56", "90000"] in rows
    line = next(row for row in listed if "cmd" in row[0])
    assert line[0].startswith("'=")
    assert line[5:7] == ["90000", "2026-11-15"]
    with ZipFile(io.BytesIO(book.content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<v>90000</v>" in sheet
    events = AuditEvent.objects.filter(action="report.exported").order_by("seq")
    assert [(event.object_id, event.after["format"]) for event in events] == [
        *[("data-quality", "csv")] * 3,
        ("data-quality", "xlsx"),
    ]
    assert f"owner={CARL}" in events[3].after["filters"]


def test_the_sixty_first_file_of_an_hour_has_to_wait(visit: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from opportunities.views import limits

    (limit,) = limits.EXPORT
    assert (limit.times, limit.per, limit.seconds) == (60, "person", 3600)
    monkeypatch.setattr(limits, "EXPORT", (replace(limit, times=2),))

    answers = [visit.get("/reports/ageing.csv") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2]["Retry-After"]) <= 3600
    assert AuditEvent.objects.filter(action="report.exported").count() == 2


def test_targets_are_set_by_managers_kept_and_recorded(visit: Client) -> None:
    wanted = {
        f"target-2026-10-01-{CARL}": "1.2m",
        f"target-2027-01-01-{OLIVIA}": "",
        f"target-2026-10-01-{OTTO}": "lots",
    }

    refused = visit.post("/settings/targets/", wanted)
    assert refused.status_code == 422
    assert f"#id_target-2026-10-01-{OTTO}" in refused.content.decode()
    assert 'value="lots"' in refused.content.decode()
    assert not Target.objects.exists()

    kept = visit.post("/settings/targets/", wanted | {f"target-2026-10-01-{OTTO}": "$300,000"})
    again = visit.post(
        "/settings/targets/", {f"target-2026-10-01-{CARL}": "1,200,000", f"target-2026-10-01-{OTTO}": ""}
    )

    assert (kept.status_code, again.status_code) == (303, 303)
    assert list(Target.objects.values_list("member_id", "quarter", "amount")) == [
        (CARL, date(2026, 10, 1), 1_200_000)
    ]
    events = AuditEvent.objects.filter(object_type="target").order_by("seq")
    assert [(event.action, event.after["amount"]) for event in events] == [
        ("target.set", 1_200_000),
        ("target.set", 300_000),
        ("target.removed", None),
    ]
    assert "$1,200,000" in page(visit, f"/reports/forecast/?{QUARTER}")


def test_moving_a_deal_changes_exactly_the_figures_it_should(small: Desk) -> None:
    """d25, 230 in Second at 40%, moves to Third at 60%: 46 more weighted, due in the same month, won and lost
    untouched.
    """
    tomorrow = NOW + timedelta(days=1)

    def seen() -> dict[str, Any]:
        report = small.query(FIRST, LAST, now=tomorrow)
        overview, changes = overview_of(report), changes_of(report)
        forecast, funnel = forecast_of(report), funnel_of(report)
        owners, quality = owners_of(report), quality_of(report)
        ageing = ageing_of(report)
        return {
            **{measure.key: measure.now for measure in overview.measures},
            **{f"step {step.key}": step for step in changes.steps},
            "closing": changes.closing,
            **{f"due {row.key}": row.open for row in (*forecast.rows, *forecast.outside)},
            **{f"flow {flow.stage}": flow for flow in funnel.flows},
            **{f"side {side.key}": side for side in owners.people},
            **{f"problem {problem.key}": problem.deals for problem in quality.problems},
            **{f"age {age.stage.id}": age.deals for pipeline in ageing.pipelines for age in pipeline.stages},
        }

    before = seen()
    small_move(tomorrow - timedelta(hours=1))
    after = seen()

    changed = {key for key in before if before[key] != after[key]}
    assert changed == {
        "weighted",
        "closing",
        "due 2",
        f"flow {B}",
        f"flow {C}",
        f"side {OTTO}",
        f"age {B}",
        f"age {C}",
    }
    assert after["weighted"] - before["weighted"] == 46_000
    assert after["closing"].value == before["closing"].value
    assert (after[f"flow {B}"].moved_on, after[f"flow {B}"].here) == (3, 2)
    assert after[f"flow {C}"].entered == before[f"flow {C}"].entered + 1


def small_move(at: Any) -> None:
    Opportunity.objects.filter(pk="d25").delete()
    from opportunities.models import OpportunityVersion

    OpportunityVersion.objects.filter(opportunity_id="d25").delete()
    tell(
        "d25", (at, {"stage_id": C}), created=on(11, 1), stage_id=B, value=230_000, assigned_to_id=OTTO,
        book_id="bk_summit", target_close_date=date(2026, 12, 1),
    )  # fmt: skip
    settle()


def test_a_report_costs_few_queries_however_many_deals(visit: Client) -> None:
    def costs() -> dict[str, int]:
        found = {}
        for slug in REPORTS:
            with CaptureQueriesContext(connection) as queries:
                page(visit, f"/reports/{slug}/?{QUARTER}")
            found[slug] = len(queries)
        return found

    page(visit, "/reports/overview/")
    few = costs()
    for number in range(12):
        tell(f"m{number}", (on(11, 3), {"stage_id": B}), created=on(10, 3), value=10_000, assigned_to_id=CARL)
    settle()

    assert costs() == few
    # Who asks and what surrounds every page are six of them.
    assert max(few.values()) - 6 <= 12, few
