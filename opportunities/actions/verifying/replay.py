"""What every submission must be: the state its last event says, with the body that was written down at first."""

import hashlib
from collections.abc import Generator
from typing import Any
from uuid import UUID

from django.db.models import CharField, OuterRef, Subquery, Value

from opportunities.actions.verifying.report import Progress, Report
from opportunities.actions.verifying.rows import ROWS_AT_ONCE
from opportunities.models import AuditEvent, State, Submission
from opportunities.trail.verifier import Problem

DIFFERS = 5
STATE_ACTIONS = {f"submission.{state}": str(state) for state in State.values}


class Replay:
    """The state of every submission as its events tell it, with the hash of the body they speak of."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[str, str]] = {}
        self.first_seen: dict[str, int] = {}

    def take(self, event: dict[str, Any]) -> Problem | None:
        state = STATE_ACTIONS.get(event["action"])
        if state is None or event["object_type"] != "submission":
            return None
        id, body = event["object_id"], event["body_sha256"]
        before = event["before"].get("state", "")
        known = self.states.get(id)
        self.states[id] = (state, body)
        if known is None:
            self.first_seen[id] = event["seq"]
        elif known != (before, body):
            words = f"Event {event['seq']} goes on from {before or 'nothing'}, and submission {id} was {known[0]}."
            return Problem(DIFFERS, event["seq"], words)
        return None


def check_submissions(replay: Replay, report: Report) -> Generator[Progress, None, None]:
    """Every submission is in the state its last event says, with the body that was written down at first."""
    total, after = len(replay.first_seen), UUID(int=0)
    while rows := _submissions(after):
        for pk, state, body, body_sha256 in rows:
            told = replay.states.pop(str(pk), None)
            whole = hashlib.sha256(body.encode()).hexdigest() == body_sha256
            if not (whole and told == (state, body_sha256)) and not _is_as_told(
                pk, archived=bool(report.archived)
            ):
                words = f"Submission {pk} is not what its events say."
                report.problem = Problem(DIFFERS, _last_seq(str(pk)), words)
                return
            report.submissions += 1
        after = rows[-1][0]
        yield Progress(report.submissions, total, "submissions")
    for id in replay.states:
        # One that was written after its page was read has its row by now.
        if not Submission.objects.filter(pk=id).exists():
            report.problem = Problem(
                DIFFERS, replay.first_seen[id], f"Submission {id} has events and is gone."
            )
            return


def _submissions(after: UUID) -> list[tuple[UUID, str, str, str]]:
    rows = Submission.objects.filter(pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", "state", "body", "body_sha256")[:ROWS_AT_ONCE])


def _is_as_told(id: UUID, *, archived: bool) -> bool:
    """Asked again of one that seemed not to be: it may have moved on meanwhile. One statement sees one moment."""
    told = AuditEvent.objects.filter(
        object_type="submission", object_id=OuterRef("said"), action__in=STATE_ACTIONS
    ).order_by("-seq")
    row = (
        Submission.objects.filter(pk=id)
        .annotate(said=Value(str(id), output_field=CharField()))
        .annotate(
            last=Subquery(told.values("action")[:1]), last_body=Subquery(told.values("body_sha256")[:1])
        )
        .values_list("state", "body", "body_sha256", "last", "last_body")
        .first()
    )
    if row is None:
        return False
    state, body, body_sha256, last, last_body = row
    if hashlib.sha256(body.encode()).hexdigest() != body_sha256:
        return False
    if last is None:
        return archived
    return (STATE_ACTIONS[last], last_body) == (state, body_sha256)


def _last_seq(id: str) -> int:
    events = AuditEvent.objects.filter(object_type="submission", object_id=id).order_by("-seq")
    return events.values_list("seq", flat=True).first() or 0
