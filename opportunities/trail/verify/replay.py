"""The state every submission must have, replayed from its events: who asked for what, its outcome, its
attempts.

Some columns of a submission are in no event: the labels its person saw, the values they saw before, exact
times. Only the triggers of the database protect those; docs/audit.md, "Verifying", lists them.
"""

from copy import copy
from sys import intern
from typing import Any, NamedTuple

from opportunities.models import FINAL, Outcome, State
from opportunities.trail.verifier import Problem

DIFFERS = 5
STATE_ACTIONS = {f"submission.{state}": intern(str(state)) for state in State.values}
SENDING = str(State.SENDING)
RECOVERED = "database.recovered"

# The outcome of an exchange by the reason in its event. Other reasons do not determine the outcome.
OUTCOMES = {
    "": Outcome.OK,
    "mismatch": Outcome.OK,
    "unit_alarm": Outcome.OK,
    "conflict": Outcome.REJECTED,
    "rejected": Outcome.REJECTED,
    "forbidden_book": Outcome.FORBIDDEN,
    "token_refused": Outcome.REFUSED_US,
    "token_read_only": Outcome.REFUSED_US,
    "busy": Outcome.BUSY,
    "unreachable": Outcome.UNREACHABLE,
    "no_answer": Outcome.NO_ANSWER,
    "lease_expired": Outcome.ABANDONED,
    "recovered": Outcome.ABANDONED,
}
# Reasons whose event holds the same text from Slant as the attempt.
WITH_WORDS = frozenset({"rejected", "forbidden_book", "no_answer"})
# Replaces anything shaped like a token in an event, whose text then differs from the row's.
HIDDEN = "[hidden]"


class ReplayedAttempt(NamedTuple):
    """One attempt by its events. `outcome` None: the attempt is open. Any other None or "": the events do not
    say.
    """

    key: int
    outcome: str | None = None
    answer: int | None = None
    words: int | None = None


class ReplayedSubmission:
    """One submission by its events. Values are kept as hashes, because there may be hundreds of thousands."""

    __slots__ = ("attempts", "body", "ending", "first", "key", "record", "request", "seq", "state", "status")

    def __init__(self, first: int = 0) -> None:
        # The numbers of its first event and of its last.
        self.first, self.seq = first, 0
        self.state = self.body = self.record = ""
        self.key = 0
        self.status: int | None = None
        # What was requested and by whom; None if its first event was moved to a file.
        self.request: int | None = None
        # Why it ended; None while it is open, or if the event lacks the text.
        self.ending: int | None = None
        self.attempts: dict[int, ReplayedAttempt] = {}

    def take(self, event: dict[str, Any]) -> Problem | None:
        """Apply one change of state. Returns a problem if that change cannot follow the last one."""
        state, body = STATE_ACTIONS[event["action"]], event["body_sha256"]
        before = event["before"].get("state", "")
        if self.state and (self.state, self.body) != (before, body):
            words = (
                f"Event {event['seq']} goes on from {before or 'nothing'}, "
                f"and submission {event['object_id']} was {self.state}."
            )
            return Problem(DIFFERS, event["seq"], words)
        if not self.state and not before:
            self.request = _request_of(event)
        self.key = mark(event["generation"], event["key_id"])
        if state == SENDING:
            self.attempts[event["attempt"]] = ReplayedAttempt(self.key)
        elif before == SENDING and event["attempt"] in self.attempts:
            self.attempts[event["attempt"]] = _with_answer(self.attempts[event["attempt"]], event)
        self.seq, self.state, self.body = event["seq"], state, body
        self.record, self.status = event["remote_object_id"], event["remote_status"]
        self.ending = words_of(event["reason_code"], event["reason_text"]) if state in FINAL else None
        return None

    def copy(self) -> "ReplayedSubmission":
        clone = copy(self)
        clone.attempts = dict(self.attempts)
        return clone


def mark(*values: Any) -> int:
    """A hash of `values`, valid only within one process. Python salts it, so nobody can prepare
    collisions.
    """
    return hash(values)


def words_of(code: str, text: str) -> int | None:
    """A hash of the beginning of a text: row and event shorten and clean long texts in a different order."""
    return None if text and HIDDEN in text else mark(code, text.replace("\0", "")[:900])


def _request_of(event: dict[str, Any]) -> int:
    after = event["after"]
    return mark(
        event["actor_iss"],
        event["actor_sub"],
        event["actor_display"],
        *(after.get(name, "") for name in ("kind", "reference", "supersedes", "duplicate_of")),
    )


def _with_answer(attempt: ReplayedAttempt, event: dict[str, Any]) -> ReplayedAttempt:
    reason, request_id = event["reason_code"], event["remote_request_id"]
    answer = mark(event["remote_status"], request_id, event["remote_object_id"])
    return ReplayedAttempt(
        attempt.key,
        str(OUTCOMES.get(reason, "")),
        None if HIDDEN in request_id else answer,
        words_of("", event["reason_text"]) if reason in WITH_WORDS else None,
    )


class Replay:
    """Every submission by its events."""

    def __init__(self) -> None:
        self.submissions: dict[str, ReplayedSubmission] = {}
        self.recoveries = 0

    def take(self, event: dict[str, Any]) -> Problem | None:
        if event["action"] == RECOVERED:
            self.recoveries += 1
        if event["action"] not in STATE_ACTIONS or event["object_type"] != "submission":
            return None
        submission = self.submissions.get(event["object_id"])
        if submission is None:
            submission = self.submissions[event["object_id"]] = ReplayedSubmission(event["seq"])
        return submission.take(event)
