"""Mistakes that would only show in production, found at start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from opportunities.runtime.budget import MINIMUM_BUDGET


@register()
def demo_token_in_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.SLANT_API_TOKEN.startswith("slnt_pat_sandbox_") and not settings.SLANT_IS_LOOPBACK:
        return [
            Error(
                "SLANT_API_TOKEN is the sandbox's, but SLANT_BASE_URL is not the sandbox.",
                hint="Set the firm's own token, or run `make reset` to drop the demo's settings.",
                id="slantweb.E001",
            )
        ]
    return []


@register()
def budget_too_small(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A budget that is too small leaves no calls to look for lost answers."""
    if settings.SLANT_HOURLY_BUDGET < MINIMUM_BUDGET:
        return [
            Error(
                f"SLANT_HOURLY_BUDGET is {settings.SLANT_HOURLY_BUDGET}: too few to look for lost answers.",
                hint=f"Allow at least {MINIMUM_BUDGET} calls an hour; 900 is usual, and Slant allows 1000.",
                id="slantweb.E002",
            )
        ]
    return []
