"""An open page stays true: its stamp ages and turns colour by the clock, and its states change."""

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import MARAS_BOOK, OKONKWO, NewForm, Slant
from tests.support.processes import Installation, wait_until

DEAL = {"book_id": MARAS_BOOK, "household_id": OKONKWO, "pipeline_id": "pl_newbiz", "value": "640,000"}
MINUTE_MS = 60_000
LOOK_AT_IT = "document.dispatchEvent(new Event('visibilitychange'))"


def _says_nothing(route: Route) -> None:
    route.fulfill(status=204)


def _level(page: Page) -> str:
    return str(page.evaluate("document.body.dataset.stale"))


def test_a_stamp_ages_and_turns_colour_by_the_clock_while_nothing_is_heard(come_in: ComeIn) -> None:
    page = come_in("manager")
    page.route("**/*", lambda route: _says_nothing(route) if _is_poll(route) else route.continue_())
    page.clock.install()
    for path in ("/reports/overview/", "/submissions/", "/settings/people/"):
        page.goto(path)
        stamp = page.locator(".stamp")
        expect(stamp).to_contain_text(re.compile(r"\d+ s ago"))

        page.clock.fast_forward(80_000)
        expect(stamp).to_contain_text("1 min ago")
        assert _level(page) == "fresh"

        page.clock.fast_forward(3 * MINUTE_MS)
        expect(stamp).to_have_class(re.compile("stamp-warn"))
        expect(stamp).to_contain_text("4 min ago")
        expect(stamp).to_contain_text("Nothing newer has reached this page.")

        page.clock.fast_forward(12 * MINUTE_MS)
        expect(stamp).to_have_class(re.compile("stamp-bad"))
        assert _level(page) == "red"


def _is_poll(route: Route) -> bool:
    return route.request.headers.get("x-poll") == "1"


def test_numbers_of_a_report_grow_old_while_newer_data_comes_in(
    come_in: ComeIn, slant: Slant, installation: Installation
) -> None:
    page = come_in("manager")
    page.clock.install()
    page.goto("/reports/overview/")
    read = page.evaluate("document.body.dataset.syncedAt")
    other = come_in("manager")
    wait_until(lambda: _synced_at(other) > read, *installation.processes.values())

    page.clock.fast_forward(5 * MINUTE_MS)

    stamp = page.locator(".stamp")
    expect(stamp).to_contain_text("5 min ago")
    expect(stamp).to_have_class(re.compile("stamp-warn"))
    link = stamp.get_by_role("link", name="Load the page again for newer data.")
    expect(link).to_be_visible()
    link.click()
    expect(stamp).to_contain_text(re.compile(r"\d s ago"))
    expect(stamp).not_to_have_class(re.compile("stamp-warn"))


def _synced_at(page: Page) -> str:
    page.goto("/settings/people/")
    return str(page.evaluate("document.body.dataset.syncedAt"))


def test_a_stamp_is_not_green_while_slant_is_down(
    come_in: ComeIn, slant: Slant, installation: Installation
) -> None:
    page = come_in("manager", path="/reports/overview/")
    assert _level(page) == "fresh"

    slant.control(up=False)

    wait_until(lambda: _level_when_looked_at(page) == "red", *installation.processes.values())
    expect(page.locator(".stamp")).to_have_class(re.compile("stamp-bad"))


def _level_when_looked_at(page: Page) -> str:
    page.evaluate(LOOK_AT_IT)
    page.wait_for_timeout(800)
    return _level(page)


def test_the_list_of_submissions_shows_the_arrival_and_the_menu_follows(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    slant.misbehaves("delay", delay_ms=3500)
    form = NewForm(come_in()).open(**DEAL, name=deal_name)
    form.create()
    page = form.page
    page.goto("/submissions/")
    row = page.get_by_role("row").filter(has_text=deal_name)
    badge = page.get_by_role("link", name=re.compile("^Submissions")).locator(".tally")
    expect(row).to_have_attribute("data-state", re.compile("queued|sending"))
    expect(badge).to_have_text(re.compile("1"))
    page.evaluate("window.isTheSamePage = true")
    row.get_by_role("link").focus()

    expect(row).to_have_attribute("data-state", "confirmed")
    expect(badge).to_have_count(0)
    expect(page.locator("#status")).to_contain_text(deal_name)
    expect(row.get_by_role("link")).to_be_focused()
    assert page.evaluate("window.isTheSamePage")


def test_without_scripts_the_list_of_submissions_says_when_it_was_read(come_in: ComeIn) -> None:
    page = come_in(java_script_enabled=False, path="/submissions/")

    expect(page.get_by_text(re.compile(r"These states are as of \d.*Load the page again"))).to_be_visible()
    expect(page.locator("[data-age-words]")).to_be_hidden()
