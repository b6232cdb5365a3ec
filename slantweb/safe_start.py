"""Refuses to start with dangerous settings. Each refusal names the variable and what to do."""

import ipaddress
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

KEY_LEAST_CHARACTERS = 32
KEY_LEAST_DIFFERENT = 8
# The least length of a key, in bytes, without its repetitions.
KEY_LEAST_CONTENT = 20
# The widest private network is fc00::/7 (RFC 4193). A wider one is the internet or a large part of it.
WIDEST_NETWORK = 7
TOKEN_LINE = re.compile(r"(?m)^[ \t]*(?:export +)?(SLANT_API_TOKEN(?:_FILE)?)[ \t]*=[ \t]*(\S+)")
MAKE_A_KEY = 'python -c "import secrets; print(secrets.token_urlsafe(50))" makes one.'


def refuse_dangerous(
    *,
    debug: bool,
    keys: Mapping[str, Iterable[str]],
    hosts: Iterable[str],
    proxies: Iterable[str],
    slant_base_url: str,
) -> None:
    """Check the settings. With `debug`, which needs a Slant on this machine, the other settings are not
    checked.
    """
    if debug and slant_base_url.startswith("https://"):
        raise ImproperlyConfigured(
            "DEBUG=1 shows internals and client data on error pages, so it is refused with a Slant over "
            "https. Set DEBUG=0, or use the sandbox."
        )
    if debug:
        return
    for name, values in keys.items():
        for key in values:
            check_key(name, key)
    check_hosts(hosts)
    check_proxies(proxies)


def refuse_shared_token(env_file: Path) -> None:
    """Refuse one `.env` for web and worker, which would give Slant's token to anybody with the web's
    account.
    """
    with suppress(OSError, UnicodeDecodeError):
        variables = dict(TOKEN_LINE.findall(env_file.read_text()))
        named = variables.get("SLANT_API_TOKEN_FILE", "").strip("\"'")
        if variables.get("SLANT_API_TOKEN", "").strip("\"'") or (named and os.access(named, os.R_OK)):
            raise ImproperlyConfigured(
                f"{env_file} gives SLANT_API_TOKEN to the web process, too, which may read it. Put the token "
                "into a file that only the worker's user can read, and name it by SLANT_API_TOKEN_FILE among "
                'the worker\'s own variables (docs/operations.md, "Two accounts").'
            )


def check_key(name: str, key: str) -> None:
    """Check that the key is long and random, because somebody who guesses it can sign in as anybody."""
    if len(key) < KEY_LEAST_CHARACTERS:
        raise ImproperlyConfigured(f"{name} is shorter than {KEY_LEAST_CHARACTERS} characters. {MAKE_A_KEY}")
    content = len(zlib.compress(key.encode(), 9)) - len(zlib.compress(b"", 9))
    is_plain = len(set(key)) < KEY_LEAST_DIFFERENT or content < KEY_LEAST_CONTENT
    if is_plain or key.startswith("django-insecure-"):
        raise ImproperlyConfigured(f"{name} is not random, so it can be guessed. {MAKE_A_KEY}")


def check_hosts(hosts: Iterable[str]) -> None:
    """Refuse a wildcard for all names: a forged Host header would then decide the address in our links."""
    if any(host.strip() in ("*", ".") for host in hosts):
        raise ImproperlyConfigured("ALLOWED_HOSTS=* allows every name. Name the hosts people open.")


def check_proxies(proxies: Iterable[str]) -> None:
    """Refuse to trust everybody: each visitor could then choose the address that the trail and the limits
    see.
    """
    networks = [ipaddress.ip_network(proxy, strict=False) for proxy in proxies]
    # Checked together, because two halves of the internet are all of it.
    joined: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = [
        *ipaddress.collapse_addresses(
            network for network in networks if isinstance(network, ipaddress.IPv4Network)
        ),
        *ipaddress.collapse_addresses(
            network for network in networks if isinstance(network, ipaddress.IPv6Network)
        ),
    ]
    if wide := next((network for network in joined if network.prefixlen < WIDEST_NETWORK), None):
        raise ImproperlyConfigured(
            f"TRUSTED_PROXIES holds {wide}, so that anybody could say where a request comes from. "
            "Name the proxies."
        )
