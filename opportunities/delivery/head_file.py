"""The small file outside the database by which one that was restored or copied is known (docs/operations.md).

It says which instance's trail came how far, where that database lies, and how many calls of the hour were
made by then. Each machine that runs workers has its own, in VAR_DIR; each round brings it up to date, and so
does each send before its first byte leaves. No thread or process puts it back to what another has gone
beyond.
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

Content = dict[str, Any]


def path() -> Path:
    return Path(settings.VAR_DIR) / "trail-head.json"


def read() -> Content | None:
    try:
        content = json.loads(path().read_text())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def expected_content(mine: Instance) -> Content:
    """What the file says when it is up to date."""
    head = ChainHead.objects.get(pk=1)
    return {
        "instance": str(mine.instance_id),
        "place": place(),
        "seq": head.seq,
        "hash": head.hash,
        "calls": Budget.objects.values_list("minutes", flat=True).get(pk=1),
    }


def place() -> str:
    """Where the database lies: machine and path of a file, or the address of a server. A copy lies elsewhere."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"{settings.MACHINE_NAME}:{os.path.realpath(str(database['NAME']))}"
    return f"{connection.vendor}://{database['HOST']}:{database['PORT']}/{database['NAME']}"


def belongs_to(content: Content, mine: Instance) -> bool:
    """Whether the file is this database's, and that where it always was. Files of older versions do not say
    where.
    """
    return content.get("instance") == str(mine.instance_id) and content.get("place", place()) == place()


def write(content: Content, *, anew: bool = False) -> None:
    """Put `content` there, atomically and durably, unless what is there has gone beyond it.

    `anew`: whatever is there, or whose. Nothing is asked of the database here, so that nobody waits for it in
    line.
    """
    path().parent.mkdir(parents=True, exist_ok=True)
    with path().with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if anew or not _is_ahead_of(read(), content):
            _replace(content)


def _is_ahead_of(there: Content | None, content: Content) -> bool:
    """Another database's says nothing of ours, and is not for us to replace."""
    if there is None:
        return False
    same = all(there.get(name, content[name]) == content[name] for name in ("instance", "place"))
    return not same or int(there.get("seq", 0)) > int(content["seq"])


def _replace(content: Content) -> None:
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
