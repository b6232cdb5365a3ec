"""Wake-ups: what was just committed starts a round at once, by way of the database it was committed to.

On PostgreSQL a wake-up is NOTIFY; on SQLite, a new time of a file beside the database. It carries nothing: no
content is ever read, so whoever sends one can only make a worker look for due rows. Workers do that by
themselves every few seconds, so a lost wake-up is a delay and nothing else.
"""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from django.db import DatabaseError, connection, connections

logger = logging.getLogger(__name__)

CHANNEL = "slantweb_wakeup"
# How often the file is looked at. One look takes a few microseconds.
LOOK_SECONDS = 0.025
# A network that drops an idle connection without a word is noticed after a minute, not after hours.
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}

Listen = Callable[[Callable[[], None]], None]


def wake() -> bool:
    """Ask all workers for a round, now. False if nobody can have heard; that fails nothing."""
    try:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {CHANNEL}")
        else:
            now = time.time_ns()
            os.utime(_file(), ns=(now, now))
    except FileNotFoundError:
        # No worker ever listened.
        return False
    except (DatabaseError, OSError) as problem:
        logger.warning("could not wake a worker: %s", type(problem).__name__)
        return False
    return True


def listen(woken: Callable[[], None]) -> None:
    """Call `woken` for each wake-up, until listening fails. Never returns; raises what went wrong."""
    listen_here: Listen = _listen_to_postgresql if connection.vendor == "postgresql" else _watch_file
    listen_here(woken)


def _listen_to_postgresql(woken: Callable[[], None]) -> None:
    """On a connection of its own, which no transaction ever blocks."""
    wrapper = cast(Any, connections.create_connection("default"))
    # Not from the pool, because it is never given back.
    raw = wrapper.Database.connect(**wrapper.get_connection_params() | KEEPALIVE)
    try:
        raw.autocommit = True
        raw.execute(f"LISTEN {CHANNEL}")
        # Nobody heard what was sent before LISTEN, so a round begins now.
        woken()
        for _ in raw.notifies():
            woken()
    finally:
        raw.close()


def _watch_file(woken: Callable[[], None]) -> None:
    """The listener creates the file, so that it belongs to the worker's account."""
    _file().touch()
    last = None
    while True:
        seen = _file().stat().st_mtime_ns
        if seen != last:
            last = seen
            woken()
        time.sleep(LOOK_SECONDS)


def _file() -> Path:
    return Path(f"{connection.settings_dict['NAME']}-wakeup")
