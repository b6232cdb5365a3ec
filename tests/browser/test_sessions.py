"""Somebody finds a browser they forgot to sign out of, and ends its session from another one."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.browser import Axe, SignIn

WIDTHS = {"phone": 390, "desk": 1440}


def photograph(page: Page, name: str, axe: Axe, shots: Path | None) -> None:
    for scheme in ("light", "dark"):
        for width_name, width in WIDTHS.items():
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 900})
            axe(page)
            if shots:
                page.screenshot(path=shots / f"{name}-{width_name}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 320, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1440, "height": 900})


def test_a_forgotten_browser_is_signed_out_from_another_one(
    signed_in_page: SignIn, axe: Axe, shots: Path | None
) -> None:
    here, forgotten = signed_in_page("manager"), signed_in_page("manager")
    here.goto("/settings/people/")
    photograph(here, "people", axe, shots)
    here.goto("/submissions/")
    here.get_by_role("button", name=re.compile("Morgan Manager")).click()
    here.get_by_role("link", name="Your sessions").click()
    expect(here.get_by_text("This browser")).to_be_visible()
    photograph(here, "sessions", axe, shots)

    # The last used comes first, after this one.
    here.get_by_role("button", name=re.compile("^End the session of")).first.click()

    expect(here.get_by_text("One session ended.")).to_be_visible()
    forgotten.goto("/submissions/")
    expect(forgotten).to_have_url(re.compile("sign-in"))
