"""The threads of a process that watch and mail. They are daemons, so none of them prevents its end."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections

from opportunities.clock import Clock, SystemClock
from opportunities.runtime import alert_mail
from opportunities.trail import witness_mail
from opportunities.watch.watcher import LOOK_SECONDS, Watcher

logger = logging.getLogger(__name__)

MAIL_SECONDS = 5.0
# Without a database every look fails; one log line in this many seconds is enough.
LOG_AGAIN_SECONDS = 300.0


def start(*, mails_checkpoints: bool = False) -> None:
    """Start this process's threads. Call it once, after any fork, in the process that stays.

    `mails_checkpoints`: True for a worker, whose mail thread also mails checkpoints.
    """
    name = f"{socket.gethostname()[:60]}:{os.getpid()}"
    watcher = Watcher(name)
    _start_thread("slantweb-watch", watcher.look_around, LOOK_SECONDS)
    _start_thread("slantweb-alert-mail", _mailing(name, mails_checkpoints), MAIL_SECONDS)


def _mailing(name: str, mails_checkpoints: bool) -> Callable[[Clock], None]:
    def send(clock: Clock) -> None:
        alert_mail.send_due(clock=clock)
        if mails_checkpoints:
            witness_mail.send_if_due(owner=name, clock=clock)

    return send


def _start_thread(name: str, work: Callable[[Clock], None], seconds: float) -> None:
    threading.Thread(target=_repeat, args=[name, work, seconds], name=name, daemon=True).start()


def _repeat(name: str, work: Callable[[Clock], None], seconds: float) -> None:
    """Repeat `work` until the process ends, whatever it raises."""
    logged_at = float("-inf")
    while True:
        try:
            work(SystemClock())
        except Exception as error:
            if time.monotonic() - logged_at >= LOG_AGAIN_SECONDS:
                logged_at = time.monotonic()
                logger.warning("%s failed: %s: %s", name, type(error).__name__, error)
        close_old_connections()
        time.sleep(seconds)
