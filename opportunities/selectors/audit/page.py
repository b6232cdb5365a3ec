"""A page of the trail, or the trail of one submission or deal."""

from dataclasses import replace
from datetime import date

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from opportunities.access import Action, may
from opportunities.models import ActorType, Alert, AuditEvent, ChainHead, Person
from opportunities.selectors.audit.opened import body_of, changes_of, facts_of
from opportunities.selectors.audit.parts import EventLine, Seal, Trail, TrailDay
from opportunities.selectors.audit.sentences import actor_name, parts_of
from opportunities.selectors.audit.subjects import EventSubjects, KnownObjects
from opportunities.trail import query
from opportunities.trail.query import TrailQuery
from opportunities.trail.verify import nightly
from opportunities.wording import formats
from opportunities.wording import trail as trail_words

# The events in which the body to send is first known, and in which it is sent.
SHOWS_BODY = ("submission.queued", "submission.sending")
PAGE = 50
PRINTED = 500


def trail(person: Person, trail_query: TrailQuery, *, before: int = 0, limit: int = PAGE) -> Trail:
    """A page of the wanted events, with the people to choose from. Raises `PermissionDenied`."""
    page = _page(person, trail_query, before, limit)
    return replace(page, seal=_seal(), people=_people())


def trail_of(
    person: Person,
    object_type: str,
    object_id: str,
    *,
    limit: int = PAGE,
    known_objects: KnownObjects | None = None,
) -> Trail | None:
    """The trail of one `submission` or one `opportunity` (its submissions included), for the part trail.html.

    None for a person who may not read the trail. `known_objects` is what the page has read already.
    """
    if not may(person, Action.READ_TRAIL):
        return None
    return _page(person, TrailQuery(object=f"{object_type}:{object_id}"), 0, limit, known_objects)


def _page(
    person: Person,
    trail_query: TrailQuery,
    before: int,
    limit: int,
    known_objects: KnownObjects | None = None,
) -> Trail:
    if not may(person, Action.READ_TRAIL):
        raise PermissionDenied
    events = query.newest(trail_query, before=before, limit=limit + 1)
    visible_events = events[:limit]
    subjects = EventSubjects(visible_events, known_objects or KnownObjects())
    days: dict[date, list[EventLine]] = {}
    for event in visible_events:
        days.setdefault(timezone.localtime(event.occurred_at).date(), []).append(_line(event, subjects))
    older = int(visible_events[-1].pk) if len(events) > limit else 0
    return Trail([TrailDay(day, lines) for day, lines in days.items()], older)


def _seal() -> Seal:
    count = ChainHead.objects.values_list("seq", flat=True).first() or 0
    last = AuditEvent.objects.filter(action="audit.verified").order_by("-seq").first()
    alert = Alert.objects.filter(cause=nightly.CAUSE, closed_at=None).first()
    if alert and (last is None or last.outcome == "ok"):
        # A broken trail may refuse the event of the verification, so only the alert shows the result.
        return Seal(alert.text, "bad")
    if last is None:
        return Seal(trail_words.UNCHECKED.get(count, trail_words.UNCHECKED_MANY.format(count=f"{count:,}")))
    at = formats.moment(last.occurred_at, timezone.now())
    if last.outcome == "ok":
        return Seal(_intact(int(last.after.get("last_seq", 0)), count, at), "good")
    return Seal(trail_words.BROKEN.format(seq=f"{last.after.get('first_bad', 0):,}", at=at), "bad")


def _intact(checked: int, count: int, at: str) -> str:
    """What was verified, and how many entries were added since, the event of the verification included."""
    newer = max(count - checked, 0)
    more = trail_words.NEWER.get(newer, trail_words.NEWER_MANY.format(newer=f"{newer:,}"))
    return trail_words.INTACT.format(last=f"{checked:,}", at=at, newer=more)


def _people() -> list[tuple[str, str]]:
    """Everybody who ever signed in, by name."""
    people = Person.objects.order_by("name", "email")
    return [(f"{person.iss} {person.sub}", person.display) for person in people]


def _line(event: AuditEvent, subjects: EventSubjects) -> EventLine:
    row = subjects.submissions.get(event.object_id)
    deal = subjects.deals.get(event.object_id)
    attempt = subjects.attempts.get((event.object_id, event.attempt or 0)) if row else None
    household = (row.household_id if row else (deal.household_id if deal else "")) or ""
    return EventLine(
        event=event,
        actor=actor_name(event),
        machine=event.actor_type != ActorType.USER,
        parts=list(parts_of(event, subjects)),
        changes=changes_of(event, subjects.stages),
        facts=list(facts_of(event, row, attempt)),
        body=body_of(row) if row and event.action in SHOWS_BODY else "",
        saw=household,
    )
