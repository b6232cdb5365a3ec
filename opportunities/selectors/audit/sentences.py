"""An event as a sentence, in pieces that carry a tone."""

import json
import string
from collections.abc import Iterable
from typing import Any

from opportunities.models import ActorType, AuditEvent, Submission
from opportunities.selectors.audit.parts import Part
from opportunities.selectors.audit.subjects import EventSubjects, body_field
from opportunities.wording import formats
from opportunities.wording import trail as trail_words


def actor_name(event: AuditEvent) -> str:
    if event.actor_type == ActorType.WORKER:
        return trail_words.WORKER
    if event.actor_type == ActorType.OPERATOR:
        return trail_words.OPERATOR.format(name=event.actor_display)
    return event.actor_display or event.actor_sub or trail_words.MACHINES["nobody"]


def parts_of(event: AuditEvent, subjects: EventSubjects) -> Iterable[Part]:
    values = _values(event, subjects)
    template = trail_words.sentence(event.action, event.reason_code, event.outcome)
    for text, name, spec, _ in string.Formatter().parse(template):
        if text:
            yield Part(text)
        if name in ("good", "warn", "bad"):
            yield Part(spec or "", name)
        elif name:
            value = count_noun(values.get(name, ""), spec) if spec else values.get(name, "")
            yield Part(value, "name" if name in ("who", "deal", "person") else "")


def count_noun(count: str, noun: str) -> str:
    """`1 deal`, `28 deals`."""
    return f"{count} {noun}" if count == "1" else f"{count} {noun}s"


def _values(event: AuditEvent, subjects: EventSubjects) -> dict[str, str]:
    row, after = subjects.submissions.get(event.object_id), event.after
    kind = row.kind if row else after.get("kind", "create")
    reason = f" “{event.reason_text.rstrip('.')}”." if event.reason_text else ""
    values = {
        "who": actor_name(event),
        "deal": _deal(event, subjects),
        "asked": trail_words.ASKED.get(kind, trail_words.ASKED["create"]),
        "did": trail_words.DID.get(kind, trail_words.DID["create"]),
        "worth": f" with {formats.money(row.value)}"
        if row and row.value is not None and kind == "create"
        else "",
        "where": _stage_change(row, subjects) if row and kind == "move" else "",
        "record": f" as {event.remote_object_id}" if event.remote_object_id and kind == "create" else "",
        "stage": subjects.stages.get(event.object_id, event.object_id),
        "reason": reason,
        "more": _more(after),
        "attempt": str(event.attempt or ""),
        "page": trail_words.PAGES.get(event.object_type, event.object_type.replace("_", " ")),
        "thing": event.object_id or event.object_type,
        "roles": ", ".join(map(str, after.get("roles", event.actor_roles))) or "nobody",
        "person": subjects.people.get(event.object_id, "someone"),
        "action": event.action,
    }
    return {name: value_words(value) for name, value in after.items()} | values


def _stage_change(row: Submission, subjects: EventSubjects) -> str:
    """From which stage to which, if their names are known."""
    to = row.labels.get("stage") or subjects.stages.get(body_field(row, "pipeline_stage_id"), "")
    from_name = subjects.stages.get(str(row.seen.get("pipeline_stage_id", "")), "")
    return (f" from {from_name}" if from_name else "") + (f" to {to}" if to else "")


def _more(after: dict[str, Any]) -> str:
    """Further facts to mention when something was entered."""
    if "overwrote" in after:
        return " They were asked about a change made in Slant in the meantime and chose to replace it."
    if "supersedes" in after:
        return " It corrects an earlier one."
    if "duplicate_of" in after:
        return " They were asked about a similar deal and chose to create it anyway."
    return ""


def _deal(event: AuditEvent, subjects: EventSubjects) -> str:
    if row := subjects.submissions.get(event.object_id):
        return row.name
    if deal := subjects.deals.get(event.object_id):
        return deal.name
    return f"{event.object_type.replace('_', ' ')} {event.object_id}".strip()


def value_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
