"""Form tokens: random, signed and bound to one person.

The same form sent twice is one submission, because its token makes the row unique.
"""

import secrets

from django.core import signing

from opportunities.actions.refusals import SubmissionRefused
from opportunities.models import Person, Submission

TOKEN_SALT = "opportunities.form"  # noqa: S105 - a salt's name, not a secret


class BadToken(SubmissionRefused):
    """A form token that we did not issue, or issued to somebody else."""


class TokenReused(SubmissionRefused):
    """The same form was sent before with other content."""


def issue_token(person: Person) -> str:
    """A form token: random, signed, bound to `person`."""
    return signing.dumps([str(person.pk), secrets.token_urlsafe(18)], salt=TOKEN_SALT, compress=False)


def check_token(token: str, person: Person) -> str:
    """The random part of a token issued to `person`. Raises `BadToken` for any other."""
    try:
        owner, nonce = signing.loads(token, salt=TOKEN_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadToken("not a token of ours") from error
    if owner != str(person.pk):
        raise BadToken("somebody else's token")
    return str(nonce)


def check_unused(token: str, person: Person) -> None:
    """Check the token of a form that changes nothing. Raises `BadToken`, or `TokenReused` for a used one."""
    if Submission.objects.of(person).filter(form_token=check_token(token, person)).exists():
        raise TokenReused("the same form was sent before with other content")
