"""What is somebody else's is not there for anybody who should not see it."""

from playwright.sync_api import expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import MARAS_BOOK, OKONKWO, NewForm, SubmissionPage


def test_colleague_and_viewer_find_nothing_where_somebody_elses_submission_is(
    come_in: ComeIn, deal_name: str
) -> None:
    mine = NewForm(come_in()).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name).page
    NewForm(mine).create()
    SubmissionPage(mine).created()

    for persona in ("colleague", "viewer"):
        page = come_in(persona)
        answer = page.goto(mine.url)
        assert answer
        assert answer.status == 404
        expect(page.get_by_text("or it is in a book you do not work in.")).to_be_visible()
        assert deal_name not in page.content()
        page.goto("/submissions/")
        expect(page.get_by_text(deal_name)).to_have_count(0)
        answer = page.goto(f"/opportunities/new/?from={mine.url.rstrip('/').split('/')[-1]}")
        assert answer
        assert answer.status == 404


def test_a_manager_sees_it_but_does_not_act_in_anothers_name(come_in: ComeIn, deal_name: str) -> None:
    mine = NewForm(come_in()).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name).page
    NewForm(mine).create()
    SubmissionPage(mine).created()
    page = come_in("manager", path=mine.url)

    expect(page.get_by_role("heading", name=deal_name)).to_be_visible()
    expect(page.locator(".head-sub")).to_contain_text("by Theo Okafor")
    expect(page.get_by_role("link", name="Add another")).to_have_count(0)


def test_who_only_reads_is_told_whom_to_ask(come_in: ComeIn) -> None:
    page = come_in("viewer", path="/opportunities/new/")

    expect(page.get_by_role("heading", name="You have no book to enter deals in")).to_be_visible()
    expect(page.get_by_text("ask Mara Lindqvist")).to_be_visible()
    expect(page.locator("#create-form")).to_have_count(0)


def test_households_of_other_books_are_not_offered(come_in: ComeIn) -> None:
    page = come_in("colleague", path="/households/?q=okonk")
    expect(page.get_by_text("No household in your books")).to_be_visible()
    expect(page.get_by_text("The Okonkwo Family")).to_have_count(0)


def test_compliance_reads_and_enters_nothing(come_in: ComeIn) -> None:
    page = come_in("compliance")
    answer = page.goto("/opportunities/new/")
    assert answer
    assert answer.status == 403
    expect(page.get_by_role("link", name="New opportunity")).to_have_count(0)
