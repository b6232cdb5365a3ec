"""An open board takes over stages that were added, removed, renamed, hidden or reordered."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.boards import Board, id_of
from tests.browser.conftest import ComeIn
from tests.support.browser import Axe
from tests.support.processes import Installation, Sandbox, wait_until

# Theo's own pipeline. It is put back as the sandbox began, for the tests that follow.
PIPELINE, DRAFTED, PRESENTED = "pl_alder", "st_al_draft", "st_al_shown"
BEFORE = (
    ("call", "First call", 10),
    ("draft", "Plan drafted", None),
    ("shown", "Plan presented", 50),
    ("won", "Closed won", 100),
    ("lost", "Closed lost", 0),
)
SHOWN = ["First call", "Plan drafted", "Plan presented", "Closed won"]
DEAL = "Held by its stage"
SYNC_MS, FRESH_MS = 20_000, 14_000
BAR = "Stages changed - show them"

Stage = dict[str, Any]


def stage(id: str, name: str, order: int, **more: Any) -> Stage:
    fields = {"id": f"st_al_{id}", "name": name, "stage_order": order}
    return fields | {"visible": True, "default_probability": 50} | more


class Stages:
    """The stages of the pipeline, changed on Slant's own page."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.before = [
            stage(id, name, order * 10, default_probability=chance, visible=id != "lost")
            for order, (id, name, chance) in enumerate(BEFORE, start=1)
        ]

    def become(self, stages: list[Stage]) -> None:
        self._sandbox.control(records=[{"op": "patch", "id": PIPELINE, "set": {"pipeline_stages": stages}}])

    def wait_until_read(self) -> None:
        """Until a reading that began after the last change is in the mirror: the next list was asked for."""
        last = self._sandbox.ledger(kind="write")[-1]["seq"]

        def asked(path: str, after: int) -> list[Any]:
            return self._sandbox.ledger(kind="request", path=path, after=after)

        def is_read() -> bool:
            read = asked("/v1/pipelines", last)
            return bool(read) and bool(asked("/v1/households", read[0]["seq"]))

        wait_until(is_read, self._sandbox.process)

    def rename(self, id: str, name: str) -> None:
        self.become([one | {"name": name} if one["id"] == id else one for one in self.before])


@pytest.fixture
def stages(shared_installation: Installation) -> Iterator[Stages]:
    stages = Stages(shared_installation.sandbox)
    yield stages
    stages.become(stages.before)
    stages.wait_until_read()


@pytest.fixture(scope="module")
def deal(shared_installation: Installation) -> str:
    """A deal in a stage that no test removes."""
    fields = {
        "book_id": "bk_alder2",
        "pipeline_id": PIPELINE,
        "pipeline_stage_id": DRAFTED,
        "assigned_to_id": "u_9xw20c",
        "name": DEAL,
    }
    shared_installation.sandbox.control(records=[{"op": "create", "type": "opportunity", "set": fields}])
    return DEAL


@pytest.fixture
def board(come_in: ComeIn, deal: str, stages: Stages) -> Board:
    page = come_in(path=f"/board/?pipeline={PIPELINE}", viewport={"width": 1440, "height": 900})
    board = Board(page)
    expect(names(page)).to_have_text(SHOWN, timeout=SYNC_MS)
    board.shows(deal, DRAFTED, timeout=SYNC_MS)
    return board


def names(page: Page) -> Locator:
    return page.locator(".board .lane h2")


def test_added_removed_renamed_hidden_and_reordered_stages_are_drawn_where_the_columns_stand(
    board: Board, stages: Stages, deal: str
) -> None:
    page = board.page
    page.evaluate("window.stillTheSamePage = true")
    call, drafted, presented, *ends = stages.before
    added, hidden = stage("new", "Second look", 25), presented | {"visible": False}

    stages.become([drafted | {"stage_order": 5}, call, added, hidden, *ends])

    drawn = ["Plan drafted", "First call", "Second look", "Closed won"]
    expect(names(page)).to_have_text(drawn, timeout=FRESH_MS)
    expect(page.locator(".rail [data-rail]")).to_contain_text(["Plan presented", "Closed lost"])
    expect(page.locator(".jump a")).to_have_count(4)
    board.shows(deal, DRAFTED)
    # What a card may be moved to is what Slant offers now.
    board.card(deal).get_by_role("link", name=f"Move {deal} to").click()
    expect(board.menu.get_by_role("menuitem", name=re.compile("^Second look"))).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#main").focus()

    stages.become([drafted | {"name": "Plan ready"}, *ends])

    expect(names(page)).to_have_text(["Plan ready", "Closed won"], timeout=FRESH_MS)
    board.shows(deal, DRAFTED)
    assert page.evaluate("window.stillTheSamePage"), "the page was loaded again"


def test_a_column_whose_poll_finds_its_stage_no_more_has_all_columns_drawn_again(
    board: Board, shared_installation: Installation, deal: str
) -> None:
    """The stage vanished between the notice of a change and the poll of its column."""
    page, sandbox = board.page, shared_installation.sandbox
    page.evaluate("window.stillTheSamePage = true")
    page.route(re.compile(f"/board/{PIPELINE}/{DRAFTED}/"), lambda route: route.fulfill(status=404))

    fields = {"op": "patch", "id": id_of(sandbox, deal), "set": {"value": 98_700}}
    with page.expect_response(re.compile(f"/board/.pipeline={PIPELINE}$"), timeout=FRESH_MS) as drawn:
        sandbox.control(records=[fields])

    assert drawn.value.ok
    expect(names(page)).to_have_text(SHOWN)
    assert page.evaluate("window.stillTheSamePage"), "the page was loaded again"


def test_while_a_card_is_held_a_bar_says_so_and_nothing_moves_until_it_is_asked_for(
    board: Board, stages: Stages, deal: str, axe: Axe, shots: Path | None
) -> None:
    page, bar = board.page, board.page.get_by_role("button", name=BAR)
    board.link(deal).focus()

    stages.become([one for one in stages.before if one["id"] != PRESENTED])

    expect(bar).to_be_visible(timeout=FRESH_MS)
    expect(names(page)).to_have_text(SHOWN)
    expect(board.link(deal)).to_be_focused()
    axe(page)
    if shots:
        page.screenshot(path=shots / "board-stages-changed.png")
    bar.click()

    expect(names(page)).to_have_text(["First call", "Plan drafted", "Closed won"])
    expect(bar).to_have_count(0)


def test_the_bar_shows_while_a_card_is_in_the_hand_and_the_columns_follow_once_it_is_let_go(
    board: Board, stages: Stages, deal: str
) -> None:
    page, mouse = board.page, board.page.mouse
    # Hovering waits until the card stands still.
    board.card(deal).hover(position={"x": 40, "y": 12})
    box = board.card(deal).bounding_box()
    assert box
    mouse.down()
    mouse.move(box["x"] + 60, box["y"] + 24, steps=3)
    expect(page.locator("[data-board]")).to_have_class(re.compile("is-dragging"))

    stages.rename(PRESENTED, "Plan explained")

    expect(page.get_by_role("button", name=BAR)).to_be_visible(timeout=FRESH_MS)
    expect(names(page)).to_have_text(SHOWN)
    mouse.up()
    page.get_by_role("heading", name="Pipeline").click()
    expect(names(page)).to_have_text([*SHOWN[:2], "Plan explained", SHOWN[3]], timeout=FRESH_MS)
    expect(page.get_by_role("button", name=BAR)).to_have_count(0)


def test_an_open_list_says_that_stages_changed_and_draws_itself_again_when_asked(
    come_in: ComeIn, stages: Stages, deal: str
) -> None:
    page = come_in(path=f"/board/?pipeline={PIPELINE}&view=list")
    row = page.locator("tr[data-opportunity]").filter(has_text=deal)
    expect(row).to_contain_text("Plan drafted", timeout=SYNC_MS)

    stages.rename(DRAFTED, "Plan ready")

    page.get_by_role("button", name=BAR).click(timeout=FRESH_MS)
    expect(row).to_contain_text("Plan ready")
