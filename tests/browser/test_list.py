"""The list in a browser: choosing, moving many with one refusal, sorting, more rows, the file."""

import csv
import io
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import Slant
from tests.browser.test_deal import LIST, MakeDeals, held, make_deals, theo
from tests.support.browser import Axe

__all__ = ["make_deals", "theo"]


def test_many_are_moved_and_the_one_slant_refuses_says_so(
    come_in: ComeIn, slant: Slant, make_deals: MakeDeals, deal_name: str, axe: Axe, shots: Path | None
) -> None:
    ids = make_deals(3)
    slant.misbehaves("status_before", f"/v1/opportunities/{ids[1]}", "PATCH", status=422)
    page = come_in(path=f"{LIST}{deal_name}")
    expect(page.get_by_role("region", name="With the selected deals")).to_be_hidden()
    page.get_by_label("Select all shown").check()
    bar = page.get_by_role("region", name="With the selected deals")
    expect(bar).to_contain_text("3 selected · $300,003")
    axe(page)
    bar.get_by_role("button", name="Move to...").click()
    expect(page.get_by_role("heading", name="Move 3 deals")).to_be_visible()
    axe(page)
    page.get_by_label("Meeting scheduled").check()
    page.get_by_role("button", name="Move 3 deals").click()

    expect(page.get_by_role("heading", name="2 done, 1 not changed")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("row", name=re.compile(f"{deal_name} 1"))).to_contain_text("Refused")
    expect(page.get_by_role("row", name=re.compile(f"{deal_name} 2"))).to_contain_text("Moved")
    axe(page)
    if shots:
        page.screenshot(path=shots / "bulk-result.png")
    stages = [held(slant, id)["pipeline_stage"]["id"] for id in ids]
    assert stages == ["st_meet", "st_qual", "st_meet"]


def test_without_scripts_deals_are_given_to_a_colleague(
    come_in: ComeIn, slant: Slant, make_deals: MakeDeals, deal_name: str
) -> None:
    [id] = make_deals()
    page = come_in(path=f"{LIST}{deal_name}", java_script_enabled=False)
    page.get_by_label(f"Select {deal_name} 0").check()
    page.get_by_role("button", name="Assign...").click()
    page.get_by_label("Mara Lindqvist").check()
    page.get_by_role("button", name="Assign 1 deal").click()

    # The page reloads itself until all is settled.
    expect(page.get_by_role("heading", name="All 1 done")).to_be_visible(timeout=30_000)
    assert held(slant, id)["assigned_to"]["id"] == "u_4hd81k"


def test_what_others_change_is_said_and_shown_when_asked_for(
    come_in: ComeIn, slant: Slant, make_deals: MakeDeals, deal_name: str, axe: Axe
) -> None:
    first, second = make_deals(2)
    page = come_in(path=f"{LIST}{deal_name}")
    row = page.get_by_role("row", name=re.compile(f"{deal_name} 1"))
    expect(row).to_contain_text("$100,001")
    page.get_by_label(f"Select {deal_name} 0").check()
    slant.control(records=[{"op": "patch", "id": second, "set": {"value": 7}}])

    news = page.get_by_role("button", name="1 deal changed - show it")
    expect(news).to_be_visible(timeout=30_000)
    expect(row).to_contain_text("$100,001")
    axe(page)
    news.click()
    expect(row).to_contain_text("$7")
    expect(news).to_be_hidden()
    expect(page.get_by_label(f"Select {deal_name} 0")).to_be_checked()

    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("columnheader", name="Value").get_by_role("link").click()
    expect(page).to_have_url(re.compile("sort=value"))
    assert [
        link.get_attribute("data-opportunity") for link in page.locator("tr[data-opportunity]").all()
    ] == [
        second,
        first,
    ]
    axe(page)


def test_the_list_sorts_shows_more_and_comes_as_a_file(come_in: ComeIn) -> None:
    page = come_in(path="/board/?view=list&pipeline=pl_newbiz")
    expect(page.get_by_role("columnheader", name="Value")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("link", name="Deal", exact=True).click()
    expect(page.get_by_role("columnheader", name="Deal", exact=True)).to_have_attribute(
        "aria-sort", "ascending"
    )
    rows = page.locator("tr[data-opportunity]")
    before = rows.count()
    page.get_by_role("link", name=re.compile("Show .* more")).click()
    expect(rows.nth(before).get_by_role("link")).to_be_focused()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("CSV")).click()
    text = Path(download.value.path()).read_text("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text, newline="")))
    total = int(page.locator("#list-foot").inner_text().split(" deal")[0])
    assert len(lines) == 1 + total
    assert download.value.suggested_filename.endswith(".csv")
