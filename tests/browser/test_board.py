"""Deals are moved by mouse, finger, menu, keyboard and without scripts; refusals come back with a reason.

What others do appears by itself.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from tests.browser.boards import BOARD, CONNECTED, IDENTIFIED, LOST, MEETING, WON, Board, enter, id_of, moves
from tests.browser.conftest import ComeIn
from tests.browser.pages import MARAS_BOOK, Slant
from tests.support.browser import Axe, Watch
from tests.support.processes import Installation, wait_until

SYNC_MS = 20_000
DESK = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def pool(shared_installation: Installation) -> Iterator[str]:
    """Names of deals that are all entered on Slant's own page at once, so that sync is waited for once."""
    names = [f"Board deal {chr(ord('A') + number)}" for number in range(16)]
    enter(shared_installation.sandbox, *names)
    return iter(names)


@pytest.fixture
def deal_name(pool: Iterator[str]) -> str:
    """A deal of Theo's in the first stage that no other test uses."""
    return next(pool)


@pytest.fixture
def deal(slant: Slant, deal_name: str) -> str:
    return id_of(slant.sandbox, deal_name)


@pytest.fixture
def board(come_in: ComeIn, deal: str, deal_name: str) -> Board:
    """Theo's board, showing the deal."""
    board = Board(come_in(viewport=DESK)).open()
    board.shows(deal_name, IDENTIFIED, timeout=SYNC_MS)
    return board


def in_slant(slant: Slant, deal: str, *stages: str) -> None:
    wait_until(lambda: moves(slant, deal) == list(stages), slant.sandbox.process)


def test_a_card_dragged_by_mouse_arrives_and_can_be_taken_back(
    board: Board, slant: Slant, deal: str, deal_name: str
) -> None:
    count = board.lane(CONNECTED).locator(".lane-count")
    before = count.text_content() or ""
    board.drag(deal_name, board.lane(CONNECTED))

    board.settled(deal_name, CONNECTED)
    expect(count).not_to_have_text(before)
    expect(board.status).to_have_text(f"Moved {deal_name} to Connected")
    in_slant(slant, deal, CONNECTED)
    # What ends a drag opens nothing.
    expect(board.page.locator("#drawer")).to_be_hidden()
    board.toast.get_by_role("button", name="Undo").click()

    board.settled(deal_name, IDENTIFIED)
    expect(board.status).to_have_text(f"Moved {deal_name} back to Identified")
    in_slant(slant, deal, CONNECTED, IDENTIFIED)
    expect(count).to_have_text(before)


def test_keys_alone_move_a_card_and_stay_with_it(
    board: Board, slant: Slant, deal: str, deal_name: str
) -> None:
    keys = board.page.keyboard
    board.link(deal_name).focus()
    keys.press("ArrowRight")
    expect(board.lane(CONNECTED).locator(":focus")).to_be_visible()
    keys.press("ArrowLeft")
    expect(board.lane(IDENTIFIED).locator(":focus")).to_be_visible()
    board.link(deal_name).focus()
    keys.press("m")
    expect(board.menu).to_be_visible()
    expect(board.menu.get_by_role("menuitem", name=re.compile("^Identified"))).to_be_disabled()
    keys.press("Escape")
    expect(board.link(deal_name)).to_be_focused()
    keys.press("m")
    keys.press("ArrowDown")
    keys.press("Enter")

    board.settled(deal_name, MEETING)
    expect(board.link(deal_name)).to_be_focused()
    in_slant(slant, deal, MEETING)


def test_a_finger_moves_a_card_on_a_phone_and_a_swipe_does_not(
    come_in: ComeIn, slant: Slant, deal: str, deal_name: str
) -> None:
    page = come_in(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    board = Board(page).open(f"q={deal_name.replace(' ', '+')}")
    expect(page.locator("h1")).to_be_visible()
    wait_until(lambda: _appears(board, deal_name), slant.sandbox.process)

    board.drag_by_finger(deal_name, board.lane(CONNECTED))

    board.settled(deal_name, CONNECTED)
    in_slant(slant, deal, CONNECTED)
    expect(page.locator("main")).not_to_have_css("overflow-x", "scroll")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _appears(board: Board, name: str) -> bool:
    board.page.reload()
    return board.card(name).count() == 1


def test_without_scripts_a_deal_is_moved_and_taken_back(
    come_in: ComeIn, slant: Slant, deal: str, deal_name: str
) -> None:
    page = come_in(java_script_enabled=False)
    board = Board(page).open("owner=me")
    wait_until(lambda: _appears(board, deal_name), slant.sandbox.process)

    board.card(deal_name).get_by_role("link", name=f"Move {deal_name} to").click()
    page.get_by_role("radio", name=re.compile("^Closed lost")).check()
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page).to_have_title(re.compile("^Error: "))
    expect(page.locator("#lost_reason-error")).to_contain_text("Say in a few words")
    page.get_by_role("radio", name=re.compile("^Connected")).check()
    page.get_by_role("button", name="Move", exact=True).click()

    expect(page).to_have_url(re.compile(r"/board/\?pipeline=pl_newbiz&owner=me&moved="))
    in_slant(slant, deal, CONNECTED)
    page.get_by_role("button", name="Undo").click()
    in_slant(slant, deal, CONNECTED, IDENTIFIED)
    expect(page).to_have_url(re.compile(r"owner=me$"))
    board.shows(deal_name, IDENTIFIED)


def test_a_lost_deal_is_dropped_on_the_rail_and_asked_why(
    board: Board, slant: Slant, deal: str, deal_name: str
) -> None:
    page, rail = board.page, board.page.locator(f'[data-rail="{LOST}"]')
    dialog = page.get_by_role("dialog")
    board.drag(deal_name, rail)
    expect(dialog).to_contain_text(f"Move {deal_name} to Closed lost")
    page.keyboard.press("Escape")
    board.settled(deal_name, IDENTIFIED)
    board.drag(deal_name, rail)
    page.get_by_role("button", name="Move to Closed lost").click()
    expect(page.locator("#lost_reason-error")).to_contain_text("Say in a few words why")
    board.shows(deal_name, IDENTIFIED)
    page.get_by_label("Why was it lost?").fill("Fees")
    page.keyboard.press("Enter")

    expect(board.status).to_have_text(re.compile(f"^(Moved {deal_name}|{deal_name} goes) to Closed lost"))
    expect(board.card(deal_name)).to_have_count(0)
    in_slant(slant, deal, LOST)
    rail.click()
    board.shows(deal_name, LOST)
    page.get_by_role("button", name="Fold Closed lost").click()
    expect(board.lane(LOST)).to_have_count(0)
    expect(rail).to_be_focused()


def test_a_won_deal_with_a_probability_of_its_own_is_offered_certainty(
    board: Board, slant: Slant, deal: str, deal_name: str
) -> None:
    slant.control(records=[{"op": "patch", "id": deal, "set": {"probability": 55}}])
    expect(board.card(deal_name)).to_contain_text("55%", timeout=SYNC_MS)

    board.choose(deal_name, "Closed won")
    expect(
        board.page.get_by_role("checkbox", name=re.compile("^Set its probability to 100%"))
    ).to_be_checked()
    board.page.get_by_role("button", name="Move to Closed won").click()

    board.settled(deal_name, WON)
    in_slant(slant, deal, WON)
    last = [entry for entry in slant.sandbox.ledger(after=slant.began, kind="write") if entry["id"] == deal][
        -1
    ]
    assert last["record"]["probability"] == 100


def test_a_probability_changed_while_the_dialog_asks_is_not_overwritten(
    board: Board, slant: Slant, deal: str, deal_name: str
) -> None:
    slant.control(records=[{"op": "patch", "id": deal, "set": {"probability": 55}}])
    expect(board.card(deal_name)).to_contain_text("55%", timeout=SYNC_MS)
    board.choose(deal_name, "Closed won")

    slant.control(records=[{"op": "patch", "id": deal, "set": {"probability": 70}}])
    # A board whose dialog is open holds still, so another page is asked.
    card = urljoin(board.page.url, f"/opportunities/{deal}/")
    wait_until(lambda: "70%" in board.page.request.get(card).text(), slant.sandbox.process)
    board.page.get_by_role("button", name="Move to Closed won").click()

    expect(board.card(deal_name)).to_contain_text("Someone changed its probability in the meantime.")
    in_slant(slant, deal)


def test_refused_conflicting_and_lost_moves_say_what_became_of_them(
    board: Board, slant: Slant, deal: str, deal_name: str, axe: Axe, shots: Path | None
) -> None:
    path, card = f"/v1/opportunities/{deal}", board.card(deal_name)
    slant.misbehaves("status_before", path, "PATCH", status=422)
    board.choose(deal_name, "Connected")
    expect(card).to_contain_text("Still in Identified: Slant")
    board.shows(deal_name, IDENTIFIED)
    expect(board.link(deal_name)).to_be_focused()
    _looked_at(board.page, axe, shots, "board-refused")
    card.get_by_role("link", name="Try again").click()
    board.settled(deal_name, CONNECTED)

    slant.control(records=[{"op": "patch", "id": deal, "set": {"pipeline_stage_id": WON}}])
    board.choose(deal_name, "Meeting scheduled")
    expect(card).to_contain_text(
        re.compile("someone changed it in Slant in the meantime|Someone moved it to Closed won")
    )
    board.shows(deal_name, WON, timeout=SYNC_MS)
    assert moves(slant, deal) == [CONNECTED]

    slant.misbehaves("drop_after", path, "PATCH")
    board.choose(deal_name, "Meeting scheduled")
    board.settled(deal_name, MEETING)
    assert moves(slant, deal) == [CONNECTED, MEETING]


def test_a_lost_answer_of_our_own_is_the_same_move_asked_again(
    board: Board, slant: Slant, deal: str, deal_name: str, watch: Watch
) -> None:
    watch.forgive("net::ERR_FAILED")
    lost: list[str] = []

    def lose(route: object) -> None:
        if len(lost) < 1:
            route.fetch()  # type: ignore[attr-defined]
            lost.append("answer")
            route.abort()  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    board.page.route(re.compile("/move/$"), lose)
    board.choose(deal_name, "Connected")

    board.settled(deal_name, CONNECTED)
    in_slant(slant, deal, CONNECTED)
    assert lost


def test_what_others_do_appears_by_itself_but_not_under_ones_hands(
    board: Board, come_in: ComeIn, slant: Slant, deal: str, deal_name: str
) -> None:
    other = f"{deal_name} too"
    enter(slant.sandbox, other)
    board.shows(other, IDENTIFIED, timeout=SYNC_MS)
    theirs = Board(come_in("manager", viewport=DESK)).open()
    theirs.shows(other, IDENTIFIED)

    theirs.choose(other, "Connected")
    board.settled(other, CONNECTED)

    board.link(deal_name).focus()
    theirs.choose(deal_name, "Connected")
    news = board.lane(IDENTIFIED).get_by_role("button", name="1 deal changed - show it")
    expect(news).to_be_visible()
    expect(board.link(deal_name)).to_be_focused()
    news.click()
    board.settled(deal_name, CONNECTED)


def test_filters_stand_in_the_address_and_are_saved_as_a_view(board: Board, deal_name: str) -> None:
    page = board.page
    page.get_by_role("link", name="Filters", exact=True).click()
    page.get_by_label("Owner").select_option("me")
    page.get_by_label("Value up to").fill("65k")
    page.get_by_role("button", name="Show these deals").click()
    expect(page).to_have_url(re.compile(r"\?pipeline=pl_newbiz&owner=me&max=65000$"))
    board.shows(deal_name, IDENTIFIED)
    page.keyboard.press("/")
    page.keyboard.type(deal_name)
    page.keyboard.press("Enter")
    expect(page.locator(".board .deal")).to_have_count(1)

    page.get_by_role("link", name="Views", exact=True).click()
    page.get_by_label("Save this selection as").fill(f"View of {deal_name}")
    page.get_by_role("button", name="Save view").click()
    expect(page.get_by_text(f"View of {deal_name} is saved")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?pipeline=pl_newbiz$"))
    page.get_by_role("link", name="Views", exact=True).click()
    page.get_by_role("link", name=f"View of {deal_name}", exact=True).click()
    expect(page.locator(".board .deal")).to_have_count(1)
    expect(page).to_have_url(re.compile("max=65000"))


def test_the_plus_of_a_column_opens_the_form_with_pipeline_and_stage(
    board: Board, slant: Slant, deal_name: str
) -> None:
    page, name = board.page, f"{deal_name} by hand"
    board.lane(MEETING).get_by_role("link", name="New opportunity in Meeting scheduled").click()
    drawer = page.get_by_role("dialog", name="New opportunity")
    expect(drawer.get_by_role("radio", name=re.compile("^Meeting scheduled"))).to_be_checked()
    drawer.get_by_label("Book", exact=True).select_option(MARAS_BOOK)
    drawer.get_by_role("button", name="Create opportunity").click()
    expect(drawer.locator("#name-error")).to_be_visible()
    drawer.get_by_label("Name", exact=True).fill(name)
    drawer.get_by_role("button", name="Create opportunity").click()

    expect(drawer).to_be_hidden()
    board.settled(name, MEETING)
    slant.comes_to_hold_one(name, pipeline_stage={**slant.created(name)[0]["record"]["pipeline_stage"]})


def test_while_slant_is_away_moves_wait_and_the_board_says_how_old_it_is(
    board: Board,
    slant: Slant,
    installation: Installation,
    deal: str,
    deal_name: str,
    axe: Axe,
    shots: Path | None,
) -> None:
    stamp = board.page.locator(".stamp")
    installation.manage("shell", "-c", FOUR_MINUTES_AGO)
    board.page.reload()
    expect(stamp).to_have_class(re.compile("stamp-warn"))
    expect(stamp).to_contain_text("4 min ago. Catching up.")
    _looked_at(board.page, axe, shots, "board-amber")

    slant.control(up=False)
    installation.manage("shell", "-c", SYNC_GOES_ON)
    board.choose(deal_name, "Connected")
    card = board.shows(deal_name, CONNECTED)
    expect(card).to_contain_text("Waiting for Slant; it was in Identified")
    wait_until(lambda: _is_red(board), slant.sandbox.process)
    expect(stamp).to_have_class(re.compile("stamp-bad"))
    expect(stamp).to_contain_text("Slant does not answer")
    _looked_at(board.page, axe, shots, "board-red-and-waiting")
    expect(board.page.get_by_text("moves wait here until Slant answers")).to_be_visible()
    board.toast.get_by_role("button", name="Undo").or_(board.link(deal_name)).first.focus()

    slant.control(up=True)
    in_slant(slant, deal, CONNECTED)
    board.page.goto(BOARD)
    board.settled(deal_name, CONNECTED)


# Nothing has gone wrong and nothing new has come: some other process leads the sync, and takes its time.
FOUR_MINUTES_AGO = """
from datetime import timedelta
from django.utils import timezone
from opportunities.models import Lease, SyncState
now = timezone.now()
Lease.objects.filter(pk="sync").update(owner="somebody else", until=now + timedelta(minutes=2))
for row in SyncState.objects.all():
    row.finished_at = now - timedelta(minutes=4)
    row.cursor.pop("as_of", None)
    row.save(update_fields=["finished_at", "cursor"])
"""
SYNC_GOES_ON = """
from opportunities.models import Lease
Lease.objects.filter(pk="sync").update(until=None)
"""


def _looked_at(page: Page, axe: Axe, shots: Path | None, name: str) -> None:
    for scheme in ("light", "dark"):
        _turn(page, scheme)
        axe(page)
        if shots:
            page.screenshot(path=shots / f"{name}-{scheme}.png")


def _is_red(board: Board) -> bool:
    board.page.reload()
    return board.page.locator("body").get_attribute("data-stale") == "red"


def menu_open(board: Board, name: str) -> None:
    board.card(name).get_by_role("link", name=f"Move {name} to").click()
    expect(board.menu).to_be_visible()


def reason_asked(board: Board, name: str) -> None:
    board.choose(name, "Closed lost")
    expect(board.page.get_by_label("Why was it lost?")).to_be_visible()


def filters_open(board: Board, name: str) -> None:
    board.page.get_by_role("link", name="Filters", exact=True).click()
    expect(board.page.get_by_label("Value up to")).to_be_visible()


def nothing_found(board: Board, name: str) -> None:
    board.open("q=nothing+is+called+this&owner=me")
    expect(board.page.get_by_text("No deals match these filters")).to_be_visible()


STATES: list[Callable[[Board, str], None]] = [menu_open, reason_asked, filters_open, nothing_found]


def test_no_state_of_the_board_has_a_barrier_in_light_or_dark(board: Board, deal_name: str, axe: Axe) -> None:
    for bring_about in STATES:
        board.open()
        board.shows(deal_name, IDENTIFIED)
        bring_about(board, deal_name)
        for scheme in ("light", "dark"):
            _turn(board.page, scheme)
            axe(board.page)


def _turn(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
