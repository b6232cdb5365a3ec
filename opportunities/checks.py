"""Mistakes that would only show in production, found at start."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from opportunities.runtime.budget import MINIMUM_BUDGET

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})


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


@register()
def unencrypted_connections(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """What goes over a network in the clear, or to a server whose certificate nobody checks (ASVS 12.3)."""
    database, cache = settings.DATABASES["default"], str(settings.CACHES["default"].get("LOCATION", ""))
    is_checked = database.get("OPTIONS", {}).get("sslmode") in ("verify-ca", "verify-full")
    is_postgresql = "postgresql" in database["ENGINE"]
    is_smtp = settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")
    is_encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    is_plain_redis = cache.startswith(("redis://", "valkey://"))
    warnings = []
    if is_postgresql and not is_checked and _is_remote(database.get("HOST", "")):
        warnings.append(
            Warning(
                "DATABASE_URL leads over a network, and the server's certificate is not checked.",
                hint="Add ?sslmode=verify-full&sslrootcert=FILE. Without it the connection may be in the "
                "clear, or lead to another server.",
                id="slantweb.W001",
            )
        )
    if is_smtp and not is_encrypted and _is_remote(settings.EMAIL_HOST):
        warnings.append(
            Warning(
                "EMAIL_URL leads over a network without TLS, so its password and every alert can be read.",
                hint="Begin it with smtp+tls:// or smtp+ssl://.",
                id="slantweb.W002",
            )
        )
    if is_plain_redis and _is_remote(urlsplit(cache).hostname or ""):
        warnings.append(
            Warning(
                "CACHE_URL leads over a network without TLS.",
                hint="Begin it with rediss://.",
                id="slantweb.W003",
            )
        )
    return [*warnings]


def _is_remote(host: str | None) -> bool:
    """Not this machine: neither a loopback address nor a socket in a folder."""
    return bool(host) and not str(host).startswith(("/", "@")) and host not in LOOPBACK
