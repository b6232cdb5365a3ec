"""A person who submits and a worker that makes rounds, with the sandbox's rules and a clock that the test
sets.
"""

from pathlib import Path
from typing import Any

import pytest

from opportunities.actions import form_tokens, submissions
from opportunities.models import Person, Role, Submission
from opportunities.trail.audit import Actor
from opportunities.worker.tick import tick
from tests.support.first_sync import first_sync
from tests.support.people import make_person
from tests.support.slant_box import SlantBox, TurnedClock, deal


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def box(clock: TurnedClock) -> SlantBox:
    return SlantBox(clock)


@pytest.fixture(autouse=True)
def production_waits(settings: Any, tmp_path: Path) -> None:
    """The waits of a real installation, because the test's clock needs no real time. Only the mirror is
    synced less often.

    Syncing is half of a round's work, and tests/mirror tests it.
    """
    settings.VAR_DIR = tmp_path
    settings.LOOK_AFTER_SECONDS = [5.0, 20.0, 60.0]
    settings.QUIET_SECONDS, settings.SCAN_GAP_SECONDS = 120, 60
    settings.SYNC_SECONDS = 600


@pytest.fixture
def theo(db: None, box: SlantBox, clock: TurnedClock) -> Person:
    """A writer of the sample firm, with the firm mirrored."""
    first_sync(box, clock)
    return make_person("Theo Okafor", Role.SALES, member_id="u_9xw20c")


@pytest.fixture
def office(theo: Person, box: SlantBox, clock: TurnedClock) -> "Office":
    return Office(theo, box, clock)


class Office:
    """A person who submits and a worker that makes rounds."""

    def __init__(self, person: Person, box: SlantBox, clock: TurnedClock) -> None:
        self.person, self.box, self.clock = person, box, clock
        self.by = Actor.of(person)
        self.slant = box.client()

    def submit(self, token: str = "", **fields: Any) -> Submission:
        extra = {name: fields.pop(name) for name in ("confirm_duplicate", "supersedes") if name in fields}
        return submissions.create(
            deal=deal(**fields),
            person=self.person,
            by=self.by,
            clock=self.clock,
            form_token=token or form_tokens.issue_token(self.person),
            **extra,
        )

    def round(self, worker: str = "worker-1") -> float | None:
        return tick(self.clock, worker=worker, slant=self.slant)

    def rounds(self, *, minutes: float, every: float = 15) -> None:
        """Make rounds every `every` seconds for `minutes`."""
        for _ in range(int(minutes * 60 / every)):
            self.clock.turn(every)
            self.round()


def fresh(submission: Submission) -> Submission:
    submission.refresh_from_db()
    return submission
