"""What is said of a submission that waits: why, and when it is sent or looked for.

A time is named only where it is kept. While the breaker is open nobody knows one, nor while no worker works,
whatever the row says.
"""

from dataclasses import dataclass, field
from datetime import datetime

from opportunities.models import State, Submission
from opportunities.runtime import breaker, heartbeats
from opportunities.runtime.breaker import BreakerState
from opportunities.wording import formats
from opportunities.wording import submissions as words

ASKS_ITS_OWNER = "still_send"
NO_WORKER = "no_worker"


@dataclass(frozen=True)
class Outlook:
    """Whether anything can be sent at all: how Slant is, and whether a worker works."""

    slant: BreakerState = field(default_factory=BreakerState)
    is_silent: bool = False


def outlook(now: datetime) -> Outlook:
    silent_since = heartbeats.silent_since(heartbeats.completions(now).first(), now)
    return Outlook(breaker.state(now), is_silent=silent_since is not None)


def reason_now(row: Submission, current_outlook: Outlook) -> str:
    """The reason code whose words fit: everything queued waits for a worker first, and then for Slant."""
    if current_outlook.is_silent and row.state == State.SENDING:
        return NO_WORKER
    if row.state != State.QUEUED or row.reason_code == ASKS_ITS_OWNER:
        return row.reason_code
    if current_outlook.is_silent:
        return NO_WORKER
    if not current_outlook.slant.is_open:
        return row.reason_code
    return "busy" if current_outlook.slant.is_busy else "unreachable"


def when(row: Submission, current_outlook: Outlook, now: datetime) -> str:
    """When something is done about it, to stand in a sentence."""
    if current_outlook.is_silent:
        return words.WHEN_WORKER_WORKS
    if current_outlook.slant.is_open:
        return words.WHEN_BACK
    if row.state == State.UNKNOWN and "no_budget_since" in row.check_state:
        return words.WHEN_CALLS_LEFT
    if row.due_at and row.due_at > now:
        return words.AT.format(time=formats.moment(row.due_at, now))
    return words.SOON
