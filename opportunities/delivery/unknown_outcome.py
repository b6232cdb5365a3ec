"""What it means not to know whether a send was executed: when to look, and when silence begins to count."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock
from opportunities.delivery.states import NO_REASON, Reason
from opportunities.models import OPEN, Instance, Lease, State, Submission
from opportunities.runtime import budget

LEASE_MARGIN_SECONDS = 30
# Of the evidence of a submission, what a manager who sent it again decided: records that are not its own, and
# values that an edit may overwrite.
DECIDED_BY_MANAGER = ("ruled_out", "overwrites")


@dataclass
class Transition:
    """What follows from an answer: the state, why, and other fields of the submission."""

    state: State
    reason: Reason = NO_REASON
    fields: dict[str, Any] = field(default_factory=dict)


def to_unknown(
    submission: Submission, reason: Reason, clock: Clock, *, ended: datetime | None = None
) -> Transition:
    """A send that may have been executed: the first look soon, absence only after the quiet period.

    `ended` is the latest moment at which the exchange can still have been running (lease end of a lost
    worker). The quiet period is max(last send + total timeout, that moment) + QUIET_SECONDS (reliability 2.2
    (1)).
    """
    now = clock.now()
    sent = submission.last_sent_at or now
    last = max(sent + timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS), ended or now)
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


def restart_looks(now: datetime, submission: Submission) -> dict[str, Any]:
    """Begin looking anew: no proof yet, the first look after LOOK_AFTER_SECONDS.

    Of the evidence only what a manager decided stays.
    """
    return {
        "looks": 0,
        "check_state": {
            name: kept for name, kept in submission.check_state.items() if name in DECIDED_BY_MANAGER
        },
        "absent_at": None,
        "due_at": now + timedelta(seconds=settings.LOOK_AFTER_SECONDS[0]),
    }


def restart_quiet_periods(clock: Clock) -> None:
    """Let every quiet period begin again, for it is not known how long it was quiet, nor how old a key or a
    proof is.

    Called when no worker was there to see whether the clock moved on as time did, and when it did not.
    """
    now = clock.now()
    quiet = timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS + settings.QUIET_SECONDS)
    with transaction.atomic():
        # A lease that seems long over is taken to end now: what follows from it counts from its end.
        Submission.objects.filter(state=State.SENDING, lease_until__lt=now).update(lease_until=now)
        for submission in Submission.objects.select_for_update().filter(state=State.UNKNOWN):
            answer = {key: value for key, value in submission.check_state.items() if key == "answer_id"}
            fields = restart_looks(now, submission)
            fields["check_state"] |= answer
            # A look that is under way knows nothing of this: with the old fence it can no longer write down
            # what it saw.
            fields |= {"fence": submission.fence + 1, "lease_owner": "", "lease_until": None}
            Submission.objects.filter(pk=submission.pk).update(quiet_until=now + quiet, **fields)
        for submission in Submission.objects.select_for_update().filter(
            state__in=[State.QUEUED, State.SENDING], check_state__has_key="answered_since"
        ):
            del submission.check_state["answered_since"]
            Submission.objects.filter(pk=submission.pk).update(check_state=submission.check_state)
        open_ones = Submission.objects.filter(state__in=OPEN)
        open_ones.exclude(ambiguous_at=None).update(ambiguous_at=now)
        open_ones.filter(state=State.QUEUED).exclude(absent_at=None).update(absent_at=None)


def handle_clock_jump(clock: Clock) -> None:
    """The wall clock jumped: every quiet period begins again, and nothing waits for a time that moved away.

    Keys count as alive for another 75 minutes (`Instance.clock_jumped_at`), proofs of absence as too old, the
    hour's calls as made just now; leases never end later than they could have been given now.
    """
    now = clock.now()
    with transaction.atomic():
        Instance.objects.filter(pk=1).update(clock_jumped_at=now, me_checked_at=None)
        budget.handle_clock_jump(clock=clock)
        restart_quiet_periods(clock)
        lease = now + timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS + LEASE_MARGIN_SECONDS)
        Submission.objects.filter(lease_until__gt=lease).update(lease_until=lease)
        Submission.objects.filter(state=State.QUEUED, due_at__gt=now).update(due_at=now)
        Lease.objects.filter(until__gt=lease).update(until=lease)
