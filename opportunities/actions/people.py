"""People: sign-in and sign-out, the roles their provider gives them, and who they are in Slant."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.db import transaction

from opportunities.clock import Clock
from opportunities.email_addresses import fold_address, may_link
from opportunities.models import Member, Person
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange


@dataclass(frozen=True)
class Identity:
    """What a sign-on provider vouches for. `email` is empty unless the provider verified it.

    `no_role` says why there is no role: `no_group`, or `groups_left_out` by a provider that had too many to
    send.
    """

    iss: str
    sub: str
    email: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()
    no_role: str = ""


def sign_in(*, identity: Identity, open_session: Callable[[Person], Actor], clock: Clock) -> Person:
    """Find or make the person, set the roles of this sign-in, and open their session, in one transaction.

    `open_session` opens the browser's session and returns the actor in it, so that no session can exist
    without its event. A person without any role is recorded as refused, and sees only the page that says whom
    to ask.
    """
    with transaction.atomic():
        person, before = _save_identity(identity)
        by = open_session(person)
        changed = before is not None and before != list(person.roles)
        audit.record(
            clock=clock,
            by=by,
            action="person.signed_in" if person.roles else "person.refused",
            object_type="person",
            object_id=str(person.pk),
            outcome="ok" if person.roles else "refused",
            reason_code="" if person.roles else identity.no_role or "no_group",
            change=AuditChange({"roles": before}, {"roles": list(person.roles)})
            if changed
            else AuditChange(),
        )
    return person


def update_roles(*, identity: Identity, by: Actor, clock: Clock) -> None:
    """Apply the provider's present claims during a session. Only a change of roles writes an event."""
    with transaction.atomic():
        person, before = _save_identity(identity)
        if before == list(person.roles):
            return
        audit.record(
            clock=clock,
            by=by,
            action="person.roles_changed",
            object_type="person",
            object_id=str(person.pk),
            outcome="ok" if person.roles else "refused",
            reason_code="" if person.roles else identity.no_role or "no_group",
            change=AuditChange({"roles": before}, {"roles": list(person.roles)}),
        )


def record_refusal(*, by: Actor, clock: Clock, reason_code: str) -> None:
    """Record that a sign-in was refused. The identity it claimed is not proven, so it is not recorded."""
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=by,
            action="person.refused",
            object_type="sign_in",
            outcome="refused",
            reason_code=reason_code,
        )


def sign_out(*, person: Person, by: Actor, clock: Clock, reason_code: str = "") -> None:
    """Record the end of a session. `reason_code` is `idle` or `absolute` when a limit of ours ended it."""
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


def link(*, person: Person, member_id: str, by: Actor, clock: Clock) -> None:
    """Set who `person` is in Slant. With an empty `member_id` their verified e-mail decides again."""
    with transaction.atomic():
        row = Person.objects.select_for_update().get(pk=person.pk)
        before = {"member_id": row.member_id, "linked_by": row.member_linked_by}
        row.member_linked_by = f"{by.iss} {by.sub}"[:255] if member_id else ""
        row.member_id = member_id or member_id_of(row.email)
        after = {"member_id": row.member_id, "linked_by": row.member_linked_by}
        if before == after:
            return
        row.save(update_fields=["member_id", "member_linked_by"])
        audit.record(
            clock=clock,
            by=by,
            action="person.linked" if member_id else "person.unlinked",
            object_type="person",
            object_id=str(person.pk),
            outcome="ok",
            change=AuditChange(before, after),
        )


def slow_down(person_id: str, *, until: datetime) -> None:
    """Refuse all requests of this person until `until`, because they made too many (`views/limits.py`)."""
    Person.objects.filter(pk=person_id).update(slowed_until=until)


def set_preferences(*, person: Person, theme: str | None, shortcuts: bool | None) -> None:
    """Save how `person` wants to see and use the pages. None leaves a choice as it is."""
    if theme is not None:
        person.theme = theme
    if shortcuts is not None:
        person.shortcuts = shortcuts
    person.save(update_fields=["theme", "shortcuts"])


def _save_identity(identity: Identity) -> tuple[Person, list[str] | None]:
    """The person of `identity` as of now, and the roles they had before (None: never seen)."""
    # Two simultaneous first sign-ins must not make two people or fail: get_or_create finds the other's row.
    person, is_new = Person.objects.select_for_update().get_or_create(
        iss=identity.iss, sub=identity.sub, defaults={"password": make_password(None)}
    )
    before = None if is_new else list(person.roles)
    person.email = fold_address(identity.email)
    person.name = identity.name[:200]
    person.roles = list(identity.roles)
    if not person.member_linked_by:
        person.member_id = member_id_of(person.email)
    person.save()
    return person, before


def member_id_of(email: str) -> str:
    """The Slant user with this verified e-mail. Empty for none or several, or where a manager decides."""
    if not may_link(email):
        return ""
    member_ids = list(
        Member.objects.filter(email=fold_address(email)).values_list("user_id", flat=True).distinct()[:2]
    )
    return member_ids[0] if len(member_ids) == 1 else ""
