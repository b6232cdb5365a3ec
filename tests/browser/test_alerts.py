"""What a manager sees of an alert, and everybody of a missing worker, on any screen and in both themes."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import Axe, SignIn
from tests.support.processes import Installation

TROUBLE = """
from datetime import timedelta
from django.utils import timezone
from opportunities.clock import SystemClock
from opportunities.models import Heartbeat
from opportunities.runtime import alerts
then = timezone.now() - timedelta(minutes=9)
Heartbeat.objects.update(at=then, completed_at=then)
text = alerts.AlertText(
    "2 deals wait for a manager's decision, the first since 2026-11-30 10:41 UTC.",
    "Each of them may or may not be in Slant. Nobody should enter it again before it is decided.",
    "Open the review queue, compare what was sent with what Slant has, and decide.",
    "/submissions/review/",
    ("SW-XV7B-FQ", "SW-ZHN3-C2"),
)
alerts.open_alert("of_this_test", text, clock=SystemClock())
"""
OVER = """
from opportunities.clock import SystemClock
from opportunities.models import Alert
from opportunities.runtime import alerts
alerts.close_alert(*Alert.objects.values_list("cause", flat=True), clock=SystemClock())
"""


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (1440, "dark")])
def test_trouble_is_readable_everywhere_and_leads_on(
    installation: Installation, signed_in_page: SignIn, axe: Axe, width: int, theme: str
) -> None:
    installation.kill("worker")
    installation.manage("shell", "-c", TROUBLE)
    try:
        for persona, path in (
            ("manager", "/settings/sending/"),
            ("manager", "/board/"),
            ("sales", "/submissions/"),
        ):
            page = signed_in_page(
                persona, next=path, viewport={"width": width, "height": 900}, color_scheme=theme
            )
            if persona == "manager" and path == "/board/":
                banner = page.locator(".banner", has_text="2 deals wait")
                banner.get_by_text("What it means and what to do").click()
                expect(banner.get_by_text("Open the review queue, compare")).to_be_visible()
            if persona == "sales":
                expect(page.get_by_text("Nothing is sent or read at the moment:")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            axe(page)
    finally:
        installation.manage("shell", "-c", OVER)
