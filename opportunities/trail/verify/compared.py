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
    total, after = len(replay.told), UUID(int=0)
    while rows := _submissions(after):
        attempts = _attempts(after, rows[-1]["pk"])
        for row in rows:
            told = replay.told.pop(str(row["pk"]), None)
            wrong = _differs(row, attempts.get(row["pk"], []), told, replay, report)
            if wrong and (wrong := _still_differs(row["pk"], told, replay, report)):
                words = f"Submission {row['pk']} is not what its events say: {wrong}."
                report.problem = Problem(DIFFERS, _last_seq(str(row["pk"])), words)
                return
            report.submissions += 1
        after = rows[-1]["pk"]
        yield Progress(report.submissions, total, "submissions")
    for id, told in replay.told.items():
        # A submission written after its page was read has its row by now.
        if not Submission.objects.filter(pk=id).exists():
            report.problem = Problem(DIFFERS, told.first, f"Submission {id} has events and is gone.")
            return


def _submissions(after: UUID) -> list[Row]:
    rows = Submission.objects.filter(pk__gt=after).order_by("pk").values_list(*COLUMNS)[:ROWS_AT_ONCE]
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _attempts(after: UUID, last: UUID) -> dict[UUID, list[Row]]:
    """The attempts of the submissions after `after` up to `last`."""
    rows = Attempt.objects.filter(submission_id__gt=after, submission_id__lte=last)
    return {id: list(ones) for id, ones in groupby(_told_attempts(rows), lambda one: one["submission_id"])}


def _told_attempts(attempts: QuerySet[Attempt]) -> list[Row]:
    rows = attempts.order_by("submission_id", "number").values_list(*ATTEMPT_COLUMNS)
    return [dict(zip(ATTEMPT_COLUMNS, row, strict=True)) for row in rows]


def _differs(
    row: Row, attempts: list[Row], told: ReplayedSubmission | None, replay: Replay, report: VerificationReport
) -> str:
    """Which part of a submission differs from its events, as words for a sentence; "" if none does."""
    if hashlib.sha256(row["body"].encode()).hexdigest() != row["body_sha256"]:
        return "its body"
    if told is None:
        return "" if report.archived else "it has none"
    if (row["state"], row["body_sha256"]) != (told.state, told.body):
        return "its state or body"
    if told.asked is None and not report.archived:
        return "its first event is missing"
    return (
        _asked_differs(row, told)
        or _settled_differs(row, told)
        or _attempts_differ(row, attempts, told, replay.recoveries)
    )


def _asked_differs(row: Row, told: ReplayedSubmission) -> str:
    asked = mark(
        row["by_iss"],
        row["by_sub"],
        row["by_display"],
        row["kind"],
        row["reference"],
        str(row["supersedes_id"] or ""),
        row["duplicate_of"],
    )
    if told.asked not in (None, asked):
        return "who asked for it, or its kind, reference or what it corrects"
    if not Kind(row["kind"]).makes_record:
        return "" if row["path"] == Kind(row["kind"]).path(row["opportunity_id"]) else "the deal it changes"
    body = json.loads(row["body"])
    same = {name: body.get(name) for name in ("name", "value", "book_id")} | {
        "household_id": body.get("household_id", "")
    }
    return "" if all(row[name] == value for name, value in same.items()) else "what it shows of its body"


def _settled_differs(row: Row, told: ReplayedSubmission) -> str:
    if _key_of(row) != told.key:
        return "its key"
    confirmed = row["state"] == State.CONFIRMED
    unsettled = "" if Kind(row["kind"]).makes_record else row["opportunity_id"]
    if row["opportunity_id"] != (told.record if confirmed else unsettled):
        return "its record in Slant"
    # The row keeps the status when Slant accepted the request, or refused it because of its fields.
    kept = confirmed or row["reason_code"] == "rejected"
    if row["remote_status"] != told.status and (kept or row["remote_status"] is not None):
        return "what Slant said"
    if told.ended not in (None, words_of(row["reason_code"], row["reason_text"])):
        return "the reason of its end"
    return ""


def _key_of(row: Row) -> int:
    """A hash of generation and key, made like the one from an event."""
    return mark(row["generation"], audit.key_id(str(row["idempotency_key"])))


def _attempts_differ(row: Row, attempts: list[Row], told: ReplayedSubmission, recoveries: int) -> str:
    """Whether an attempt differs from its events, or has none although `recover` did not add it."""
    numbers = [one["number"] for one in attempts]
    if numbers != [*range(1, row["attempts_count"] + 1)] or told.sent.keys() - set(numbers):
        return "how often it was tried"
    untold = 0
    for one in attempts:
        if any(one[name] != row[name] for name in SENT_WITH):
            return f"what attempt {one['number']} sent"
        sent = told.sent.get(one["number"])
        if sent is None:
            untold += 1
            if told.asked is not None and any(one[name] != value for name, value in BY_RECOVER.items()):
                return f"attempt {one['number']}, of which no event tells"
        elif wrong := _attempt_differs(one, sent):
            return wrong
    return "attempts of which no event tells" if told.asked is not None and untold > recoveries else ""


def _attempt_differs(one: Row, sent: ReplayedAttempt) -> str:
    if _key_of(one) != sent.begun:
        return f"the key of attempt {one['number']}"
    if sent.outcome is None:
        return f"the end of attempt {one['number']}" if one["finished_at"] else ""
    answer = mark(one["status"], one["remote_request_id"].replace("\0", ""), one["record_id"])
    same = (
        one["finished_at"]
        and sent.outcome in ("", one["outcome"])
        and sent.answer in (None, answer)
        and sent.words in (None, words_of("", one["message"]))
    )
    return "" if same else f"what became of attempt {one['number']}"


def _still_differs(
    id: UUID, told: ReplayedSubmission | None, replay: Replay, report: VerificationReport
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
        now, problem = _with_newer_events(str(id), told)
        attempts = _told_attempts(Attempt.objects.filter(submission_id=id))
        wrong = problem or _differs(row, attempts, now, replay, report)
        if not wrong or row == _submission_row(id):
            break
    return wrong


def _submission_row(id: UUID) -> Row | None:
    values = Submission.objects.filter(pk=id).values_list(*COLUMNS).first()
    return dict(zip(COLUMNS, values, strict=True)) if values else None


def _with_newer_events(id: str, told: ReplayedSubmission | None) -> tuple[ReplayedSubmission | None, str]:
    """`told` with the events written since, and what is wrong with those."""
    now, problem = told.copy() if told else ReplayedSubmission(), None
    of_it = Q(object_type="submission", object_id=id, action__in=STATE_ACTIONS)
    for event in plain_rows(now.seq, of_it):
        problem = problem or now.take(event)
    return now if now.seq else None, problem.words if problem else ""


def _last_seq(id: str) -> int:
    events = AuditEvent.objects.filter(object_type="submission", object_id=id).order_by("-seq")
    return events.values_list("seq", flat=True).first() or 0
