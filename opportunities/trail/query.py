"""Which events of the trail are wanted: one query object for the page, the export and the command.

A query is a union of arms. Each arm uses one index and reads only its newest events, so that a page is as
fast with a million events as with a hundred.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from opportunities.models import (
    ActorType,
    Attempt,
    AuditEvent,
    Household,
    Opportunity,
    Person,
    Submission,
)

# Routes about one submission or one deal. Their names are the objects of recorded views and refusals
# (views/access_log.py).
SUBMISSION_TYPES = ("submission", "withdraw", "still_send", "decide")
OPPORTUNITY_TYPES = ("opportunity", "edit", "move")
VIEWS = ("client_data.viewed",)
OUTCOMES = {
    "trouble": ("refused", "rejected", "unknown", "review", "failed"),
    "refused": ("refused", "rejected"),
    "doubt": ("unknown", "review"),
    "failed": ("failed",),
    "good": ("ok", "confirmed"),
}
MACHINES = {"worker": ActorType.WORKER, "operator": ActorType.OPERATOR, "system": ActorType.SYSTEM}
NOBODY = "nobody"

MOST_DEALS = 500
MOST_HOUSEHOLDS = 20
MOST_PEOPLE = 20
# Numbers and times have the same order unless a clock was set back: this many more events are searched.
SLACK = 1000


@dataclass(frozen=True)
class TrailQuery:
    """A query of the trail; empty parts filter nothing.

    who      "iss sub" of a person, `worker`, `operator`, `system` or `nobody`
    actions  names of events
    outcome  a key of OUTCOMES
    object   "submission:<id>" or "opportunity:<id>"
    saw      a household, by id or name, whose deals somebody viewed
    text     finds deals, households, people, references, Slant's ids and numbers of events
    since, until  days in the firm's zone, both included
    """

    who: str = ""
    actions: tuple[str, ...] = ()
    outcome: str = ""
    object: str = ""
    saw: str = ""
    text: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it has no filter besides its days, so that an export may miss no event between them."""
        return not (self.who or self.actions or self.outcome or self.object or self.saw or self.text.strip())

    def as_json(self) -> dict[str, str]:
        """The query as JSON for manifests and events; empty parts are left out."""
        parts = {
            "who": self.who,
            "actions": ", ".join(self.actions),
            "outcome": self.outcome,
            "object": self.object,
            "saw": self.saw,
            "text": self.text.strip(),
            "since": self.since.isoformat() if self.since else "",
            "until": self.until.isoformat() if self.until else "",
        }
        return {name: value for name, value in parts.items() if value}

    @classmethod
    def from_json(cls, parts: dict[str, str]) -> "TrailQuery":
        """The query that `as_json()` returned as JSON."""
        days = {name: date.fromisoformat(parts[name]) for name in ("since", "until") if name in parts}
        actions = tuple(parts["actions"].split(", ")) if "actions" in parts else ()
        texts = {name: parts[name] for name in ("who", "outcome", "object", "saw", "text") if name in parts}
        return cls(actions=actions, **texts, **days)  # type: ignore[arg-type]


def newest(query: TrailQuery, *, before: int = 0, limit: int) -> list[AuditEvent]:
    """The newest events of the query, below number `before` if given, newest first."""
    events: dict[int, AuditEvent] = {}
    below = Q(seq__lt=before) if before else Q()
    common = _common(query) & below
    for arm in _arms(query):
        events |= {
            event.seq: event for event in AuditEvent.objects.filter(arm & common).order_by("-seq")[:limit]
        }
    return [events[seq] for seq in sorted(events, reverse=True)[:limit]]


def condition(query: TrailQuery) -> Q:
    """The query as one condition, for reading all its events in order."""
    return reduce(or_, _arms(query)) & _common(query)


# The parts of a query


def _arms(query: TrailQuery) -> list[Q]:
    """The conditions of the arms; never empty. An event has to meet at least one, and `_common`."""
    if query.text.strip():
        return _arms_of_text(query.text.strip())
    if query.object:
        return _object(query.object)
    if query.saw:
        return _saw(query.saw)
    if query.who:
        return [_actor_condition(query.who)]
    if query.actions:
        return [Q(action=action) for action in query.actions]
    if query.outcome:
        return [Q(outcome=outcome) for outcome in OUTCOMES.get(query.outcome, ("",))]
    return [Q()]


def _common(query: TrailQuery) -> Q:
    """The condition every event has to meet. The object is left out if it is an arm, which saves its
    lookup.
    """
    common = Q()
    if query.object and query.text.strip():
        common &= reduce(or_, _object(query.object))
    if query.saw:
        common &= reduce(or_, _saw(query.saw))
    if query.who:
        common &= _actor_condition(query.who)
    if query.actions:
        common &= Q(action__in=query.actions)
    if query.outcome:
        common &= Q(outcome__in=OUTCOMES.get(query.outcome, ()))
    if query.since:
        common &= _since(_midnight(query.since))
    # No event is after the last day a date can have.
    if query.until and query.until < date.max:
        common &= _until(_midnight(query.until + timedelta(days=1)))
    return common


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _since(at: datetime) -> Q:
    """The condition for events since `at`. It limits the number too, so that older events are not
    searched.
    """
    first = (
        AuditEvent.objects.filter(recorded_at__gte=at).order_by("recorded_at").values_list("seq", flat=True)
    )
    return Q(recorded_at__gte=at, seq__gte=(first.first() or 0) - SLACK)


def _until(at: datetime) -> Q:
    last = (
        AuditEvent.objects.filter(recorded_at__lt=at).order_by("-recorded_at").values_list("seq", flat=True)
    )
    return Q(recorded_at__lt=at, seq__lte=(last.first() or 0) + SLACK)


def _actor_condition(actor: str) -> Q:
    iss, _, sub = actor.partition(" ")
    if sub:
        return Q(actor_iss=iss, actor_sub=sub)
    if actor == NOBODY:
        return Q(actor_type=ActorType.USER, actor_iss="", actor_sub="")
    return Q(actor_type=MACHINES[actor]) if actor in MACHINES else Q(pk__in=[])


def _object(object: str) -> list[Q]:
    kind, _, id = object.partition(":")
    if kind == "submission":
        return [_events_of(SUBMISSION_TYPES, [id])]
    if kind == "opportunity":
        submissions = Submission.objects.filter(opportunity_id=id).exclude(opportunity_id="")
        return [_events_of(OPPORTUNITY_TYPES, [id]), _events_of(SUBMISSION_TYPES, _ids(submissions))]
    return [Q(object_type=kind, object_id=id)]


def _saw(household: str) -> list[Q]:
    """Recorded views of the deals of a household, given by id or by a part of its name."""
    households = [household] if Household.objects.filter(pk=household).exists() else _households(household)
    arms = _deals_of(households)
    return [arm & Q(action__in=VIEWS) for arm in arms]


def _households(name: str) -> list[str]:
    households = Household.objects.filter(name__icontains=name).order_by("name")
    return list(households.values_list("pk", flat=True)[:MOST_HOUSEHOLDS])


def _deals_of(households: list[str]) -> list[Q]:
    submissions = Submission.objects.filter(household_id__in=households).order_by("-created_at")
    deals = Opportunity.objects.filter(household_id__in=households)
    return [
        _events_of(SUBMISSION_TYPES, _ids(submissions)),
        _events_of(OPPORTUNITY_TYPES, deals.values_list("pk", flat=True)[:MOST_DEALS]),
    ]


def _arms_of_text(text: str) -> list[Q]:
    submissions = Submission.objects.filter(
        Q(name__icontains=text)
        | Q(reference__istartswith=text)
        | Q(opportunity_id=text)
        | Q(pk__in=Attempt.objects.filter(remote_request_id=text).values("submission_id"))
        | (Q(pk=text) if is_uuid(text) else Q(pk__in=[]))
    ).order_by("-created_at")
    deals = Opportunity.objects.filter(Q(name__icontains=text) | Q(pk=text))
    arms = [
        _events_of(SUBMISSION_TYPES, _ids(submissions)),
        _events_of(OPPORTUNITY_TYPES, deals.values_list("pk", flat=True)[:MOST_DEALS]),
        *(_deals_of(_households(text)) if len(text) > 2 else []),
        *(Q(actor_iss=iss, actor_sub=sub) for iss, sub in _people(text)),
    ]
    if text.replace(",", "").isdecimal():
        arms.append(Q(seq=min(int(text.replace(",", "")), 2**62)))
    return arms


def _people(text: str) -> set[tuple[str, str]]:
    """People with this name or address, now or when they sent something."""
    now = Person.objects.filter(Q(name__icontains=text) | Q(email__icontains=text))
    then = Submission.objects.filter(by_display__icontains=text).order_by("by_sub")
    return {*now.values_list("iss", "sub")[:MOST_PEOPLE]} | {
        *then.values_list("by_iss", "by_sub").distinct()[:MOST_PEOPLE]
    }


def _ids(submissions: QuerySet[Submission]) -> list[str]:
    return [str(id) for id in submissions.values_list("pk", flat=True)[:MOST_DEALS]]


def _events_of(types: tuple[str, ...], ids: Iterable[str]) -> Q:
    return Q(object_type__in=types, object_id__in=list(ids))


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
