"""Each page in each of its states: no barrier in light or dark, and no sideways scrolling at 320 px.

With `--shots DIR` the same states are also pictured: light and dark, 390 and 1440 wide.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import ComeIn
from tests.browser.pages import MARAS_BOOK, OKONKWO, NewForm, Slant, SubmissionPage, in_days
from tests.support.browser import Axe

HOUSEHOLD_LIST = f"/v1/households/{OKONKWO}/opportunities"
GOOD = {
    "book_id": MARAS_BOOK,
    "household_id": OKONKWO,
    "pipeline_id": "pl_newbiz",
    "pipeline_stage_id": "st_meet",
    "value": "640,000",
}
WIDTHS = {"phone": 390, "desk": 1440}
STILL = {"width": 1280, "height": 900}


class Scene:
    """Brings a page into one state and keeps it there while it is looked at."""

    def __init__(self, come_in: ComeIn, slant: Slant, name: str) -> None:
        self.come_in, self.slant, self.name = come_in, slant, name

    def page(self, path: str = "", persona: str = "sales") -> Page:
        page = self.come_in(persona)
        # News would change the state under our eyes: there are none.
        page.route(re.compile(r"/submissions/.*\?seen="), _no_news)
        if path:
            page.goto(path)
        return page

    def form(self, **more: str) -> NewForm:
        return NewForm(self.page()).open(**GOOD | {"name": self.name} | more)

    def sent(self, title: str, state: str, **more: str) -> Page:
        form = self.form(**more)
        form.create()
        return SubmissionPage(form.page).says(title, state=state).page

    def settled(self, title: str, state: str) -> Page:
        """Reached only while somebody watches: look until it is there."""
        form = self.form()
        form.page.unroute_all()
        form.create()
        return SubmissionPage(form.page).says(title, state=state, timeout=60_000).page


def _no_news(route: Route) -> None:
    route.fulfill(status=204)


def empty_form(scene: Scene) -> Page:
    return NewForm(scene.page()).open().page


def filled_form(scene: Scene) -> Page:
    form = scene.form(name="Okonkwo rollover", target_close_date=in_days(60))
    expect(form.summary).to_contain_text("$256,000 weighted at 40%")
    return form.page


def form_where_slant_chooses(scene: Scene) -> Page:
    form = NewForm(scene.page()).open(book_id=MARAS_BOOK, name=scene.name)
    form.choose_pipeline("Let Slant choose", "Not set")
    return form.page


def open_list_of_households(scene: Scene) -> Page:
    page = NewForm(scene.page()).open(book_id=MARAS_BOOK).page
    page.get_by_role("combobox", name="Household").press_sequentially("a")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    return page


def errors(scene: Scene) -> Page:
    form = scene.form(target_close_date=in_days(-3), probability="101", value="lots")
    form.name.fill("")
    form.forge("assigned_to_id", "u_l0tt3v")
    form.create()
    expect(form.problems).to_be_focused()
    return form.page


def duplicate_question(scene: Scene) -> Page:
    scene.sent("Created in Slant", "confirmed")
    form = scene.form()
    form.create()
    expect(form.problems).to_be_focused()
    return form.page


def refused_by_slant(scene: Scene) -> Page:
    form = scene.form()
    scene.slant.misbehaves("status_before", status=422)
    form.create()
    expect(form.problems).to_be_focused()
    return form.page


def created(scene: Scene) -> Page:
    return scene.sent("Created in Slant", "confirmed", target_close_date=in_days(60))


def another(scene: Scene) -> Page:
    form = scene.form()
    form.create_and_add_another()
    expect(form.page.get_by_text("Here is the form for the next one")).to_be_visible()
    return form.page


def sending(scene: Scene) -> Page:
    scene.slant.misbehaves("delay", delay_ms=2000)
    return scene.sent("Sending to Slant", "sending")


def waiting(scene: Scene) -> Page:
    scene.slant.control(up=False)
    return scene.sent("Waiting for Slant", "queued")


def slowed_down(scene: Scene) -> Page:
    scene.slant.misbehaves("rate_limit", retry_after=2)
    return scene.sent("Waiting its turn", "queued")


def not_sure(scene: Scene) -> Page:
    scene.slant.misbehaves("drop_after")
    scene.slant.misbehaves("delay", HOUSEHOLD_LIST, "GET", delay_ms=2000)
    return scene.sent("We are not sure it arrived", "unknown")


def a_manager_decides(scene: Scene) -> Page:
    """The send got lost, and meanwhile somebody made something like it on Slant's own page."""
    scene.slant.misbehaves("drop_before")
    near = {"book_id": MARAS_BOOK, "household_id": OKONKWO, "name": scene.name, "value": 1}
    there = {"pipeline_id": "pl_newbiz", "pipeline_stage_id": "st_ident", "assigned_to_id": "u_4hd81k"}
    form = scene.form()
    form.page.unroute_all()
    scene.slant.misbehaves("delay", HOUSEHOLD_LIST, "GET", delay_ms=1000)
    form.create()
    SubmissionPage(form.page).says("We are not sure it arrived", state="unknown")
    scene.slant.control(records=[{"op": "create", "set": near | there}])
    return SubmissionPage(form.page).says("A manager decides", state="review", timeout=60_000).page


def refused(scene: Scene) -> Page:
    scene.slant.misbehaves("status_before", status=422, delay_ms=1200)
    return scene.settled("Slant refused it", "rejected")


def withdrawn(scene: Scene) -> Page:
    page = waiting(scene)
    page.get_by_role("button", name="Withdraw").click()
    return SubmissionPage(page).says("Withdrawn", state="withdrawn").page


def list_of_submissions(scene: Scene) -> Page:
    scene.sent("Created in Slant", "confirmed")
    page = scene.page("/submissions/")
    expect(page.get_by_role("row").filter(has_text=scene.name)).to_be_visible()
    return page


def empty_list(scene: Scene) -> Page:
    page = scene.page("/submissions/", persona="colleague")
    expect(page.get_by_role("heading", name="You have not sent anything yet")).to_be_visible()
    return page


def list_without_matches(scene: Scene) -> Page:
    page = scene.page("/submissions/?state=refused", persona="colleague")
    expect(page.get_by_role("heading", name="No submissions in this state")).to_be_visible()
    return page


def no_book_to_write_in(scene: Scene) -> Page:
    return scene.page("/opportunities/new/", persona="viewer")


def nothing_there(scene: Scene) -> Page:
    return scene.page("/submissions/00000000-0000-4000-8000-000000000000/")


def forbidden(scene: Scene) -> Page:
    return scene.page("/opportunities/new/", persona="compliance")


def misbehave(scene: Scene) -> Page:
    page = scene.page("/demo/misbehave/")
    expect(page.get_by_text("Slant behaves well.")).to_be_visible()
    return page


def misbehaving(scene: Scene) -> Page:
    page = scene.page("/demo/misbehave/")
    page.get_by_role("button", name="Make Slant slow").click()
    expect(page.get_by_role("status").filter(has_text="Slant is slow")).to_be_visible()
    return page


def menu_under_ones_name(scene: Scene) -> Page:
    page = scene.page("/submissions/", persona="manager")
    page.locator("button[popovertarget=person]").click()
    expect(page.locator("#person")).to_be_visible()
    return page


def help_and_shortcuts(scene: Scene) -> Page:
    page = scene.page("/submissions/", persona="manager")
    page.get_by_role("button", name="Help and shortcuts").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def stages(scene: Scene) -> Page:
    """A meaning set and taken back, so that the installation of all tests stays as it is."""
    page = scene.page("/settings/stages/", persona="manager")
    for choice, word in (("Won", "won"), ("Automatic (Open)", "open")):
        page.get_by_label("What Connected means").first.select_option(label=choice)
        page.get_by_role("button", name="Save Connected").first.click()
        expect(page.get_by_text(f"Connected counts as {word}.")).to_be_visible()
    return page


def stage_with_a_wrong_limit(scene: Scene) -> Page:
    page = scene.page("/settings/stages/", persona="manager")
    page.get_by_label("Days in Connected").first.fill("soon")
    page.get_by_role("button", name="Save Connected").first.click()
    expect(page.get_by_role("alert")).to_be_focused()
    return page


STATES = [
    empty_form,
    filled_form,
    form_where_slant_chooses,
    open_list_of_households,
    errors,
    duplicate_question,
    refused_by_slant,
    another,
    created,
    sending,
    waiting,
    slowed_down,
    not_sure,
    a_manager_decides,
    refused,
    withdrawn,
    list_of_submissions,
    empty_list,
    list_without_matches,
    no_book_to_write_in,
    nothing_there,
    forbidden,
    misbehave,
    misbehaving,
    menu_under_ones_name,
    help_and_shortcuts,
    stages,
    stage_with_a_wrong_limit,
]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_no_barrier_in_light_or_dark_and_no_sideways_scrolling(
    come_in: ComeIn,
    slant: Slant,
    deal_name: str,
    axe: Axe,
    shots: Path | None,
    state: Callable[[Scene], Page],
) -> None:
    name = f"Okonkwo rollover {deal_name.split()[1]}" if shots else deal_name
    look_at(state(Scene(come_in, slant, name)), state.__name__, axe, shots)


def test_the_doors_have_no_barrier_either(come_in: ComeIn, axe: Axe, shots: Path | None) -> None:
    page = come_in()
    page.context.clear_cookies()
    page.goto("/demo/sign-in/")
    look_at(page, "sign_in", axe, shots)
    page.get_by_text("Someone else").click()
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_role("button", name="Sign in as this person").click()
    expect(page).to_have_title(re.compile("^Error: "))
    look_at(page, "sign_in_errors", axe, shots)
    page.get_by_label("E-mail").fill("sam@example.com")
    page.get_by_label("Group").select_option(label="None")
    page.get_by_role("button", name="Sign in as this person").click()
    expect(page.get_by_role("heading", name="You do not have access yet")).to_be_visible()
    look_at(page, "no_entry", axe, shots)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/signed-out/$"))
    look_at(page, "signed_out", axe, shots)


def look_at(page: Page, name: str, axe: Axe, shots: Path | None) -> None:
    page.set_viewport_size(STILL)
    # The markup is the same in the dark; its colours are not.
    for scheme, rules in (("light", ()), ("dark", ("color-contrast", "link-in-text-block"))):
        page.emulate_media(color_scheme=scheme)
        axe(page, *rules)
        for width_name, width in WIDTHS.items() if shots else ():
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=f"{shots}/{name}-{width_name}-{scheme}.png", full_page=width < 1000)
        page.set_viewport_size(STILL)
    page.set_viewport_size({"width": 320, "height": 640})
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 320, f"{name} is {wide} px wide on a phone of 320"
