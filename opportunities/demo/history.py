"""The demo's own history: at the first start its sandbox shows eighteen months of the past, and the mirror
reads them.

The sandbox shows its deals as they stood at a past moment while its clock is turned back (`--past`). The real
client reads them, and the real mirror keeps a version of each change, dated by that clock. So reports show
what they would after eighteen months of use. It is sample data of a made-up firm; only the demo has it.
"""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from opportunities import mirror
from opportunities.clock import SystemClock
from opportunities.delivery import connection
from opportunities.demo.sandbox_control import NoSandbox, ask_sandbox
from opportunities.models import SyncState
from opportunities.runtime.budget import Share

LONG_AGO = timedelta(days=548)
# Reports need more detail for recent times: intervals between two reads, by age.
DAY = timedelta(days=1)
STEPS = ((10 * DAY, DAY), (100 * DAY, 7 * DAY), (LONG_AGO + DAY, 21 * DAY))


class PastClock:
    """A clock that shows a moment of the past, while real time passes."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def has_none() -> bool:
    """Whether this database has never read Slant."""
    return not SyncState.objects.exists()


def live_through() -> None:
    """Read the sandbox's past from its beginning, then its present. After a failure the worker reads the
    rest.
    """
    # The demo says one line, and these are hundreds of calls.
    logging.disable(logging.INFO)
    try:
        for moment in _moments(datetime.now(UTC)):
            _turn_clock(moment - datetime.now(UTC))
            clock = PastClock(moment)
            slant = connection.metered(connection.connect(clock), Share.SYNC, clock)
            lists = mirror.RESOURCES if has_none() else mirror.RESOURCES[-1:]
            if not mirror.sync(slant, clock=clock, resources=lists):
                break
        _turn_clock(timedelta(0))
        present = SystemClock()
        mirror.sync(connection.metered(connection.connect(present), Share.SYNC, present), clock=present)
    except NoSandbox:
        pass
    finally:
        logging.disable(logging.NOTSET)


def _turn_clock(offset: timedelta) -> None:
    ask_sandbox("POST", {"clock": {"offset_s": offset.total_seconds()}})


def _moments(now: datetime) -> Iterator[datetime]:
    """By three weeks, then weeks, then days, up to yesterday."""
    moment = now - LONG_AGO
    while moment < now - DAY / 2:
        yield moment
        moment += next(step for within, step in STEPS if now - moment <= within)
