"""Each kind of bad input: a sentence at the field says what to do, and nothing is lost or sent."""

from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import CEDAR, MARAS_BOOK, OKONKWO, NewForm, Slant, in_days

GOOD = {"book_id": MARAS_BOOK, "household_id": OKONKWO, "pipeline_id": "pl_newbiz", "value": "640k"}
TYPED = ("name", "value", "probability", "target_close_date")


@dataclass(frozen=True)
class Bad:
    field: str
    value: str
    words: str


TYPED_WRONG = [
    Bad("name", "", "Give the deal a name your colleagues will recognise."),
    Bad("name", "N" * 256, "Shorten the name to 255 characters. It has 256 now."),
    Bad("value", "lots", "Enter whole dollars, like 640,000, 640k or 1.2m."),
    Bad("value", "1.5", "Enter whole dollars, without cents."),
    Bad("value", "-1", "Enter 0 or more"),
    Bad("value", "2000000001", "Enter at most $2,000,000,000."),
    Bad("probability", "101", "Enter a whole number from 0 to 100."),
    Bad("probability", "7.5", "Enter a whole number from 0 to 100."),
    Bad("target_close_date", in_days(0), "Choose a date after today"),
    Bad("target_close_date", in_days(-30), "Choose a date after today"),
]
# What no control offers: put there by hand, or left behind by a change in Slant.
FORGED = [
    Bad("book_id", "bk_nowhere", "Choose one of your books."),
    Bad("book_id", "bk_dune05", "Choose one of your books."),
    Bad("book_id", CEDAR, "Cedar Partners"),
    Bad("pipeline_id", "pl_nowhere", "Choose one of the pipelines listed."),
    Bad(
        "pipeline_id",
        "pl_alder",
        "Theo's referrals belongs to another book. Choose a pipeline of Mara's Book.",
    ),
    Bad("household_id", "hh_nowhere", "Choose a household from the list."),
    Bad("assigned_to_id", "u_nobody", "Choose one of the people listed."),
    Bad("assigned_to_id", "u_l0tt3v", "Lotte Varnishaw only reads this book."),
]


def named(bad: Bad) -> str:
    return f"{bad.field}={bad.value[:12]}"


@pytest.mark.parametrize("bad", TYPED_WRONG, ids=named)
def test_what_was_typed_wrong_is_told_at_its_field_and_stays_typed(
    come_in: ComeIn, slant: Slant, deal_name: str, bad: Bad
) -> None:
    form = NewForm(come_in()).open(**GOOD, name=deal_name)
    form.field(bad.field).fill(bad.value)
    typed = {field: form.field(field).input_value() for field in TYPED}
    form.create()

    form.refuses(bad.field, bad.words)
    expect(form.field(bad.field)).to_have_attribute("aria-invalid", "true")
    assert {field: form.field(field).input_value() for field in TYPED} == typed
    expect(
        form.page.get_by_role("button", name="Choose another household instead of The Okonkwo Family")
    ).to_be_visible()
    assert slant.nothing_sent()


@pytest.mark.parametrize("bad", FORGED, ids=named)
def test_what_no_control_offers_is_refused_at_its_field(
    come_in: ComeIn, slant: Slant, deal_name: str, bad: Bad
) -> None:
    form = NewForm(come_in()).open(**GOOD, name=deal_name)
    form.forge(bad.field, bad.value)
    form.create()

    form.refuses(bad.field, bad.words)
    expect(form.name).to_have_value(deal_name)
    assert slant.nothing_sent()


def test_without_a_book_the_form_asks_for_one(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, name=deal_name)
    form.field("book_id").select_option(label="Choose a book")
    expect(form.fact("Book")).to_have_text("Not set")
    form.create()

    form.refuses("book_id", "Choose the book this deal belongs to.")
    assert slant.nothing_sent()


def test_without_pipeline_household_or_kind_slant_could_not_choose(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, name=deal_name)
    form.choose_pipeline("Let Slant choose", "Not set")
    form.create()

    form.refuses("pipeline_id", "Choose a pipeline, or choose a household or a kind of pipeline")
    assert slant.nothing_sent()


def test_a_household_typed_but_not_picked_is_asked_for(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, name=deal_name)
    form.page.get_by_role("combobox", name="Household").fill("okonk")
    form.name.focus()
    form.create()

    form.refuses("household_id", "Choose a household from the list, or clear what you typed there.")
    expect(form.page.get_by_role("combobox", name="Household")).to_have_value("okonk")
    assert slant.nothing_sent()


def test_a_prospect_does_not_fit_a_pipeline_of_clients(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(**GOOD, name=deal_name)
    form.choose_pipeline("Client growth")
    form.create()

    form.refuses("household_id", "Client growth takes only clients, and The Okonkwo Family is a prospect.")
    assert slant.nothing_sent()


def test_a_stage_of_another_pipeline_is_refused(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(**GOOD, name=deal_name)
    form.page.get_by_role("radio", name="Identified").evaluate("(radio) => { radio.value = 'st_gr_prog' }")
    form.create()

    form.refuses("pipeline_stage_id", "The stage In-progress does not belong to New households.")
    assert slant.nothing_sent()


def test_a_household_of_another_book_is_refused(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(book_id="bk_alder2", name=deal_name, pipeline_id="pl_newbiz")
    form.forge("household_id", OKONKWO)
    form.create()

    form.refuses(
        "household_id", "The Okonkwo Family is a household of another book. Choose one of Theo's Book."
    )
    assert slant.nothing_sent()


def test_somebody_who_is_no_member_has_to_say_who_owns_the_deal(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = NewForm(come_in("manager")).open(**GOOD, name=deal_name)
    form.create()

    form.refuses("assigned_to_id", "Choose who owns this deal: someone who works in the book.")
    assert slant.nothing_sent()


@pytest.mark.parametrize("token", ["forged", "another person's"])
def test_a_form_that_is_not_ones_own_is_refused(
    come_in: ComeIn, slant: Slant, deal_name: str, token: str
) -> None:
    theirs = NewForm(come_in("manager")).open().page.locator("[name=form_token]").input_value()
    form = NewForm(come_in()).open(**GOOD, name=deal_name)
    form.forge("form_token", "nonsense" if token == "forged" else theirs)
    form.create()

    expect(form.problems).to_be_focused()
    expect(form.problems).to_contain_text("This form was opened by someone else or is too old.")
    expect(form.name).to_have_value(deal_name)
    assert slant.nothing_sent()


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_page(come_in: ComeIn, slant: Slant) -> None:
    form = NewForm(come_in()).open(**GOOD)
    form.name.fill("")
    form.field("value").fill("lots")
    form.field("probability").fill("101")
    form.field("target_close_date").fill(in_days(-1))
    form.create()

    links = form.problems.get_by_role("link")
    expect(links).to_have_count(4)
    assert [link.get_attribute("href") for link in links.all()] == [f"#id_{field}" for field in TYPED]
    expect(form.summary).to_contain_text("4 fields to correct")
    assert slant.nothing_sent()


def test_what_was_refused_is_created_once_it_is_corrected(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = NewForm(come_in()).open(**GOOD, name=deal_name)
    form.field("probability").fill("101")
    form.create()
    form.refuses("probability", "Enter a whole number from 0 to 100.")
    form.field("probability").fill("100")
    form.create()

    expect(form.page).to_have_title(f"Created in Slant: {deal_name} - Slantweb")
    slant.holds_one(deal_name, probability=100, value=640_000)
