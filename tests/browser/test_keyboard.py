"""No mouse: every task by Tab, arrows, Enter and typing, with the focus always to be seen."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Locator, Page, expect

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

FAR = 60


def tab_to(target: Locator) -> None:
    """Press Tab until `target` has the focus."""
    keyboard = target.page.keyboard
    for _ in range(FAR):
        keyboard.press("Tab")
        if target.evaluate("(element) => element === document.activeElement"):
            expect(target).to_be_in_viewport()
            return
    raise AssertionError(f"{target} is not reached with Tab; the focus is at {focused(target.page)}")


def focused(page: Page) -> str:
    return str(page.evaluate("() => document.activeElement.outerHTML.slice(0, 200)"))


def pick(select: Locator, label: str) -> None:
    """Type the beginning of an option, as people do in a select."""
    tab_to(select)
    select.page.keyboard.type(label)
    expect(select.locator("option:checked")).to_have_text(re.compile(f"^{label}"))


def test_from_signing_in_to_created_without_a_mouse(
    new_context: Callable[..., BrowserContext], slant: Slant, deal_name: str
) -> None:
    page = new_context().new_page()
    page.goto("/opportunities/new/")
    tab_to(page.get_by_role("button", name="Theo Okafor"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New opportunity")).to_be_visible()

    form = NewForm(page)
    keyboard = page.keyboard
    pick(form.field("book_id"), "Mara's Book")
    expect(form.fact("Book")).to_have_text("Mara's Book")
    household = page.get_by_role("combobox", name="Household")
    tab_to(household)
    keyboard.type("okonk")
    option = page.get_by_role("option", name="The Okonkwo Family")
    expect(option).to_contain_text("Prospect")
    expect(option).to_contain_text("Mara's Book")
    expect(option).to_contain_text(re.compile(r"\bopen deals?\b"))
    keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(household).to_have_attribute("aria-activedescendant", option.get_attribute("id") or "")
    keyboard.press("Enter")
    expect(form.fact("Household")).to_have_text("The Okonkwo Family")
    tab_to(form.name)
    keyboard.press("ControlOrMeta+a")
    keyboard.type(deal_name)
    tab_to(form.field("value"))
    keyboard.type("640k")
    tab_to(form.field("probability"))
    keyboard.type("55")
    tab_to(form.field("target_close_date"))
    year, month, day = in_days(60).split("-")
    keyboard.type(f"{month}{day}{year}")
    pick(form.field("pipeline_id"), "Events and introductions")
    expect(form.fact("Pipeline")).to_have_text("Events and introductions")
    tab_to(page.get_by_role("radio", name="Identified"))
    keyboard.press("ArrowDown")
    expect(form.fact("Stage")).to_have_text("Qualified")
    expect(page.get_by_role("radio", name="Qualified")).to_be_focused()
    tab_to(form.button("Create opportunity").last)
    keyboard.press("Enter")

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
        pipeline_stage_id="st_ev_qual",
        assigned_to_id=THEO,
    )


def test_an_error_is_reached_corrected_and_sent_from_the_summary(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name, value="lots")
    keyboard = form.page.keyboard
    form.name.focus()
    keyboard.press("Enter")
    expect(form.problems).to_be_focused()
    tab_to(form.problems.get_by_role("link"))
    keyboard.press("Enter")
    expect(form.field("value")).to_be_focused()
    keyboard.press("ControlOrMeta+a")
    keyboard.type("12k")
    keyboard.press("Enter")

    slant.holds_one(deal_name, id=SubmissionPage(form.page).created(), value=12_000)


def test_what_is_wrong_with_the_form_as_a_whole_is_reached_right_before_its_button(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name)
    keyboard = form.page.keyboard
    form.forge("form_token", "somebody else's")
    form.name.focus()
    keyboard.press("Enter")
    expect(form.problems).to_be_focused()
    tab_to(form.problems.get_by_role("link"))
    keyboard.press("Enter")
    expect(form.page.locator("#field-form_token")).to_be_focused()
    keyboard.press("Tab")
    expect(form.button("Create opportunity").last).to_be_focused()
    keyboard.press("Enter")

    slant.holds_one(deal_name, id=SubmissionPage(form.page).created())


def test_the_duplicate_question_is_answered_with_the_keys(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = NewForm(come_in())
    again = {"book_id": MARAS_BOOK, "household_id": OKONKWO, "name": deal_name, "value": "640k"}
    form.open(**again).create()
    SubmissionPage(form.page).created()
    first = form.page.url
    form.open(**again).name.focus()
    form.page.keyboard.press("Enter")
    expect(form.problems).to_be_focused()
    tab_to(form.problems.get_by_role("link"))
    form.page.keyboard.press("Enter")
    expect(form.page.get_by_role("radio", name="Yes, it is the same")).to_be_focused()
    form.page.keyboard.press("Space")
    form.page.keyboard.press("Enter")

    expect(form.page).to_have_url(first)
    slant.holds_one(deal_name)


def test_escape_closes_the_list_of_households_and_enter_then_sends_nothing_by_accident(
    new_form: NewForm, slant: Slant
) -> None:
    new_form.choose_book("Mara's Book")
    household = new_form.page.get_by_role("combobox", name="Household")
    household.focus()
    new_form.page.keyboard.type("a")
    expect(household).to_have_attribute("aria-expanded", "true")
    new_form.page.keyboard.press("Enter")
    expect(new_form.page).to_have_url(re.compile("/opportunities/new/$"))
    new_form.page.keyboard.press("Escape")
    expect(household).to_have_attribute("aria-expanded", "false")
    expect(household).to_be_focused()
    expect(new_form.page.get_by_role("listbox", name="Households")).to_be_hidden()
    assert slant.nothing_sent()


def test_the_way_past_the_navigation_is_the_first_stop(new_form: NewForm) -> None:
    page = new_form.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_single_keys_open_the_form_and_the_help_but_not_while_typing(come_in: ComeIn) -> None:
    page = come_in(path="/submissions/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help and shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Help and shortcuts")).to_be_hidden()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/opportunities/new/$"))
    NewForm(page).name.focus()
    page.keyboard.type("n?")
    expect(NewForm(page).name).to_have_value("n?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_waiting_deal_is_withdrawn_with_the_keys(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name)
    slant.control(up=False)
    form.name.press("Enter")
    submission = SubmissionPage(form.page).says("Waiting for Slant", state="queued")
    tab_to(form.page.get_by_role("button", name="Withdraw"))
    form.page.keyboard.press("Enter")

    submission.says("Withdrawn", state="withdrawn")


def test_signing_out_goes_through_the_menu_under_ones_name(signed_in_page: SignIn) -> None:
    page = signed_in_page("colleague", next="/submissions/")
    tab_to(page.locator("button[popovertarget=person]"))
    page.keyboard.press("Enter")
    out = page.locator("#person").get_by_role("button", name="Sign out")
    tab_to(out)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/signed-out/$"))
    page.goto("/submissions/")
    expect(page).to_have_url(re.compile("/demo/sign-in/"))
