"""The audit trail in a real browser: no barrier in light or dark, and all of it by keyboard."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import MARAS_BOOK, OKONKWO, NewForm, Slant, SubmissionPage, in_days

Axe = Callable[[Page], None]
WIDTHS = {"phone": 390, "desk": 1440}


@pytest.fixture
def created(come_in: ComeIn, slant: Slant, deal_name: str) -> str:
    """A deal of Theo's that is in Slant; its name."""
    form = NewForm(come_in()).open(
        book_id=MARAS_BOOK, household_id=OKONKWO, pipeline_id="pl_newbiz", pipeline_stage_id="st_meet",
        name=deal_name, value="640,000", target_close_date=in_days(60),
    )  # fmt: skip
    form.create()
    SubmissionPage(form.page).created()
    return deal_name


def test_compliance_finds_out_all_about_a_deal_by_keyboard(
    created: str, come_in: ComeIn, axe: Axe, shots: Path | None
) -> None:
    page = come_in("compliance", path="/audit/")
    page.keyboard.press("/")
    expect(page.get_by_label("Find a deal, person, reference or entry")).to_be_focused()
    page.keyboard.type(created)
    page.keyboard.press("Enter")
    lines = page.locator(".trail > li")
    expect(page.get_by_text(re.compile(f"entered {created} with"))).to_be_visible()
    expect(page.get_by_text(re.compile(f"Slant accepted {created}"))).to_be_visible()

    # From the search by Tab over the filters to the oldest line, and open it.
    oldest = lines.filter(has_text=f"entered {created}")
    entered = oldest.locator("summary")
    for _ in range(40):
        page.keyboard.press("Tab")
        if entered.evaluate("line => line === document.activeElement"):
            break
    expect(entered).to_be_focused()
    page.keyboard.press("Enter")
    expect(oldest.get_by_label("What was sent")).to_contain_text('"value": 640000')
    expect(oldest.get_by_text("Theo Okafor, sales, from")).to_be_visible()
    for scheme in ("light", "dark"):
        for name, width in WIDTHS.items():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            axe(page)
            if shots:
                page.screenshot(path=shots / f"trail-{name}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320

    page.set_viewport_size({"width": 1440, "height": 900})
    oldest.get_by_role("link", name="Who saw this household's deals").click()
    expect(lines.first).to_contain_text("looked at")
    page.get_by_role("link", name="Remove filter Who saw the deals of").click()
    page.get_by_role("button", name="Export").click()
    axe(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="ZIP for an auditor").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_the_trail_works_without_scripts(created: str, come_in: ComeIn) -> None:
    page = come_in("compliance", path="/audit/", java_script_enabled=False)
    page.get_by_label("What", exact=True).select_option(label="Deals sent")
    page.get_by_role("button", name="Show").click()

    expect(page.locator(".chip-on")).to_contain_text("Deals sent")
    line = page.locator(".trail > li").filter(has_text=f"Slant accepted {created}")
    line.locator("summary").click()
    expect(line.get_by_text("Slant accepted it, status 201")).to_be_visible()
