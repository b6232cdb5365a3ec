"""An unknown outcome: a send that may have been executed. When to look in Slant, and when absence counts."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from opportunities.clock import CLOCKS_DIFFER, Clock
from opportunities.delivery.states import Reason, Transition
from opportunities.models import OPEN, Instance, Lease, State, Submission
from opportunities.runtime import budget

LEASE_MARGIN_SECONDS = 30
# The part of the evidence that counts time in which Slant answered, or in which calls were short.
COUNTED_TIME = ("answered_since", "no_budget_since")
# The part of a submission's evidence that a manager decided when sending it again: records that were ruled
# out, and values that an edit may overwrite.
DECIDED_BY_MANAGER = ("ruled_out", "overwrites")

# Times that a submission's evidence keeps, all of them in the past.
SINCE = ("absent_since", "answered_since", "no_budget_since")


def send_lease() -> timedelta:
    """How long a submission is leased for one exchange."""
    return timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS + LEASE_MARGIN_SECONDS)


def to_unknown(
    submission: Submission, reason: Reason, clock: Clock, *, ended: datetime | None = None
) -> Transition:
    """The transition to `unknown`: the first look soon, absence only after the quiet period.

    `ended` is the latest moment at which the exchange may still have run, such as the end of a lost worker's
    lease. The quiet period lasts until max(last send + total timeout, that moment) + QUIET_SECONDS
    (reliability 2.2 (1)). Where the clock was set back since the send, it counts from now.
    """
    now = clock.now()
    sent_at = min(submission.last_sent_at or now, now)
    last = max(
        sent_at + timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS), min(ended or now, now + send_lease())
    )
    return Transition(
        State.UNKNOWN,
        reason,
        {
            "unknown_since": submission.unknown_since or now,
            "ambiguous_at": now,
            "quiet_until": last + timedelta(seconds=settings.QUIET_SECONDS),
        }
        | restart_looks(now, submission),
    )


def quiet_until(submission: Submission) -> datetime:
    """The end of the quiet period: a look that began before it proves no absence."""
    return submission.quiet_until or submission.created_at


def restart_looks(now: datetime, submission: Submission) -> dict[str, Any]:
    """Fields that restart the looks: no proof, and the first look after LOOK_AFTER_SECONDS.

    Only the manager's part of the evidence is kept.
    """
    return {
        "looks": 0,
        "check_state": {
            name: value for name, value in submission.check_state.items() if name in DECIDED_BY_MANAGER
        },
        "absent_at": None,
        "due_at": now + timedelta(seconds=settings.LOOK_AFTER_SECONDS[0]),
    }


def without_counted_time(check_state: dict[str, Any]) -> dict[str, Any]:
    """The evidence without the times from which durations are counted, because Slant is away."""
    return {name: value for name, value in check_state.items() if name not in COUNTED_TIME}


def stop_counting_time() -> None:
    """Slant is away: for no submission does the time count until Slant answers again."""
    waiting = Submission.objects.filter(state__in=OPEN)
    counting = [
        pk
        for pk, evidence in waiting.values_list("pk", "check_state")
        if any(name in evidence for name in COUNTED_TIME)
    ]
    if counting:  # usually there is none, and no row is locked
        with transaction.atomic():
            for submission in waiting.select_for_update().filter(pk__in=counting):
                new_evidence = without_counted_time(submission.check_state)
                Submission.objects.filter(pk=submission.pk).update(check_state=new_evidence)


def restart_quiet_periods(clock: Clock) -> None:
    """Restart every quiet period, because it is unknown how long each lasted and how old keys and proofs are.

    Called when no worker compared the wall clock with monotonic time for a while, and when the two differed.
    """
    now = clock.now()
    if not Submission.objects.open().exists():
        return
    with transaction.atomic():
        # A lease that seems long expired counts as ending now, because the quiet period begins at its end.
        Submission.objects.filter(state=State.SENDING, lease_until__lt=now).update(lease_until=now)
        for submission in Submission.objects.select_for_update().filter(state=State.UNKNOWN):
            _restart_quiet_period(submission, now)
        for submission in Submission.objects.select_for_update().filter(
            state__in=[State.QUEUED, State.SENDING], check_state__has_key="answered_since"
        ):
            del submission.check_state["answered_since"]
            Submission.objects.filter(pk=submission.pk).update(check_state=submission.check_state)
        open_submissions = Submission.objects.filter(state__in=OPEN)
        open_submissions.exclude(ambiguous_at=None).update(ambiguous_at=now)
        open_submissions.filter(state=State.QUEUED).exclude(absent_at=None).update(absent_at=None)


def _restart_quiet_period(submission: Submission, now: datetime) -> None:
    fields = restart_looks(now, submission)
    if answer := submission.check_state.get("answer_id"):
        fields["check_state"]["answer_id"] = answer
    # A look that is under way does not know of this. With its old fence it can no longer write its result.
    fields |= {"fence": submission.fence + 1, "lease_owner": "", "lease_until": None}
    quiet = timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS + settings.QUIET_SECONDS)
    Submission.objects.filter(pk=submission.pk).update(quiet_until=now + quiet, **fields)


def restart_if_ahead(submission: Submission, now: datetime) -> bool:
    """Restart a quiet period that was written while the clock was ahead. Returns whether it was such a
    period.

    A process that read the clock just before it was set back may write after the jump was handled. The caller
    has locked the row.
    """
    if submission.state != State.UNKNOWN:
        return False
    longest = send_lease() + timedelta(seconds=settings.QUIET_SECONDS) + CLOCKS_DIFFER
    moments = [submission.check_state[name] for name in SINCE if submission.check_state.get(name)]
    is_ahead = quiet_until(submission) > now + longest or any(
        datetime.fromisoformat(moment) > now + CLOCKS_DIFFER for moment in moments
    )
    if is_ahead:
        _restart_quiet_period(submission, now)
    return is_ahead


def handle_clock_jump(clock: Clock) -> None:
    """The wall clock jumped: restart every quiet period, and wait for no time that is now too far ahead.

    Keys count as remembered by Slant for another 75 minutes (`Instance.clock_jumped_at`), proofs of absence
    as outdated, and the hour's calls as made now. No lease ends later than one that is given now.
    """
    now = clock.now()
    with transaction.atomic():
        Instance.objects.filter(pk=1).update(clock_jumped_at=now, me_checked_at=None)
        budget.handle_clock_jump(clock=clock)
        restart_quiet_periods(clock)
        lease = now + send_lease()
        Submission.objects.filter(lease_until__gt=lease).update(lease_until=lease)
        Submission.objects.filter(state=State.QUEUED, due_at__gt=now).update(due_at=now)
        Lease.objects.filter(until__gt=lease).update(until=lease)
