"""The type of requests in views. Our middleware sets these attributes; Django does not have them."""

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
    # The length of the body in bytes, from the headers. BodyLimitMiddleware refuses a request without a
    # readable length.
    body_length: int
    # Seconds left of the session, idle and absolute. None if there is no session to warn about.
    session_left: tuple[int, int] | None
    # Why an error page refused the request, as the access log records it.
    refused_as: str
