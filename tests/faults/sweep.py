"""The full sweep: crash points x behaviours of Slant x ages of the key, and every statement failing once.

Where random histories draw what goes wrong, a script knows: one deal, one thing wrong with its first send,
one crash at a named point, and then the whole deployment down for as long as the key is to age. The same
checker judges it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from zlib import crc32

from opportunities.sandbox.faults import Fault
from opportunities.sandbox.store import SWITCHES
from tests.faults.checker import live_and_judge
from tests.faults.history import Deployment, History
from tests.faults.nemesis import Nemesis
from tests.faults.network import Trouble
from tests.faults.people import Wish
from tests.faults.plan import HOUR, MINUTE, quiet_plan
from tests.faults.scheduler import Actor
from tests.faults.workers import Crew

AGES = (0, 59, 61, 80)
CRASHES = {
    "none": "nothing crashes",
    "C1": "before what was typed is committed",
    "C2": "after it is, before the browser is told",
    "C3": "after the attempt is committed, before the first byte",
    "C4": "in the middle of the request's body",
    "C5": "with the request sent and no answer",
    "C6": "while the answer is read",
    "C7": "with the answer read and not committed",
    "C8": "with the answer committed and the browser not told",
    "C9": "in the middle of looking through Slant's list",
    "C10": "with a match found and not committed",
    "C11": "with absence decided and not committed",
    "C12": "while the trail is written",
    "Z": "frozen past its lease with the answer in its hands, another working meanwhile, and thawed",
}


@dataclass(frozen=True)
class Behaviour:
    """What happens to the first send, or to `writes` of them, and where the submission must end."""

    fault: Fault | None = None
    writes: float = 1
    ends: tuple[str, ...] = ("confirmed",)
    down: float = 1.0
    then: str = ""
    lasts: float = 0.0
    sends: float = float("inf")  # at most so many


def _fault(kind: str, **about: Any) -> Fault:
    return Fault("sweep", kind, **about)


EVER = float("inf")
# The backup is taken when the deal is saved and nothing was sent.
RESTORES = ("restore early", "restore elsewhere", "two machines")
A_PAGE_TAKES, MANY_DEALS = 9.4, 1404
LOST = _fault("drop_after")
BEHAVIOURS: dict[str, Behaviour] = {
    "created": Behaviour(),
    "created, then reset": Behaviour(LOST),
    "created, the answer cut": Behaviour(_fault("truncate")),
    "created, then silence": Behaviour(down=15.0),
    "created, then 500": Behaviour(_fault("status_after", status=500)),
    "created, then 502": Behaviour(_fault("status_after", status=502)),
    "created, then 504": Behaviour(_fault("status_after", status=504)),
    "created, then nonsense": Behaviour(_fault("bad_body")),
    "not created, 500": Behaviour(_fault("status_before", status=500)),
    "not created, reset": Behaviour(_fault("drop_before")),
    "not created, silence": Behaviour(_fault("hang")),
    "not created, sent elsewhere": Behaviour(_fault("status_before", status=302)),
    "refused connection": Behaviour(then="refused"),
    "committed after a minute": Behaviour(_fault("commit_late", delay_ms=60_000)),
    "created, the list lags": Behaviour(LOST, then="list lags"),
    "created, rows shift": Behaviour(LOST, then="rows shift", ends=("confirmed", "review")),
    "429": Behaviour(_fault("rate_limit"), writes=2),
    "429, in half a minute": Behaviour(_fault("rate_limit", retry_after=30), writes=2),
    "429 for an hour": Behaviour(then="storm", lasts=HOUR),
    "401 for ten minutes": Behaviour(then="revoked", lasts=10 * MINUTE),
    "403 for ten minutes": Behaviour(then="read-only", lasts=10 * MINUTE),
    "400": Behaviour(_fault("status_before", status=400), writes=EVER, ends=("rejected",)),
    "404": Behaviour(_fault("status_before", status=404), writes=EVER, ends=("rejected",)),
    "422": Behaviour(_fault("status_before", status=422), writes=EVER, ends=("rejected",)),
    "two tabs": Behaviour(then="two tabs"),
    "created, then reset, two hours later": Behaviour(LOST, then="jump ahead"),
    "created, then reset, two hours earlier": Behaviour(LOST, then="jump back"),
    "created, then reset, a backup restored": Behaviour(LOST, then="restore"),
    "created, then reset, a copy started": Behaviour(LOST, then="copy"),
    "created, then reset, and edited": Behaviour(LOST, then="edited", ends=("review",)),
    "created, then reset, and renamed": Behaviour(LOST, then="renamed", ends=("review",)),
    "created, then reset, and moved to another household": Behaviour(LOST, then="rehoused", ends=("review",)),
    "created, then reset, and taken out of its household": Behaviour(LOST, then="homeless", ends=("review",)),
    "created, then reset, restored as it was before": Behaviour(LOST, then="restore early"),
    "created, then reset, restored on another machine": Behaviour(LOST, then="restore elsewhere"),
    "created, then reset, restored, and the other machine first": Behaviour(LOST, then="two machines"),
    "created, then reset, away, then 429": Behaviour(LOST, then="away", lasts=30 * MINUTE),
    "not created, 500 for ever": Behaviour(
        _fault("status_before", status=500),
        writes=EVER,
        ends=("review",),
        lasts=2 * HOUR + 10 * MINUTE,
        sends=12,
    ),
}
# What a colleague makes of the deal in Slant before we look, by what happens then.
EDITS: dict[str, dict[str, Any]] = {
    "edited": {"value": 640_007},
    "renamed": {"name": "Under another name"},
    "rehoused": {"household_id": "hh_juouir"},
    "homeless": {"household_id": None},
}
# Lists that take longer to read than a check is leased for: too dear to be lived with every crash and age.
SLOW_BEHAVIOURS: dict[str, Behaviour] = {
    "created, then reset, the list takes minutes": Behaviour(LOST, then="slow list"),
    "not created, reset, the list takes minutes": Behaviour(_fault("drop_before"), then="slow list"),
}
SLOW_CRASHES = ("none", "C9", "C10", "C11", "Z")


@dataclass(frozen=True)
class Cell:
    """One history of the sweep. `age`: minutes for which everything is off after the crash."""

    crash: str
    behaviour: str
    age: int

    def __str__(self) -> str:
        return f"{self.crash} x {self.behaviour} x {self.age} min"


def cells() -> list[Cell]:
    return [Cell(crash, what, age) for crash in CRASHES for what in BEHAVIOURS for age in AGES]


def slow_cells() -> list[Cell]:
    return [Cell(crash, what, 0) for what in SLOW_BEHAVIOURS for crash in SLOW_CRASHES]


def diagonal() -> list[Cell]:
    """Each crash point, behaviour and age at least once, in about twice as many histories as that takes."""
    crashes, whats = list(CRASHES), list(BEHAVIOURS)
    turn = max(len(crashes), len(whats))
    return [
        Cell(crashes[n % len(crashes)], whats[n % len(whats)], AGES[(n + n // turn) % len(AGES)])
        for n in range(turn)
    ]


class Script(Nemesis):
    """One deal at one second past, saved by somebody who presses again when not told that it was."""

    crash, behaviour, age = "none", Behaviour(), 0

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self.writes = 0
        self.happened = self.answered = self.edited = False
        self.other: Crew | None = None
        self.when_stopped: tuple[str, ...] = ()
        self.wish: Wish | None = None
        self.committed: tuple[str, ...] = ()
        self.looked = 0

    def prepare(self) -> None:
        history, scheduler = self.history, self.history.scheduler
        began, then = scheduler.began, self.behaviour.then
        self.ends = (
            5 * MINUTE + self.age * MINUTE + self.behaviour.lasts + (HOUR if self.behaviour.writes > 2 else 0)
        )
        homes = history.homes["bk_pine01"]
        deal = replace(
            history.people.draw_deal(),
            book_id="bk_pine01",
            household_id="" if then in ("rows shift", "slow list") else homes[0].pk,
            pipeline_id="pl_events",
            pipeline_type="",
            value=640_000,
            assigned_to_id="u_9xw20c",
        )
        self.wish = wish = history.people.wish(deal)
        for when in (1.0, 1.01) if then == "two tabs" else (1.0,):
            scheduler.at(began + when, lambda: self._visit("browser", lambda: history.people.send(wish)))
        for again in (40.0, 40.0 + self.age * MINUTE + 60.0):
            scheduler.at(began + again, self._press_again)
        shape = history.rng.choice(SWITCHES["error_shape"])
        history.slant.change(switches={"error_shape": shape}, list_lag_s=30.0 if then == "list lags" else 0.0)
        if then == "restore":
            scheduler.at(began + 2.0, self._back_up)
            scheduler.at(began + 30.0 + self.age * MINUTE, self._restore)
            self.ends += 10 * MINUTE
        if then in RESTORES:
            scheduler.at(began + 30.0 + self.age * MINUTE, self._restore)
            self.ends += 10 * MINUTE
        if then == "two machines":
            self._start_the_other()
        if then == "slow list":
            self.ends += 2 * HOUR
        if then == "copy":
            scheduler.at(began + 30.0, self._copy)
        if then in ("revoked", "read-only"):
            self._forbid(True)
            scheduler.at(began + self.behaviour.lasts, lambda: self._forbid(False))

    def _start_the_other(self) -> None:
        """A second machine on the same database, with a directory of its own."""
        history, scheduler = self.history, self.history.scheduler
        deployment = Deployment("second", history.deployment.database, history.found_directory("second"))
        self.other = Crew(history, deployment, 1)
        history.crews.append(self.other)
        self.other.start(at_once=True)
        # Real workers look every few seconds; ours only when something is due.
        scheduler.at(scheduler.began + 29.0 + self.age * MINUTE, self.other.look_now)

    def _put_back(self) -> float:
        if self.behaviour.then == "restore elsewhere":
            return self._move_to_new_machine()
        if self.other is None:
            self._on()
        else:  # this is the first to look, by the file of its own
            self.other.open()
            self.history.scheduler.at(self.history.scheduler.now + MINUTE, self._on)
        return 300.0

    def _recover(self, then: Callable[[], None]) -> None:
        """On each machine, as docs/operations.md asks."""
        super()._recover(then)
        if self.other is not None:
            scheduler = self.history.scheduler
            scheduler.spawn(
                "operator", self.history.people.recover, self.other.deployment, scheduler.now + MINUTE
            )

    def _off(self) -> None:
        super()._off()
        if self.other is not None:
            self.other.close()

    def _on(self) -> None:
        super()._on()
        if self.other is not None and self.other.down:
            self.other.open()

    def _forbid(self, so: bool) -> None:
        if self.behaviour.then == "revoked":
            self.history.slant.change(revoked=["write"] if so else [])
        else:
            self._may(not so)

    def stop(self) -> None:
        self.when_stopped = self._states()
        super().stop()

    def _press_again(self) -> None:
        wish = self.wish
        if wish is not None and not wish.saved:
            self._visit("browser", lambda: self.history.people.send(wish))

    # The wire

    def wire(self, method: str, path: str) -> Trouble:
        now, then = self.history.scheduler.now - self.history.scheduler.began, self.behaviour.then
        if then == "away" and self.writes and now < self.behaviour.lasts + MINUTE:
            away = now < self.behaviour.lasts
            return Trouble(refused=True, up=3.0) if away else Trouble(fault=_fault("rate_limit"))
        if method == "GET":
            if then == "slow list" and path.endswith("/opportunities"):
                return Trouble(down=A_PAGE_TAKES)
            if then == "rows shift" and self.looked < 6:
                self.looked += 1
                self.history.slant.shift_rows(self.history.rng)
            return Trouble(fault=_fault("rate_limit")) if then == "storm" and now < HOUR else Trouble()
        self.writes += 1
        if then == "storm" and now < HOUR:
            return Trouble(fault=_fault("rate_limit"), down=1.0)
        struck = self.writes <= self.behaviour.writes
        trouble = Trouble(up=0.05, down=self.behaviour.down if struck else 0.05)
        if struck:
            trouble.fault, trouble.refused = self.behaviour.fault, then == "refused"
            self._aside(then)
        if self.writes == 1:
            self._kill_during(trouble)
        return trouble

    def _aside(self, then: str) -> None:
        """What happens beside the first send."""
        scheduler = self.history.scheduler
        if then in ("jump ahead", "jump back"):
            self.history.plan.troubles |= {"clock jump"}
            scheduler.at(
                scheduler.now + 0.5, lambda: self._jump_by(7200.0 if then == "jump ahead" else -7200.0)
            )
        if then in EDITS:
            scheduler.at(scheduler.now + 2.0, lambda: self._edit_to(EDITS[then]))

    def _kill_during(self, trouble: Trouble) -> None:
        worker, scheduler = self.history.scheduler.current, self.history.scheduler
        if self.crash == "C4":
            trouble.lost = True
        after = {"C4": 0.03, "C5": 0.5, "C6": 0.05 + trouble.down}.get(self.crash)
        if after is not None and worker is not None:
            scheduler.at(scheduler.now + after, lambda: self._kill(worker))

    def _jump_by(self, seconds: float) -> None:
        self.history.scheduler.say(f"the wall clock jumps by {seconds:+.0f} s")
        self.history.clock.offset += seconds
        self.history.jumps += 1
        self.history.crew.look_soon()

    def _edit_to(self, fields: dict[str, Any]) -> None:
        for entry in self.history.slant.made_by_us():
            self.edited = True
            self.history.slant.change(records=[{"op": "patch", "id": entry["id"], "set": fields}])

    # Crashing

    def at_point(self, actor: Actor, kind: str, sql: str, outside: bool) -> None:
        if self.happened:
            return
        if self.crash == "Z" and self.answered and outside and not sql.startswith("GET"):
            self.happened = True
            self.history.scheduler.freeze(400.0)
        elif self.crash in self._reached(actor, kind, sql):
            self._crashes()
            self.history.die(f"{self.crash} {CRASHES.get(self.crash, '')}")

    def _reached(self, actor: Actor, kind: str, sql: str) -> Iterator[str]:
        """The crash points that this point is."""
        before, now = self.committed, self._states() if kind in ("commit", "committed") else self.committed
        if kind == "committed":
            self.committed = now
            if before == () and now:
                if self.behaviour.then in RESTORES:
                    self._back_up()
                yield "C2"
            if before != now == ("sending",):
                yield "C3"
            if before == ("sending",) != now:
                self.answered = True
                yield "C8"
        if kind == "commit" and before != now:
            if before == ():
                yield "C1"
            if before == ("sending",):
                yield "C7"
            if (before, now) == (("unknown",), ("confirmed",)):
                yield "C10"
            if (before, now) == (("unknown",), ("queued",)):
                yield "C11"
        if kind == "exchange" and sql.startswith("GET") and sql.endswith("/opportunities"):
            yield "C9"
        if sql.startswith('INSERT INTO "opportunities_auditevent"') and actor.name != "browser":
            yield "C12"

    @property
    def counts_more(self) -> bool:
        return True  # crashes, restored databases and clocks are in the script, not in the plan

    def at_answer(self, met: str) -> None:
        if self.crash == "Z" and not self.happened:
            self.happened = True
            self.history.scheduler.freeze(400.0)

    def _states(self) -> tuple[str, ...]:
        return tuple(
            row[0]
            for row in self.history.deployment.database.rows("SELECT state FROM opportunities_submission")
        )

    def _kill(self, worker: Actor) -> None:
        if not worker.over:
            self._crashes()
            self.history.scheduler.say(f"killed: {self.crash} {CRASHES[self.crash]}")
            self.history.scheduler.kill(worker)

    def _crashes(self) -> None:
        self.happened = True
        # Whoever dies here may have taken a wake-up along.
        self.history.crew.look_soon()
        if self.age:
            scheduler = self.history.scheduler
            scheduler.at(scheduler.now + 0.01, self._off)
            scheduler.at(scheduler.now + self.age * MINUTE, self._on)


class Failing(Script):
    """The nth statement fails, and with `lasting` all after it for a minute."""

    nth, lasting = 0, False

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self.seen = 0
        self.heals: float | None = None

    def at_point(self, actor: Actor, kind: str, sql: str, outside: bool) -> None:
        if kind not in ("statement", "commit"):
            return
        self.seen += 1
        if self.seen == self.nth:
            self.heals = self.history.scheduler.now + (60.0 if self.lasting else -1.0)
            self.history.fail(f"{kind} {sql[:90]}")
        if self.heals is not None and self.history.scheduler.now < self.heals:
            self.history.fail(f"{kind} {sql[:90]}")

    @property
    def reached(self) -> bool:
        return self.heals is not None


class Cut(Script):
    """The nth exchange fails as `how` says (and with `lasting` all after it for ten minutes)."""

    nth, lasting, how = 0, False, "refused"

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self.seen = 0
        self.heals: float | None = None

    def wire(self, method: str, path: str) -> Trouble:
        self.seen += 1
        trouble, now = super().wire(method, path), self.history.scheduler.now
        if self.seen == self.nth:
            self.heals = now + (10 * MINUTE if self.lasting else 0.0)
            self.ends = max(self.ends, now - self.history.scheduler.began + 15 * MINUTE)
        if self.heals is not None and (self.seen == self.nth or now < self.heals):
            return {
                "refused": Trouble(refused=True),
                "lost": Trouble(lost=True),
                "reset": Trouble(fault=LOST),
                "502": Trouble(fault=_fault("status_after", status=502)),
            }[self.how]
        return trouble

    @property
    def reached(self) -> bool:
        return self.heals is not None


def live(script: type[Script], name: str, **about: Any) -> tuple[list[str], Script, History]:
    """One history by a script; what was wrong with it."""
    seed = crc32(name.encode())
    behaviour: Behaviour = about.get("behaviour", script.behaviour)
    plan = quiet_plan(
        seed=seed,
        lasts=MINUTE,
        deals=1,
        hand_over=0.3,
        opportunities={"rows shift": 104, "slow list": MANY_DEALS}.get(behaviour.then, 24),
    )
    wrong, told = live_and_judge(plan, Random(seed), type("Told", (script,), about))
    assert isinstance(told.nemesis, Script)
    # What never reached Slant could not be edited there, and is simply sent again.
    ends = ("confirmed",) if behaviour.then in EDITS and not told.nemesis.edited else behaviour.ends
    if len(told.ended) != 1 or told.ended[0] not in ends:
        wrong.append(f"ended {told.ended or 'with nothing saved'}, not {' or '.join(ends)}")
    if behaviour.then == "slow list" and told.nemesis.when_stopped[0] not in ends:
        wrong.append(f"still {told.nemesis.when_stopped[0]} while the list was slow")
    if told.nemesis.writes > behaviour.sends:
        wrong.append(f"sent {told.nemesis.writes} times")
    return wrong, told.nemesis, told


def sweep(some: Iterable[Cell]) -> dict[str, list[str]]:
    """Live each cell; what was wrong, by cell."""
    found = {}
    for cell in some:
        about = {
            "crash": cell.crash,
            "behaviour": (BEHAVIOURS | SLOW_BEHAVIOURS)[cell.behaviour],
            "age": cell.age,
        }
        wrong, _, _ = live(Script, str(cell), **about)
        if wrong:
            found[str(cell)] = wrong
    return found


def fail_each(script: type[Script], *, every: int = 1, **about: Any) -> tuple[int, dict[str, list[str]]]:
    """Fail the 1st, 2nd, 3rd ... until one run passes untouched; how many that were, and what was wrong."""
    found, nth = {}, 1
    while True:
        name = (
            f"{script.__name__} {nth} {about.get('how', '')} {'lasting' if about.get('lasting') else 'once'}"
        )
        wrong, nemesis, _ = live(script, name, nth=nth, **about)
        if wrong:
            found[name] = wrong
        if not nemesis.reached:  # type: ignore[attr-defined]
            return nth - 1, found
        nth += every
