"""Over a network nothing goes in the clear without being told so at the start of each command."""

from typing import Any

import pytest
from django.core.checks import run_checks

POSTGRES = {"ENGINE": "django.db.backends.postgresql", "NAME": "slantweb"}


def warned() -> set[str]:
    return {str(warning.id) for warning in run_checks() if str(warning.id).startswith("slantweb.W00")}


@pytest.mark.parametrize(
    ("host", "options", "told"),
    [
        ("db.firm.example", {}, True),
        ("10.0.0.5", {"sslmode": "require"}, True),
        ("db.firm.example", {"sslmode": "verify-full"}, False),
        ("127.0.0.1", {}, False),
        ("", {}, False),
        ("/run/postgresql", {}, False),
    ],
)
def test_a_database_elsewhere_shows_its_certificate(
    monkeypatch: pytest.MonkeyPatch, host: str, options: dict[str, str], told: bool
) -> None:
    monkeypatch.setattr(
        "opportunities.checks.settings.DATABASES", {"default": POSTGRES | {"HOST": host, "OPTIONS": options}}
    )

    from opportunities.checks import unencrypted_connections

    assert [warning.id for warning in unencrypted_connections(None)] == (["slantweb.W001"] if told else [])


@pytest.mark.parametrize(
    ("host", "tls", "ssl", "told"),
    [
        ("mail.firm.example", False, False, True),
        ("mail.firm.example", True, False, False),
        ("mail.firm.example", False, True, False),
        ("localhost", False, False, False),
    ],
)
def test_mail_goes_over_tls(settings: Any, host: str, tls: bool, ssl: bool, told: bool) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = host, tls, ssl

    assert warned() == ({"slantweb.W002"} if told else set())


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("redis://cache.firm.example:6379/0", True),
        ("rediss://cache.firm.example:6379/0", False),
        ("redis://127.0.0.1:6379/0", False),
        ("redis://[::1]:6379/0", False),
    ],
)
def test_redis_is_asked_over_tls(settings: Any, address: str, told: bool) -> None:
    settings.CACHES = {"default": {"BACKEND": "slantweb.cache.JsonRedisCache", "LOCATION": address}}

    assert warned() == ({"slantweb.W003"} if told else set())
