"""What the page about sending shows: whether anything is sent to Slant, why not, what waits, and alerts."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from opportunities.clock import Clock
from opportunities.delivery import holds
from opportunities.models import Alert, Heartbeat, Hold, State, Submission
from opportunities.runtime.budget import Share
from opportunities.selectors.health import HEARTBEATS_SHOWN, Health, health
from opportunities.wording import sending as words
from opportunities.wording.sending import SendingWords

LIFTED_BY_HAND = (holds.STOPPED, holds.UNIT_ALARM)


@dataclass(frozen=True)
class StandingHold:
    """A hold with its title. `by_hand`: a manager may lift it on the page."""

    row: Hold
    title: str
    by_hand: bool


@dataclass(frozen=True)
class SendingStatus:
    """`words` say whether anything is sent. `workers` are those of the last hour, and those that fail."""

    words: SendingWords
    holds: list[StandingHold]
    is_stopped: bool
    waiting: int
    workers: list[Heartbeat]
    worked_at: datetime | None
    alerts: list[Alert]
    mails_waiting: int


def sending_status(clock: Clock) -> SendingStatus:
    standing = [
        StandingHold(hold, words.HOLDS.get(hold.code, hold.code), hold.code in LIFTED_BY_HAND)
        for hold in Hold.objects.all()
    ]
    now, current_health = clock.now(), health(clock)
    is_recent = Q(completed_at__gt=now - HEARTBEATS_SHOWN) | Q(at__gt=now - HEARTBEATS_SHOWN, failures__gt=0)
    workers = list(Heartbeat.objects.filter(is_recent).order_by("worker"))
    completed = Heartbeat.objects.exclude(completed_at=None).order_by("-completed_at")
    return SendingStatus(
        words=_words(current_health, workers),
        holds=standing,
        is_stopped=any(hold.row.code == holds.STOPPED for hold in standing),
        waiting=Submission.objects.filter(state=State.QUEUED).count(),
        workers=workers,
        worked_at=completed.values_list("completed_at", flat=True).first(),
        alerts=list(Alert.objects.filter(closed_at=None)),
        mails_waiting=current_health.mails_waiting,
    )


def _words(current_health: Health, workers: list[Heartbeat]) -> SendingWords:
    """The first of these that holds: without a worker, what Slant would answer is not known."""
    if current_health.held:
        return words.HELD
    if not current_health.worker.ok:
        return words.ROUNDS_FAIL if any(worker.failures for worker in workers) else words.NO_WORKER
    if not current_health.slant.ok:
        return words.SLANT_AWAY
    if current_health.budget_left <= Share.PEOPLE.value:
        return words.BUDGET_SPENT
    return words.ON
