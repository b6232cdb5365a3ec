"""What somebody typed and has not sent, kept so that a session that ends takes nothing with it.

A draft remembers the session and the page it was typed in. It comes back by itself only when that session is
over: while it lives, a second form opened on purpose starts empty.
"""

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError

from opportunities.actions.submissions import TOKEN_SALT
from opportunities.clock import Clock
from opportunities.models import Draft, Person

TypedValues = Mapping[str, str]

# A form that was opened longer ago than a session can live is nobody's any more.
TOKEN_SECONDS = 12 * 60 * 60
KEEP_DAYS = 14


def save(
    *, person: Person, form: str, typed: TypedValues, page: str, session: str, outlived: bool = False
) -> None:
    """Put `typed` in the place of what was kept of this form before; nothing typed is nothing to keep."""
    if not any(value.strip() for value in typed.values()):
        discard(person=person, form=form)
        return
    fields = {"typed": dict(typed), "page": page, "session": session, "outlived": outlived}
    Draft.objects.update_or_create(person=person, form=form, defaults={"fields": fields})


def save_after_session(*, form_token: str, form: str, typed: TypedValues, page: str) -> bool:
    """Keep what was posted after the session's end, for whom the form was made. Never more than a draft comes
    of it.

    The token is proof of who opened the form, not of who sends it: enough to keep a draft, not to submit a
    deal.
    """
    try:
        owner, _ = signing.loads(form_token, salt=TOKEN_SALT, max_age=TOKEN_SECONDS)
        person = Person.objects.filter(pk=owner, is_active=True).first()
    except (signing.BadSignature, ValidationError, ValueError, TypeError):
        return False
    if person is None:
        return False
    save(person=person, form=form, typed=typed, page=page, session="", outlived=True)
    return True


def mark_session_ended(*, person: Person, session: str) -> None:
    """The session ends: what was typed in it waits for its person."""
    for draft in Draft.objects.filter(person=person):
        if draft.fields.get("session") == session:
            Draft.objects.filter(pk=draft.pk).update(fields=draft.fields | {"outlived": True})


def reopen(*, person: Person, form: str, page: str, session: str, clock: Clock) -> dict[str, str]:
    """What `person` had typed into `form` in a session that is over; nothing, when `page` asks for something
    else.
    """
    draft = Draft.objects.filter(person=person, form=form).first()
    if draft is None or draft.fields.get("session") == session:
        return {}
    age = clock.now() - draft.updated_at
    over = draft.fields.get("outlived") or age > timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    # A link that fills the form in means those values, unless it is the very page the draft was typed on.
    asked = "?" in page and draft.fields.get("page") != page
    if not over or asked or age > timedelta(days=KEEP_DAYS):
        return {}
    typed: dict[str, str] = draft.fields.get("typed", {})
    return typed


def discard(*, person: Person, form: str) -> None:
    Draft.objects.filter(person=person, form=form).delete()
