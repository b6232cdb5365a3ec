"""What an opened event shows: the fields that changed, and everything else that was recorded."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from opportunities.deal_fields import label_of, label_of_key
from opportunities.models import ActorType, Attempt, AuditEvent, Submission
from opportunities.selectors.audit.parts import ChangedField, EventFact
from opportunities.selectors.audit.sentences import actor_name, value_words
from opportunities.trail import audit
from opportunities.trail.query import OPPORTUNITY_TYPES
from opportunities.wording import formats
from opportunities.wording import submissions as submissions_words
from opportunities.wording import trail as trail_words


def changes_of(event: AuditEvent, stages: dict[str, str]) -> list[ChangedField]:
    names = list(dict.fromkeys([*event.before, *event.after]))
    return [
        ChangedField(
            trail_words.FIELDS.get(name) or label_of(name, label_of_key(name)),
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
    return formats.money(value) if name == "value" and isinstance(value, int) else value_words(value)


def facts_of(event: AuditEvent, row: Submission | None, attempt: Attempt | None) -> Iterable[EventFact]:
    yield EventFact("Who", _signed_in_as(event), event.source_ip)
    if event.actor_sub:
        yield EventFact("Known to sign-on as", "", f"{event.actor_iss} {event.actor_sub}")
    if event.actor_type == ActorType.WORKER:
        yield EventFact("Worker", "", event.actor_display)
    if event.user_agent:
        yield EventFact("Browser", event.user_agent)
    if event.reason_text or event.reason_code:
        yield EventFact("Reason", event.reason_text, event.reason_code)
    if row:
        yield EventFact("Submission", row.reference, address=("submission", str(row.pk)))
        yield EventFact("Asked for by", row.by_display)
    yield from _attempt_facts(event, attempt)
    yield from _object_facts(event, row)
    if event.body_sha256:
        yield _body_fact(event, row)
    yield from _recording_facts(event)


def _attempt_facts(event: AuditEvent, attempt: Attempt | None) -> Iterable[EventFact]:
    if event.attempt:
        yield EventFact(
            "Attempt", f"{event.attempt}, key generation {event.generation or 1}", _short(event.key_id)
        )
    if attempt and attempt.outcome:
        yield EventFact("Slant answered", _slants_answer(attempt), attempt.remote_request_id)
    elif event.remote_status or event.remote_request_id:
        yield EventFact("Slant answered", str(event.remote_status or ""), event.remote_request_id)


def _object_facts(event: AuditEvent, row: Submission | None) -> Iterable[EventFact]:
    """The object of an event: the deal, or any other object that is not a submission."""
    record = event.remote_object_id or (row.opportunity_id if row else "")
    if event.object_type in OPPORTUNITY_TYPES:
        record = event.object_id
    if record:
        yield EventFact("Opportunity", "", record, address=("opportunity", record))
    elif not row and event.object_id:
        yield EventFact("About", event.object_type, event.object_id)


def _signed_in_as(event: AuditEvent) -> str:
    roles = ", ".join(map(str, event.actor_roles))
    signed_in = actor_name(event) + (f", {roles}" if roles else "")
    return f"{signed_in}, from" if event.source_ip else signed_in


def _slants_answer(attempt: Attempt) -> str:
    outcome = submissions_words.OUTCOME.get(attempt.outcome, attempt.outcome)
    parts = [outcome, f"status {attempt.status}" if attempt.status else ""]
    if attempt.elapsed_ms is not None:
        parts.append(f"{max(attempt.elapsed_ms, 100) / 1000:.1f} s")
    if attempt.message:
        parts.append(f"“{attempt.message}”")
    return ", ".join(part for part in parts if part)


def _body_fact(event: AuditEvent, row: Submission | None) -> EventFact:
    if row is None:
        return EventFact("Body", "SHA-256", event.body_sha256)
    if audit.key_id(row.body) == event.body_sha256:
        return EventFact(
            "Body", "as it was when this was recorded, SHA-256", _short(event.body_sha256), tone="good"
        )
    return EventFact("Body", "NOT what it was when this was recorded, SHA-256", event.body_sha256, tone="bad")


def _recording_facts(event: AuditEvent) -> Iterable[EventFact]:
    late = round((event.recorded_at - event.occurred_at).total_seconds() * 1000)
    after = f", {late} ms after it happened" if late > 0 else ""
    yield EventFact("Recorded", f"{_utc(event.recorded_at)}{after}")
    if event.request_id:
        yield EventFact("Request", "", event.request_id)
    if event.session_ref:
        yield EventFact("Session", "", _short(event.session_ref))
    yield EventFact("Event", f"{event.action}, {event.outcome or 'no outcome'}", str(event.event_id))
    yield EventFact("Written by", f"Slantweb {event.app_version}, form {event.schema_version}")
    if audit.chain_hash(event) == event.hash:
        follows = f"Follows {event.seq - 1:,}:" if event.seq > 1 else "The first:"
        yield EventFact("Chain", follows, _short(event.hash), tone="good")
    else:
        yield EventFact("Chain", "This event is NOT what its hash was made of:", event.hash, tone="bad")


def _utc(moment: datetime) -> str:
    """In UTC to the millisecond, so that it reads the same in every firm."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"


def _short(hash: str) -> str:
    return f"{hash[:4]}...{hash[-4:]}" if len(hash) > 12 else hash


def body_of(row: Submission) -> str:
    """The body that was sent, formatted for reading."""
    try:
        return json.dumps(json.loads(row.body), indent=2, ensure_ascii=False)
    except ValueError:
        return row.body
