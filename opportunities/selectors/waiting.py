"""What is said of a submission that waits: why, and when it is sent or looked for.

A time is named only where it is kept. While the breaker is open nobody knows one, whatever the row says.
"""

from datetime import datetime

from opportunities.models import State, Submission
from opportunities.runtime.breaker import BreakerState
from opportunities.wording import formats
from opportunities.wording import submissions as words

ASKS_ITS_OWNER = "still_send"


def reason_now(row: Submission, slant: BreakerState) -> str:
    """The reason code whose words fit: while Slant is away everything queued waits for it."""
    if row.state != State.QUEUED or row.reason_code == ASKS_ITS_OWNER or not slant.is_open:
        return row.reason_code
    return "busy" if slant.is_busy else "unreachable"


def when(row: Submission, slant: BreakerState, now: datetime) -> str:
    """When something is done about it, to stand in a sentence."""
    if slant.is_open:
        return words.WHEN_BACK
    if row.state == State.UNKNOWN and "no_budget_since" in row.check_state:
        return words.WHEN_CALLS_LEFT
    if row.due_at and row.due_at > now:
        return words.AT.format(time=formats.moment(row.due_at, now))
    return words.SOON
