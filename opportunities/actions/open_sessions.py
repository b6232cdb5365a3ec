"""The sessions of signed-in people: stored here, and ended by the person, a manager or the provider."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from opportunities.actions import drafts, people
from opportunities.clock import Clock
from opportunities.models import OpenSession, Person
from opportunities.models.sessions import row_name
from opportunities.trail.audit import Actor


def remember(*, person: Person, row: str, provider_sid: str, by: Actor, now: datetime) -> None:
    """Store a session that begins, or a session of an earlier version at its next use; `row` is its name."""
    OpenSession.objects.update_or_create(
        session_key=row,
        defaults={
            "person": person,
            "ref": by.session_ref,
            "provider_sid": provider_sid,
            "began_at": now,
            "seen_at": now,
            "source_ip": by.source_ip,
            "user_agent": by.user_agent,
        },
    )


def record_use(*, person: Person, row: str, by: Actor, now: datetime) -> None:
    """Record that the session was used now."""
    if not OpenSession.objects.filter(session_key=row).update(seen_at=now):
        remember(person=person, row=row, provider_sid="", by=by, now=now)


def rename(*, session_key: str, to: str) -> None:
    """The session with this key has the row `to` now."""
    OpenSession.objects.filter(session_key__in=[row_name(session_key), session_key]).update(session_key=to)


def set_provider_sid(*, row: str, provider_sid: str) -> None:
    if provider_sid:
        OpenSession.objects.filter(session_key=row).update(provider_sid=provider_sid)


def forget(row: str) -> None:
    """Delete the row of a session. The caller ends the session itself."""
    OpenSession.objects.filter(session_key=row).delete()


def living(now: datetime) -> QuerySet[OpenSession]:
    """The sessions that can still be used, the last used first."""
    idle_since = now - timedelta(minutes=settings.SESSION_IDLE_MINUTES)
    existing = Session.objects.filter(expire_date__gt=now).values("session_key")
    sessions = OpenSession.objects.filter(session_key__in=existing, seen_at__gte=idle_since)
    return sessions.select_related("person").order_by("-seen_at", "pk")


def end(sessions: Iterable[OpenSession], *, by: Actor, reason_code: str, clock: Clock) -> int:
    """End `sessions`, each with its event. Returns how many there were."""
    ended = 0
    for open_session in sessions:
        with transaction.atomic():
            count, _ = Session.objects.filter(session_key=open_session.session_key).delete()
            OpenSession.objects.filter(pk=open_session.pk).delete()
            if not count:
                continue
            drafts.mark_session_ended(person=open_session.person, session=open_session.ref)
            people.sign_out(person=open_session.person, by=by, clock=clock, reason_code=reason_code)
            ended += 1
    return ended


def of_provider(*, iss: str, sub: str, sid: str) -> QuerySet[OpenSession]:
    """The sessions that the provider ends: of a person, of a provider session, or of both.

    With both, the person's sessions without a known provider session are included, because one may be meant.
    """
    sessions = OpenSession.objects.filter(person__iss=iss).select_related("person")
    if sub:
        sessions = sessions.filter(person__sub=sub)
    if sid:
        sessions = sessions.filter(provider_sid__in=[sid, ""] if sub else [sid])
    return sessions.order_by("pk")


def remove_orphans() -> int:
    """Remove the rows whose session is gone. Returns how many there were."""
    existing = Session.objects.values("session_key")
    removed, _ = OpenSession.objects.exclude(session_key__in=existing).delete()
    return removed
