"""With a certified provider and a real browser: in, out, refused, revoked, in two tabs."""

import os
import re
import time
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.support.browser import REPORT_VIOLATIONS
from tests.support.processes import Template, wait_until
from tests.support.provision import Missing

from .forger import SECRET
from .installation import RENEW_SECONDS, SignOnInstallation, install_provider

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def sign_on_installation(
    installation_template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SignOnInstallation]:
    try:
        install_provider()
    except Missing as why:
        # With CI=true nothing may go missing unnoticed.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"NOT RUN: {why}")
    with SignOnInstallation(tmp_path_factory.mktemp("sign-on"), installation_template) as installation:
        yield installation


@pytest.fixture
def firm_sign_on(
    sign_on_installation: SignOnInstallation, request: pytest.FixtureRequest
) -> Iterator[SignOnInstallation]:
    sign_on_installation.control(reset=True)
    yield sign_on_installation
    report = getattr(request.node, "rep_call", None)
    if report and report.failed:
        print(sign_on_installation.logs())


@pytest.fixture
def new_browser(firm_sign_on: SignOnInstallation, browser: Browser) -> Iterator[Callable[[], BrowserContext]]:
    """Somebody's own browser; what its policy refuses fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def build() -> BrowserContext:
        context = browser.new_context(base_url=firm_sign_on.url, ignore_https_errors=True)
        context.add_init_script(REPORT_VIOLATIONS)
        context.on(
            "console", lambda message: problems.append(message.text) if "CSP" in message.text else None
        )
        context.on(
            "console",
            lambda message: problems.append(message.text) if "Content Security" in message.text else None,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context

    yield build
    for context in contexts:
        context.close()
    assert problems == []


def come_in(context: BrowserContext, account: str, *, path: str = "/submissions/") -> Page:
    page = context.new_page()
    page.goto(path)
    page.get_by_role("button", name="Continue with company sign-on").click()
    page.get_by_label("Account").fill(account)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile(r"https://127"))
    return page


def test_in_through_the_provider_and_to_the_page_asked_for(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    page = come_in(new_browser(), "olivia", path="/opportunities/new/?book_id=bk_harbor")

    expect(page).to_have_url(f"{firm_sign_on.url}/opportunities/new/?book_id=bk_harbor")
    expect(page.get_by_role("heading", name="New opportunity")).to_be_visible()
    expect(page.locator("#id_book_id")).to_have_value("bk_harbor")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies(firm_sign_on.url)}
    # The provider shares this address, so its own cookies show as well.
    ours = {
        name for name in cookies if not name.startswith("_session") and not name.startswith("_interaction")
    }
    assert ours == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in (cookies[name] for name in ours):
        assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")


def test_the_wrong_group_gets_words_and_nothing_else(new_browser: Callable[[], BrowserContext]) -> None:
    page = come_in(new_browser(), "sam")

    expect(page.get_by_role("heading", name="You do not have access yet")).to_be_visible()
    expect(page.get_by_text("sam@harbor.example")).to_be_visible()
    expect(page.get_by_text("crm-sales")).to_be_visible()


def test_an_unverified_address_sees_no_book(new_browser: Callable[[], BrowserContext]) -> None:
    page = come_in(new_browser(), "carl", path="/opportunities/new/")

    expect(page.locator("#create-form")).to_have_count(0)
    assert "Harbor" not in page.content()


def test_turning_back_at_the_provider_leaves_one_outside(new_browser: Callable[[], BrowserContext]) -> None:
    page = new_browser().new_page()
    page.goto("/submissions/")
    page.get_by_role("button", name="Continue with company sign-on").click()
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    page.get_by_role("link", name="Go to the sign-in page").click()
    expect(page.get_by_role("button", name="Continue with company sign-on")).to_be_visible()


def test_a_group_taken_away_while_somebody_works(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    page = come_in(new_browser(), "olivia")
    firm_sign_on.control(people={"olivia": {"groups": []}})

    time.sleep(RENEW_SECONDS + 0.5)
    page.reload()

    expect(page.get_by_role("heading", name="You do not have access yet")).to_be_visible()
    firm_sign_on.control(people={"olivia": {"groups": ["crm-leads"]}})
    time.sleep(RENEW_SECONDS + 0.5)
    page.goto("/submissions/")
    expect(page.get_by_text("Review queue").first).to_be_visible()


def test_a_person_the_provider_no_longer_knows_is_signed_out(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    page = come_in(new_browser(), "mona")
    firm_sign_on.control(people={"mona": None})

    time.sleep(RENEW_SECONDS + 0.5)
    page.reload()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert ["person.signed_out", "revoked", "mona"] in firm_sign_on.events()


def test_without_refresh_tokens_a_page_load_goes_by_the_provider_unnoticed(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    firm_sign_on.control(refresh=False)
    page = come_in(new_browser(), "olivia")
    firm_sign_on.control(people={"olivia": {"groups": ["crm-leads"]}})

    time.sleep(RENEW_SECONDS + 0.5)
    page.goto("/submissions/?state=open")

    expect(page).to_have_url(f"{firm_sign_on.url}/submissions/?state=open")
    expect(page.get_by_text("Review queue").first).to_be_visible()


def test_a_session_ended_at_the_provider_ends_here(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    firm_sign_on.control(refresh=False)
    page = come_in(new_browser(), "olivia")
    other = page.context.new_page()
    other.goto(f"{firm_sign_on.issuer}/session/end")
    other.get_by_role("button", name="Yes, sign me out").click()
    other.wait_for_url(re.compile("success|signed-out"))

    time.sleep(RENEW_SECONDS + 0.5)
    page.reload()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_provider_that_tells_of_it_ends_the_session_at_once(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    firm_sign_on.control(tells=True)
    page, colleague = come_in(new_browser(), "olivia"), come_in(new_browser(), "mona")
    other = page.context.new_page()
    other.goto(f"{firm_sign_on.issuer}/session/end")
    other.get_by_role("button", name="Yes, sign me out").click()
    other.wait_for_url(re.compile("success|signed-out"))

    wait_until(lambda: firm_sign_on.events()[-1][:2] == ["person.signed_out", "provider"], seconds=15)
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    colleague.reload()
    expect(colleague.get_by_text("Review queue").first).to_be_visible()
    assert "eyJ" not in (firm_sign_on.home / "web.log").read_text()


def test_an_expired_session_keeps_what_was_typed(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    page = come_in(new_browser(), "olivia", path="/opportunities/new/")
    with page.expect_response(re.compile("/new/fields/")):
        page.locator("#id_name").fill("Okonkwo rollover")
    page.context.clear_cookies(name="__Host-sessionid")

    page.locator("#id_name").press_sequentially(", larger")
    page.get_by_role("button", name="Continue with company sign-on").click()
    page.wait_for_url(re.compile("/opportunities/new/"))

    expect(page.locator("#id_name")).to_have_value("Okonkwo rollover, larger")
    expect(page.get_by_text("what you had typed when your session ended")).to_be_visible()


def test_two_tabs_share_one_fate(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    one = come_in(new_browser(), "olivia")
    two = one.context.new_page()
    two.goto("/submissions/")
    one.locator(".who").click()
    one.locator("#person").get_by_role("button", name="Sign out").click()
    one.wait_for_url(re.compile("signed-out|session/end"))

    two.reload()

    expect(two.get_by_role("heading", name="Sign in")).to_be_visible()


def test_signing_out_ends_both_sessions_and_back_shows_nothing(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    page = come_in(new_browser(), "olivia")
    page.locator(".who").click()
    page.locator("#person").get_by_role("button", name="Sign out").click()
    # The page goes on by itself.
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()

    page.goto("/submissions/")
    page.get_by_role("button", name="Continue with company sign-on").click()
    expect(page.get_by_label("Account")).to_be_visible()
    page.go_back()
    page.go_back()
    assert "What you sent" not in page.content()


def test_the_trail_knows_and_no_log_says_a_secret(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    come_in(new_browser(), "olivia", path="/submissions/?state=open")

    said = (firm_sign_on.home / "web.log").read_text()
    assert '"path": "/sign-in/callback/"' in said
    for word in (SECRET, "code=", "id_token", "eyJ", "olivia@", "state=open"):
        assert word not in said
    assert firm_sign_on.events()[-1] == ["person.signed_in", "", "olivia"]


def test_two_minutes_before_the_end_the_page_says_so_and_one_key_keeps_it(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    page = come_in(new_browser(), "olivia")
    page.clock.install()
    page.goto("/submissions/")

    def nearly_over(route: Route) -> None:
        if route.request.method == "GET":
            route.fulfill(status=204, headers={"X-Session-Left": "110 20000"})
        else:
            route.continue_()

    page.route("**/session/", nearly_over)
    page.clock.fast_forward("29:00")
    warning = page.get_by_role("alertdialog", name="Are you still there?")
    expect(warning).to_be_visible()
    expect(warning).to_contain_text("2 minutes")
    expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()

    with page.expect_response(lambda answer: answer.request.method == "POST") as kept:
        page.keyboard.press("Enter")

    # Activity is written at most once a minute.
    assert int(kept.value.headers["x-session-left"].split()[0]) > 1700
    expect(warning).to_be_hidden()


def test_at_the_end_nothing_is_left_on_the_screen(
    new_browser: Callable[[], BrowserContext], firm_sign_on: SignOnInstallation
) -> None:
    page = come_in(new_browser(), "olivia")
    page.clock.install()
    page.goto("/submissions/")
    page.route("**/session/", lambda route: route.fulfill(status=204, headers={"X-Session-Left": "100 100"}))
    page.clock.fast_forward("29:00")
    expect(page.get_by_role("button", name="Sign in again now")).to_be_visible()
    page.context.clear_cookies()

    page.clock.run_for(101_000)

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


# Points over 100 of the public HTTP Observatory for what it finds on a page; 100 and more is its A+.
OBSERVATORY = {
    "policy without a default": 10,
    "cookies secure, out of reach of scripts, same-site": 5,
    "referrer kept private": 5,
    "no framing, by policy": 5,
    "resources for this origin alone": 10,
    "embedder policy": 10,
    "opener policy": 10,
}


@pytest.mark.browser
def test_an_observatory_would_give_its_best_mark(firm_sign_on: SignOnInstallation) -> None:
    answer = requests.get(
        f"{firm_sign_on.url}/sign-in/", verify=firm_sign_on.home / "certificate.pem", timeout=10
    )

    headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    cookies = headers["Set-Cookie"]
    found = {
        "policy without a default": policy["default-src"] == "'none'"
        and "unsafe" not in str(policy)
        and {"script-src", "style-src", "base-uri", "form-action", "frame-ancestors"} <= set(policy),
        "cookies secure, out of reach of scripts, same-site": all(
            word in cookies for word in ("__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/")
        )
        and "Domain" not in cookies,
        "referrer kept private": headers["Referrer-Policy"]
        in ("same-origin", "no-referrer", "strict-origin"),
        "no framing, by policy": policy["frame-ancestors"] == "'none'",
        "resources for this origin alone": headers["Cross-Origin-Resource-Policy"] == "same-origin",
        "embedder policy": headers["Cross-Origin-Embedder-Policy"] == "require-corp",
        "opener policy": headers["Cross-Origin-Opener-Policy"] == "same-origin",
    }
    # Each of these would take points away.
    assert "Access-Control-Allow-Origin" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert not re.search(r'<script[^>]+src="(https?:)?//', answer.text)
    assert 100 + sum(points for name, points in OBSERVATORY.items() if found[name]) == 155
