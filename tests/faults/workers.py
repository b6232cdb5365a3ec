"""Rounds of `tick`, as `worker.rounds` runs them, until killed; then a new process starts."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import DatabaseError

from opportunities.delivery.due import DUE_WITHIN, LOOK_LEASE_AT_MOST
from opportunities.models import Instance
from opportunities.worker.tick import tick
from tests.faults.scheduler import Actor

if TYPE_CHECKING:
    from tests.faults.history import Deployment, History

# What a colleague has leased is due when the lease is over. What lies further ahead than it can is due now.
NEXT_DUE = """SELECT min(max(
        iif(due_at > ?, '', due_at), iif(lease_until > ?, '', coalesce(lease_until, ''))
    )) FROM opportunities_submission
    WHERE state IN ('queued', 'sending', 'unknown', 'review') AND due_at IS NOT NULL"""
SOONEST, LATEST = 0.2, 4000.0


class Crew:
    """The workers of one deployment. `wanted` of them, unless the deployment is down."""

    def __init__(self, history: "History", deployment: "Deployment", wanted: int) -> None:
        self.history, self.deployment, self.wanted = history, deployment, wanted
        self.actors: list[Actor] = []
        self.hired = 0
        self.down = False

    def start(self, delay: float = 0.0, *, at_once: bool = True) -> None:
        """Start another process. With `at_once` False its first round waits until something is due."""
        scheduler = self.history.scheduler
        self.hired += 1
        name = f"{self.deployment.name}:{self.hired}"
        actor = scheduler.spawn(name, self._life(name, at_once), self.deployment, scheduler.now + delay)
        self.actors.append(actor)

    def open(self) -> None:
        self.down = False
        for number in range(self.wanted):
            self.start(
                self.history.rng.uniform(0.0, 2.0), at_once=number == 0 and self.history.rng.random() < 0.3
            )

    def close(self) -> None:
        """The machine is switched off."""
        self.down = True
        for actor in list(self.actors):  # each takes itself off the list
            self.history.scheduler.kill(actor)

    def ended(self, actor: Actor) -> None:
        """Whoever supervises the processes starts another."""
        if actor in self.actors:
            self.actors.remove(actor)
            if not self.down:
                self.start(self.history.rng.choice((0.5, 3.0, 20.0)))

    def wake(self) -> None:
        idle = [actor for actor in self.actors if not actor.busy and not actor.over]
        if idle:
            self.history.scheduler.wake(self.history.rng.choice(idle), 0.01)

    def look_soon(self) -> None:
        """Real workers look every few seconds; simulated ones sleep until something is due."""
        for actor in self.actors:
            if not actor.busy:
                self.history.scheduler.wake(actor, self.history.rng.uniform(0.5, 60.0))

    def look_now(self) -> None:
        for actor in self.actors:
            if not actor.busy:
                self.history.scheduler.wake(actor)

    @property
    def idle(self) -> bool:
        return all(not actor.busy for actor in self.actors)

    def _rest(self, seconds: float, jumps: int) -> None:
        """Sleep until woken or until it is time - and on, if a colleague has done meanwhile what was due.

        A round with nothing due does nothing; leaving most of them out is what makes 10,000 histories
        affordable. One after the clock jumped does something always: `jumps` is how often it had when the
        last round began.
        """
        scheduler, rng = self.history.scheduler, self.history.rng
        seconds = min(seconds, float(self.history.plan.sync_seconds))
        until = scheduler.now + seconds
        scheduler.wait(seconds)
        if self.history.plan.has("syncs"):
            return  # there is always something to read
        while scheduler.now >= until and self.history.jumps == jumps and rng.random() < 0.9:
            ahead = self._due_in()
            if ahead <= 0.0:
                return
            seconds = min(ahead + rng.uniform(0.0, 0.3), LATEST)
            until = scheduler.now + seconds
            scheduler.wait(seconds)

    def _due_in(self) -> float:
        now = self.history.clock.now()
        furthest = [str((now + longest).replace(tzinfo=None)) for longest in (DUE_WITHIN, LOOK_LEASE_AT_MOST)]
        ((first,),) = self.deployment.database.rows(NEXT_DUE, *furthest)
        if first is None:
            return LATEST
        return (datetime.fromisoformat(first).replace(tzinfo=UTC) - now).total_seconds() if first else 0.0

    def _is_stuck(self, due: float | None) -> bool:
        """Whether something is due that a worker rests on: what is held, or not in its turn.

        Real workers look every few seconds whatever is due.
        """
        if due is not None and due < 1.0:
            return False
        ((is_away,),) = self.deployment.database.rows(
            "SELECT opened_at IS NOT NULL FROM opportunities_budget"
        )
        return not is_away and self._due_in() <= 0.0

    def _progress(self) -> tuple[int, int]:
        """Grows with every event and every exchange; heartbeats and asking who we are do not count."""
        (seq,) = self.deployment.database.rows("SELECT seq FROM opportunities_chainhead")[0]
        return seq, self.history.exchanges

    def _life(self, name: str, at_once: bool) -> Callable[[], None]:
        history = self.history

        def live() -> None:
            me = history.scheduler.current
            assert me is not None
            patience = 5.0
            if at_once:
                Instance.objects.filter(pk=1).update(me_checked_at=None)
            else:
                me.busy = False
                self._rest(0.0, history.jumps)
            while True:
                me.busy = True
                history.rounds += 1
                before, jumps = self._progress(), history.jumps
                try:
                    due = tick(history.clock, worker=name)
                except DatabaseError as error:
                    history.scheduler.say(f"round failed: {error}")
                    due = 5.0
                me.busy = False
                if self._is_stuck(due):
                    due = 0.0
                wait = LATEST if due is None else due
                if due is not None and due < 1.0 and self._progress() == before:
                    # Due, and yet nothing could be done: held, out of budget, waiting for its turn.
                    wait, patience = patience, min(patience * 3, 600.0)
                else:
                    patience = 5.0
                if history.jumps != jumps:
                    wait = min(wait, history.rng.uniform(0.5, 60.0))
                self._rest(min(max(wait + history.rng.uniform(0.0, 0.3), SOONEST), LATEST), jumps)

        return live
