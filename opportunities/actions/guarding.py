"""Is this the database we think it is? Asked before anything is sent (docs/operations.md, "Restored and copied").

A database restored from a backup, or a copy of it started elsewhere, remembers submissions as waiting that Slant has
had long ago. So the worker keeps a small file outside the database, rewritten before each send, with the instance's
id and the head of its trail. If the trail is behind that file, or the file is another instance's, or missing although
this database has sent before, all sending is held until somebody runs `manage.py recover`.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from opportunities.actions import alerts, audit, running, states
from opportunities.actions.audit import Actor, Change
from opportunities.actions.budget import BudgetSpent
from opportunities.actions.doubt import doubtful
from opportunities.actions.states import Reason
from opportunities.clock import Clock
from opportunities.models import (
    OPEN,
    Attempt,
    AuditEvent,
    ChainHead,
    Hold,
    Instance,
    Outcome,
    State,
    Submission,
)
from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantError

RESTORED = "restored"
COPIED = "copied"
OTHER_SLANT = "other_slant"
FORGOTTEN = "The database was recovered: what was sent since its backup is not known."
WORDS = {
    RESTORED: "This database is older than what it has already sent: a backup was restored. "
    "Nothing is sent until somebody runs `manage.py recover`.",
    COPIED: "This database was copied, or its worker was moved to a new place. "
    "Nothing is sent until somebody runs `manage.py recover`.",
    OTHER_SLANT: "This database belongs to another Slant than the one configured. "
    "Point SLANT_BASE_URL back, or start with a new database.",
}

OTHER_ACCOUNT = (
    "This database belongs to another account of Slant than the one SLANT_API_TOKEN is of. "
    "Put its token back, or start with a new VAR_DIR or DATABASE_URL."
)


def head_file() -> Path:
    return Path(settings.VAR_DIR) / "trail-head.json"


def write_head() -> None:
    """Rewrite the head file, atomically and durably. Call outside transactions, before bytes leave."""
    head = ChainHead.objects.get(pk=1)
    content = {"instance": str(running.instance().instance_id), "seq": head.seq, "hash": head.hash}
    path = head_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".trail-head-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def read_head() -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(head_file().read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content


def check_database(*, worker: Actor, clock: Clock) -> bool:
    """Whether this database may send. Holds, with one alert, when it was restored or copied."""
    if _what_is_wrong() is None:
        if read_head() is None:
            # Before the first claim: a worker killed between that and its first send must not look like a copy.
            write_head()
        return True
    with transaction.atomic():
        # Seen again behind `recover`, or what it made right a moment ago would be held for ever.
        Instance.objects.select_for_update().get(pk=1)
        code = _what_is_wrong()
        if code is not None:
            _hold(code, worker=worker, clock=clock)
    return code is None


def _hold(code: str, *, worker: Actor, clock: Clock) -> None:
    running.hold(code, reason=WORDS[code], by=worker, clock=clock)
    alerts.open_alert(code, WORDS[code], clock=clock)


def other_slant() -> str | None:
    """What to do when the configured Slant is not the one this database belongs to; None when it is."""
    return _says_other_slant(running.instance())


def is_anothers(slant: SlantClient) -> str | None:
    """Before a command reads all of Slant: what to do when `slant` is not ours, by its address or by who `/me` says we are.

    Where `/me` cannot be asked this says nothing; the command finds out about that for itself.
    """
    mine = running.instance()
    if (wrong := _says_other_slant(mine)) or not mine.slant_user_id:
        return wrong
    try:
        me = slant.me()
    except (BudgetSpent, SlantError):
        return None
    return None if me.id == mine.slant_user_id else OTHER_ACCOUNT


def _says_other_slant(mine: Instance) -> str | None:
    if mine.slant_base_url in ("", settings.SLANT_BASE_URL):
        return None
    return (
        f"This database belongs to the Slant at {mine.slant_base_url}, and SLANT_BASE_URL names another. "
        "Point it back, or start with a new VAR_DIR or DATABASE_URL."
    )


def _what_is_wrong() -> str | None:
    mine = running.instance()
    if _says_other_slant(mine):
        return OTHER_SLANT
    head = read_head()
    if head is None:
        # Asked before the file is looked for again: another worker may write it, and then send, in between.
        has_sent = Attempt.objects.exists()
        head = read_head()
        if head is None:
            return COPIED if has_sent else None
    if head.get("instance") != str(mine.instance_id):
        return COPIED
    seq = int(head.get("seq", 0))
    known = seq == 0 or AuditEvent.objects.filter(pk=seq, hash=head.get("hash")).exists()
    return None if known else RESTORED


def is_our_slant(base_url: str, user_id: str, *, worker: Actor, clock: Clock) -> bool:
    """A database belongs to the first Slant that answered it: base URL and id from `/me`. Holds for any other."""
    mine = running.instance()
    if mine.slant_base_url in ("", base_url) and mine.slant_user_id in ("", user_id):
        return True
    _hold(OTHER_SLANT, worker=worker, clock=clock)
    return False


def recover(*, by: Actor, clock: Clock, reason: str) -> int:
    """Make a restored or copied database safe: every open submission is looked for before it may be sent again.

    Returns how many that were. Writes the head file anew and lifts the holds; audited.
    """
    with transaction.atomic():
        Instance.objects.select_for_update().get(pk=1)
        rows = list(Submission.objects.select_for_update().filter(state__in=OPEN))
        for submission in rows:
            _doubt(submission, by=by, clock=clock, reason=reason)
        audit.record(
            clock=clock,
            by=by,
            action="database.recovered",
            object_type="database",
            object_id=str(running.instance().instance_id),
            reason_text=reason,
            change=Change(after={"doubted": len(rows)}),
        )
        for code in list(Hold.objects.filter(pk__in=WORDS).values_list("pk", flat=True)):
            running.release(code, by=by, clock=clock, reason=reason)
            alerts.close_alert(code, clock=clock)
        # Before the commit: no worker may find the new trail beside the old file. Should the commit fail, it is held.
        write_head()
    return len(rows)


def _doubt(submission: Submission, *, by: Actor, clock: Clock, reason: str) -> None:
    """Take it that it was sent this very moment, and nobody knows what came of it."""
    now = clock.now()
    number = submission.attempts_count + _note_forgotten_sends(submission, clock)
    submission.last_sent_at = now
    then = doubtful(submission, Reason("recovered", reason), clock)
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
        states.change(submission, then.state, by=by, clock=clock, reason=then.reason, **fields)
    else:  # in doubt or in review already, and stays so
        Submission.objects.filter(pk=submission.pk).update(**fields, fence=fence)


def _note_forgotten_sends(submission: Submission, clock: Clock) -> int:
    """An attempt for whatever this database no longer knows was sent under the key; how many were added, 1 or 0.

    Without it, "every send under this key got a definite no" could be read out of what is known, and be wrong.
    """
    open_ones = Attempt.objects.filter(submission=submission, finished_at=None)
    if open_ones.update(finished_at=clock.now(), outcome=Outcome.ABANDONED, message=FORGOTTEN):
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
        message=FORGOTTEN,
    )
    return 1
