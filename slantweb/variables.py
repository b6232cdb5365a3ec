"""Reads the environment for the settings: each value by its type, with an error that names the variable.

An empty variable counts as one that is not set. A message repeats a value only where it cannot hold a secret.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.compat import REDIS_DRIVER

T = TypeVar("T")
# Caches of Django that unpickle nothing others can write: the memory of this process, and none at all.
OWN_MEMORY = ("locmemcache", "dummycache")
REDIS = ("redis", "rediss", "rediscache", "valkey", "valkeys")
# Zones of the United States in tzdata, older names included; its states with several zones have folders.
US_ZONES = re.compile(
    r"US/.+|EST5EDT|CST6CDT|MST7MDT|PST8PDT|EST|MST|HST|Navajo|Pacific/(Honolulu|Johnston)"
    r"|America/(New_York|Detroit|Chicago|Menominee|Denver|Boise|Phoenix|Los_Angeles|Anchorage|Juneau|Sitka"
    r"|Metlakatla|Yakutat|Nome|Adak|Atka|Shiprock|Louisville|Fort_Wayne|Indianapolis|Knox_IN"
    r"|(Indiana|Kentucky|North_Dakota)/.+)"
)
UTC_ZONES = re.compile(r"UTC|UCT|GMT.*|Greenwich|Universal|Zulu|Etc/.+")
YES, NO = frozenset({"1", "true", "yes", "y", "on", "ok"}), frozenset({"0", "false", "no", "n", "off"})


class Variables(environ.Env):
    """django-environ with our own error messages. Each method takes the name and the default."""

    def text(self, name: str, default: str = "") -> str:
        return str(self.str(name, default="")).strip() or default

    def secret(self, name: str, default: str = "") -> str:
        """A secret: the variable itself, or the content of the file that NAME_FILE names."""
        file = self.text(f"{name}_FILE")
        if not file:
            return self.text(name, default)
        if self.text(name):
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Set one of them.")
        try:
            content = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise ImproperlyConfigured(f"{name}_FILE names {file}, which cannot be read: {why}.") from error
        if not content:
            raise ImproperlyConfigured(f"{name}_FILE names {file}, which is empty.")
        return content

    def names(self, name: str, default: list[str] | None = None) -> list[str]:
        """Values separated by commas."""
        parts = [part.strip() for part in self.text(name).split(",")]
        return [part for part in parts if part] or list(default or [])

    def flag(self, name: str, default: bool = False) -> bool:
        def parse(text: str) -> bool:
            if text.lower() not in YES | NO:
                raise ValueError
            return text.lower() in YES

        return self._parse_variable(name, default, parse, "1 or 0")

    def whole(self, name: str, default: int, *, least: int, most: int | None = None) -> int:
        def parse(text: str) -> int:
            number = int(text)
            if number < least or (most is not None and number > most):
                raise ValueError
            return number

        upwards = f"of at least {least}" if most is None else f"from {least} to {most}"
        return self._parse_variable(name, default, parse, f"a whole number {upwards}")

    def seconds(self, name: str, default: float, *, may_be_zero: bool = True) -> float:
        expected = "a number of seconds, zero or more" if may_be_zero else "a number of seconds above zero"
        return self._parse_variable(name, default, lambda text: _parse_seconds(text, may_be_zero), expected)

    def many_seconds(self, name: str, default: list[float]) -> list[float]:
        def parse(text: str) -> list[float]:
            return [_parse_seconds(part.strip(), may_be_zero=True) for part in text.split(",")]

        return self._parse_variable(name, default, parse, "numbers of seconds with commas between")

    def zone(self, name: str, default: str) -> str:
        def parse(text: str) -> str:
            return ZoneInfo(text).key

        return self._parse_variable(name, default, parse, "a time zone like America/New_York")

    def one_of(self, name: str, default: str, choices: Collection[str]) -> str:
        def parse(text: str) -> str:
            if text not in choices:
                raise ValueError
            return text

        return self._parse_variable(name, default, parse, f"one of {', '.join(choices)}")

    def networks(self, name: str) -> list[str]:
        """Addresses or networks, as text. Raises for one that is neither."""
        texts = self.names(name)
        for network in texts:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError as error:
                raise ImproperlyConfigured(
                    f"{name}: {network!r} is neither an address nor a network."
                ) from error
        return texts

    def url(self, name: str) -> str:
        """The address as it was written. Raises if it names no host."""

        def parse(text: str) -> str:
            parts = urlsplit(text)
            if not parts.hostname or parts.port == 0:
                raise ValueError
            return text

        return self._parse_variable(name, "", parse, "an address like https://host/path")

    def connection(
        self, name: str, default: str, parse: Callable[[str], dict[str, Any]], schemes: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """What django-environ makes of the address of a database, cache or mail server.

        It may hold a password, so no message repeats it. django-environ would repeat an address with an
        unknown scheme, so it never gets one.
        """
        text = self.secret(name, default)
        if _has_raw_delimiter(text):
            raise ImproperlyConfigured(
                f"{name}: the user or the password holds one of / ? # [ ] as it is, which means something in "
                "an address. Write %2F, %3F, %23, %5B or %5D in its place."
            )
        try:
            if schemes and text.partition("://")[0] not in schemes:
                raise ValueError("unknown scheme")
            return parse(text)
        except (ImproperlyConfigured, ValueError, KeyError, AttributeError) as error:
            begins = f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}" if schemes else ""
            words = begins or "cannot be read"
            raise ImproperlyConfigured(f"{name} {words}; .env.example says how it is written.") from error

    def cache(self, name: str) -> dict[str, Any]:
        """A cache that unpickles nothing from outside the process: its own memory, or JSON in Redis."""
        if self.secret(name).partition("://")[0] in set(self.CACHE_SCHEMES) - {*OWN_MEMORY, *REDIS}:
            raise ImproperlyConfigured(
                f"{name}: a cache in files, in the database or in memcached is refused, because Django "
                "unpickles what it finds there: whoever can write to it could run code here. "
                "Use redis:// or rediss://, or leave it empty."
            )
        config = self.connection(name, "locmemcache://", self.cache_url_config)
        if config["BACKEND"] == REDIS_DRIVER:
            config["BACKEND"] = "slantweb.cache.JsonRedisCache"
        return config

    def _parse_variable(self, name: str, default: T, parse: Callable[[str], T], expected: str) -> T:
        text = self.text(name)
        if not text:
            return default
        try:
            return parse(text)
        except (ValueError, KeyError, OSError) as error:
            raise ImproperlyConfigured(f"{name} must be {expected}, not {text[:80]!r}.") from error


def date_style_of(zone: str) -> str:
    """How days are written in that zone's country: `us`, `eu` in other countries, `iso` if the zone names no
    country.
    """
    if US_ZONES.fullmatch(zone):
        return "us"
    return "iso" if UTC_ZONES.fullmatch(zone) else "eu"


def _has_raw_delimiter(address: str) -> bool:
    """Whether a `/`, `?`, `#`, `[` or `]` stands where the user and the password of an address do."""
    rest = address.partition("://")[2]
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in host:
        return bool(set(host.rpartition("@")[0]) & set("[]"))
    # The `@` comes too late. After the `?` of an address that names no user it is ordinary.
    path = rest[len(host) :]
    before = path.partition("?")[0]
    late = before if before.startswith("/") and "#" not in before else path
    return bool(host) and "@" in late


def _parse_seconds(text: str, may_be_zero: bool) -> float:
    number = float(text)
    if not math.isfinite(number) or number < 0 or (number == 0 and not may_be_zero):
        raise ValueError
    return number
