"""Simulated time, and actors of which one runs at a time. A seed decides which.

An actor is a greenlet around ordinary blocking code. It runs until it waits - for time or for an answer - and
then the next event in simulated time happens. Nothing here reads a real clock, so a seed gives the same
history for ever.
"""

import contextlib
import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet


class Crash(BaseException):
    """The process of an actor ends here, as by kill -9. No Exception, so that nothing catches it."""


class Actor:
    """A web process with a request, or a worker. `deployment` is the database and disk it uses."""

    def __init__(self, name: str, deployment: Any) -> None:
        self.name, self.deployment = name, deployment
        self.dead = False
        self.frozen_until = 0.0
        self.busy = True
        self.greenlet: greenlet | None = None
        self.waking = 0

    @property
    def over(self) -> bool:
        return self.greenlet is None or self.greenlet.dead

    def __repr__(self) -> str:
        return self.name


class Scheduler:
    """`now` is true time in seconds since the epoch; it moves only between events."""

    def __init__(self, start: float, rng: Random) -> None:
        self.now = self.began = start
        self.rng = rng
        self.current: Actor | None = None
        self.log: list[str] = []
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.switched_to: Callable[[Actor], None] = lambda actor: None
        self.ended: Callable[[Actor, BaseException | None], None] = lambda actor, problem: None

    def say(self, text: str) -> None:
        who = self.current.name if self.current else "world"
        self.log.append(f"{self.now - self.began:10.3f} {who:12} {text}")

    def at(self, when: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (max(when, self.now), self._count, act))

    def spawn(self, name: str, body: Callable[[], None], deployment: Any, when: float | None = None) -> Actor:
        actor = Actor(name, deployment)

        def run() -> None:
            with contextlib.suppress(Crash, GreenletExit):
                body()

        actor.greenlet = greenlet(run)
        self._wake_at(actor, self.now if when is None else when)
        return actor

    # Called by actors

    def wait(self, seconds: float) -> None:
        """Let other actors run for `seconds`."""
        actor = self.current
        assert actor is not None, "only actors wait"
        self._wake_at(actor, self.now + seconds)
        self._hand_over(actor)

    def freeze(self, seconds: float) -> None:
        """Simulate SIGSTOP, and SIGCONT `seconds` later. Wake-ups in between have no effect."""
        actor = self.current
        assert actor is not None
        actor.frozen_until = self.now + seconds
        self.say(f"frozen for {seconds:.0f} s")
        self.wait(seconds)

    def _hand_over(self, actor: Actor) -> None:
        assert actor.greenlet is not None
        assert actor.greenlet.parent is not None
        actor.greenlet.parent.switch()
        if actor.dead:
            raise Crash

    # Called by anybody

    def wake(self, actor: Actor, delay: float = 0.0) -> None:
        """End the present wait of `actor` early (or when it thaws)."""
        if not actor.over:
            self._wake_at(actor, max(self.now + delay, actor.frozen_until))

    def kill(self, actor: Actor) -> None:
        """Kill it as SIGKILL does: it never runs another line."""
        if actor.over or actor.dead:
            return
        actor.dead = True
        if actor is not self.current:
            actor.waking += 1
            self._resume(actor, actor.waking)

    def _wake_at(self, actor: Actor, when: float) -> None:
        actor.waking += 1
        token = actor.waking
        self.at(when, lambda: self._resume(actor, token))

    def _resume(self, actor: Actor, token: int) -> None:
        if token != actor.waking or actor.over:
            return
        assert actor.greenlet is not None
        before = self.current
        self.current = actor
        self.switched_to(actor)
        problem: BaseException | None = None
        try:
            actor.greenlet.parent = getcurrent()
            if actor.dead:
                actor.greenlet.throw(Crash)
            else:
                actor.greenlet.switch()
        except BaseException as error:
            problem = error
        finally:
            self.current = before
        if actor.over:
            self.ended(actor, problem)
        elif problem:
            raise problem
        if before is not None:
            self.switched_to(before)

    # Called by the history

    def run(self, until: float, enough: Callable[[], bool] = lambda: False) -> bool:
        """Advance time to `until`, or until `enough()` is true. Returns whether it was."""
        if enough():
            return True
        while self._heap and self._heap[0][0] <= until:
            when, _, act = heapq.heappop(self._heap)
            self.now = max(self.now, when)
            act()
            if enough():
                return True
        self.now = max(self.now, until)
        return enough()

    def stop(self, actors: list[Actor]) -> None:
        """End the history: release all actors that still wait."""
        for actor in actors:
            self.kill(actor)
        self._heap.clear()


class SimulatedClock:
    """The machine's wall clock, which may jump, and its monotonic one, which may not, for all processes."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.offset = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.scheduler.now + self.offset, UTC)

    def monotonic(self) -> float:
        return self.scheduler.now - self.scheduler.began + 1000.0

    def sleep(self, seconds: float) -> None:
        # A page that looks every 50 ms is the same as one that looks every second, but for the time it costs
        # us.
        self.scheduler.wait(seconds * self.scheduler.rng.choice((1, 8, 30)))
