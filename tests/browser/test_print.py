"""What comes out of the printer: all of it, on Letter and A4, heads repeated, nothing over anything else."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import ComeIn
from tests.support import provision

# CSS pixels between the margins of a page: 14 mm on each side.
WIDTHS = {"Letter": 710, "A4": 688}
REPORTS = tuple(
    f"/reports/{slug}/"
    for slug in ("overview", "forecast", "funnel", "ageing", "changes", "owners", "data-quality", "velocity")
)
BOARD, LIST = "/board/?pipeline=pl_newbiz", "/board/?pipeline=pl_newbiz&view=list&status=all"
DEAL, TRAIL = "/opportunities/op_71qz5d/", "/audit/?print=yes"
# Words of cells, cards and lines as they are shown on paper, each as often as it stands there.
WORDS = """() => [...document.querySelectorAll("main :is(td, th, .deal-name, .trail summary b, .facts dd)")]
  .filter((part) => part.checkVisibility() && !part.closest("[hidden]"))
  .map((part) => {
    const shown = part.cloneNode(true);
    for (const hidden of shown.querySelectorAll(".visually-hidden, svg, .avatar, .btn")) hidden.remove();
    return shown.textContent.replace(/\\s+/g, "");
  }).filter(Boolean)"""
# What reaches beyond the page's right edge. Words for screen readers alone are no part of the print.
CUT = """() => [...document.querySelectorAll("main :is(td, th, p, h1, h2, h3, li, .panel, .deal, canvas)")]
  .filter((part) => part.checkVisibility() && part.getBoundingClientRect().right > innerWidth + 1)
  .map((part) => `${part.tagName} ${part.innerText.slice(0, 40)}`)"""
# Charts that reach beyond their panel.
OVER = """() => [...document.querySelectorAll(".chart-panel")].filter((panel) => {
  const [outer, inner] = [panel, panel.querySelector("canvas")].map((part) => part.getBoundingClientRect());
  return inner.bottom > outer.bottom + 1 || inner.right > outer.right + 1;
}).length"""


def printed(page: Page, folder: Path, size: str = "Letter") -> list[str]:
    """The pages of the print, each its text without spaces."""
    file = folder / "print.pdf"
    page.pdf(path=file, format=size, print_background=True)
    found = subprocess.run(
        [provision.pdftotext(install=False), "-raw", str(file), "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [squeezed(text) for text in found.stdout.split("\f") if text.strip()]


def squeezed(text: str) -> str:
    """Without the spaces and line ends, which a print sets as it likes."""
    return re.sub(r"\s+", "", text)


def on_paper(page: Page, size: str) -> None:
    page.emulate_media(media="print")
    page.set_viewport_size({"width": WIDTHS[size], "height": 900})


@pytest.fixture
def manager(come_in: ComeIn) -> Page:
    return come_in("manager")


def test_nothing_reaches_over_the_edge_of_letter_or_a4_or_over_its_panel(manager: Page) -> None:
    for path in (*REPORTS, BOARD, LIST, DEAL, "/submissions/"):
        manager.emulate_media(media="screen")
        manager.set_viewport_size({"width": 1440, "height": 900})
        manager.goto(path)
        if path in REPORTS:
            manager.wait_for_function("!document.querySelector('[data-chart]:not(.is-drawn)')")
        # A4 is the narrower one: what fits there fits on Letter, where only the widest pages are looked at.
        for size in WIDTHS if path in (BOARD, LIST) else ("A4",):
            on_paper(manager, size)
            assert (path, size, manager.evaluate(CUT)) == (path, size, [])
            assert (path, size, manager.evaluate(OVER)) == (path, size, 0)


@pytest.mark.parametrize("path", ["/reports/forecast/", "/reports/ageing/", LIST, BOARD, DEAL])
def test_a_print_holds_every_cell_and_card_of_its_page(manager: Page, path: str, tmp_path: Path) -> None:
    manager.goto(path)
    manager.emulate_media(media="print")
    words = manager.evaluate(WORDS)
    text = "".join(printed(manager, tmp_path))

    assert len(words) > 20 or path == DEAL
    missing = {word for word in words if text.count(word) < 1}
    assert missing == set()
    cards = manager.locator(".deal-name").all_inner_texts()
    names = {name: cards.count(name) for name in cards}
    assert [name for name, times in names.items() if text.count(squeezed(name)) < times] == []


def test_a_list_repeats_its_heads_and_gives_its_total_once(manager: Page, tmp_path: Path) -> None:
    manager.goto(LIST)
    heads = [squeezed(head) for head in manager.locator(".list-table thead th[scope]").all_inner_texts()]
    total = squeezed(manager.locator(".list-table tfoot").inner_text())

    pages = printed(manager, tmp_path)

    assert len(pages) > 1
    assert [number for number, page in enumerate(pages) if not all(head in page for head in heads)] == []
    assert "".join(pages).count(total[:12]) == 1


def test_a_lane_that_goes_on_to_the_next_page_says_there_which_it_is(manager: Page, tmp_path: Path) -> None:
    manager.goto(BOARD)
    lanes = {
        lane.locator("h2").inner_text(): lane.locator(".deal-name").all_inner_texts()
        for lane in manager.locator(".lane").all()
    }
    names = [name for cards in lanes.values() for name in cards]
    once = {name for name in names if names.count(name) == 1}

    pages = printed(manager, tmp_path)

    assert len(pages) > 1
    unnamed = [
        (lane, number)
        for lane, cards in lanes.items()
        for number, page in enumerate(pages)
        if any(squeezed(card) in page for card in once.intersection(cards)) and squeezed(lane) not in page
    ]
    assert unnamed == []


def test_a_total_stands_once_under_the_rows_it_adds_up(manager: Page, tmp_path: Path) -> None:
    manager.goto("/reports/forecast/")
    table = manager.locator("table", has=manager.locator("tfoot")).first
    total = squeezed(table.locator("tfoot").inner_text())
    last = squeezed(table.locator("tbody tr").last.inner_text())

    pages = printed(manager, tmp_path)

    assert "".join(pages).count(total) == 1
    assert any(last + total in page for page in pages)


def test_paper_says_how_old_the_numbers_are_by_the_clock_alone(manager: Page, tmp_path: Path) -> None:
    manager.goto(LIST)

    first = printed(manager, tmp_path)[0]

    assert "Slantdataasof" in first
    assert not re.search(r"\dsago", first)


def test_the_trail_prints_opened_and_whole(come_in: ComeIn, tmp_path: Path) -> None:
    page = come_in("compliance", path=TRAIL)
    page.emulate_media(media="print")
    on_paper(page, "A4")
    assert page.evaluate(CUT) == []
    times = page.locator(".trail summary time").all_inner_texts()

    text = "".join(printed(page, tmp_path, "A4"))

    assert times
    assert all(text.count(squeezed(time)) for time in times)
