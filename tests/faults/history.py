"""One history: made from a seed, run, and checked."""

import os
import random
import shutil
import sqlite3
import tempfile
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import DatabaseError, OperationalError, connections
from django.test import override_settings

from opportunities import mirror
from opportunities.delivery import connection
from opportunities.models import Household, Instance, Person, SyncState
from opportunities.runtime import wakeup
from opportunities.runtime.budget import Share
from opportunities.sandbox.rules import Request
from opportunities.sandbox.store import Store
from opportunities.slant import client
from opportunities.slant.client import SlantClient
from opportunities.trail import head_file
from opportunities.trail.audit import Actor as By
from opportunities.worker.tick import tick
from tests.faults import slant as slants
from tests.faults.changing import Changing
from tests.faults.database import SimulatedDatabase, default_database, migrated
from tests.faults.mirrored import mirrored_deals
from tests.faults.nemesis import Nemesis
from tests.faults.network import Network, Sent, Trouble, transport_over
from tests.faults.people import People, found_homes, make_people
from tests.faults.plan import HOUR, MINUTE, Plan, draw
from tests.faults.scheduler import Actor, Crash, Scheduler, SimulatedClock
from tests.faults.shortcuts import shortcuts
from tests.faults.workers import Crew

EPOCH = 1_790_000_000.0
SHM = Path("/dev/shm")  # noqa: S108 - only a faster place for files of milliseconds
WAITS = {
    "QUIET_SECONDS": 120.0,
    "SCAN_GAP_SECONDS": 60.0,
    "LOOK_AFTER_SECONDS": [5.0, 20.0, 60.0],
    "SLANT_TIMEOUT_SECONDS": 10.0,
    "VIEW_WAIT_SECONDS": 2.0,
    "ALERT_EMAILS": [],
}
# What stands in VAR_DIR beside the template: the key of the trail, and its first checkpoint.
FOUNDED: dict[Path, bytes] = {}
# What is to be settled without anybody: a change behind one of the same deal that a manager has to decide
# waits for it.
ON_OPEN = """SELECT count(*) FROM opportunities_submission AS open
    WHERE state IN ('queued', 'sending', 'unknown')
    AND NOT (state = 'queued' AND opportunity_id != '' AND EXISTS (SELECT 1 FROM opportunities_submission
        WHERE opportunity_id = open.opportunity_id AND state = 'review' AND created_at < open.created_at))"""

COUNTED = "SELECT coalesce(sum(calls.value), 0) FROM opportunities_budget, json_each(minutes) AS calls"
SYNC = """SELECT started_at, finished_at, failed_at IS NULL AND finished_at >= started_at
    FROM opportunities_syncstate WHERE resource = 'opportunities'"""
LISTS_LAG = 31.0


class Deployment:
    """One installation: its database, and the directory beside it."""

    def __init__(self, name: str, database: SimulatedDatabase, var_dir: Path) -> None:
        self.name, self.database, self.var_dir = name, database, var_dir


@cache
def sample_store(opportunities: int) -> Store:
    return slants.sample_firm(EPOCH, opportunities)


@cache
def template() -> SimulatedDatabase:
    """A database after some minutes of use: mirror filled, people signed in, trail verified once."""
    database = migrated()
    scheduler = Scheduler(EPOCH, Random(0))
    scheduler.switched_to = lambda actor: None
    network = Network(scheduler, slants.Slant(sample_store(24), scheduler), lambda method, path: Trouble())
    with default_database(database), patch.object(client, "Transport", transport_over(network)):

        def fill() -> None:
            slant = SlantClient(settings.SLANT_BASE_URL, "token")
            assert mirror.sync(slant, clock=SimulatedClock(scheduler))
            make_people()
            for _ in range(2):  # the first round notes when things are due, the second finds some of them so
                tick(SimulatedClock(scheduler), worker="founder")
                scheduler.wait(11 * MINUTE)

        with place() as var_dir, override_settings(**WAITS, SYNC_SECONDS=86_400, VAR_DIR=var_dir):
            scheduler.spawn("founder", fill, None)
            scheduler.run(EPOCH + HOUR)
            files = [path for path in var_dir.rglob("*") if path.is_file() and path != head_file.path()]
            FOUNDED.update({path.relative_to(var_dir): path.read_bytes() for path in files})
        assert Household.objects.exists()
    return database


@contextmanager
def place() -> Iterator[Path]:
    """A temporary directory."""
    directory = Path(tempfile.mkdtemp(prefix="slantweb-faults-", dir=SHM if SHM.is_dir() else None))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@cache
def working_database(name: str) -> SimulatedDatabase:
    return SimulatedDatabase()


class History:
    """The world of one seed. `run()` simulates it; `violations` is what the checker finds afterwards."""

    def __init__(
        self, plan: Plan, rng: Random, home: Path, nemesis: "Callable[[History], Nemesis]" = Nemesis
    ) -> None:
        self.plan, self.rng, self.home = plan, rng, home
        self.scheduler = Scheduler(EPOCH + 15 * MINUTE + rng.uniform(60, HOUR), rng)
        self.scheduler.switched_to = self._switched_to
        self.scheduler.ended = self._ended
        self.clock = SimulatedClock(self.scheduler)
        self.slant = slants.Slant(sample_store(plan.opportunities), self.scheduler, skew=plan.skew)
        self.network = Network(self.scheduler, self.slant, self.on_the_wire)
        self.network.about_to_send = self._about_to_send
        self.network.answered = self._answered
        self.deployment = self.new_deployment("main", template().raw)
        ((self.counted_before,),) = self.deployment.database.rows(COUNTED)
        self.crew = Crew(self, self.deployment, plan.workers)
        self.visitors: list[Actor] = []
        self.crews = [self.crew]
        self.people = People(self)
        self.changing = Changing(self)
        self.nemesis = nemesis(self)
        self.troubled = True
        self.exchanges = self.rounds = self.jumps = 0
        self.kept_up: bool | None = None  # whether the mirror was read once more at the end
        self.mirrored_before: dict[str, tuple[Any, ...]] = {}  # what it showed then
        self.full_readings = 0  # by command, after that
        self.violations: list[str] = []
        self.ended: list[str] = []  # the states of its submissions, once it was judged
        self.shadows: list[sqlite3.Connection] = []
        self.crashes = 0

    # Deployments and actors

    def new_deployment(self, name: str, content: sqlite3.Connection) -> Deployment:
        database = working_database(name)
        database.point = None
        database.become(content)
        database.point = self.point
        return Deployment(name, database, self.found_directory(name))

    def found_directory(self, name: str) -> Path:
        """What a machine of that name keeps outside the database, as it is before it sent anything."""
        var_dir = self.home / name
        shutil.rmtree(var_dir, ignore_errors=True)
        var_dir.mkdir()
        for path, content in FOUNDED.items():
            (var_dir / path).parent.mkdir(exist_ok=True)
            (var_dir / path).write_bytes(content)
        return var_dir

    def visit(self, name: str, act: Callable[[], None], when: float | None = None) -> Actor:
        """A person opens the application, does one thing and leaves."""
        actor = self.scheduler.spawn(name, act, self.deployment, when)
        self.visitors.append(actor)
        return actor

    def _switched_to(self, actor: Actor) -> None:
        deployment: Deployment = actor.deployment
        connections["default"] = deployment.database
        if deployment.var_dir != settings.VAR_DIR:
            settings.VAR_DIR = deployment.var_dir

    def _ended(self, actor: Actor, problem: BaseException | None) -> None:
        actor.deployment.database.forget_open_work()
        if isinstance(problem, DatabaseError):
            self.scheduler.say(f"{actor} gave up: {problem}")
        elif problem is not None and not isinstance(problem, Crash):
            where = traceback.extract_tb(problem.__traceback__)[-1]
            self.violate(
                "crashed", f"{actor} by {type(problem).__name__}: {problem} at {where.name}:{where.lineno}"
            )
        for crew in self.crews:
            if crew.deployment is actor.deployment:
                crew.ended(actor)

    # What may happen at each statement, commit and exchange

    def point(self, kind: str, sql: str) -> None:
        """Called by the databases: continue, hand over, freeze, fail, or be killed."""
        actor = self.scheduler.current
        if actor is None:
            return
        if actor.dead:
            raise Crash
        outside = not actor.deployment.database.raw.in_transaction and kind == "statement"
        if self.troubled:
            self.nemesis.at_point(actor, kind, sql, outside)
        if outside and self.rng.random() < self.plan.hand_over:
            self.scheduler.wait(self.rng.random() * 0.03)

    def die(self, where: str) -> None:
        """Kill the process at this point, as SIGKILL does."""
        actor = self.scheduler.current
        assert actor is not None
        self.crashes += 1
        self.scheduler.say(f"killed: {where}")
        actor.dead = True
        raise Crash

    def fail(self, where: str) -> None:
        self.scheduler.say(f"database error: {where}")
        raise OperationalError("database is locked")

    def on_the_wire(self, method: str, path: str) -> Trouble:
        if not self.troubled:
            return Trouble(up=self.rng.uniform(0.005, 0.3), down=self.rng.uniform(0.005, 0.3))
        return self.nemesis.wire(method, path)

    def _about_to_send(self, sent: Sent, request: Request) -> None:
        """I5, at the moment the first byte leaves: its attempt is committed, open, and says the same."""
        self.exchanges += not sent.path.endswith("/me")
        actor = sent.by
        database: SimulatedDatabase = actor.deployment.database
        if database.raw.in_transaction:
            self.violate("I5", f"a transaction is open across the network: {sent.path}")
        if sent.method != "GET":
            if database is not self.deployment.database:
                self.violate("copy", f"a copy of the database sent {sent.method} {sent.path}")
            sent.covered = bool(
                database.rows(
                    "SELECT 1 FROM opportunities_attempt WHERE idempotency_key = ? AND finished_at IS NULL"
                    " AND '/v1' || path = ? AND body_sha256 = ?",
                    uuid.UUID(sent.key).hex,
                    sent.path,
                    _sha256(request.body),
                )
            )
        if self.troubled:
            self.nemesis.at_point(actor, "exchange", f"{sent.method} {sent.path}", True)

    def _answered(self, sent: Sent) -> None:
        if self.troubled and sent.method != "GET":
            self.nemesis.at_answer(sent.met)

    def violate(self, invariant: str, what: str) -> None:
        self.violations.append(f"{invariant}: {what}")

    # From beginning to end

    def run(self) -> None:
        self.homes = found_homes()
        people = {person.sub: person for person in Person.objects.all()}
        self.manager = people.pop("boss")
        self.sales = [people[name] for name in sorted(people)]
        self.nemesis.prepare()
        self.crew.open()
        self.scheduler.run(self.scheduler.began + self.nemesis.ends)
        self.nemesis.stop()
        self.stopped_at = self.scheduler.now
        self.scheduler.say("--- troubles end")
        self.scheduler.run(self.stopped_at + 2 * HOUR, self._quiet)
        self.settled_at = self.scheduler.now
        self.scheduler.say("--- quiet" if self._quiet() else "--- not quiet after two hours")
        if self.plan.has("syncs"):
            self._keep_up()
        elif self.plan.seed % 4 == 0:
            # Long after, somebody looks once more: nothing may move then.
            for actor in self.crew.actors[:1]:
                self.scheduler.wake(actor, HOUR)
            self.scheduler.run(self.scheduler.now + HOUR + MINUTE)

    def _keep_up(self) -> None:
        """Let Slant's lists catch up, and then one sync of ours. Then the mirror is judged."""
        self.scheduler.run(self.scheduler.now + LISTS_LAG)
        ((started, finished, _),) = self.deployment.database.rows(SYNC)

        def read_since() -> bool:
            ((began, ended, whole),) = self.deployment.database.rows(SYNC)
            return bool(whole) and began != started and ended != finished

        self.kept_up = self.scheduler.run(self.scheduler.now + HOUR, read_since)
        if self.plan.has("deleted") or self.plan.has("stages"):
            self.mirrored_before = mirrored_deals(self)
            for _ in range(2):
                operator = self.visit("operator", self._read_fully)
                self.scheduler.run(self.scheduler.now + HOUR, lambda operator=operator: operator.over)

    def _read_fully(self) -> None:
        """`manage.py sync --full`, as often as a worker is reading, and whether it read everything."""
        slant = connection.metered(connection.connect(self.clock), Share.SYNC, self.clock)
        operator = By.operator("sync")
        while not mirror.sync_if_due(slant, worker=operator, clock=self.clock, now_please=True, full=True):
            self.scheduler.wait(5.0)
        ((_, _, whole),) = self.deployment.database.rows(SYNC)
        self.full_readings += bool(whole)

    def _quiet(self) -> bool:
        return (
            all(crew.idle for crew in self.crews)
            and not self.slant.pending
            and all(actor.over for actor in self.visitors)
            and not self.deployment.database.raw.in_transaction
            and self.deployment.database.rows(ON_OPEN)[0][0] == 0
        )

    def close(self) -> None:
        self.scheduler.stop([*(actor for crew in self.crews for actor in crew.actors), *self.visitors])
        for crew in self.crews:
            crew.deployment.database.point = None
            crew.deployment.database.forget_open_work()


@contextmanager
def stage(history_seed: int) -> Iterator[Path]:
    """Everything of the process that a history borrows: settings, randomness, wake-ups, a directory."""
    source = Random(f"urandom {history_seed}")
    before = connections["default"]
    with ExitStack() as stack:
        stack.callback(lambda: connections.__setitem__("default", before))
        directory = stack.enter_context(place())
        stack.enter_context(patch.object(os, "urandom", source.randbytes))
        stack.enter_context(patch.object(random, "_urandom", source.randbytes))
        stack.enter_context(patch.object(os, "fsync", lambda handle: None))
        stack.enter_context(patch.object(wakeup, "wake", lambda: False))
        stack.enter_context(shortcuts())
        yield directory


def history(seed: int, always: frozenset[str] = frozenset()) -> AbstractContextManager[History]:
    """The history of a seed, not run yet. `always`: troubles besides those of the seed."""
    return staged(*draw(seed, always))


@contextmanager
def staged(plan: Plan, rng: Random, nemesis: Callable[[History], Nemesis] = Nemesis) -> Iterator[History]:
    """A history that was not run yet, with its own `stage()`."""
    template()
    waits: dict[str, Any] = WAITS | {
        "SLANT_HOURLY_BUDGET": plan.budget,
        "SYNC_SECONDS": plan.sync_seconds,
    }
    with stage(plan.seed) as directory, override_settings(**waits, VAR_DIR=directory):
        told = History(plan, rng, directory, nemesis)
        connections["default"] = told.deployment.database

        def wake() -> None:
            if not (told.plan.has("wake-ups lost") and told.troubled and rng.random() < 0.5):
                told.crew.wake()

        with (
            patch.object(client, "Transport", transport_over(told.network)),
            patch.object(wakeup, "wake", wake),
        ):
            try:
                if rng.random() < 0.3:  # the first day; on any other we know who we are
                    Instance.objects.filter(pk=1).update(slant_base_url="", slant_user_id="")
                else:
                    Instance.objects.filter(pk=1).update(me_checked_at=told.clock.now())
                if plan.has("syncs"):  # deals are what changes: the short lists are not read again
                    read = {"opportunities"} | ({"pipelines"} if plan.has("stages") else set())
                    lists = SyncState.objects.exclude(pk__in=read)
                    lists.update(started_at=told.clock.now(), cursor={"calls": 10_000})
                yield told
            finally:
                told.close()


def _sha256(body: bytes) -> str:
    import hashlib

    return hashlib.sha256(body).hexdigest()
