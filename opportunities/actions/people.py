"""People coming and going: who they are, what their provider says they may be, who they are in Slant."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.db import transaction

from opportunities.actions import audit
from opportunities.actions.audit import Actor, Change
from opportunities.clock import Clock
from opportunities.models import Member, Person


@dataclass(frozen=True)
class Identity:
    """What a sign-on provider vouches for. `email` is empty unless the provider verified it."""

    iss: str
    sub: str
    email: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()


def sign_in(*, identity: Identity, open_session: Callable[[Person], Actor], clock: Clock) -> Person:
    """Find or make the person, give them the roles of this sign-in, and open their session, all in one transaction.

    `open_session` opens the browser's session and answers with the actor in it, so that no session can exist without
    its event. A person without any role is recorded as refused: they get the page that says whom to ask, no more.
    """
    with transaction.atomic():
        person, before = _remember(identity)
        by = open_session(person)
        changed = before is not None and before != list(person.roles)
        audit.record(
            clock=clock,
            by=by,
            action="person.signed_in" if person.roles else "person.refused",
            object_type="person",
            object_id=str(person.pk),
            outcome="ok" if person.roles else "refused",
            reason_code="" if person.roles else "no_group",
            change=Change({"roles": before}, {"roles": list(person.roles)}) if changed else Change(),
        )
    return person


def sign_out(*, person: Person, by: Actor, clock: Clock, reason_code: str = "") -> None:
    """Record the end of a session; `reason_code` tells an end by our limits (`idle`, `absolute`) from one asked for."""
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=by,
            action="person.signed_out",
            object_type="person",
            object_id=str(person.pk),
            outcome="ok",
            reason_code=reason_code,
        )


def _remember(identity: Identity) -> tuple[Person, list[str] | None]:
    """The person of `identity` as of now, and the roles they had before (None: never seen)."""
    # Two first sign-ins at once must not make two people, nor fail: get_or_create finds the other one's row.
    person, made = Person.objects.select_for_update().get_or_create(
        iss=identity.iss, sub=identity.sub, defaults={"password": make_password(None)}
    )
    before = None if made else list(person.roles)
    person.email = identity.email.lower()
    person.name = identity.name[:200]
    person.roles = list(identity.roles)
    if not person.member_linked_by:
        person.member_id = member_with(person.email)
    person.save()
    return person, before


def member_with(email: str) -> str:
    """The Slant user with this verified e-mail; empty when there is none, or when it would be a guess between two."""
    if not email:
        return ""
    found = list(Member.objects.filter(email=email.lower()).values_list("user_id", flat=True).distinct()[:2])
    return found[0] if len(found) == 1 else ""
