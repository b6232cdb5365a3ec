"""Wake-ups: a commit starts a round at once, through the database it was committed to.

On PostgreSQL a wake-up is NOTIFY; on SQLite, a new modification time of a file beside the database. It has no
content that is read, so a sender can only make a worker look for due rows. Workers do that every few seconds
anyway, so a lost wake-up is only a delay.
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
# Seconds between two checks of the file. One check takes a few microseconds.
LOOK_SECONDS = 0.025
# A connection that the network dropped silently is noticed after a minute, not after hours.
KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}

Listen = Callable[[Callable[[], None]], None]


def wake() -> bool:
    """Ask all workers for a round now. False if no worker can have received it. Never raises."""
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
    """Call `woken` for each wake-up, until listening fails. Never returns; raises the failure."""
    listen_here: Listen = _listen_to_postgresql if connection.vendor == "postgresql" else _watch_file
    listen_here(woken)


def _listen_to_postgresql(woken: Callable[[], None]) -> None:
    """Listen on a separate connection, which no transaction ever blocks."""
    wrapper = cast(Any, connections.create_connection("default"))
    # Not from the pool, because it is never given back.
    raw = wrapper.Database.connect(**wrapper.get_connection_params() | KEEPALIVE)
    try:
        raw.autocommit = True
        raw.execute(f"LISTEN {CHANNEL}")
        # A wake-up sent before LISTEN was lost, so a round begins now.
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
        changed_at = _file().stat().st_mtime_ns
        if changed_at != last:
            last = changed_at
            woken()
        time.sleep(LOOK_SECONDS)


def _file() -> Path:
    return Path(f"{connection.settings_dict['NAME']}-wakeup")
