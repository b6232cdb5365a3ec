"""The used databases, restored and migrated with the migrations of today, and Slant as it was left then."""

import json
import lzma
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.db.models import Max

from opportunities.models import AuditEvent, Instance
from opportunities.sandbox.keeping import open_world
from opportunities.sandbox.rules import Rules
from opportunities.worker.tick import tick
from tests.support.databases import fresh_copy, restored
from tests.support.slant_box import SlantBox, TurnedClock

USED = Path(__file__).parent / "used"
DATABASE = {"sqlite": "database.sqlite3.xz", "postgresql": "database.sql.xz"}


class Used:
    """One used database: `folder` is what was frozen, `var` its VAR_DIR now, `clock` two minutes later."""

    def __init__(self, folder: Path, var: Path, clock: TurnedClock) -> None:
        self.folder, self.var, self.clock = folder, var, clock
        self.box = SlantBox(clock, opportunities=0)
        journal = var / "sandbox.jsonl"
        journal.write_bytes(unpacked(folder / "sandbox.jsonl.xz"))
        _, self.box.store, kept = open_world(journal, now=clock.now().timestamp(), opportunities=0)
        kept.close()
        self.box.rules = Rules(self.box.store)
        self._slant = self.box.client()

    @property
    def public_key(self) -> str:
        return (self.folder / "audit-signing-key.pub").read_text().strip()

    def rounds(self, *, minutes: float, every: float = 30) -> None:
        """Rounds of a worker that was started anew."""
        for _ in range(int(minutes * 60 / every)):
            self.round()
            self.clock.turn(every)

    def round(self) -> None:
        tick(self.clock, worker="upgraded", slant=self._slant)


def unpacked(path: Path) -> bytes:
    return lzma.decompress(path.read_bytes())


@pytest.fixture(scope="session")
def migrated(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The used database of this engine, once: each test gets a copy of it."""
    content = unpacked(USED / connection.vendor / DATABASE[connection.vendor])
    with ExitStack() as stack:
        # Unblocked only while it works: this fixture outlives its tests, and others must still be refused.
        with django_db_blocker.unblock():
            name = stack.enter_context(restored(content, tmp_path_factory.mktemp("used")))
        yield name
        with django_db_blocker.unblock():
            stack.close()


@pytest.fixture
def used(
    migrated: str,
    django_db_blocker: Any,
    tmp_path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Used]:
    folder, var = USED / connection.vendor, tmp_path / "var"
    shutil.copytree(folder / "checkpoints", var / "checkpoints")
    for name in ("audit-signing-key.pub", "trail-head.json"):
        shutil.copy(folder / name, var)
    caches["process"].clear()
    with django_db_blocker.unblock(), fresh_copy(tmp_path, of=migrated):
        settings.VAR_DIR = var
        settings.SLANT_BASE_URL = Instance.objects.get().slant_base_url
        settings.LOOK_AFTER_SECONDS = [5.0, 20.0, 60.0]
        settings.QUIET_SECONDS, settings.SCAN_GAP_SECONDS = 120, 60
        last = AuditEvent.objects.aggregate(last=Max("recorded_at"))["last"]
        clock = TurnedClock(last + timedelta(minutes=2))
        for name in ("now", "monotonic", "sleep"):
            turned = getattr(clock, name)
            monkeypatch.setattr(
                f"opportunities.clock.SystemClock.{name}", lambda self, *given, turned=turned: turned(*given)
            )
        yield Used(folder, var, clock)


def lies_elsewhere(used: Used) -> None:
    """What the head file says when the database was moved since."""
    head = used.var / "trail-head.json"
    head.write_text(
        json.dumps(json.loads(head.read_text()) | {"place": "another-machine:/srv/slantweb.sqlite3"})
    )
