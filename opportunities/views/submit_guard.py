"""Checks that may prevent submitting a form: Slant's token, the limit a minute, the form's own token."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from opportunities.actions.form_tokens import BadToken, TokenReused
from opportunities.models import Submission
from opportunities.selectors.choices import cannot_write_at_all
from opportunities.views import limits
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.wording import formats


@dataclass(frozen=True)
class FormMessages:
    """How one form says why it was rejected. `too_often` holds `{wait}`, the time to wait."""

    cannot_write: str
    too_often: str
    not_yours: str
    sent_before: str


class FormRejected(Exception):
    """The form was not submitted and nothing was written. `message` says why."""

    def __init__(self, message: str, *, status: int = 422, wait: int = 0) -> None:
        super().__init__(message)
        self.message, self.status, self.wait = message, status, wait

    def add_retry_after(self, response: HttpResponse) -> HttpResponse:
        """Add the seconds to wait to `response`, if waiting helps."""
        if self.wait:
            response["Retry-After"] = str(self.wait)
        return response


@contextmanager
def submit_guard(request: PageRequest, form_messages: FormMessages) -> Iterator[None]:
    """Surrounds the action that submits a form. Raises `FormRejected`.

    Other exceptions of the action pass through.
    """
    if cannot_write_at_all():
        raise FormRejected(form_messages.cannot_write)
    if wait := limits.spend(request, limits.SUBMISSION):
        message = form_messages.too_often.format(wait=formats.seconds(wait))
        raise FormRejected(message, status=429, wait=wait)
    with token_guard(form_messages):
        yield


@contextmanager
def token_guard(form_messages: FormMessages) -> Iterator[None]:
    """Checks only the form's own token, for forms that write nothing to Slant and count against no limit."""
    try:
        yield
    except BadToken as error:
        raise FormRejected(form_messages.not_yours) from error
    except TokenReused as error:
        raise FormRejected(form_messages.sent_before) from error


def redirect_to_earlier(request: PageRequest, submission: Submission) -> HttpResponse | None:
    """The redirect to the submission an earlier send of this form made, or None.

    For htmx it is None: the form in place shows Slant's reasons too.
    """
    if not submission.is_repeat or request.htmx:
        return None
    return see_other(reverse("opportunities:submission", args=[submission.pk]))
