"""Mistakes that would only show in production, found at start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def demo_token_in_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.SLANT_API_TOKEN.startswith("slnt_pat_sandbox_") and not settings.SLANT_IS_LOOPBACK:
        return [
            Error(
                "SLANT_API_TOKEN is the sandbox's, but SLANT_BASE_URL is not the sandbox.",
                hint="Put the firm's own token into the environment, or run `make reset` to drop the demo's settings.",
                id="slantweb.E001",
            )
        ]
    return []
