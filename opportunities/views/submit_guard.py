"""What may keep a form from being taken, whatever it asks for: Slant's token, too much in a minute, the
form's own token.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from opportunities.actions.submissions import BadToken, TokenReused
from opportunities.models import Submission
from opportunities.selectors.choices import cannot_write_at_all
from opportunities.views import limits
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.wording import formats


@dataclass(frozen=True)
class Says:
    """How one form says why it was not taken; `too_often` names how long to `{wait}`."""

    cannot_write: str
    too_often: str
    not_yours: str
    sent_before: str


def refused_before(request: PageRequest, submission: Submission) -> HttpResponse | None:
    """Where a form leads that was taken once and sent again after Slant had refused it: to the first
    submission.

    In place, for htmx, the form with Slant's reasons says the same and more, so there it is None.
    """
    if not submission.is_repeat or request.htmx:
        return None
    return see_other(reverse("opportunities:submission", args=[submission.pk]))


class NotTaken(Exception):
    """Nothing was written, and `words` say why."""

    def __init__(self, words: str, *, status: int = 422, wait: int = 0) -> None:
        super().__init__(words)
        self.words, self.status, self.wait = words, status, wait

    def on(self, response: HttpResponse) -> HttpResponse:
        """`response` with the seconds to wait, where waiting is what helps."""
        if self.wait:
            response["Retry-After"] = str(self.wait)
        return response


@contextmanager
def taking(request: PageRequest, says: Says) -> Iterator[None]:
    """Around the one action that takes a form. Raises `NotTaken`; what the action itself raises goes through."""
    if cannot_write_at_all():
        raise NotTaken(says.cannot_write)
    if wait := limits.spend(request, limits.SUBMISSION):
        raise NotTaken(says.too_often.format(wait=formats.seconds(wait)), status=429, wait=wait)
    with own_form(says):
        yield


@contextmanager
def own_form(says: Says) -> Iterator[None]:
    """The form's own token alone: taking something back is neither counted nor in need of Slant's leave."""
    try:
        yield
    except BadToken as error:
        raise NotTaken(says.not_yours) from error
    except TokenReused as error:
        raise NotTaken(says.sent_before) from error
