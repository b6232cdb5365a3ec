"""Entering an opportunity with a mouse, and finding exactly one in Slant, owned by who entered it."""

from playwright.sync_api import expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import (
    MARAS_BOOK,
    OKONKWO,
    SUBMISSION_URL,
    THEO,
    THEOS_BOOK,
    NewForm,
    Slant,
    SubmissionPage,
    in_days,
)


def test_a_deal_filled_in_by_mouse_arrives_once_as_typed_and_owned_by_who_entered_it(
    new_form: NewForm, slant: Slant, deal_name: str
) -> None:
    page = new_form.page
    new_form.choose_book("Mara's Book")
    new_form.find_household("okon", "The Okonkwo Family")
    new_form.name.fill(deal_name)
    new_form.field("value").fill("$640,000")
    new_form.field("probability").fill("55")
    new_form.field("target_close_date").fill(in_days(60))
    page.get_by_role("radio", name="Meeting scheduled").click()
    expect(new_form.fact("Stage")).to_have_text("Meeting scheduled")
    new_form.create()

    record = slant.holds_one(
        deal_name,
        id=SubmissionPage(page).created(),
        book_id=MARAS_BOOK,
        household_id=OKONKWO,
        value=640_000,
        probability=55,
        target_close_date=in_days(60),
        pipeline_id="pl_newbiz",
        pipeline_stage_id="st_meet",
        assigned_to_id=THEO,
    )
    expect(page.get_by_text(record["id"])).to_be_visible()
    expect(page.locator("#status")).to_contain_text("Created in Slant")


def test_all_fields_sent_without_any_redraw_are_taken_as_they_are(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    form = NewForm(come_in()).open(
        book_id=THEOS_BOOK,
        name=deal_name,
        value="1.2m",
        pipeline_id="pl_alder",
        pipeline_stage_id="st_al_shown",
        assigned_to_id="u_2kf7pa",
    )
    form.create()

    record_id = SubmissionPage(form.page).created()
    slant.holds_one(
        deal_name,
        id=record_id,
        book_id=THEOS_BOOK,
        household_id=None,
        value=1_200_000,
        pipeline_id="pl_alder",
        pipeline_stage_id="st_al_shown",
        assigned_to_id="u_2kf7pa",
    )


def test_the_summary_follows_what_is_typed(new_form: NewForm) -> None:
    new_form.choose_book("Theo's Book")
    new_form.choose_pipeline("Theo's referrals")
    new_form.name.fill("Alder rollover")
    expect(new_form.fact("Name")).to_have_text("Alder rollover")
    new_form.field("value").fill("640k")
    expect(new_form.summary).to_contain_text("$64,000 weighted at 10%")
    new_form.page.get_by_role("radio", name="Plan presented").click()
    expect(new_form.summary).to_contain_text("$320,000 weighted at 50%")
    new_form.field("probability").fill("25")
    expect(new_form.summary).to_contain_text("$160,000 weighted at 25%")
    new_form.field("value").fill("lots")
    expect(new_form.summary).to_contain_text("Value needs correcting")


def test_an_untouched_probability_follows_the_stage_and_a_typed_one_stays(new_form: NewForm) -> None:
    hint = new_form.page.locator("#probability-hint")
    new_form.choose_book("Mara's Book")
    expect(hint).to_have_text("Empty follows the stage: 10%.")
    new_form.page.get_by_role("radio", name="Qualified").click()
    expect(hint).to_have_text("Empty follows the stage: 60%.")
    new_form.field("probability").fill("35")
    new_form.page.get_by_role("radio", name="Connected").click()
    expect(hint).to_have_text("Empty follows the stage: 20%.")
    expect(new_form.field("probability")).to_have_value("35")


def test_the_owner_is_the_person_signed_in_in_every_book(new_form: NewForm) -> None:
    for book in ("Mara's Book", "Theo's Book"):
        new_form.choose_book(book)
        expect(new_form.field("assigned_to_id").locator("option:checked")).to_have_text("Theo Okafor (me)")


def test_changing_the_book_keeps_the_focus_and_what_was_typed(new_form: NewForm) -> None:
    new_form.choose_book("Mara's Book")
    new_form.name.fill("Kept name")
    new_form.field("value").fill("12k")
    new_form.find_household("okon", "The Okonkwo Family")
    expect(new_form.page.locator("#household-drop")).to_be_focused()
    new_form.field("book_id").focus()
    new_form.choose_book("Theo's Book")

    expect(new_form.field("book_id")).to_be_focused()
    expect(new_form.name).to_have_value("Kept name")
    expect(new_form.field("value")).to_have_value("12k")
    expect(new_form.page.locator("#household_id-hint")).to_contain_text("belongs to another book")


def test_every_choice_keeps_the_focus_where_it_was(new_form: NewForm) -> None:
    page = new_form.page
    new_form.choose_book("Theo's Book")
    for field, value in (("pipeline_id", "pl_alder"), ("pipeline_id", ""), ("pipeline_type", "client")):
        expect(new_form.field(field)).to_be_visible()
        new_form.field(field).focus()
        with page.expect_response("**/new/fields/"):
            new_form.field(field).select_option(value)
        expect(new_form.field(field)).to_be_focused()
    new_form.choose_pipeline("New households")
    with page.expect_response("**/new/fields/"):
        page.get_by_role("radio", name="Qualified").click()
    expect(new_form.fact("Stage")).to_have_text("Qualified")
    expect(page.get_by_role("radio", name="Qualified")).to_be_focused()


def test_what_is_chosen_while_a_redraw_is_on_its_way_is_not_undone_by_it(new_form: NewForm) -> None:
    page = new_form.page
    new_form.choose_book("Mara's Book")
    with page.expect_request("**/new/fields/"):
        new_form.field("book_id").select_option(label="Theo's Book")
    new_form.field("pipeline_id").select_option(label="Events and introductions")

    expect(new_form.fact("Book")).to_have_text("Theo's Book")
    expect(new_form.fact("Pipeline")).to_have_text("Events and introductions")
    expect(new_form.field("pipeline_id").locator("option:checked")).to_have_text("Events and introductions")


def test_what_is_searched_while_a_redraw_is_on_its_way_stays_and_is_found(new_form: NewForm) -> None:
    page = new_form.page
    new_form.choose_book("Theo's Book")
    household = new_form.field("q")
    with page.expect_request("**/new/fields/"):
        new_form.field("book_id").select_option(label="Mara's Book")
    household.press_sequentially("okonkwo", delay=40)

    expect(new_form.fact("Book")).to_have_text("Mara's Book")
    expect(household).to_have_value("okonkwo")
    expect(household).to_be_focused()
    expect(page.get_by_role("listbox").get_by_role("option", name="The Okonkwo Family")).to_be_visible()


def test_whoever_types_on_while_the_household_is_drawn_keeps_the_focus_and_every_letter(
    new_form: NewForm,
) -> None:
    page = new_form.page
    new_form.choose_book("Mara's Book")
    page.route("**/new/fields/", lambda route: (page.wait_for_timeout(400), route.continue_()))
    page.get_by_role("combobox", name="Household").fill("okon")
    option = page.get_by_role("listbox").get_by_role("option", name="The Okonkwo Family")
    with page.expect_request("**/new/fields/"):
        option.click()
    new_form.name.focus()
    page.keyboard.type("A name with spaces", delay=60)

    expect(new_form.fact("Household")).to_have_text("The Okonkwo Family")
    page.keyboard.type(" typed on")
    expect(new_form.name).to_have_value("A name with spaces typed on")
    expect(new_form.name).to_be_focused()
    expect(new_form.fact("Household")).to_have_text("The Okonkwo Family")


def test_the_household_names_the_deal_until_somebody_does(new_form: NewForm) -> None:
    new_form.choose_book("Mara's Book")
    new_form.find_household("okon", "The Okonkwo Family")
    expect(new_form.name).to_have_value("Okonkwo opportunity")
    new_form.name.fill("Ada's rollover")
    new_form.page.get_by_role("button", name="Choose another household").click()
    expect(new_form.fact("Household")).to_have_text("Not set")
    expect(new_form.page.get_by_role("combobox", name="Household")).to_be_focused()
    expect(new_form.name).to_have_value("Ada's rollover")


def test_nothing_is_asked_of_slant_while_a_form_is_filled_in(new_form: NewForm, slant: Slant) -> None:
    new_form.choose_book("Mara's Book")
    new_form.find_household("okon", "The Okonkwo Family")
    new_form.field("value").fill("640k")
    expect(new_form.summary).to_contain_text("$64,000 weighted")

    assert slant.nothing_sent()


def test_slant_chooses_the_pipeline_by_the_household(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, household_id=OKONKWO, name=deal_name, value="1")
    form.choose_pipeline("Let Slant choose", "Slant chooses, by household")
    form.create()

    record = slant.holds_one(deal_name, id=SubmissionPage(form.page).created(), assigned_to_id=THEO)
    assert record["pipeline"]["pipeline_type"] == "prospect"
    assert "pipeline_id" not in slant.posts(deal_name)[0]["body"]


def test_slant_chooses_the_pipeline_by_its_kind(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, name=deal_name, value="0")
    form.choose_pipeline("Let Slant choose", "Not set")
    form.page.get_by_label("Kind of pipeline").select_option(label="For clients")
    expect(form.fact("Pipeline")).to_have_text("Slant chooses, for clients")
    form.create()

    slant.holds_one(deal_name, id=SubmissionPage(form.page).created(), pipeline_id="pl_growth", value=0)


def test_create_and_add_another_keeps_book_pipeline_and_owner(
    come_in: ComeIn, slant: Slant, deal_name: str
) -> None:
    kept = {"book_id": THEOS_BOOK, "pipeline_id": "pl_events", "assigned_to_id": "u_2kf7pa"}
    form = NewForm(come_in()).open(name=deal_name, value="5k", **kept)
    form.create_and_add_another()

    expect(form.page.get_by_text(f"{deal_name} is")).to_be_visible()
    expect(form.name).to_have_value("")
    expect(form.field("value")).to_have_value("")
    for field, value in kept.items():
        expect(form.field(field)).to_have_value(value)
    slant.comes_to_hold_one(deal_name, value=5_000, assigned_to_id="u_2kf7pa", pipeline_id="pl_events")


def test_the_list_names_what_was_sent_and_leads_to_it(come_in: ComeIn, slant: Slant, deal_name: str) -> None:
    form = NewForm(come_in()).open(book_id=MARAS_BOOK, name=deal_name, value="250000")
    form.create()
    SubmissionPage(form.page).created()
    form.page.get_by_role("link", name="All submissions").click()

    row = form.page.get_by_role("row").filter(has_text=deal_name)
    expect(row).to_contain_text("$250,000")
    expect(row).to_contain_text("Created")
    row.get_by_role("link", name=deal_name).click()
    expect(form.page).to_have_url(SUBMISSION_URL)
