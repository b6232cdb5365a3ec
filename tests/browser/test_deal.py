"""One deal in a browser: the drawer by keyboard, edits in place, changes from elsewhere, no scripts."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import SUBMISSION_URL, Slant
from tests.support.browser import Axe
from tests.support.processes import Installation, wait_until
from tests.support.visitor import Visitor

MakeDeals = Callable[..., list[str]]
LIST = "/board/?view=list&pipeline=pl_newbiz&q="


@pytest.fixture(scope="session")
def theo(shared_installation: Installation) -> Visitor:
    return Visitor(shared_installation.url)


@pytest.fixture
def make_deals(installation: Installation, theo: Visitor, deal_name: str) -> MakeDeals:
    """The ids of deals that no other test touches, in Slant and in the mirror. All bear the test's name."""

    def make(count: int = 1, **fields: str) -> list[str]:
        addresses = [
            theo.send(theo.form(name=f"{deal_name} {number}", value=str(100_000 + number), **fields))
            for number in range(count)
        ]
        ids = []
        for address in addresses:
            theo.waits_for(address, "confirmed")
            page = theo.session.get(address, timeout=20).text
            ids.append(re.findall(r'data-opportunity="([^"]+)"', page)[0])
        return ids

    return make


def held(slant: Slant, id: str) -> dict[str, Any]:
    """The deal as Slant has it, seen with a token of the tests' own."""
    address = f"{slant.sandbox.slant_url}/opportunities/{id}"
    token = {"Authorization": "Bearer slnt_pat_sandbox_observer"}
    record: dict[str, Any] = requests.get(address, headers=token, timeout=10).json()
    return record


def open_drawer(page: Page, deal_name: str) -> None:
    link = page.get_by_role("row").get_by_role("link", name=f"{deal_name} 0")
    link.focus()
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("dialog").get_by_role("heading", name=f"{deal_name} 0", exact=True)
    ).to_be_focused()


def test_the_drawer_opens_changes_and_closes_by_keyboard_and_gives_the_focus_back(
    come_in: ComeIn, slant: Slant, make_deals: MakeDeals, deal_name: str, axe: Axe
) -> None:
    [id] = make_deals()
    page = come_in(path=f"{LIST}{deal_name}")
    open_drawer(page, deal_name)
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Time in each stage")
    expect(drawer).to_contain_text("created it with $100,000")
    axe(page)

    drawer.get_by_role("link", name="Edit").focus()
    page.keyboard.press("Enter")
    value = drawer.get_by_role("textbox", name="Value")
    value.focus()
    value.fill("lots")
    page.keyboard.press("Enter")
    expect(drawer.get_by_role("alert").filter(has_text="There is a problem")).to_be_focused()
    expect(drawer.locator("#value-error")).to_contain_text("Enter whole dollars")
    axe(page)
    value.fill("250k")
    page.keyboard.press("Enter")

    expect(drawer).to_contain_text("$250,000")
    expect(drawer).to_contain_text(re.compile("is saved in Slant|is saved here"))
    expect(page.locator("#status")).to_contain_text("saved")
    wait_until(lambda: held(slant, id)["value"] == 250_000, slant.sandbox.process)
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page.get_by_role("row").get_by_role("link", name=f"{deal_name} 0")).to_be_focused()
    expect(page.get_by_role("row", name=re.compile(deal_name))).to_contain_text("$250,000")


def test_a_change_made_in_slant_meanwhile_is_asked_about_before_it_is_replaced(
    come_in: ComeIn, slant: Slant, make_deals: MakeDeals, deal_name: str
) -> None:
    [id] = make_deals()
    page = come_in(path=f"/opportunities/{id}/")
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("textbox", name="Value").fill("$300,000")
    page.get_by_label("Name").fill(f"{deal_name} mine")
    slant.control(records=[{"op": "patch", "id": id, "set": {"value": 175_000}}])
    page.get_by_role("button", name="Save changes").click()

    expect(page.get_by_role("alert").filter(has_text="There is a problem")).to_be_focused()
    expect(page.get_by_role("row", name=re.compile("Value"))).to_contain_text("$175,000")
    expect(page.get_by_role("textbox", name="Value")).to_have_value("$300,000")
    assert held(slant, id)["value"] == 175_000
    page.get_by_label("Replace it with what I typed").check()
    page.get_by_role("button", name="Save changes").click()

    expect(page.locator("#deal")).to_contain_text(re.compile("is saved in Slant|is saved here"))
    wait_until(lambda: held(slant, id)["value"] == 300_000, slant.sandbox.process)
    assert held(slant, id)["name"] == f"{deal_name} mine"


def test_without_scripts_a_deal_is_opened_changed_and_shown_again(
    come_in: ComeIn, slant: Slant, make_deals: MakeDeals, deal_name: str
) -> None:
    [id] = make_deals()
    page = come_in(path=f"{LIST}{deal_name}", java_script_enabled=False)
    page.get_by_role("link", name=f"{deal_name} 0").click()
    expect(page).to_have_url(re.compile(f"/opportunities/{id}/$"))
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Probability").fill("85")
    page.get_by_role("button", name="Save changes").click()

    expect(page).to_have_url(SUBMISSION_URL)
    expect(page.locator("#outcome")).to_have_text("Saved in Slant", timeout=20_000)
    page.get_by_role("link", name="Open the deal").click()
    expect(page.locator("#deal")).to_contain_text("85%")
    assert held(slant, id)["probability"] == 85


def test_the_page_of_a_deal_has_no_barrier_in_light_or_dark(
    come_in: ComeIn, make_deals: MakeDeals, deal_name: str, axe: Axe, shots: Path | None
) -> None:
    [id] = make_deals()
    for theme in ("light", "dark"):
        page = come_in(color_scheme=theme, viewport={"width": 390, "height": 844})
        for path in (f"/opportunities/{id}/", f"/opportunities/{id}/edit/", f"{LIST}{deal_name}"):
            page.goto(path)
            # Names do not depend on the theme: the second time only colours are looked at.
            axe(page, *(() if theme == "light" else ("color-contrast",)))
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if shots:
            page.screenshot(path=shots / f"deal-{theme}.png", full_page=True)
        page.context.close()
