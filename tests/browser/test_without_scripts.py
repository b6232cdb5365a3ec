"""JavaScript off: the whole job, from signing in to seeing the record Slant made."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import (
    MARAS_BOOK,
    OKONKWO,
    SUBMISSION_URL,
    THEO,
    NewForm,
    Slant,
    SubmissionPage,
    in_days,
)
from tests.support.browser import SignIn


@pytest.fixture
def plain(come_in: ComeIn) -> Page:
    return come_in(java_script_enabled=False)


def test_a_deal_is_entered_household_search_and_all_and_arrives_once(
    signed_in_page: SignIn, slant: Slant, deal_name: str
) -> None:
    page = signed_in_page("sales", next="/opportunities/new/", java_script_enabled=False)
    form = NewForm(page)
    form.field("book_id").select_option(label="Mara's Book")
    page.get_by_role("button", name="Show what this book offers").click()
    form.field("q").fill("okonk")
    page.get_by_role("button", name="Find household").click()
    form.field("household_id").select_option(label="The Okonkwo Family (prospect)")
    form.name.fill(deal_name)
    form.field("value").fill("$640,000")
    form.field("probability").fill("55%")
    form.field("target_close_date").fill(in_days(60))
    form.field("pipeline_id").select_option(label="Events and introductions")
    page.get_by_role("button", name="Show the stages of this pipeline").click()
    expect(form.name).to_have_value(deal_name)
    page.get_by_role("radio", name="Reviewing").check()
    form.create()

    expect(page).to_have_url(SUBMISSION_URL)
    slant.holds_one(
        deal_name,
        id=SubmissionPage(page).created(),
        book_id=MARAS_BOOK,
        household_id=OKONKWO,
        value=640_000,
        probability=55,
        target_close_date=in_days(60),
        pipeline_id="pl_events",
        pipeline_stage_id="st_ev_rev",
        assigned_to_id=THEO,
    )


def test_bad_input_is_told_on_top_and_at_its_field(plain: Page, slant: Slant, deal_name: str) -> None:
    form = NewForm(plain).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name, value="lots")
    form.create()

    expect(plain).to_have_title(re.compile("^Error: "))
    expect(plain.locator("#value-error")).to_contain_text("Enter whole dollars")
    form.problems.get_by_role("link", name="Enter whole dollars").click()
    expect(plain).to_have_url(re.compile("#id_value$"))
    expect(form.name).to_have_value(deal_name)
    expect(form.field("value")).to_have_value("lots")
    assert slant.nothing_sent()


def test_enter_in_a_text_box_creates_and_does_not_search(plain: Page, slant: Slant, deal_name: str) -> None:
    form = NewForm(plain).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name, value="7000")
    form.name.press("Enter")

    slant.holds_one(deal_name, id=SubmissionPage(plain).created(), value=7_000)


def test_the_page_of_a_submission_refreshes_itself(plain: Page, slant: Slant, deal_name: str) -> None:
    form = NewForm(plain).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name, value="7000")
    slant.misbehaves("delay", delay_ms=2000)
    form.create()
    submission = SubmissionPage(plain).says("Sending to Slant", state="sending")

    slant.holds_one(deal_name, id=submission.created())
    expect(plain.locator("meta[http-equiv=refresh]")).to_have_count(0)


def test_the_same_deal_again_is_asked_about(plain: Page, slant: Slant, deal_name: str) -> None:
    form = NewForm(plain)
    again = {"book_id": MARAS_BOOK, "household_id": OKONKWO, "name": deal_name, "value": "7000"}
    form.open(**again).create()
    SubmissionPage(plain).created()
    first = plain.url
    form.open(**again).create()
    plain.get_by_role("radio", name="Yes, it is the same").check()
    form.create()

    expect(plain).to_have_url(first)
    slant.holds_one(deal_name)


def test_one_after_the_other_with_create_and_add_another(plain: Page, slant: Slant, deal_name: str) -> None:
    form = NewForm(plain).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name, value="7000")
    form.create_and_add_another()
    expect(form.field("book_id")).to_have_value(MARAS_BOOK)
    form.field("household_id").select_option(OKONKWO)
    form.name.fill(f"{deal_name}, second")
    form.create()

    SubmissionPage(plain).created()
    slant.comes_to_hold_one(deal_name)
    slant.holds_one(f"{deal_name}, second", value=None)
