"""Whether an address is one of ours. Every redirect to an address from a request is checked here."""

from urllib.parse import urlsplit

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def is_own_address(request: HttpRequest, url: str) -> bool:
    """Whether a browser that is sent to `url` stays on this site: a whole address, or a path from its root.

    Browsers treat a backslash as "/", and remove tabs and line ends. None of our addresses has these
    characters.
    """
    if not url.isprintable() or "\\" in url or not url.startswith(("/", "http://", "https://")):
        return False
    return url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())


def own_path(request: HttpRequest, url: str) -> str:
    """The path and query of `url` if it is one of ours, else empty. It never names another host."""
    if not is_own_address(request, url):
        return ""
    parts = urlsplit(url)
    if parts.path.startswith("//"):
        return ""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
