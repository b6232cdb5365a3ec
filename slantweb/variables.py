"""Reading the environment for the settings: each value by its type, and a variable that cannot be read named in words.

An empty variable counts as one that is not set. Values are repeated in a message only where they cannot hold a secret.
"""

import ipaddress
import math
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
YES, NO = frozenset({"1", "true", "yes", "y", "on", "ok"}), frozenset({"0", "false", "no", "n", "off"})


class Variables(environ.Env):
    """django-environ with our own words. Each method takes the name and what holds where it is not set."""

    def text(self, name: str, default: str = "") -> str:
        return str(self.str(name, default="")).strip() or default

    def names(self, name: str, default: list[str] | None = None) -> list[str]:
        """Commas between."""
        given = [part.strip() for part in self.text(name).split(",")]
        return [part for part in given if part] or list(default or [])

    def flag(self, name: str, default: bool = False) -> bool:
        def read(text: str) -> bool:
            if text.lower() not in YES | NO:
                raise ValueError
            return text.lower() in YES

        return self._read(name, default, read, "1 or 0")

    def whole(self, name: str, default: int, *, least: int, most: int | None = None) -> int:
        def read(text: str) -> int:
            number = int(text)
            if number < least or (most is not None and number > most):
                raise ValueError
            return number

        upwards = f"of at least {least}" if most is None else f"from {least} to {most}"
        return self._read(name, default, read, f"a whole number {upwards}")

    def seconds(self, name: str, default: float, *, may_be_zero: bool = True) -> float:
        must = "a number of seconds, zero or more" if may_be_zero else "a number of seconds above zero"
        return self._read(name, default, lambda text: _seconds(text, may_be_zero), must)

    def many_seconds(self, name: str, default: list[float]) -> list[float]:
        def read(text: str) -> list[float]:
            return [_seconds(part.strip(), may_be_zero=True) for part in text.split(",")]

        return self._read(name, default, read, "numbers of seconds with commas between")

    def zone(self, name: str, default: str) -> str:
        def read(text: str) -> str:
            return ZoneInfo(text).key

        return self._read(name, default, read, "a time zone like America/New_York")

    def networks(self, name: str) -> list[str]:
        """Addresses or networks, as they were written."""
        found = self.names(name)
        for each in found:
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError as error:
                raise ImproperlyConfigured(
                    f"{name}: {each!r} is neither an address nor a network."
                ) from error
        return found

    def url(self, name: str) -> str:
        """As it was written, if it names a host at all."""

        def read(text: str) -> str:
            parts = urlsplit(text)
            if not parts.hostname or parts.port == 0:
                raise ValueError
            return text

        return self._read(name, "", read, "an address like https://host/path")

    def connection(
        self, name: str, default: str, read: Callable[[str], dict[str, Any]], schemes: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """What django-environ makes of the address of a database, cache or mail server.

        It may hold a password, so it is not repeated, and one of another scheme is not shown to django-environ, which would.
        """
        text = self.text(name, default)
        try:
            if schemes and text.partition("://")[0] not in schemes:
                raise ValueError("unknown scheme")
            return read(text)
        except (ImproperlyConfigured, ValueError, KeyError, AttributeError) as error:
            begins = f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}" if schemes else ""
            words = begins or "cannot be read"
            raise ImproperlyConfigured(f"{name} {words}; .env.example says how it is written.") from error

    def _read(self, name: str, default: T, read: Callable[[str], T], must: str) -> T:
        text = self.text(name)
        if not text:
            return default
        try:
            return read(text)
        except (ValueError, KeyError, OSError) as error:
            raise ImproperlyConfigured(f"{name} must be {must}, not {text[:80]!r}.") from error


def _seconds(text: str, may_be_zero: bool) -> float:
    number = float(text)
    if not math.isfinite(number) or number < 0 or (number == 0 and not may_be_zero):
        raise ValueError
    return number
