"""What every submission must be, as its events tell it: who asked for what, what became of it, and each
attempt.

Not everything a page tells of a submission is in an event. What is not (the words its person saw, what they
saw before, times to the second) the database keeps by its triggers alone; docs/audit.md, "Verifying", says
which is which.
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

# What an exchange met, by the reason its event has. A reason that is not here says nothing of it.
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
# Those whose event has Slant's words, as the attempt has them.
WITH_WORDS = frozenset({"rejected", "forbidden_book", "no_answer"})
# What the trail puts where something looked like a token: then it does not have the words of the row.
HIDDEN = "[hidden]"


class ReplayedAttempt(NamedTuple):
    """One attempt, as its events tell it; `outcome` None while it is open. Else None or empty is what they do
    not say.
    """

    begun: int
    outcome: str | None = None
    answer: int | None = None
    words: int | None = None


class ReplayedSubmission:
    """One submission, as its events tell it. Most is kept as one number: a long trail tells of hundreds of
    thousands.
    """

    __slots__ = ("asked", "body", "ended", "first", "key", "record", "sent", "seq", "state", "status")

    def __init__(self, first: int = 0) -> None:
        # The numbers of its first event and of its last.
        self.first, self.seq = first, 0
        self.state = self.body = self.record = ""
        self.key = 0
        self.status: int | None = None
        # What was asked for and by whom; None when the first event of it is not here, but in a file.
        self.asked: int | None = None
        # Why it ended; None while it has not, and when the event does not have the words.
        self.ended: int | None = None
        self.sent: dict[int, ReplayedAttempt] = {}

    def take(self, event: dict[str, Any]) -> Problem | None:
        """Go on by one change of state."""
        state, body = STATE_ACTIONS[event["action"]], event["body_sha256"]
        before = event["before"].get("state", "")
        if self.state and (self.state, self.body) != (before, body):
            words = (
                f"Event {event['seq']} goes on from {before or 'nothing'}, "
                f"and submission {event['object_id']} was {self.state}."
            )
            return Problem(DIFFERS, event["seq"], words)
        if not self.state and not before:
            self.asked = _asked_by_event(event)
        self.key = mark(event["generation"], event["key_id"])
        if state == SENDING:
            self.sent[event["attempt"]] = ReplayedAttempt(self.key)
        elif before == SENDING and event["attempt"] in self.sent:
            self.sent[event["attempt"]] = _answered(self.sent[event["attempt"]], event)
        self.seq, self.state, self.body = event["seq"], state, body
        self.record, self.status = event["remote_object_id"], event["remote_status"]
        self.ended = words_of(event["reason_code"], event["reason_text"]) if state in FINAL else None
        return None

    def copy(self) -> "ReplayedSubmission":
        other = copy(self)
        other.sent = dict(self.sent)
        return other


def mark(*values: Any) -> int:
    """What stands for `values` while one verification runs. Nobody can know beforehand what else would give
    the same: Python hashes texts under a key of the process, and takes numbers as they are.
    """
    return hash(values)


def words_of(code: str, text: str) -> int | None:
    """Of a text that row and event both keep, each cut and cleaned in its own order: all but the end of a
    long one.
    """
    return None if text and HIDDEN in text else mark(code, text.replace("\0", "")[:900])


def _asked_by_event(event: dict[str, Any]) -> int:
    after = event["after"]
    return mark(
        event["actor_iss"],
        event["actor_sub"],
        event["actor_display"],
        *(after.get(name, "") for name in ("kind", "reference", "supersedes", "duplicate_of")),
    )


def _answered(sent: ReplayedAttempt, event: dict[str, Any]) -> ReplayedAttempt:
    reason, request_id = event["reason_code"], event["remote_request_id"]
    told = mark(event["remote_status"], request_id, event["remote_object_id"])
    return ReplayedAttempt(
        sent.begun,
        str(OUTCOMES.get(reason, "")),
        None if HIDDEN in request_id else told,
        words_of("", event["reason_text"]) if reason in WITH_WORDS else None,
    )


class Replay:
    """What every submission is, as its events tell it."""

    def __init__(self) -> None:
        self.told: dict[str, ReplayedSubmission] = {}
        self.recoveries = 0

    def take(self, event: dict[str, Any]) -> Problem | None:
        if event["action"] == RECOVERED:
            self.recoveries += 1
        if event["action"] not in STATE_ACTIONS or event["object_type"] != "submission":
            return None
        told = self.told.get(event["object_id"])
        if told is None:
            told = self.told[event["object_id"]] = ReplayedSubmission(event["seq"])
        return told.take(event)
