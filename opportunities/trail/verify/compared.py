"""Comparing every submission and attempt with what their events say."""

import hashlib
import json
from collections.abc import Generator
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from opportunities.models import Attempt, AuditEvent, Kind, Outcome, State, Submission
from opportunities.trail import audit
from opportunities.trail.verifier import Problem
from opportunities.trail.verify.replay import (
    DIFFERS,
    RECOVERED,
    STATE_ACTIONS,
    Replay,
    ReplayedAttempt,
    ReplayedSubmission,
    mark,
    words_of,
)
from opportunities.trail.verify.report import Progress, VerificationReport
from opportunities.trail.verify.rows import ROWS_AT_ONCE, plain_rows

# How many times a submission that changes meanwhile is read again.
READINGS = 5

COLUMNS = (
    "pk", "state", "body", "body_sha256", "kind", "path", "opportunity_id", "name", "value", "book_id",
    "household_id", "by_iss", "by_sub", "by_display", "reference", "supersedes_id", "duplicate_of",
    "idempotency_key", "generation", "attempts_count",
    "reason_code", "reason_text", "remote_status", "method", "fence",
)  # fmt: skip
ATTEMPT_COLUMNS = (
    "submission_id", "number", "idempotency_key", "generation", "method", "path", "body_sha256", "worker",
    "finished_at", "outcome", "status", "remote_request_id", "record_id", "message",
)  # fmt: skip
# Columns that every attempt shares with its submission.
SENT_WITH = ("method", "path", "body_sha256")
# What `recover` records of a send that no attempt describes.
BY_RECOVER = {"worker": "recover", "outcome": Outcome.ABANDONED, "status": None}
# What reading a value may raise that something other than the application wrote.
UNREADABLE = (ValueError, TypeError, AttributeError, KeyError)
Row = dict[str, Any]


def check_submissions(replay: Replay, report: VerificationReport) -> Generator[Progress, None, None]:
    """Check that every submission and attempt matches its events. A problem goes into `report`."""
    try:
        yield from _check(replay, report)
    except UNREADABLE as unreadable:
        words = f"A submission or an attempt holds what cannot be read ({type(unreadable).__name__}), "
        words += f"after {report.submissions} that are as their events say."
        report.problem = Problem(DIFFERS, 0, words)


def _check(replay: Replay, report: VerificationReport) -> Generator[Progress, None, None]:
    total, after = len(replay.submissions), UUID(int=0)
    while rows := _submissions(after):
        attempts = _attempts(after, rows[-1]["pk"])
        for row in rows:
            replayed = replay.submissions.pop(str(row["pk"]), None)
            wrong = _differs(row, attempts.get(row["pk"], []), replayed, replay, report)
            if wrong and (wrong := _still_differs(row["pk"], replayed, replay, report)):
                words = f"Submission {row['pk']} is not what its events say: {wrong}."
                report.problem = Problem(DIFFERS, _last_seq(str(row["pk"])), words)
                return
            report.submissions += 1
        after = rows[-1]["pk"]
        yield Progress(report.submissions, total, "submissions")
    for id, replayed in replay.submissions.items():
        # A submission written after its page was read has its row by now.
        if not Submission.objects.filter(pk=id).exists():
            report.problem = Problem(DIFFERS, replayed.first, f"Submission {id} has events and is gone.")
            return


def _submissions(after: UUID) -> list[Row]:
    rows = Submission.objects.filter(pk__gt=after).order_by("pk").values_list(*COLUMNS)[:ROWS_AT_ONCE]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _attempts(after: UUID, last: UUID) -> dict[UUID, list[Row]]:
    """The attempts of the submissions after `after` up to `last`."""
    rows = Attempt.objects.filter(submission_id__gt=after, submission_id__lte=last)
    return {
        id: list(group)
        for id, group in groupby(_attempt_rows(rows), lambda attempt: attempt["submission_id"])
    }


def _attempt_rows(attempts: QuerySet[Attempt]) -> list[Row]:
    rows = attempts.order_by("submission_id", "number").values_list(*ATTEMPT_COLUMNS)
    return [dict(zip(ATTEMPT_COLUMNS, row, strict=True)) for row in rows]


def _differs(
    row: Row,
    attempts: list[Row],
    replayed: ReplayedSubmission | None,
    replay: Replay,
    report: VerificationReport,
) -> str:
    """Which part of a submission differs from its events, as words for a sentence; "" if none does."""
    if hashlib.sha256(row["body"].encode()).hexdigest() != row["body_sha256"]:
        return "its body"
    if replayed is None:
        return "" if report.archived else "it has none"
    if (row["state"], row["body_sha256"]) != (replayed.state, replayed.body):
        return "its state or body"
    if replayed.request is None and not report.archived:
        return "its first event is missing"
    return (
        _request_differs(row, replayed)
        or _ending_differs(row, replayed)
        or _attempts_differ(row, attempts, replayed, replay.recoveries)
    )


def _request_differs(row: Row, replayed: ReplayedSubmission) -> str:
    request = mark(
        row["by_iss"],
        row["by_sub"],
        row["by_display"],
        row["kind"],
        row["reference"],
        str(row["supersedes_id"] or ""),
        row["duplicate_of"],
    )
    if replayed.request not in (None, request):
        return "who asked for it, or its kind, reference or what it corrects"
    if not Kind(row["kind"]).makes_record:
        return "" if row["path"] == Kind(row["kind"]).path(row["opportunity_id"]) else "the deal it changes"
    body = json.loads(row["body"])
    same = {name: body.get(name) for name in ("name", "value", "book_id")} | {
        "household_id": body.get("household_id", "")
    }
    return "" if all(row[name] == value for name, value in same.items()) else "what it shows of its body"


def _ending_differs(row: Row, replayed: ReplayedSubmission) -> str:
    if _key_of(row) != replayed.key:
        return "its key"
    confirmed = row["state"] == State.CONFIRMED
    unsettled = "" if Kind(row["kind"]).makes_record else row["opportunity_id"]
    if row["opportunity_id"] != (replayed.record if confirmed else unsettled):
        return "its record in Slant"
    # The row keeps the status when Slant accepted the request, or refused it because of its fields.
    keeps_status = confirmed or row["reason_code"] == "rejected"
    if row["remote_status"] != replayed.status and (keeps_status or row["remote_status"] is not None):
        return "what Slant said"
    if replayed.ending not in (None, words_of(row["reason_code"], row["reason_text"])):
        return "the reason of its end"
    return ""


def _key_of(row: Row) -> int:
    """A hash of generation and key, made like the one from an event."""
    return mark(row["generation"], audit.key_id(str(row["idempotency_key"])))


def _attempts_differ(row: Row, attempts: list[Row], replayed: ReplayedSubmission, recoveries: int) -> str:
    """Whether an attempt differs from its events, or has none although `recover` did not add it."""
    numbers = [attempt["number"] for attempt in attempts]
    if numbers != [*range(1, row["attempts_count"] + 1)] or replayed.attempts.keys() - set(numbers):
        return "how often it was tried"
    without_event = 0
    for attempt in attempts:
        if any(attempt[name] != row[name] for name in SENT_WITH):
            return f"what attempt {attempt['number']} sent"
        replayed_attempt = replayed.attempts.get(attempt["number"])
        if replayed_attempt is None:
            without_event += 1
            if replayed.request is not None and any(
                attempt[name] != value for name, value in BY_RECOVER.items()
            ):
                return f"attempt {attempt['number']}, of which no event tells"
        elif wrong := _attempt_differs(attempt, replayed_attempt):
            return wrong
    return (
        "attempts of which no event tells"
        if replayed.request is not None and without_event > recoveries
        else ""
    )


def _attempt_differs(attempt: Row, replayed: ReplayedAttempt) -> str:
    if _key_of(attempt) != replayed.key:
        return f"the key of attempt {attempt['number']}"
    if replayed.outcome is None:
        return f"the end of attempt {attempt['number']}" if attempt["finished_at"] else ""
    answer = mark(attempt["status"], attempt["remote_request_id"].replace("\0", ""), attempt["record_id"])
    same = (
        attempt["finished_at"]
        and replayed.outcome in ("", attempt["outcome"])
        and replayed.answer in (None, answer)
        and replayed.words in (None, words_of("", attempt["message"]))
    )
    return "" if same else f"what became of attempt {attempt['number']}"


def _still_differs(
    id: UUID, replayed: ReplayedSubmission | None, replay: Replay, report: VerificationReport
) -> str:
    """Compare again a submission that differed, because it may have changed while it was read.

    Nothing is locked. A change of state commits row, attempts and events together. So if the row is equal
    before and after, what was read between belongs to that state.
    """
    wrong = ""
    replay.recoveries = max(replay.recoveries, AuditEvent.objects.filter(action=RECOVERED).count())
    for _ in range(READINGS):
        row = _submission_row(id)
        if row is None:
            return "it is gone"
        now, problem = _with_newer_events(str(id), replayed)
        attempts = _attempt_rows(Attempt.objects.filter(submission_id=id))
        wrong = problem or _differs(row, attempts, now, replay, report)
        if not wrong or row == _submission_row(id):
            break
    return wrong


def _submission_row(id: UUID) -> Row | None:
    values = Submission.objects.filter(pk=id).values_list(*COLUMNS).first()
    return dict(zip(COLUMNS, values, strict=True)) if values else None


def _with_newer_events(id: str, replayed: ReplayedSubmission | None) -> tuple[ReplayedSubmission | None, str]:
    """`replayed` with the events written since, and what is wrong with those."""
    now, problem = replayed.copy() if replayed else ReplayedSubmission(), None
    of_it = Q(object_type="submission", object_id=id, action__in=STATE_ACTIONS)
    for event in plain_rows(now.seq, of_it):
        problem = problem or now.take(event)
    return now if now.seq else None, problem.words if problem else ""


def _last_seq(id: str) -> int:
    events = AuditEvent.objects.filter(object_type="submission", object_id=id).order_by("-seq")
    return events.values_list("seq", flat=True).first() or 0
