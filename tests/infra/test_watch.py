"""The browser tests' own eyes: they must see what they are there to see."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import SignIn, Watch
from tests.support.processes import Installation


def test_a_persona_signs_in_and_meets_no_barrier(signed_in_page: SignIn, axe: Callable[[Page], None]) -> None:
    page = signed_in_page("sales", next="/submissions/")

    expect(page.locator("body")).to_have_attribute("data-stale", "fresh")
    axe(page)


def test_signing_in_works_without_javascript(signed_in_page: SignIn) -> None:
    page = signed_in_page("manager", next="/submissions/", java_script_enabled=False)

    expect(page).to_have_url(page.url.split("?")[0])
    expect(page.locator("main")).to_be_visible()


def test_what_must_not_happen_in_a_page_is_seen(
    signed_in_page: SignIn, watch: Watch, installation: Installation
) -> None:
    page = signed_in_page("sales", next="/submissions/")
    assert watch.problems == []
    watch.forgive("")

    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<i style=\"color: red\">x</i>')")
    page.evaluate("setTimeout(() => { throw new Error('planted') })")
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => null)")
    page.evaluate("fetch('/static/nothing.js').catch(() => null)")
    page.evaluate("localStorage.setItem('a deal', 'Okonkwo')")
    page.evaluate("indexedDB.open('deals')")
    page.wait_for_timeout(300)

    seen = "\n".join(watch.problems)
    for part in (
        "CSP: style-src",
        "script: planted",
        "CSP: connect-src",
        "answer: 404",
        "storage: Storage a deal",
    ):
        assert part in seen


def test_a_barrier_is_found(signed_in_page: SignIn, axe: Callable[[Page], None]) -> None:
    page = signed_in_page("sales", next="/submissions/")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input type=\"text\">')")

    with pytest.raises(AssertionError, match="label"):
        axe(page)
