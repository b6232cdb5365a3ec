"""What is wrong now, cause by cause, by the rows of the database.

Each cause is a function of a `Situation`. It returns a `Found` while the cause exists, None when it does not,
and `Hidden` when that is unknown: a mirror is old because no worker runs, and one alert for that is enough.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from opportunities import dates
from opportunities.clock import Clock
from opportunities.models import Attempt, Heartbeat, Outcome, State, Submission
from opportunities.runtime import breaker
from opportunities.runtime.alerts import AlertText
from opportunities.runtime.breaker import BreakerState
from opportunities.runtime.budget import Share
from opportunities.selectors import shell
from opportunities.selectors.health import Health, health
from opportunities.wording import alerts as words
from opportunities.wording.alerts import AlertWords

NAMED = 20
# A worker that completed no round for this long is gone, and its failures no longer count.
ALIVE = timedelta(minutes=2)
FAILED_ROUNDS = 3
# Right after an outage the queue is old, although its first submissions are sent within seconds.
GRACE = timedelta(minutes=1)
# Right after an outage the mirror is old too, until it has been read again.
CATCHING_UP_SECONDS = 5 * 60
REVIEW_PAGE = "/submissions/review/"


class Hidden(Enum):
    """It is unknown whether a cause exists now: an open alert stays open.

    UNKNOWN    another cause hides it, so its threshold starts again
    UNDECIDED  it may have ended: the alert stays open, and its threshold keeps counting
    """

    UNKNOWN = "unknown"
    UNDECIDED = "undecided"


UNKNOWN, UNDECIDED = Hidden.UNKNOWN, Hidden.UNDECIDED


@dataclass(frozen=True)
class Found:
    """A cause that exists: its text, and how long it must last before its alert opens."""

    text: AlertText
    after: timedelta


Answer = Found | Hidden | None


@dataclass(frozen=True)
class Situation:
    """The state of the installation at one moment."""

    now: datetime
    health: Health
    slant: BreakerState
    failing: list[Heartbeat] = field(default_factory=list)

    @property
    def works(self) -> bool:
        """Whether a worker completes rounds and Slant answers, so that other problems have another cause."""
        return self.health.worker.ok and self.health.slant.ok


def look(clock: Clock) -> Situation | None:
    """The present situation; None when the database cannot be queried."""
    now, state_of_health = clock.now(), health(clock)
    if not state_of_health.database.ok:
        return None
    failing = Heartbeat.objects.filter(at__gt=now - ALIVE, failures__gte=FAILED_ROUNDS).order_by("worker")
    return Situation(now, state_of_health, breaker.state(now), list(failing))


def slant_away(situation: Situation) -> Answer:
    """The breaker is open. If it closed and no good answer came yet, it may be open again at the next
    look.
    """
    if not situation.health.worker.ok:
        return UNKNOWN
    if situation.slant.open_since is None:
        is_over = situation.health.slant.ok or situation.health.held
        return None if is_over else UNDECIDED
    alert_words = words.SLANT_BUSY if situation.slant.is_busy else words.SLANT_AWAY
    return _describe(
        alert_words,
        settings.ALERT_SLANT_AWAY_SECONDS,
        details=(words.LAST_ERROR.format(error=situation.slant.last_error),),
        since=_moment(situation.slant.open_since),
    )


def no_worker(situation: Situation) -> Answer:
    """No worker completes rounds. If one records failures, `rounds_fail` says more."""
    age, longest = situation.health.worker.age_s, settings.ALERT_NO_WORKER_SECONDS
    if situation.failing:
        return None
    if age is None:
        return _describe(words.NO_WORKER, longest, since=words.NEVER)
    if age < longest:
        return None
    since = words.SINCE.format(since=_moment(situation.now - timedelta(seconds=age)))
    return _describe(words.NO_WORKER, 0, since=since)


def rounds_fail(situation: Situation) -> Answer:
    longest = timedelta(seconds=settings.ALERT_ROUNDS_FAIL_SECONDS)
    failing = [
        beat
        for beat in situation.failing
        if beat.failing_since and situation.now - beat.failing_since >= longest
    ]
    if not failing:
        return None
    return _describe(
        words.ROUNDS_FAIL,
        0,
        workers=_named([beat.worker for beat in failing], ", "),
        since=_moment(min(beat.failing_since for beat in failing if beat.failing_since)),
        failure=failing[0].failure or "no reason was kept",
    )


def old_mirror(situation: Situation) -> Answer:
    """The mirror is older than the threshold and four sync intervals, although syncing works."""
    if not situation.works or situation.health.held:
        return UNKNOWN
    longest = settings.ALERT_OLD_MIRROR_SECONDS
    stamp = shell.stamp(list(shell.watched()), situation.now)
    if stamp.synced_at is None:
        return _describe(words.NEVER_SYNCED, longest)
    if stamp.level != shell.RED or stamp.age < timedelta(seconds=longest):
        return None
    return _describe(words.OLD_MIRROR, min(CATCHING_UP_SECONDS, longest), since=_moment(stamp.synced_at))


def stuck_queue(situation: Situation) -> Answer:
    """Submissions wait and none was sent within the threshold, or one has waited four times as long."""
    if not situation.works or situation.health.held or _is_budget_spent(situation):
        return UNKNOWN
    longest = timedelta(seconds=settings.ALERT_STUCK_QUEUE_SECONDS)
    # A submission without a due time waits for an answer from its owner.
    queued = Submission.objects.filter(state=State.QUEUED).exclude(due_at=None)
    oldest = queued.order_by("created_at").values_list("created_at", flat=True).first()
    if oldest is None or situation.now - oldest < longest:
        return None
    sent_lately = Attempt.objects.filter(outcome=Outcome.OK, finished_at__gt=situation.now - longest).exists()
    if sent_lately and situation.now - oldest < 4 * longest:
        return None
    return _describe(
        words.STUCK_QUEUE,
        (longest if sent_lately else min(GRACE, longest)).total_seconds(),
        path="/submissions/",
        details=_references(queued),
        waiting=words.counted(words.SUBMISSIONS_WAIT, queued.count()),
        since=_moment(oldest),
    )


def spent_budget(situation: Situation) -> Answer:
    if not _is_budget_spent(situation):
        return None
    calls_left, most = situation.health.budget_left, settings.SLANT_HOURLY_BUDGET
    return _describe(words.SPENT_BUDGET, settings.ALERT_SPENT_BUDGET_SECONDS, left=calls_left, all=most)


def review(situation: Situation) -> Answer:
    waiting = Submission.objects.filter(state=State.REVIEW)
    count = waiting.count()
    if not count:
        return None
    since = waiting.order_by("created_at").values_list("created_at", flat=True).first() or situation.now
    return _describe(
        words.REVIEW,
        settings.ALERT_REVIEW_SECONDS,
        path=REVIEW_PAGE,
        details=_references(waiting),
        waiting=words.counted(words.DEALS_WAIT, count),
        since=_moment(since),
    )


CAUSES: dict[str, Callable[[Situation], Answer]] = {
    "slant_away": slant_away,
    "no_worker": no_worker,
    "rounds_fail": rounds_fail,
    "old_mirror": old_mirror,
    "stuck_queue": stuck_queue,
    "spent_budget": spent_budget,
    "review": review,
}


def _describe(
    alert_words: AlertWords, after: float, *, path: str = "", details: tuple[str, ...] = (), **values: Any
) -> Found:
    filled = alert_words.fill(**values)
    options = {"path": path} if path else {}
    text = AlertText(filled.happened, filled.meaning, filled.remedy, details=details, **options)
    return Found(text, timedelta(seconds=after))


def _is_budget_spent(situation: Situation) -> bool:
    """Whether the calls that people may make are used up."""
    return situation.health.budget_left <= Share.PEOPLE.value


def _references(rows: QuerySet[Submission]) -> tuple[str, ...]:
    """Only references, because mail must not hold the names of clients."""
    references = list(rows.order_by("created_at").values_list("reference", flat=True))
    more = [words.MORE.format(count=len(references) - NAMED)] if len(references) > NAMED else []
    return (*references[:NAMED], *more)


def _named(names: list[str], between: str) -> str:
    more = [words.MORE.format(count=len(names) - 3)] if len(names) > 3 else []
    return between.join([*names[:3], *more])


def _moment(at: datetime) -> str:
    return dates.exact(timezone.localtime(at))
