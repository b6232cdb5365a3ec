"""What the page about sending shows: why nothing is sent to Slant, and how much waits."""

from dataclasses import dataclass

from opportunities.delivery import holds
from opportunities.models import Hold, State, Submission
from opportunities.wording import sending as words

LIFTED_BY_HAND = (holds.STOPPED, holds.UNIT_ALARM)


@dataclass(frozen=True)
class StandingHold:
    """A hold with its title. `by_hand`: a manager may lift it on the page."""

    row: Hold
    title: str
    by_hand: bool


@dataclass(frozen=True)
class SendingStatus:
    holds: list[StandingHold]
    is_stopped: bool
    waiting: int


def sending_status() -> SendingStatus:
    standing = [
        StandingHold(hold, words.HOLDS.get(hold.code, hold.code), hold.code in LIFTED_BY_HAND)
        for hold in Hold.objects.all()
    ]
    is_stopped = any(hold.row.code == holds.STOPPED for hold in standing)
    return SendingStatus(standing, is_stopped, Submission.objects.filter(state=State.QUEUED).count())
