"""The restore guard: it detects a restored, copied or altered database before anything is sent.

In a database restored from a backup, or in a copy started elsewhere, submissions are still queued that Slant
received long ago. So each worker keeps a head file outside the database (`trail.head_file`). All sending is
held until `manage.py recover` when the trail is behind that file, when the file belongs to another database
or place, or when it is missing although this database has sent before (docs/operations.md, "Restored and
copied"). When the trail has another event under the number in the file, it was altered, and `recover`
refuses.
"""

import logging

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock
from opportunities.delivery import holds, states
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
from opportunities.runtime.alerts import AlertText
from opportunities.runtime.budget import BudgetSpent
from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantError
from opportunities.trail import audit, checkpoints, head_file
from opportunities.trail.audit import Actor, AuditChange
from opportunities.trail.signing_keys import NoKey

logger = logging.getLogger(__name__)

ALTERED = "altered"
RESTORED = "restored"
COPIED = "copied"
OTHER_SLANT = "other_slant"
OTHER_OWNER = "other_owner"
WRONG_SLANT = frozenset({OTHER_SLANT, OTHER_OWNER})
FORGOTTEN_MESSAGE = "The database was recovered: what was sent since its backup is not known."
HOLD_MESSAGES = {
    ALTERED: "The audit trail was altered: it has another event where this machine saw one. "
    "Nothing is sent until that is explained. Repair nothing and tell compliance.",
    RESTORED: "This database is older than what it has already sent: a backup was restored. "
    "Nothing is sent until someone runs `manage.py recover`.",
    COPIED: "This database was copied, or it or its worker was moved to a new place. "
    "Nothing is sent until someone runs `manage.py recover`.",
    OTHER_SLANT: "This database belongs to another Slant than the one configured. "
    "Point SLANT_BASE_URL back, or start with a new database.",
    OTHER_OWNER: "SLANT_API_TOKEN belongs to another user of Slant than before, who may see other books. "
    "Nothing is sent or read until the old owner's token is back, or someone runs `manage.py recover` "
    "to go on with this one.",
}
HOLD_REMEDY = (
    "Ask whoever runs the server: docs/operations.md says what to do under 'Stopping and going on' and "
    "'Restored and copied databases'."
)
ALTERED_REMEDY = (
    "Repair nothing. Keep copies of the database, the checkpoints and trail-head.json, and tell compliance: "
    "docs/audit.md, 'The trail was altered'."
)


class TrailAltered(Exception):
    """`recover` refuses because the trail was altered, which a restored backup cannot explain. The text says
    what to do.
    """


def update_head_file() -> None:
    """Bring the head file up to date. Call it outside transactions, before bytes are sent."""
    head_file.write(head_file.expected_content(Instance.current()))


def check_database(*, worker: Actor, clock: Clock, instance: Instance | None = None) -> bool:
    """Whether this database may send. Holds sending, with one alert, when it was restored or copied.

    Every round updates the head file, even when its worker sends nothing. So each machine detects a restored
    backup, and a worker killed between its first claim and its first send does not make its database look
    like a copy. `instance` is our row, if the caller has read it already.
    """
    instance = instance or Instance.current()
    now = head_file.expected_content(instance)
    if (
        head_file.read() == now and _other_slant_message(instance) is None
    ):  # as in most rounds, nothing happened since the last one
        return True
    diagnosis = _diagnose()
    if diagnosis is None:
        head_file.write(now)
        return True
    if diagnosis == RESTORED:
        head_file.mark_behind()
    with transaction.atomic():
        # Diagnosed again under the lock: `recover` may just have repaired the database.
        Instance.objects.select_for_update().get(pk=1)
        code = _diagnose()
        if code is not None and _hold_sending(code, worker=worker, clock=clock):
            _count_forgotten_calls(clock)
    return code is None


def _hold_sending(code: str, *, worker: Actor, clock: Clock) -> bool:
    """Set the hold `code`, with its alert. False when that hold existed already."""
    is_new = holds.hold(code, reason=HOLD_MESSAGES[code], by=worker, clock=clock)
    remedy = ALTERED_REMEDY if code == ALTERED else HOLD_REMEDY
    text = AlertText(HOLD_MESSAGES[code], holds.MEANING, remedy)
    alerts.open_alert(code, text, clock=clock)
    return is_new


def other_slant_message() -> str | None:
    """What to do when the configured Slant is not this database's; None when it is."""
    return _other_slant_message(Instance.current())


def wrong_connection_message(slant: SlantClient) -> str | None:
    """What to do when `slant` is not ours by its address or by `/me`; None when it is.

    For commands, before they read all of Slant. Also None when `/me` does not answer: the command then gets
    the same error itself.
    """
    instance = Instance.current()
    if (wrong := _other_slant_message(instance)) or not instance.slant_user_id:
        return wrong
    try:
        me = slant.me()
    except (BudgetSpent, SlantError):
        return None
    return None if me.id == instance.slant_user_id else HOLD_MESSAGES[OTHER_OWNER]


def reason_not_to_read() -> str | None:
    """Why Slant's records must not be used: another Slant, or another user's view. None when they may be
    used.
    """
    held = Hold.objects.filter(pk__in=WRONG_SLANT).values_list("reason", flat=True).first()
    return other_slant_message() or held


def _other_slant_message(instance: Instance) -> str | None:
    if instance.slant_base_url in ("", settings.SLANT_BASE_URL):
        return None
    return (
        f"This database belongs to the Slant at {instance.slant_base_url}, and SLANT_BASE_URL names another. "
        "Point it back, or start with a new VAR_DIR or DATABASE_URL."
    )


def _diagnose() -> str | None:
    """The code of the hold that this database needs; None when it needs none."""
    instance = Instance.current()
    if _other_slant_message(instance):
        return OTHER_SLANT
    head = head_file.read()
    if head is None:
        # Queried before the file is read again, because another worker may write it and then send in between.
        has_sent = Attempt.objects.exists()
        head = head_file.read()
        if head is None:
            return COPIED if has_sent else None
    if not head_file.belongs_to(head, instance):
        return COPIED
    seq = int(head.get("seq", 0))
    if seq == 0 or AuditEvent.objects.filter(pk=seq, hash=head.get("hash")).exists():
        return None
    return ALTERED if head_file.altered_number(head) else RESTORED


def _count_forgotten_calls(clock: Clock) -> None:
    """Add the hour's calls that the head file counted and an older database does not have.

    Without a head file of its own, a database whose last call was some time ago may be a restored backup. The
    number of calls since is then unknown, so the whole hour's budget counts as spent.
    """
    head = head_file.read()
    if head is not None and head.get("instance") == str(Instance.current().instance_id):
        budget.merge_counts(head.get("calls", {}), clock=clock)
    elif not budget.has_recent_calls(clock):
        budget.exhaust(clock=clock)


def is_our_slant(base_url: str, user_id: str, *, worker: Actor, clock: Clock) -> bool:
    """Whether this Slant, by base URL and id from `/me`, first answered this database. Holds if not."""
    instance = Instance.current()
    if instance.slant_base_url not in ("", base_url):
        _hold_sending(OTHER_SLANT, worker=worker, clock=clock)
        return False
    if instance.slant_user_id not in ("", user_id):
        _hold_sending(OTHER_OWNER, worker=worker, clock=clock)
        return False
    return True


def recover(*, by: Actor, clock: Clock, reason: str) -> int:
    """Make a restored or copied database safe: every open submission is looked for before it is sent again.

    Returns the number of open submissions. Writes the head file, releases the holds, and records this. If
    sending was held because the token belongs to another user, the next user that `/me` names is adopted.
    Raises `TrailAltered`.
    """
    with transaction.atomic():
        Instance.objects.select_for_update().get(pk=1)
        code = _diagnose()
        if code == ALTERED:
            raise TrailAltered(f"{HOLD_MESSAGES[ALTERED]} {ALTERED_REMEDY}")
        if code is not None and not Hold.objects.filter(pk=code).exists():
            _count_forgotten_calls(clock)  # in the other cases they were counted when the hold was set
        rows = list(Submission.objects.select_for_update().filter(state__in=OPEN))
        for submission in rows:
            _mark_unknown(submission, by=by, clock=clock, reason=reason)
        event = audit.record(
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
        _note_recovered(event, clock)
        # Before the commit, so that no worker finds the new trail beside the old file. If the commit fails,
        # sending is held.
        head_file.write(head_file.expected_content(Instance.current()), force=True)
    return len(rows)


def _note_recovered(event: AuditEvent, clock: Clock) -> None:
    """Sign a note for the other machines that this database was recovered. Without it they treat the trail as
    altered.
    """
    try:
        checkpoints.note_recovered(event, clock=clock)
    except (OSError, NoKey) as problem:
        logger.warning("the recovery cannot be signed for other machines: %s", problem)


def _forget_owner(change: AuditChange) -> AuditChange:
    """Forget the token's owner, if another owner holds the database. Returns `change` with the old one."""
    if not Hold.objects.filter(pk=OTHER_OWNER).exists():
        return change
    before = {"token_owner": Instance.current().slant_user_id}
    Instance.objects.filter(pk=1).update(slant_user_id="", me_checked_at=None)
    return AuditChange(before=before, after=change.after | {"token_owner": ""})


def _mark_unknown(submission: Submission, *, by: Actor, clock: Clock, reason: str) -> None:
    """Treat `submission` as sent this moment, with an unknown outcome."""
    now = clock.now()
    number = submission.attempts_count + _add_forgotten_attempt(submission, clock)
    submission.last_sent_at = now
    following = to_unknown(submission, Reason("recovered", reason), clock)
    fields = following.fields | {
        "attempts_count": number,
        "first_sent_at": submission.first_sent_at or submission.created_at,
        "last_sent_at": now,
        "lease_owner": "",
        "lease_until": None,
    }
    fence = submission.fence + 1
    if submission.state in (State.QUEUED, State.SENDING):
        fields["fence"] = fence
        states.transition(submission, following.state, by=by, clock=clock, reason=following.reason, **fields)
    else:  # unknown or in review already, and stays so
        Submission.objects.filter(pk=submission.pk).update(**fields, fence=fence)


def _add_forgotten_attempt(submission: Submission, clock: Clock) -> int:
    """Add an attempt that stands for sends under the key which this database does not have. Returns 1 or 0.

    Without it the known attempts could wrongly show that every send under this key was definitely refused.
    """
    unfinished = Attempt.objects.filter(submission=submission, finished_at=None)
    if unfinished.update(finished_at=clock.now(), outcome=Outcome.ABANDONED, message=FORGOTTEN_MESSAGE):
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
