"""The unit alarm: Slant shows 100 times the value sent, or a hundredth of it (Slant API 10.1)."""

from opportunities.clock import Clock
from opportunities.delivery import holds
from opportunities.models import Submission
from opportunities.runtime import alerts
from opportunities.runtime.alerts import AlertText
from opportunities.trail.audit import Actor


def sound_unit_alarm(submission: Submission, value: int | None, *, worker: Actor, clock: Clock) -> None:
    """Stop all sending until a manager has looked. `value` is what Slant shows for the submission."""
    text = (
        f"Slant returned {value} for {submission.reference}, which sent {submission.value}: "
        "dollars and cents may be mixed up. Nothing is sent until a manager has looked and released it."
    )
    holds.hold(holds.UNIT_ALARM, reason=text, by=worker, clock=clock)
    remedy = (
        f"Look in Slant at the value of {submission.name}, correct it there if it is wrong, and release the "
        "hold on the page about sending, or by manage.py release --code unit_alarm."
    )
    alerts.open_alert(holds.UNIT_ALARM, AlertText(text, holds.MEANING, remedy), clock=clock)
