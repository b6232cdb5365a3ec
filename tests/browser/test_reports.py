"""What a manager asks before a meeting, in a real browser; charts equal their tables."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from opportunities.selectors.reports.registry import REPORTS
from tests.browser.conftest import ComeIn
from tests.pages.test_money import COMPACT

# What each canvas shows, and what the table it names holds, both as plain numbers.
DRAWN = """() => [...document.querySelectorAll("[data-chart]")].map((box) => {
  const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows]
    .filter((row) => !row.classList.contains("dim"));
  const columns = box.dataset.columns.split(",").map(Number);
  const value = (row, column) => {
    const raw = row.cells[column].dataset.value;
    return raw === "" ? null : Number(raw);
  };
  const chart = Chart.getChart(box.querySelector("canvas"));
  const waterfall = box.dataset.chart === "waterfall";
  const shown = chart.data.datasets.map((set) => waterfall ? set.values : set.data);
  const held = (waterfall ? columns.slice(0, 1) : columns)
    .map((column) => rows.map((row) => value(row, column)));
  const zeros = chart.data.datasets.flatMap((set, place) =>
    shown[place].flatMap((value, at) => (value === 0 && Array.isArray(set.backgroundColor)
      ? [set.backgroundColor[at]] : [])));
  const canvas = chart.canvas;
  const context = canvas.getContext("2d");
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
  context.font = "12px 'Inter Variable', sans-serif";
  const room = chart.chartArea.width / chart.data.labels.length;
  const wide = chart.data.labels.flat().filter((line) => context.measureText(line).width > room);
  return {
    table: box.dataset.table, shown, held, zeros,
    names: chart.data.labels.map((label) => [label].flat().join(" ")),
    wide, rows: rows.map((row) => row.cells[0].innerText.trim()), painted: pixels.some((part) => part !== 0),
  };
})"""

# Where the first bar that leads somewhere is on the screen, and where its row in the table leads.
BAR = """() => {
  const box = document.querySelector("[data-chart]");
  const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows];
  const place = rows.findIndex((row) => row.querySelector("a"));
  const canvas = box.querySelector("canvas");
  const bar = Chart.getChart(canvas).getDatasetMeta(0).data[place];
  const at = canvas.getBoundingClientRect();
  return [at.x + bar.x, at.y + (bar.y + bar.base) / 2, rows[place].querySelector("a").href];
}"""


def test_charts_say_amounts_in_short_as_every_other_place_does(come_in: ComeIn) -> None:
    page = come_in("manager")
    page.goto("/reports/forecast/")

    said = page.evaluate(
        """async (amounts) => {
          const { compact } = await import(document.querySelector("script[src*='js/charts']").src);
          return amounts.map((amount) => compact(amount, "money"));
        }""",
        [amount for amount, _ in COMPACT],
    )

    assert said == [text for _, text in COMPACT]


def test_every_report_is_free_of_barriers_and_draws_what_its_tables_say(
    come_in: ComeIn, axe: Callable[[Page], None], shots: Path | None
) -> None:
    """In light and in dark: the charts follow the system while they are looked at."""
    page = come_in("manager", color_scheme="light", viewport={"width": 1440, "height": 900})
    drawn = 0

    for slug, report in REPORTS.items():
        page.emulate_media(color_scheme="light")
        page.goto(f"/reports/{slug}/")
        expect(page.get_by_role("link", name=report.title, exact=True)).to_have_attribute(
            "aria-current", "page"
        )
        for box in page.locator("[data-chart]").all():
            expect(box).to_have_class(re.compile("is-drawn"))
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            axe(page)
            if shots:
                page.screenshot(path=shots / f"report-{slug}-{scheme}.png", full_page=True)
        for chart in page.evaluate(DRAWN) if page.locator("[data-chart]").count() else []:
            assert chart["shown"] == chart["held"], chart["table"]
            assert chart["names"] == chart["rows"]
            assert chart["painted"]
            assert set(chart["zeros"]) <= {"transparent"}, "a bar of nothing has a colour"
            assert chart["wide"] == [], "a name under the chart runs into its neighbour"
            drawn += 1

    assert drawn >= 4


def test_printed_on_paper(come_in: ComeIn, shots: Path | None) -> None:
    """Without navigation and controls, in the light palette, saying what it is of."""
    page = come_in("manager", path="/reports/forecast/", color_scheme="dark")
    box = page.locator("[data-chart]").first
    expect(box).to_have_class(re.compile("is-drawn"))
    line = "() => Chart.getChart(document.querySelector('[data-chart] canvas')).options.scales.y.grid.color"
    dark = page.evaluate(line)

    page.emulate_media(media="print")
    page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")

    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.get_by_role("form", name="Report settings")).to_be_hidden()
    expect(
        page.get_by_text(re.compile(r"Forecast\. Slant data as of .* Filters: .* Printed by"))
    ).to_be_visible()
    assert page.evaluate(line) == "rgb(228, 230, 235)" != dark
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    if shots:
        page.screenshot(path=shots / "report-forecast-print.png", full_page=True)


def test_a_manager_answers_before_the_meeting(come_in: ComeIn) -> None:
    """What closes this quarter and how sure, what got worse, what is stale, by whom, and what to clean."""
    page = come_in("manager", path="/reports/")
    tabs = page.get_by_role("navigation", name="Reports")

    tabs.get_by_role("link", name="Forecast").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("80% likely to end between")
    expect(page.locator("#table-quarters")).to_contain_text(re.compile("Exact: every outcome|Close: "))

    tabs.get_by_role("link", name="What changed").click()
    page.locator("select[name=period]").select_option(label="Since last Monday")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile(r"/reports/changes/\?from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d$"))
    expect(page.locator("#table-steps")).to_contain_text("Value lowered")

    tabs.get_by_role("link", name="Stage ageing").click()
    stale = page.locator("#table-stale tbody tr")
    owners = stale.first.locator("td").last
    expect(owners).not_to_have_text("")
    name = stale.first.get_by_role("link").inner_text()
    stale.first.get_by_role("link").click()
    expect(page.get_by_role("dialog").get_by_role("heading", name=name)).to_be_visible()
    page.keyboard.press("Escape")

    tabs.get_by_role("link", name="By owner").click()
    assert page.locator("#table-people tbody tr").count() > 1

    tabs.get_by_role("link", name="Data quality").click()
    problem = page.locator("#table-problems tbody tr").filter(has=page.locator("td a")).first
    count = int(problem.locator("td a").first.inner_text())
    page.locator("[data-chart].is-drawn").scroll_into_view_if_needed()
    x, y, address = page.evaluate(BAR)
    page.mouse.click(x, y)
    page.wait_for_url(address)
    assert count > 0
    expect(page.get_by_role("main")).to_be_visible()


def test_without_scripts_the_numbers_are_all_there(come_in: ComeIn) -> None:
    page = come_in("manager", path="/reports/forecast/", java_script_enabled=False)

    assert page.locator("canvas").first.is_hidden()
    assert page.locator("#table-stretches tbody tr").count() >= 6
    page.locator("select[name=by]").select_option("quarter")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#table-stretches thead")).to_contain_text("Quarter")
    assert "by=quarter" in page.url
