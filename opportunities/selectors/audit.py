"""What the trail's pages show: events as sentences, each with everything that was recorded.

Whoever may not read the trail gets nothing from here, whatever they ask.
"""

import json
import string
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from opportunities import wording
from opportunities.access import Action, may
from opportunities.actions import audit, finding
from opportunities.actions.finding import OPPORTUNITY_TYPES, SUBMISSION_TYPES, Wanted
from opportunities.models import (
    ActorType,
    Attempt,
    AuditEvent,
    ChainHead,
    Opportunity,
    Person,
    Stage,
    Submission,
)
from opportunities.wording import trail as trail_words

# Where what is to be sent is first known, and where it is sent.
SHOWS_BODY = ("submission.queued", "submission.sending")
PAGE = 50
PRINTED = 500


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; `tone` is "", "name" for what was filled in, or good, warn, bad."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Fact:
    """A line of an opened event. `code` is shown in figures' type; `address` leads further."""

    label: str
    text: str
    code: str = ""
    address: tuple[str, str] = ("", "")
    tone: str = ""


@dataclass(frozen=True)
class Changed:
    """A field before and after."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Line:
    """One event."""

    event: AuditEvent
    who: str
    machine: bool
    parts: list[Part]
    changes: list[Changed]
    facts: list[Fact]
    body: str
    saw: str = ""

    @property
    def seq(self) -> int:
        return int(self.event.pk)

    @property
    def words(self) -> str:
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True)
class Day:
    """Events of one day of the firm, newest first."""

    day: date
    lines: list[Line]

    @property
    def title(self) -> str:
        today = timezone.localdate()
        year = "" if self.day.year == today.year else f" {self.day.year}"
        words = f"{self.day:%A} {self.day.day} {self.day:%B}{year}"
        return f"Today, {words}" if self.day == today else words


@dataclass(frozen=True)
class Seal:
    """What the last verification said, in words; `tone` is good, bad, or "" while there was none."""

    words: str
    tone: str = ""


@dataclass(frozen=True)
class Trail:
    """A page of the trail. `older` is the number to go on below; 0 when this is the end."""

    days: list[Day]
    older: int
    seal: Seal | None = None
    people: list[tuple[str, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(len(day.lines) for day in self.days)


def trail(person: Person, wanted: Wanted, *, before: int = 0, limit: int = PAGE) -> Trail:
    """A page of what is asked for, with the people there are to choose from. Raises `PermissionDenied`."""
    found = _page(person, wanted, before, limit)
    return replace(found, seal=_seal(), people=_people())


def trail_of(person: Person, object_type: str, object_id: str, *, limit: int = PAGE) -> Trail | None:
    """The trail of one `submission` or one `opportunity` (its submissions included), for the part trail.html.

    None for whoever may not read the trail: then there is nothing to show.
    """
    if not may(person, Action.READ_TRAIL):
        return None
    return _page(person, Wanted(object=f"{object_type}:{object_id}"), 0, limit)


def _page(person: Person, wanted: Wanted, before: int, limit: int) -> Trail:
    if not may(person, Action.READ_TRAIL):
        raise PermissionDenied
    events = finding.newest(wanted, before=before, limit=limit + 1)
    shown = events[:limit]
    around = _Around(shown)
    days: dict[date, list[Line]] = {}
    for event in shown:
        days.setdefault(timezone.localtime(event.occurred_at).date(), []).append(_line(event, around))
    older = int(shown[-1].pk) if len(events) > limit else 0
    return Trail([Day(day, lines) for day, lines in days.items()], older)


def _seal() -> Seal:
    count = ChainHead.objects.values_list("seq", flat=True).first() or 0
    last = AuditEvent.objects.filter(action="audit.verified").order_by("-seq").first()
    if last is None:
        return Seal(trail_words.UNCHECKED.format(count=f"{count:,}"))
    at = wording.moment(last.occurred_at, timezone.now())
    if last.outcome == "ok":
        return Seal(trail_words.INTACT.format(count=f"{count:,}", at=at), "good")
    return Seal(trail_words.BROKEN.format(seq=f"{last.after.get('first_bad', 0):,}", at=at), "bad")


def _people() -> list[tuple[str, str]]:
    """Whoever ever came in, by name."""
    people = Person.objects.order_by("name", "email")
    return [(f"{person.iss} {person.sub}", person.display) for person in people]


class _Around:
    """What the events of a page are about, fetched once for all of them."""

    def __init__(self, events: Iterable[AuditEvent]) -> None:
        self._events = list(events)

    @cached_property
    def submissions(self) -> dict[str, Submission]:
        ids = {event.object_id for event in self._events if event.object_type in SUBMISSION_TYPES}
        rows = Submission.objects.filter(pk__in=[id for id in ids if finding.is_uuid(id)])
        return {str(row.pk): row for row in rows}

    @cached_property
    def attempts(self) -> dict[tuple[str, int], Attempt]:
        rows = Attempt.objects.filter(submission_id__in=list(self.submissions))
        return {(str(row.submission_id), row.number): row for row in rows}

    @cached_property
    def deals(self) -> dict[str, Opportunity]:
        ids = {event.object_id for event in self._events if event.object_type in OPPORTUNITY_TYPES}
        return {row.pk: row for row in Opportunity.objects.filter(pk__in=ids)}

    @cached_property
    def stages(self) -> dict[str, str]:
        """Names of the stages that moves and settings of this page speak of."""
        ids = {event.object_id for event in self._events if event.object_type == "stage"}
        for row in self.submissions.values():
            ids |= {_sent(row, "pipeline_stage_id"), str(row.seen.get("pipeline_stage_id", ""))}
        return dict(Stage.objects.filter(pk__in=ids).values_list("pk", "name"))

    @cached_property
    def people(self) -> dict[str, str]:
        ids = {event.object_id for event in self._events if event.object_type == "person"}
        rows = Person.objects.filter(pk__in=[id for id in ids if finding.is_uuid(id)])
        return {str(row.pk): row.display for row in rows}


# One line


def _line(event: AuditEvent, around: _Around) -> Line:
    row = around.submissions.get(event.object_id)
    deal = around.deals.get(event.object_id)
    attempt = around.attempts.get((event.object_id, event.attempt or 0)) if row else None
    household = (row.household_id if row else (deal.household_id if deal else "")) or ""
    return Line(
        event=event,
        who=_who(event),
        machine=event.actor_type != ActorType.USER,
        parts=list(_parts(event, _values(event, around))),
        changes=_changes(event, around.stages),
        facts=list(_facts(event, row, attempt)),
        body=_body(row) if row and event.action in SHOWS_BODY else "",
        saw=household,
    )


def _who(event: AuditEvent) -> str:
    if event.actor_type == ActorType.WORKER:
        return trail_words.WORKER
    if event.actor_type == ActorType.OPERATOR:
        return trail_words.OPERATOR.format(name=event.actor_display)
    return event.actor_display or event.actor_sub or trail_words.MACHINES["nobody"]


def _parts(event: AuditEvent, values: dict[str, str]) -> Iterable[Part]:
    template = trail_words.sentence(event.action, event.reason_code, event.outcome)
    for text, name, said, _ in string.Formatter().parse(template):
        if text:
            yield Part(text)
        if name in ("good", "warn", "bad"):
            yield Part(said or "", name)
        elif name:
            value = values.get(name, "")
            yield Part(value, "name" if name in ("who", "deal", "person") else "")


def _values(event: AuditEvent, around: _Around) -> dict[str, str]:
    row, after = around.submissions.get(event.object_id), event.after
    kind = row.kind if row else after.get("kind", "create")
    reason = f" “{event.reason_text.rstrip('.')}”." if event.reason_text else ""
    values = {
        "who": _who(event),
        "deal": _deal(event, around),
        "asked": trail_words.ASKED.get(kind, trail_words.ASKED["create"]),
        "did": trail_words.DID.get(kind, trail_words.DID["create"]),
        "worth": f" with {wording.money(row.value)}"
        if row and row.value is not None and kind == "create"
        else "",
        "where": _where(row, around) if row and kind == "move" else "",
        "record": f" as {event.remote_object_id}" if event.remote_object_id and kind == "create" else "",
        "stage": around.stages.get(event.object_id, event.object_id),
        "reason": reason,
        "more": _more(after),
        "attempt": str(event.attempt or ""),
        "page": trail_words.PAGES.get(event.object_type, event.object_type.replace("_", " ")),
        "thing": event.object_id or event.object_type,
        "roles": ", ".join(map(str, after.get("roles", event.actor_roles))) or "nobody",
        "person": around.people.get(event.object_id, "somebody"),
        "action": event.action,
    }
    return {name: _said(value) for name, value in after.items()} | values


def _where(row: Submission, around: _Around) -> str:
    """From which stage to which, as far as we know their names."""
    to = row.labels.get("stage") or around.stages.get(_sent(row, "pipeline_stage_id"), "")
    came = around.stages.get(str(row.seen.get("pipeline_stage_id", "")), "")
    return (f" from {came}" if came else "") + (f" to {to}" if to else "")


def _sent(row: Submission, name: str) -> str:
    try:
        return str(json.loads(row.body).get(name, ""))
    except (ValueError, AttributeError):
        return ""


def _more(after: dict[str, Any]) -> str:
    """What else is worth a word when something was entered."""
    if "overwrote" in after:
        return " They were asked about a change in Slant meanwhile and chose to replace it."
    if "supersedes" in after:
        return " It corrects an earlier one."
    if "duplicate_of" in after:
        return " They were asked about a similar deal and chose to create it anyway."
    return ""


def _deal(event: AuditEvent, around: _Around) -> str:
    if row := around.submissions.get(event.object_id):
        return row.name
    if deal := around.deals.get(event.object_id):
        return deal.name
    return f"{event.object_type.replace('_', ' ')} {event.object_id}".strip()


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


# What an opened line holds


def _changes(event: AuditEvent, stages: dict[str, str]) -> list[Changed]:
    names = list(dict.fromkeys([*event.before, *event.after]))
    return [
        Changed(
            trail_words.FIELDS.get(name) or wording.LABELS.get(name) or name.replace("_", " ").capitalize(),
            _field(name, event.before[name], stages) if name in event.before else "",
            _field(name, event.after[name], stages) if name in event.after else "",
        )
        for name in names
    ]


def _field(name: str, value: Any, stages: dict[str, str]) -> str:
    if value is None:
        return "nothing"
    if name == "pipeline_stage_id" and value in stages:
        return f"{stages[value]} ({value})"
    return wording.money(value) if name == "value" and isinstance(value, int) else _said(value)


def _facts(event: AuditEvent, row: Submission | None, attempt: Attempt | None) -> Iterable[Fact]:
    yield Fact("Who", _signed_in_as(event), event.source_ip)
    if event.actor_sub:
        yield Fact("Known to sign-on as", "", f"{event.actor_iss} {event.actor_sub}")
    if event.actor_type == ActorType.WORKER:
        yield Fact("Worker", "", event.actor_display)
    if event.user_agent:
        yield Fact("Browser", event.user_agent)
    if event.reason_text or event.reason_code:
        yield Fact("Reason", event.reason_text, event.reason_code)
    if row:
        yield Fact("Submission", row.reference, address=("submission", str(row.pk)))
        yield Fact("Asked for by", row.by_display)
    if event.attempt:
        yield Fact(
            "Attempt", f"{event.attempt}, key generation {event.generation or 1}", _short(event.key_id)
        )
    if attempt and attempt.outcome:
        yield Fact("Slant answered", _answer(attempt), attempt.remote_request_id)
    elif event.remote_status or event.remote_request_id:
        yield Fact("Slant answered", str(event.remote_status or ""), event.remote_request_id)
    record = event.remote_object_id or (row.opportunity_id if row else "")
    if event.object_type in OPPORTUNITY_TYPES:
        record = event.object_id
    if record:
        yield Fact("Opportunity", "", record, address=("opportunity", record))
    elif not row and event.object_id:
        yield Fact("About", event.object_type, event.object_id)
    if event.body_sha256:
        yield _body_fact(event, row)
    yield from _recorded(event)


def _signed_in_as(event: AuditEvent) -> str:
    roles = ", ".join(map(str, event.actor_roles))
    who = _who(event) + (f", {roles}" if roles else "")
    return f"{who}, from" if event.source_ip else who


def _answer(attempt: Attempt) -> str:
    said = wording.OUTCOME.get(attempt.outcome, attempt.outcome)
    parts = [said, f"status {attempt.status}" if attempt.status else ""]
    if attempt.elapsed_ms is not None:
        parts.append(f"{max(attempt.elapsed_ms, 100) / 1000:.1f} s")
    if attempt.message:
        parts.append(f"“{attempt.message}”")
    return ", ".join(part for part in parts if part)


def _body_fact(event: AuditEvent, row: Submission | None) -> Fact:
    if row is None:
        return Fact("Body", "SHA-256", event.body_sha256)
    if audit.key_id(row.body) == event.body_sha256:
        return Fact(
            "Body", "as it was when this was recorded, SHA-256", _short(event.body_sha256), tone="good"
        )
    return Fact("Body", "NOT what it was when this was recorded, SHA-256", event.body_sha256, tone="bad")


def _recorded(event: AuditEvent) -> Iterable[Fact]:
    late = round((event.recorded_at - event.occurred_at).total_seconds() * 1000)
    after = f", {late} ms after it happened" if late > 0 else ""
    yield Fact("Recorded", f"{_utc(event.recorded_at)}{after}")
    if event.request_id:
        yield Fact("Request", "", event.request_id)
    if event.session_ref:
        yield Fact("Session", "", _short(event.session_ref))
    yield Fact("Event", f"{event.action}, {event.outcome or 'no outcome'}", str(event.event_id))
    yield Fact("Written by", f"Slantweb {event.app_version}, form {event.schema_version}")
    if audit.chain_hash(event) == event.hash:
        follows = f"Follows {event.seq - 1:,}:" if event.seq > 1 else "The first:"
        yield Fact("Chain", follows, _short(event.hash), tone="good")
    else:
        yield Fact("Chain", "This event is NOT what its hash was made of:", event.hash, tone="bad")


def _utc(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y, %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def _short(hash: str) -> str:
    return f"{hash[:4]}...{hash[-4:]}" if len(hash) > 12 else hash


def _body(row: Submission) -> str:
    """What was sent, exactly, laid out to be read."""
    try:
        return json.dumps(json.loads(row.body), indent=2, ensure_ascii=False)
    except ValueError:
        return row.body
