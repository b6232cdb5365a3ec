"""An outside witness: each checkpoint is copied to a second folder, AUDIT_WITNESS_DIR, on another machine.

Somebody who controls this machine has its database, its key and its checkpoints, and can rewrite all three.
The copies then differ from them. Copies are only added, so the storage may forbid changes.
"""

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from opportunities.clock import Clock
from opportunities.runtime import alerts
from opportunities.runtime.alerts import AlertText
from opportunities.trail import checkpoints
from opportunities.trail.plain_files import NotPlain, read_plain

logger = logging.getLogger(__name__)

CAUSE = "witness_failed"
MEANING = (
    "Deals are sent as usual, and checkpoints are written here. Until then nothing outside this machine "
    "shows where the trail stood."
)
REMEDY = "Let the workers add files to AUDIT_WITNESS_DIR. The next checkpoint brings the copies up to date."
# The most copied in one round. The newest is enough, because it vouches for all events before it.
MOST_AT_ONCE = 100


def folder() -> Path | None:
    return Path(settings.AUDIT_WITNESS_DIR) if settings.AUDIT_WITNESS_DIR else None


def numbers() -> list[int]:
    """The numbers of the copies, ascending. Raises OSError when the folder cannot be read."""
    directory = folder()
    if directory is None:
        return []
    matches = (checkpoints.NAME.fullmatch(name) for name in os.listdir(directory))
    return sorted(int(match.group(1)) for match in matches if match)


def copy_new(*, clock: Clock) -> None:
    """Copy the newest checkpoints that are not there yet. Never raises: a failure opens an alert."""
    directory = folder()
    if directory is None:
        return
    try:
        copied = set(numbers())
        missing = (seq for seq in reversed(checkpoints.numbers()) if seq not in copied)
        for seq in reversed(checkpoints.valid_among(missing, at_most=MOST_AT_ONCE)):
            _add(
                directory / checkpoints.name_of(seq),
                read_plain(checkpoints.folder() / checkpoints.name_of(seq)),
            )
        _check_newest(directory)
    except OSError as problem:
        text = AlertText(
            f"No checkpoint can be copied to AUDIT_WITNESS_DIR: {problem.strerror}",
            MEANING,
            REMEDY,
            "/audit/",
        )
        if alerts.open_alert(CAUSE, text, clock=clock):
            logger.warning("copying a checkpoint failed: %s", problem)
        return
    alerts.close_alert(CAUSE, clock=clock)


def _check_newest(directory: Path) -> None:
    """Raise OSError unless the newest checkpoint has a whole copy, which nobody else put there before us."""
    for seq in checkpoints.valid_among(reversed(checkpoints.numbers()), at_most=1):
        name = checkpoints.name_of(seq)
        if read_plain(directory / name) != read_plain(checkpoints.folder() / name):
            raise FileExistsError(errno.EEXIST, f"another file of the name {name} is there")


def _add(path: Path, content: bytes) -> None:
    """Write a new file and never over another: no rename and no removal, which the storage may forbid."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def compare_copies() -> Iterator[tuple[int, str]]:
    """The number of each copy, and how it contradicts this machine's checkpoint, or "".

    Raises OSError when the folder cannot be read.
    """
    directory = folder()
    if directory is None:
        return
    for seq in numbers():
        name = checkpoints.name_of(seq)
        try:
            own_bytes = read_plain(checkpoints.folder() / name)
            copy = read_plain(directory / name)
        except FileNotFoundError:
            yield seq, "AUDIT_WITNESS_DIR has it, and AUDIT_CHECKPOINT_DIR has it no more"
            continue
        except NotPlain as problem:
            yield seq, f"here or in AUDIT_WITNESS_DIR {problem.strerror}"
            continue
        # A copy that is shorter was cut when a worker died; the part that is there equals ours.
        is_same = own_bytes.startswith(copy)
        yield seq, "" if is_same else "its copy in AUDIT_WITNESS_DIR says something else"
