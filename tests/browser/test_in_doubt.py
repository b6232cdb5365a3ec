"""What people see while an outcome is unknown, and what managers do about it."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import MARA, MARAS_BOOK, OKONKWO, NewForm, Slant, SubmissionPage
from tests.support.processes import Installation

DEAL = {"book_id": MARAS_BOOK, "household_id": OKONKWO, "pipeline_id": "pl_newbiz", "value": "640,000"}
LIST = f"/v1/households/{OKONKWO}/opportunities"


def in_review(come_in: ComeIn, slant: Slant, name: str) -> str:
    """The address of a lost send of Theo's, like which somebody made a deal on Slant's own page."""
    form = NewForm(come_in()).open(**DEAL, name=name)
    slant.misbehaves("drop_before")
    slant.misbehaves("delay", LIST, "GET", delay_ms=1000)
    form.create()
    SubmissionPage(form.page).says("We are not sure it arrived", state="unknown")
    near: dict[str, Any] = {"book_id": MARAS_BOOK, "household_id": OKONKWO, "name": name, "value": 1}
    there = {"pipeline_id": "pl_newbiz", "pipeline_stage_id": "st_ident", "assigned_to_id": MARA}
    slant.control(records=[{"op": "create", "set": near | there}])
    SubmissionPage(form.page).says("A manager decides", state="review", timeout=60_000)
    return form.page.url


def tab_until(page: Page, selector: str) -> None:
    for _ in range(120):
        if page.locator(selector).first.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


def test_a_manager_links_what_was_found_without_a_mouse(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    address = in_review(come_in, slant, deal_name)
    manager = come_in("manager", path="/submissions/review/")
    line = manager.get_by_role("row").filter(has_text=deal_name).get_by_role("link")
    line.focus()
    manager.keyboard.press("Enter")
    expect(manager).to_have_url(re.compile(re.escape(address.split("/submissions/")[1])))
    link = manager.get_by_role("button", name=re.compile("^Link to "))
    expect(link.first).to_be_visible()
    tab_until(manager, "#id_reason")
    manager.keyboard.type("Theo called: it is this one.")
    tab_until(manager, "button[value=link]")
    manager.keyboard.press("Enter")

    SubmissionPage(manager).says("Created in Slant", state="confirmed")
    assert len(slant.posts(deal_name)) == 1


def test_what_a_manager_closes_needs_a_reason_and_is_never_sent_again(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    address = in_review(come_in, slant, deal_name)
    manager = come_in("manager")
    manager.goto(address)
    close = manager.get_by_role("button", name=re.compile("^Close"))
    close.click()
    expect(manager.get_by_role("alert").filter(has_text="There is a problem")).to_be_focused()
    manager.get_by_label(re.compile("Reason")).last.fill("Entered in Slant by hand.")
    close.click()

    SubmissionPage(manager).says("Closed without a record", state="withdrawn")
    expect(manager.get_by_text("Entered in Slant by hand.").first).to_be_visible()
    assert len(slant.posts(deal_name)) == 1


def test_the_stop_button_keeps_everything_and_lets_it_go_again(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    manager = come_in("manager", path="/settings/sending/")
    manager.get_by_label("Reason, kept in the trail").fill("Slant asked us to wait.")
    manager.get_by_role("button", name="Stop all sending").click()
    expect(manager.get_by_text("Nothing is sent to Slant.")).to_be_visible()
    try:
        form = NewForm(come_in()).open(**DEAL, name=deal_name)
        form.create()
        waiting = SubmissionPage(form.page)
        expect(waiting.main).to_have_attribute("data-state", "queued")
        slant.holds_none(deal_name)
    finally:
        manager.get_by_label("Reason, kept in the trail").fill("Slant is well again.")
        manager.get_by_role("button", name="Resume sending").click()
        expect(manager.get_by_text("Sending is on.")).to_be_visible()

    waiting.created()
    slant.holds_one(deal_name, value=640_000)


def test_a_worker_killed_while_the_page_is_open_costs_a_delay_and_nothing_else(
    come_in: ComeIn, slant: Slant, deal_name: str, installation: Installation
) -> None:
    """Killed with the request at Slant and no answer yet: whoever takes over looks before it sends."""
    form = NewForm(come_in()).open(**DEAL, name=deal_name)
    slant.misbehaves("delay", delay_ms=4000)
    form.create()
    page = SubmissionPage(form.page)
    page.says("Sending to Slant", state="sending")
    installation.kill("worker")
    installation.start_worker()

    page.created(timeout=90_000)
    slant.holds_one(deal_name, value=640_000)
