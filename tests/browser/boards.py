"""The board as a person meets it: lanes and cards by their names, moved by hand."""

import re
from typing import Self

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import MARAS_BOOK, OKONKWO, THEO, Slant
from tests.support.processes import Sandbox

IDENTIFIED, CONNECTED, MEETING, WON, LOST = "st_ident", "st_conn", "st_meet", "st_won", "st_lost"
PIPELINE = "pl_newbiz"
BOARD = f"/board/?pipeline={PIPELINE}"
HOLD_MS = 450


def enter(sandbox: Sandbox, *names: str) -> None:
    """Deals of Theo's that somebody enters on Slant's own page. The board shows them after a sync."""
    values = {
        "book_id": MARAS_BOOK,
        "pipeline_id": PIPELINE,
        "pipeline_stage_id": IDENTIFIED,
        "household_id": OKONKWO,
        "assigned_to_id": THEO,
        "value": 64_000,
    }
    sandbox.control(
        records=[{"op": "create", "type": "opportunity", "set": values | {"name": name}} for name in names]
    )


def id_of(sandbox: Sandbox, name: str) -> str:
    made = sandbox.ledger(kind="write")
    return next(str(entry["id"]) for entry in made if entry["record"]["name"] == name)


class Board:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.status = page.locator("#status")
        self.toast = page.locator("#toasts")
        self.menu = page.get_by_role("menu")

    def open(self, query: str = "") -> Self:
        self.page.goto(f"{BOARD}{query and '&'}{query}")
        return self

    def card(self, name: str) -> Locator:
        return self.page.locator(f'.board .deal[data-name="{name}"]')

    def link(self, name: str) -> Locator:
        return self.card(name).get_by_role("link", name=name, exact=True)

    def lane(self, stage: str) -> Locator:
        return self.page.locator(f'.lane[data-lane="{stage}"]')

    def shows(self, name: str, stage: str, *, timeout: float | None = None) -> Locator:
        """The card, once, in that lane."""
        there = self.lane(stage).locator(f'.deal[data-name="{name}"]')
        expect(there).to_be_visible(timeout=timeout)
        expect(self.card(name)).to_have_count(1)
        return there

    def settled(self, name: str, stage: str) -> Locator:
        """The same, with nothing on its way any more."""
        there = self.shows(name, stage)
        expect(there).not_to_have_class(re.compile("is-saving|is-refused"))
        return there

    def drag(self, name: str, target: Locator) -> None:
        """By mouse, in steps as a hand makes them."""
        card, mouse = self.card(name), self.page.mouse
        card.scroll_into_view_if_needed()
        box = card.bounding_box()
        assert box
        mouse.move(box["x"] + 40, box["y"] + 12)
        mouse.down()
        mouse.move(box["x"] + 60, box["y"] + 20, steps=3)
        to = target.bounding_box()
        assert to
        mouse.move(to["x"] + to["width"] / 2, to["y"] + 60, steps=6)
        mouse.up()

    def drag_by_finger(self, name: str, target: Locator) -> None:
        """A finger held still for a moment lifts the card; then it follows."""
        self.card(name).evaluate("card => card.scrollIntoView({block: 'center'})")
        box = self.card(name).bounding_box()
        assert box
        session = self.page.context.new_cdp_session(self.page)

        def touch(kind: str, *at: float) -> None:
            points = [{"x": at[0], "y": at[1]}] if at else []
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        x, y = box["x"] + 60, box["y"] + 20
        touch("touchStart", x, y)
        self.page.wait_for_timeout(HOLD_MS)
        touch("touchMove", x + 4, y + 4)
        to = target.bounding_box()
        assert to
        aim = (to["x"] + to["width"] / 2, to["y"] + min(to["height"] / 2, 40))
        for part in (0.4, 0.8, 1.0):
            touch("touchMove", x + (aim[0] - x) * part, y + (aim[1] - y) * part)
        touch("touchEnd")

    def choose(self, name: str, stage_name: str) -> None:
        """By the card's menu."""
        self.card(name).get_by_role("link", name=f"Move {name} to").click()
        self.menu.get_by_role("menuitem", name=re.compile(f"^{stage_name}")).click()


def moves(slant: Slant, deal_id: str) -> list[str]:
    """The stages Slant was asked for, in order, as it executed them."""
    entries = slant.sandbox.ledger(after=slant.began, kind="write")
    return [
        entry["record"]["pipeline_stage"]["id"]
        for entry in entries
        if entry["id"] == deal_id and "pipeline_stage_id" in entry["changed"] and entry["request"]
    ]
