"""Is this the database we think it is? Asked before anything is sent (docs/operations.md, "Restored and
copied").

A database restored from a backup, or a copy of it started elsewhere, remembers submissions as waiting that
Slant has had long ago. So each worker keeps a small file outside the database (`headfile`), brought up to
date in each round and before each send. If the trail is behind that file, or the file is another instance's
or another place's, or missing although this database has sent before, all sending is held until someone runs
`manage.py recover`.
"""

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock
from opportunities.delivery import head_file, holds, states
from opportunities.delivery.states import Reason
from opportunities.delivery.unknown_outcome import to_unknown
from opportunities.models import (
    OPEN,
    Attempt,
    AuditEvent,
    Hold,
    Instance,
    Outcome,
    State,
    Submission,
)
from opportunities.runtime import alerts, budget
from opportunities.runtime.budget import BudgetSpent
from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantError
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange

RESTORED = "restored"
COPIED = "copied"
OTHER_SLANT = "other_slant"
OTHER_OWNER = "other_owner"
WRONG_SLANT = frozenset({OTHER_SLANT, OTHER_OWNER})
FORGOTTEN_MESSAGE = "The database was recovered: what was sent since its backup is not known."
HOLD_MESSAGES = {
    RESTORED: "This database is older than what it has already sent: a backup was restored. "
    "Nothing is sent until someone runs `manage.py recover`.",
    COPIED: "This database was copied, or it or its worker was moved to a new place. "
    "Nothing is sent until someone runs `manage.py recover`.",
    OTHER_SLANT: "This database belongs to another Slant than the one configured. "
    "Point SLANT_BASE_URL back, or start with a new database.",
    OTHER_OWNER: "SLANT_API_TOKEN belongs to another user of Slant than before, who may see other books. Nothing is "
    "sent or read until the old owner's token is back, or someone runs `manage.py recover` to go on with this one.",
}


def update_head_file() -> None:
    """Bring the head file up to date. Call outside transactions, before bytes leave."""
    head_file.write(head_file.expected_content(Instance.current()))


def check_database(*, worker: Actor, clock: Clock, mine: Instance | None = None) -> bool:
    """Whether this database may send. Holds, with one alert, when it was restored or copied.

    Keeps the head file up to date in every round, also of a worker that sends nothing: a backup is noticed on
    each machine, and a worker killed between its first claim and its first send does not look like a copy.
    `mine` is our instance as read at the beginning of the round.
    """
    mine = mine or Instance.current()
    now = head_file.expected_content(mine)
    if (
        head_file.read() == now and _other_slant_message(mine) is None
    ):  # most rounds: nothing happened since the last
        return True
    if _diagnose() is None:
        head_file.write(now)
        return True
    with transaction.atomic():
        # Seen again behind `recover`, or what it made right a moment ago would be held for ever.
        Instance.objects.select_for_update().get(pk=1)
        code = _diagnose()
        if code is not None and _hold_sending(code, worker=worker, clock=clock):
            _count_forgotten_calls(clock)
    return code is None


def _hold_sending(code: str, *, worker: Actor, clock: Clock) -> bool:
    """False when it was held for that reason already."""
    made = holds.hold(code, reason=HOLD_MESSAGES[code], by=worker, clock=clock)
    alerts.open_alert(code, HOLD_MESSAGES[code], clock=clock)
    return made


def other_slant_message() -> str | None:
    """What to do when the configured Slant is not the one this database belongs to; None when it is."""
    return _other_slant_message(Instance.current())


def wrong_connection_message(slant: SlantClient) -> str | None:
    """Before a command reads all of Slant: what to do when `slant` is not ours, by its address or by who
    `/me` says we are.

    Where `/me` cannot be asked this says nothing; the command finds out about that for itself.
    """
    mine = Instance.current()
    if (wrong := _other_slant_message(mine)) or not mine.slant_user_id:
        return wrong
    try:
        me = slant.me()
    except (BudgetSpent, SlantError):
        return None
    return None if me.id == mine.slant_user_id else HOLD_MESSAGES[OTHER_OWNER]


def reason_not_to_read() -> str | None:
    """Why what Slant would show us is not to be believed: another Slant, or another user's eyes. None: it is."""
    elsewhere = Hold.objects.filter(pk__in=WRONG_SLANT).values_list("reason", flat=True).first()
    return other_slant_message() or elsewhere


def _other_slant_message(mine: Instance) -> str | None:
    if mine.slant_base_url in ("", settings.SLANT_BASE_URL):
        return None
    return (
        f"This database belongs to the Slant at {mine.slant_base_url}, and SLANT_BASE_URL names another. "
        "Point it back, or start with a new VAR_DIR or DATABASE_URL."
    )


def _diagnose() -> str | None:
    mine = Instance.current()
    if _other_slant_message(mine):
        return OTHER_SLANT
    head = head_file.read()
    if head is None:
        # Asked before the file is looked for again: another worker may write it, and then send, in between.
        has_sent = Attempt.objects.exists()
        head = head_file.read()
        if head is None:
            return COPIED if has_sent else None
    if not head_file.belongs_to(head, mine):
        return COPIED
    seq = int(head.get("seq", 0))
    known = seq == 0 or AuditEvent.objects.filter(pk=seq, hash=head.get("hash")).exists()
    return None if known else RESTORED


def _count_forgotten_calls(clock: Clock) -> None:
    """The hour's calls that an older database does not know of: as the head file counted them.

    Without one of its own, a database whose last call was some time ago may be a backup and may not: then
    nobody can say how many calls were made since, and the hour counts as spent.
    """
    head = head_file.read()
    if head is not None and head.get("instance") == str(Instance.current().instance_id):
        budget.merge_counts(head.get("calls", {}), clock=clock)
    elif not budget.has_recent_calls(clock):
        budget.exhaust(clock=clock)


def is_our_slant(base_url: str, user_id: str, *, worker: Actor, clock: Clock) -> bool:
    """A database belongs to the first Slant that answered it: base URL and id from `/me`. Holds for any
    other.
    """
    mine = Instance.current()
    if mine.slant_base_url not in ("", base_url):
        _hold_sending(OTHER_SLANT, worker=worker, clock=clock)
        return False
    if mine.slant_user_id not in ("", user_id):
        _hold_sending(OTHER_OWNER, worker=worker, clock=clock)
        return False
    return True


def recover(*, by: Actor, clock: Clock, reason: str) -> int:
    """Make a restored or copied database safe: every open submission is looked for before it may be sent
    again.

    Returns how many that were. Writes the head file anew and lifts the holds; audited. A database held for
    its token's new owner belongs to whoever `/me` names next.
    """
    with transaction.atomic():
        Instance.objects.select_for_update().get(pk=1)
        code = _diagnose()
        if code is not None and not Hold.objects.filter(pk=code).exists():
            _count_forgotten_calls(clock)  # else it was done when that was first seen
        rows = list(Submission.objects.select_for_update().filter(state__in=OPEN))
        for submission in rows:
            _mark_unknown(submission, by=by, clock=clock, reason=reason)
        audit.record(
            clock=clock,
            by=by,
            action="database.recovered",
            object_type="database",
            object_id=str(Instance.current().instance_id),
            reason_text=reason,
            change=_forget_owner(AuditChange(after={"doubted": len(rows)})),
        )
        for code in list(Hold.objects.filter(pk__in=HOLD_MESSAGES).values_list("pk", flat=True)):
            holds.release(code, by=by, clock=clock, reason=reason)
            alerts.close_alert(code, clock=clock)
        # Before the commit: no worker may find the new trail beside the old file. Should the commit fail, it
        # is held.
        head_file.write(head_file.expected_content(Instance.current()), anew=True)
    return len(rows)


def _forget_owner(change: AuditChange) -> AuditChange:
    """`change` with whose token it was, if the database is held because it is another's now."""
    if not Hold.objects.filter(pk=OTHER_OWNER).exists():
        return change
    before = {"token_owner": Instance.current().slant_user_id}
    Instance.objects.filter(pk=1).update(slant_user_id="", me_checked_at=None)
    return AuditChange(before=before, after=change.after | {"token_owner": ""})


def _mark_unknown(submission: Submission, *, by: Actor, clock: Clock, reason: str) -> None:
    """Take it that it was sent this very moment, and nobody knows what came of it."""
    now = clock.now()
    number = submission.attempts_count + _add_forgotten_attempt(submission, clock)
    submission.last_sent_at = now
    then = to_unknown(submission, Reason("recovered", reason), clock)
    fields = then.fields | {
        "attempts_count": number,
        "first_sent_at": submission.first_sent_at or submission.created_at,
        "last_sent_at": now,
        "lease_owner": "",
        "lease_until": None,
    }
    fence = submission.fence + 1
    if submission.state in (State.QUEUED, State.SENDING):
        fields["fence"] = fence
        states.transition(submission, then.state, by=by, clock=clock, reason=then.reason, **fields)
    else:  # in doubt or in review already, and stays so
        Submission.objects.filter(pk=submission.pk).update(**fields, fence=fence)


def _add_forgotten_attempt(submission: Submission, clock: Clock) -> int:
    """An attempt for whatever this database no longer knows was sent under the key; how many were added, 1 or
    0.

    Without it, "every send under this key got a definite no" could be read out of what is known, and be
    wrong.
    """
    open_ones = Attempt.objects.filter(submission=submission, finished_at=None)
    if open_ones.update(finished_at=clock.now(), outcome=Outcome.ABANDONED, message=FORGOTTEN_MESSAGE):
        return 0
    Attempt.objects.create(
        submission=submission,
        number=submission.attempts_count + 1,
        idempotency_key=submission.idempotency_key,
        generation=submission.generation,
        method=submission.method,
        path=submission.path,
        body_sha256=submission.body_sha256,
        fence=submission.fence,
        worker="recover",
        started_at=clock.now(),
        lease_until=clock.now(),
        finished_at=clock.now(),
        outcome=Outcome.ABANDONED,
        message=FORGOTTEN_MESSAGE,
    )
    return 1
