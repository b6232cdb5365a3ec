"""Slant refuses, loses its answer, is down or busy: the page says so, and one record arrives in the end."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import (
    MARAS_BOOK,
    OKONKWO,
    THEO,
    NewForm,
    Slant,
    SubmissionPage,
    in_days,
)

HOUSEHOLD_LIST = f"/v1/households/{OKONKWO}/opportunities"


def filled(page: Page, name: str, **more: str) -> NewForm:
    return NewForm(page).open(
        **{"book_id": MARAS_BOOK, "household_id": OKONKWO, "name": name, "value": "640k"} | more
    )


def refused_within_the_wait(form: NewForm) -> None:
    """Press Create. On a busy machine the refusal may come late; then the form is sent again."""
    for _ in range(3):
        form.create()
        expect(form.problems.or_(SubmissionPage(form.page).main)).to_be_visible()
        if form.problems.is_visible():
            return
        SubmissionPage(form.page).says("Slant refused it", state="rejected")
        form.page.get_by_role("link", name="Correct and send again").click()
    raise AssertionError("No refusal came within the wait of the form")


def test_a_refusal_within_the_wait_stands_at_the_form(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("status_before", status=422, times=None)
    refused_within_the_wait(form)

    expect(form.problems).to_be_focused()
    expect(form.problems).to_contain_text("Slant did not accept this deal")
    expect(form.page).to_have_title(re.compile("^Error: "))
    expect(form.name).to_have_value(deal_name)
    expect(form.field("value")).to_have_value(re.compile("^640(k|,000)$"))
    slant.holds_none(deal_name)

    slant.control(reset="faults")
    form.create()
    SubmissionPage(form.page).created()
    *refused, taken = slant.posts(deal_name)
    assert taken["idempotency_key"] not in {post["idempotency_key"] for post in refused}
    assert len(slant.created(deal_name)) == 1


def test_what_slant_refuses_about_a_field_stands_at_that_field(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name, target_close_date=in_days(2))
    slant.control(clock={"offset_s": 5 * 24 * 3600})
    refused_within_the_wait(form)

    form.refuses("target_close_date", "Slant did not accept this")
    slant.holds_none(deal_name)
    slant.control(clock={"offset_s": 0})
    form.create()
    record_id = SubmissionPage(form.page).created()
    assert [entry["id"] for entry in slant.created(deal_name)] == [record_id]


def test_a_later_refusal_is_corrected_and_sent_again(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("status_before", status=422, delay_ms=1500)
    form.create()
    submission = SubmissionPage(form.page)
    submission.says("Sending to Slant", state="sending")
    submission.says("Slant refused it", state="rejected")
    slant.holds_none(deal_name)

    form.page.get_by_role("link", name="Correct and send again").click()
    expect(form.name).to_have_value(deal_name)
    expect(form.field("value")).to_have_value("640,000")
    form.field("value").fill("600k")
    form.create()
    record_id = submission.created()
    expect(form.page.get_by_role("link", name="An earlier submission")).to_be_visible()
    (entry,) = slant.created(deal_name)
    assert (entry["id"], entry["record"]["value"]) == (record_id, 600_000)


def test_a_lost_answer_is_doubted_then_found_and_never_sent_twice(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("drop_after")
    # Looking for it takes long enough for a reader to see the doubt.
    slant.misbehaves("delay", HOUSEHOLD_LIST, "GET", delay_ms=2500)
    form.create()
    submission = SubmissionPage(form.page).says("We are not sure it arrived", state="unknown")
    expect(submission.sentence).to_contain_text("Please do not enter it again")

    slant.holds_one(deal_name, id=submission.created(), value=640_000, assigned_to_id=THEO)
    assert len(slant.posts(deal_name)) == 1
    expect(form.page.get_by_role("listitem").filter(has_text="In Slant")).to_contain_text("done")


def test_a_send_that_never_arrived_is_sent_again_after_looking_and_arrives_once(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("drop_before")
    form.create()

    slant.holds_one(deal_name, id=SubmissionPage(form.page).created(timeout=40_000))
    assert len(slant.posts(deal_name)) == 2


def test_a_deal_entered_while_slant_is_down_waits_and_goes_out_by_itself(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    slant.control(up=False)
    form.create()
    submission = SubmissionPage(form.page).says("Waiting for Slant", state="queued")
    expect(submission.sentence).to_contain_text("We send this by ourselves")
    expect(submission.sentence).to_contain_text("you can leave the page")
    expect(form.page.get_by_role("heading", name="What will be sent")).to_be_visible()
    assert slant.posts(deal_name) == []

    slant.control(up=True)
    slant.holds_one(deal_name, id=submission.created(timeout=60_000), value=640_000, assigned_to_id=THEO)
    assert len(slant.posts(deal_name)) == 1


def test_a_deal_waiting_for_slant_can_be_withdrawn_and_never_arrives(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    slant.control(up=False)
    form.create()
    submission = SubmissionPage(form.page).says("Waiting for Slant", state="queued")
    form.page.get_by_role("button", name="Withdraw").click()

    submission.says("Withdrawn", state="withdrawn")
    expect(form.page.get_by_role("heading", name="What was not sent")).to_be_visible()
    slant.control(up=True)
    assert slant.posts(deal_name) == []


def test_asked_to_slow_down_it_names_no_time_and_sends_when_it_may(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("rate_limit", retry_after=2)
    form.create()
    submission = SubmissionPage(form.page).says("Waiting its turn", state="queued")
    expect(submission.sentence).to_contain_text("Slant asked us to slow down")
    expect(form.page.get_by_role("listitem").filter(has_text="Waiting to be sent")).to_be_visible()

    slant.holds_one(deal_name, id=submission.created(timeout=40_000), value=640_000)


def test_a_slow_slant_is_waited_for_on_the_page_not_in_the_form(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("delay", delay_ms=2500)
    form.create()

    submission = SubmissionPage(form.page).says("Sending to Slant", state="sending")
    expect(form.page.locator("#status")).to_contain_text("Sending to Slant")
    slant.holds_one(deal_name, id=submission.created())
    expect(form.page.locator("#status")).to_contain_text("Created in Slant")
    expect(form.page).to_have_title(re.compile("^Created in Slant"))


def test_news_on_the_page_leave_the_focus_where_it_was(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("delay", delay_ms=2500)
    form.create()
    submission = SubmissionPage(form.page).says("Sending to Slant", state="sending")
    link = form.page.get_by_role("link", name="All submissions")
    link.focus()
    submission.created()

    expect(link).to_be_focused()


def test_where_the_focused_button_goes_away_the_focus_goes_to_the_page(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = filled(come_in(), deal_name)
    slant.misbehaves("rate_limit", retry_after=3)
    form.create()
    submission = SubmissionPage(form.page).says("Waiting its turn", state="queued")
    form.page.get_by_role("button", name="Withdraw").focus()
    submission.created(timeout=40_000)

    expect(submission.main).to_be_focused()
