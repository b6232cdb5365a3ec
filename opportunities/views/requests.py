"""The request as views get it. The middleware sets these attributes; Django itself knows none of them."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from opportunities.models import Person


class PageRequest(HttpRequest):
    """A type for annotations only: Django makes the request, and middleware adds to it.

    `htmx` is on every request: true where htmx asks for a part, false where a browser loads a page.
    `SignInRequiredMiddleware` sets `person` once the person is let in. A view open to all has none.
    """

    htmx: HtmxDetails
    person: Person
    # What the request says of its body, in bytes. BodyLimitMiddleware refuses what says nothing readable.
    body_length: int
    # Seconds left of the session, idle and absolute. None where there is no session to warn about.
    session_left: tuple[int, int] | None
    # Why an error page refused the request, as the access log records it.
    refused_as: str
