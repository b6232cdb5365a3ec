"""Drafts: what somebody typed and did not send, kept for after the end of a session.

A draft names the session and the page it was typed in. It is restored only after that session has ended.
Until then a second form starts empty.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils import timezone

from opportunities.actions.form_tokens import TOKEN_SALT
from opportunities.clock import is_due
from opportunities.models import Draft, Person

TypedValues = Mapping[str, str]

# No session lasts longer, so a form opened earlier belongs to no living session.
TOKEN_SECONDS = 12 * 60 * 60
KEEP_DAYS = 14


def save(
    *, person: Person, form: str, typed: TypedValues, page: str, session: str, outlived: bool = False
) -> None:
    """Save `typed` in place of the earlier draft of this form. An empty `typed` deletes the draft."""
    if not any(value.strip() for value in typed.values()):
        discard(person=person, form=form)
        return
    fields = {"typed": dict(typed), "page": page, "session": session, "outlived": outlived}
    Draft.objects.update_or_create(person=person, form=form, defaults={"fields": fields})


def save_after_session(*, form_token: str, form: str, typed: TypedValues, page: str) -> bool:
    """Save what was posted after the session's end, for the person who opened the form. False if there is no
    such person.

    The token proves who opened the form and not who sends it. That is enough for a draft, not for a
    submission.
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
    """Mark the drafts of a session that ends, so that they are restored in the next one."""
    for draft in Draft.objects.filter(person=person):
        if draft.fields.get("session") == session:
            Draft.objects.filter(pk=draft.pk).update(fields=draft.fields | {"outlived": True})


def reopen(*, person: Person, form: str, page: str, session: str) -> dict[str, str]:
    """What `person` typed into `form` in a session that is over. Empty when `page` asks for other values."""
    draft = Draft.objects.filter(person=person, form=form).first()
    if draft is None or draft.fields.get("session") == session:
        return {}
    idle, now = timedelta(minutes=settings.SESSION_IDLE_MINUTES), timezone.now()
    over = draft.fields.get("outlived") or is_due(draft.updated_at + idle, now, longest=idle)
    # A link that prefills the form asks for those values, unless the draft was typed on that very page.
    is_prefilled = "?" in page and draft.fields.get("page") != page
    if not over or is_prefilled or now - draft.updated_at > timedelta(days=KEEP_DAYS):
        return {}
    typed: dict[str, str] = draft.fields.get("typed", {})
    return typed


def discard(*, person: Person, form: str) -> None:
    Draft.objects.filter(person=person, form=form).delete()


def remove_old(now: datetime) -> int:
    """Remove the drafts that are too old to be offered. Returns how many there were."""
    removed, _ = Draft.objects.filter(updated_at__lt=now - timedelta(days=KEEP_DAYS)).delete()
    return removed
