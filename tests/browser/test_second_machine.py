"""Slantweb here, Slant on another machine: SLANT_BASE_URL names a sandbox this installation did not start."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.pages import MARAS_BOOK, OKONKWO, SUBMISSION_URL, THEO, NewForm, Slant, SubmissionPage
from tests.support.browser import Watch
from tests.support.processes import Installation, Sandbox


def test_a_deal_entered_here_arrives_once_in_the_slant_over_there(
    browser: Browser, new_installation: Callable[..., Installation], tmp_path: Path, deal_name: str
) -> None:
    there = Sandbox(tmp_path / "elsewhere.log")
    try:
        installation = new_installation(slant_url=there.slant_url)
        watch, slant = Watch(installation.url), Slant(there)
        with browser.new_context(base_url=installation.url) as context:
            watch.over(context)
            page = context.new_page()
            page.goto("/demo/sign-in/?next=/opportunities/new/")
            page.get_by_role("button", name="Theo Okafor").click()
            form = NewForm(page).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name, value="640k")
            form.create()
            expect(page).to_have_url(SUBMISSION_URL)
            record_id = SubmissionPage(page).created()

        slant.holds_one(deal_name, id=record_id, value=640_000, household_id=OKONKWO, assigned_to_id=THEO)
        assert watch.unforgiven() == []
        installation.stop()
    finally:
        there.process.stop()
