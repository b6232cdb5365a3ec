"""When a worker writes the next checkpoint, and the alerts that open when it cannot or must not."""

import logging
from datetime import datetime, timedelta
from pathlib import Path

from opportunities.clock import Clock
from opportunities.runtime import alerts
from opportunities.runtime.alerts import AlertText
from opportunities.trail import checkpoints, proving, signing_keys

logger = logging.getLogger(__name__)

# Together with the length of a worker's round, at most a minute after an event.
EVERY = timedelta(seconds=50)
CAUSE = "checkpoint_failed"
MEANING = (
    "Deals are sent as usual. That nothing was cut off the end of the trail cannot be proven for this time."
)
REMEDY = (
    "Let the workers write to AUDIT_CHECKPOINT_DIR and read AUDIT_SIGNING_KEY_FILE. The next checkpoint "
    "covers all events since the last one, and closes this."
)
UNPROVEN = "event_unproven"
UNPROVEN_MEANING = (
    "Deals are sent as usual. Somebody who can write to the database may have added to the trail, or a "
    "worker has another SECRET_KEY than the web. Until this is explained no checkpoint vouches for newer "
    "events."
)
UNPROVEN_REMEDY = (
    "Change nothing, keep a copy of the database, and read docs/audit.md, 'A MAC for each event'."
)


def write_if_due(*, clock: Clock) -> int | None:
    """Write a checkpoint of newer events 50 s after the last, or of a thousand. Returns its number, or None.

    Never raises: a checkpoint that cannot be written opens an alert, and sending continues.
    """
    try:
        if not _is_due(checkpoints.head_of_trail().seq, clock.now()):
            return None
        number = checkpoints.write(clock=clock)
    except proving.Unproven as unproven:
        _stopped_at[checkpoints.folder()] = clock.now()
        text = AlertText(
            f"The trail may have been altered: {unproven}.", UNPROVEN_MEANING, UNPROVEN_REMEDY, "/audit/"
        )
        alerts.open_alert(UNPROVEN, text, clock=clock)
        return unproven.checkpoint
    except (OSError, signing_keys.NoKey, ValueError) as problem:
        text = AlertText(f"No checkpoint of the trail can be written: {problem}", MEANING, REMEDY, "/audit/")
        if alerts.open_alert(CAUSE, text, clock=clock):
            logger.warning("checkpoint failed: %s", problem)
        return None
    _stopped_at.pop(checkpoints.folder(), None)
    alerts.close_alert(CAUSE, UNPROVEN, clock=clock)
    return number


# By folder: the head at the last look, and the newest checkpoint it found. A year has 100,000 files, too many
# to list in each round.
_checked_heads: dict[Path, tuple[int, int, datetime | None]] = {}
# By folder: when an unproven event was last found. It is checked again after the usual wait.
_stopped_at: dict[Path, datetime] = {}


def _is_due(seq: int, now: datetime) -> bool:
    if (
        checkpoints.folder() in _stopped_at
        and timedelta(0) <= now - _stopped_at[checkpoints.folder()] < EVERY
    ):
        return False
    checked_seq, last_seq, last_at = _checked_heads.get(checkpoints.folder(), (-1, 0, None))
    is_covered = seq == checked_seq and seq <= last_seq
    # A checkpoint written since then, by another worker, only makes the next one due later.
    if is_covered or (last_seq and seq > last_seq and not _is_due_after(last_seq, last_at, seq, now)):
        return False
    last_seq, last_at = checkpoints.newest()
    _checked_heads[checkpoints.folder()] = (seq, last_seq, last_at)
    return _is_due_after(last_seq, last_at, seq, now)


def _is_due_after(last_seq: int, last_at: datetime | None, seq: int, now: datetime) -> bool:
    # Behind its checkpoints: the database is an older backup. None is written until it is past them.
    if seq <= last_seq:
        return False
    return (
        seq - last_seq >= checkpoints.EVERY_EVENTS
        or last_at is None
        or not timedelta(0) <= now - last_at < EVERY
    )
