"""The head file: a small file outside the database that shows when it was restored, copied or altered.

It holds the instance, the head of its trail, where the database is, and the calls counted in the hour until
then. Each machine with workers has one in VAR_DIR. Each round brings it up to date, and so does each send
before its first byte. No process replaces it with a state older than the one another process has written
(docs/operations.md).
"""

import contextlib
import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from opportunities.models import AuditEvent, Budget, ChainHead, Instance
from opportunities.trail import checkpoints, signing_keys

HeadContent = dict[str, Any]


def path() -> Path:
    return Path(settings.VAR_DIR) / "trail-head.json"


def read() -> HeadContent | None:
    try:
        content = json.loads(path().read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def expected_content(instance: Instance) -> HeadContent:
    """What the file holds when it is up to date."""
    head = ChainHead.objects.get(pk=1)
    return {
        "instance": str(instance.instance_id),
        "place": place(),
        "seq": head.seq,
        "hash": head.hash,
        "calls": Budget.objects.values_list("minutes", flat=True).get(pk=1),
    }


def place() -> str:
    """Where the database is: machine and path of a file, or the address of a server. A copy is elsewhere."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"{settings.MACHINE_NAME}:{os.path.realpath(str(database['NAME']))}"
    return f"{connection.vendor}://{database['HOST']}:{database['PORT']}/{database['NAME']}"


def belongs_to(content: HeadContent, instance: Instance) -> bool:
    """Whether the file is this database's, in its present place. Files of older versions name no place."""
    return content.get("instance") == str(instance.instance_id) and content.get("place", place()) == place()


def altered_number(content: HeadContent) -> int:
    """The number of the event that was altered or removed since the file was written; 0 when none was.

    The event has another hash now, or is missing between others. A trail that ends before that event does not
    count, because a restored backup ends there too. A trail does not count either when a worker has seen it
    end earlier, or a signed note says it was recovered, and new events followed.
    """
    if "behind" in content:
        return 0
    seq = int(content.get("seq", 0))
    current_hash = AuditEvent.objects.filter(pk=seq).values_list("hash", flat=True).first() or ""
    if seq == 0 or current_hash == content.get("hash"):
        return 0
    if not current_hash and (not AuditEvent.objects.filter(pk__gt=seq).exists() or _is_archived(seq)):
        return 0
    return 0 if checkpoints.was_recovered_by(seq) else seq


def _is_archived(seq: int) -> bool:
    first = AuditEvent.objects.order_by("seq").values_list("seq", flat=True).first() or 0
    return seq < first and bool(checkpoints.archived_hash(first - 1, keys=signing_keys.trusted_keys()))


def write(content: HeadContent, *, force: bool = False) -> None:
    """Replace the file by `content`, atomically and durably, unless the file is ahead of it.

    `force` replaces any file, also another database's. Nothing here queries the database, so that no process
    waits for it while it holds the lock.
    """
    path().parent.mkdir(parents=True, exist_ok=True)
    with path().with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if force or not _is_ahead_of(read(), content):
            _replace(content)


def mark_behind() -> None:
    """Write into the file that the trail was seen to end before it, so that new events may take the lost
    numbers.
    """
    with path().with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        content = read()
        if content is not None and "behind" not in content:
            _replace(content | {"behind": True})


def _is_ahead_of(file_content: HeadContent | None, content: HeadContent) -> bool:
    """Whether the file is ahead of `content`, or another database's, which is not ours to replace."""
    if file_content is None:
        return False
    same = all(file_content.get(name, content[name]) == content[name] for name in ("instance", "place"))
    return not same or int(file_content.get("seq", 0)) > int(content["seq"])


def _replace(content: HeadContent) -> None:
    handle, name = tempfile.mkstemp(dir=path().parent, prefix=".trail-head-")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path())
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
