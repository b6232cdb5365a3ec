"""What a person at a slow machine feels: the board in Chromium with its processor slowed down four times.

    python -m tests.bench.vitals <url> <session cookie>

Prints JSON: largest contentful paint and longest interaction in milliseconds, layout shift as a score. An
interaction lasts from the key or click until the next frame is painted.
"""

import json
import sys
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.support import provision
from tests.support.browser import ARGUMENTS

SLOWED, TIMES = 4, 5
WATCH = """
window.vitals = {lcp: 0, cls: 0, inp: 0};
new PerformanceObserver((list) => { for (const entry of list.getEntries()) vitals.lcp = entry.startTime; })
  .observe({type: "largest-contentful-paint", buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) vitals.cls += entry.value;
})
  .observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (entry.interactionId) vitals.inp = Math.max(vitals.inp, entry.duration);
})
  .observe({type: "event", durationThreshold: 16, buffered: true});
"""


def measure(url: str, session: str) -> dict[str, float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=provision.chromium(install=False), args=ARGUMENTS
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
        context.add_init_script(WATCH)
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
        seen = [_visit(page, url) for _ in range(TIMES)]
        browser.close()
    return {
        "lcp_ms": median(one["lcp"] for one in seen),
        "inp_ms": max(one["inp"] for one in seen),
        "cls": max(one["cls"] for one in seen),
    }


def _visit(page: Page, url: str) -> dict[str, Any]:
    """Open the board, walk over a few cards, open and close a menu."""
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.locator("[data-card], .deal").first.click(position={"x": 4, "y": 4}, modifiers=["Shift"])
    for key in ("Tab", "ArrowDown", "ArrowDown", "ArrowRight", "?", "Escape"):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    seen: dict[str, Any] = page.evaluate("vitals")
    return seen


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2])))
