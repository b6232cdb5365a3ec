"""However often somebody presses, reloads, goes back or sends the same form: one record."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import MARAS_BOOK, OKONKWO, SUBMISSION_URL, NewForm, Slant, SubmissionPage


def filled(page: Page, name: str) -> NewForm:
    return NewForm(page).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=name, value="640k")


def test_a_double_click_creates_one_record(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = filled(come_in(), deal_name)
    form.button("Create opportunity").dblclick()

    slant.holds_one(deal_name, id=SubmissionPage(form.page).created())


def test_a_double_click_without_scripts_creates_one_record(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(java_script_enabled=False), deal_name)
    form.button("Create opportunity").dblclick()
    expect(form.page).to_have_url(SUBMISSION_URL)

    slant.holds_one(deal_name, id=SubmissionPage(form.page).created())


def test_two_tabs_with_one_form_create_one_record(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    first = filled(come_in(), deal_name)
    second = filled(first.page.context.new_page(), deal_name)
    token = first.page.locator("[name=form_token]").input_value()
    second.page.locator("[name=form_token]").evaluate("(input, token) => { input.value = token }", token)
    first.create()
    SubmissionPage(first.page).created()
    second.create()

    SubmissionPage(second.page).created()
    assert second.page.url == first.page.url
    slant.holds_one(deal_name)
    assert len(slant.posts(deal_name)) == 1


def test_a_form_sent_before_with_other_content_is_asked_about_and_not_sent(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    first = filled(come_in(), deal_name)
    token = first.page.locator("[name=form_token]").input_value()
    second = filled(first.page.context.new_page(), f"{deal_name} changed")
    second.page.locator("[name=form_token]").evaluate("(input, token) => { input.value = token }", token)
    first.create()
    SubmissionPage(first.page).created()
    second.create()

    expect(second.problems).to_contain_text("This form was already sent with different content")
    expect(second.name).to_have_value(f"{deal_name} changed")
    slant.holds_none(f"{deal_name} changed")
    second.create()
    SubmissionPage(second.page).created()
    slant.holds_one(f"{deal_name} changed")


def test_reloading_the_page_of_a_submission_sends_nothing(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    form.create()
    SubmissionPage(form.page).created()
    form.page.reload()

    SubmissionPage(form.page).created()
    slant.holds_one(deal_name)
    assert len(slant.posts(deal_name)) == 1


def test_going_back_and_pressing_create_again_creates_nothing_more(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    form.create()
    SubmissionPage(form.page).created()
    form.page.go_back()
    expect(form.button("Create opportunity")).to_be_enabled()
    expect(form.button("Create opportunity")).not_to_have_attribute("aria-disabled", "true")
    form.create()

    # The form opened afresh, with the same words in it: it has to ask.
    expect(form.problems).to_contain_text("Say whether this is the deal")
    slant.holds_one(deal_name)


def test_the_same_deal_again_is_asked_about_and_yes_opens_the_first(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    first = filled(come_in(), deal_name)
    first.create()
    SubmissionPage(first.page).created()
    again = filled(first.page.context.new_page(), deal_name)
    again.create()

    again.refuses("confirm_duplicate", "Say whether this is the deal Theo Okafor entered")
    question = again.page.get_by_role("group", name="Is this the same deal?")
    question.get_by_role("radio", name="Yes, it is the same").check()
    again.create()
    expect(again.page).to_have_url(first.page.url)
    slant.holds_one(deal_name)


def test_the_same_deal_again_is_asked_about_and_no_creates_a_second(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    first = filled(come_in(), deal_name)
    first.create()
    SubmissionPage(first.page).created()
    again = filled(first.page.context.new_page(), deal_name)
    again.create()
    again.page.get_by_role("radio", name="No, it is a different deal").check()
    again.create()

    SubmissionPage(again.page).created()
    keys = [entry["idempotency_key"] for entry in slant.created(deal_name)]
    assert len(keys) == len(set(keys)) == 2
