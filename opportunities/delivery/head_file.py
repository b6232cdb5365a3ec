"""The head file: a small file outside the database that shows when it was restored or copied.

It holds the instance, how far its trail reached, where the database is, and the calls of the hour by then.
Each machine with workers has one in VAR_DIR. Each round brings it up to date, and so does each send before
its first byte. No process replaces it with an older state than another has written (docs/operations.md).
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

from opportunities.models import Budget, ChainHead, Instance

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


def _is_ahead_of(there: HeadContent | None, content: HeadContent) -> bool:
    """Whether the file is ahead of `content`, or another database's, which is not ours to replace."""
    if there is None:
        return False
    same = all(there.get(name, content[name]) == content[name] for name in ("instance", "place"))
    return not same or int(there.get("seq", 0)) > int(content["seq"])


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
