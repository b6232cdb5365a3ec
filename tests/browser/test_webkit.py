"""What only WebKit gets wrong, seen in WebKitGTK, which stands for Safari."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.boards import BOARD
from tests.support.processes import Installation, wait_until
from tests.support.webkit import WebKit, webkit

pytestmark = pytest.mark.browser

# So low that every lane of the demo's board holds more cards than fit.
WIDTH, HEIGHT = 1440, 500
# Which cards are out of sight is decided in one frame, and the rows are sized again in the next. After a lane
# was scrolled the same happens to the cards that came into sight: its end is looked at until it is drawn.
UNTIL_DRAWN = """() => new Promise((done) => {
  requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
})"""
MEASURE = """() => [...document.querySelectorAll(".lane-cards")].map((lane) => {
  const cards = [...lane.querySelectorAll(":scope > .deal")];
  lane.scrollTop = lane.scrollHeight;
  const last = cards.at(-1)?.getBoundingClientRect(), space = lane.getBoundingClientRect();
  // A card may be taller than so low a lane, and "more" may stand below it: its lower edge tells.
  return {
    lane: lane.closest(".lane").dataset.lane,
    cards: cards.length,
    squashed: cards.filter((card) => card.scrollHeight > card.offsetHeight).length,
    scrolls: lane.scrollTop > 0,
    ends_in_sight: !last || (last.bottom > space.top && last.bottom <= space.bottom + 1),
    last: last && [last.top, last.bottom, space.top, space.bottom],
  };
})"""


@pytest.fixture(scope="module")
def browser_window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebKit]:
    with webkit(tmp_path_factory.mktemp("webkit")) as window:
        yield window


@pytest.fixture
def manager(browser_window: WebKit, installation: Installation) -> WebKit:
    browser_window.goto(f"{installation.url}/demo/sign-in/")
    browser_window.evaluate(
        """() => { document.querySelector('button[name="persona"][value="manager"]').click() }"""
    )
    wait_until(lambda: browser_window.evaluate("() => location.pathname") != "/demo/sign-in/")
    return browser_window


def test_a_lane_with_more_cards_than_fit_scrolls_and_squashes_none(
    manager: WebKit, installation: Installation
) -> None:
    manager.resize(WIDTH, HEIGHT)
    manager.goto(installation.url + BOARD)

    lanes: list[dict[str, Any]] = []
    for _ in range(20):
        manager.evaluate(UNTIL_DRAWN)
        lanes = manager.evaluate(MEASURE)
        if all(lane["ends_in_sight"] for lane in lanes):
            break

    assert [lane for lane in lanes if lane["squashed"]] == []
    full = [lane for lane in lanes if lane["cards"] > 2]
    assert len(full) >= 3
    assert [lane for lane in full if not lane["scrolls"]] == []
    assert [lane for lane in lanes if not lane["ends_in_sight"]] == []
