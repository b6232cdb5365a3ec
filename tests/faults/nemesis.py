"""Causes the failures: at single points, and as events in time. `stop()` ends all of them."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from opportunities.delivery.unknown_outcome import send_lease
from opportunities.sandbox.faults import Fault
from tests.faults.changing import Errand
from tests.faults.network import Trouble
from tests.faults.plan import HOUR, MINUTE, trouble_on_the_wire
from tests.faults.scheduler import Actor
from tests.faults.slant import WRITE_TOKEN
from tests.faults.workers import Crew

if TYPE_CHECKING:
    from tests.faults.history import History


MOST_CRASHES = 4
# The clock may be set between any two statements of a round, or within a transaction.
MOST_JUMPS, AT_A_STATEMENT = 6, 0.004
# A wire that is broken for half an hour teaches nothing that it did not teach by then.
MOST_STRIKES = 12
A_MOMENT = 1.0
FREEZES = (3.0, 45.0, 90.0, 200.0, 400.0)


class Nemesis:
    """`ends`: seconds after the beginning at which the last trouble is over."""

    def __init__(self, history: "History") -> None:
        self.history = history
        self.ends = history.plan.lasts
        self._outages: list[tuple[float, float, str]] = []
        self._disk_full_until = 0.0
        self._strikes = 0
        self._backup: sqlite3.Connection | None = None
        self._has_backup = False

    @property
    def counts_more(self) -> bool:
        """Whether more calls may be counted than were made, as when a process dies after counting one."""
        history, plan = self.history, self.history.plan
        if plan.crash or plan.freeze or plan.database or history.jumps or history.crashes:
            return True
        return plan.has("downtime") or plan.has("restore")

    # Points

    def at_point(self, actor: Actor, kind: str, sql: str, outside: bool) -> None:
        history, plan, chance = self.history, self.history.plan, self.history.rng.random()
        if chance < plan.crash and history.crashes < MOST_CRASHES:
            history.die(f"{kind} {sql[:90]}")
        if plan.has("clock jump") and history.jumps < MOST_JUMPS and history.rng.random() < AT_A_STATEMENT:
            self._jump()
        if kind == "committed" and actor.name == "browser" and plan.has("restore") and not self._has_backup:
            self._back_up()  # of what is saved and not sent
        if plan.database and kind in ("statement", "commit"):
            if history.scheduler.now < self._disk_full_until:
                history.fail(f"{kind} {sql[:90]}")
            if chance > 1 - plan.database:
                if history.rng.random() < 0.1:
                    self._disk_full_until = history.scheduler.now + history.rng.choice((2.0, 30.0))
                history.fail(f"{kind} {sql[:90]}")
        if kind == "exchange" and not sql.startswith("GET"):
            self._after_a_write()
        if outside and plan.freeze and plan.crash <= chance < plan.crash + plan.freeze:
            # With the last check behind it and the bytes before it, a worker that sleeps past its lease is
            # for Slant what a server is that commits late: beyond the quiet period that is a stated limit.
            self._freeze((3.0, 9.0) if kind == "exchange" else FREEZES)

    def _after_a_write(self) -> None:
        """The moments after a write are when a jump of the clock, an edit or a crash can do most harm."""
        rng, scheduler = self.history.rng, self.history.scheduler
        for family, act in (
            ("clock jump", self._jump),
            ("edited", self._edit),
            ("odd records", self._show_oddly),
            ("changes", self._meddle),
            ("crash", self._kill_one),
            ("restore", self._restore),
        ):
            if self.history.plan.has(family) and rng.random() < 0.3:
                scheduler.at(scheduler.now + rng.choice((rng.uniform(0.0, 0.5), rng.uniform(0.5, 8.0))), act)

    def at_answer(self, met: str) -> None:
        """A write was answered and only the worker knows it: it dies, or sleeps past its lease.

        More often with a no in its hands: there is nothing in Slant that another worker finds meanwhile.
        """
        history, chance = self.history, self.history.rng.random()
        if history.plan.crash and history.crashes < MOST_CRASHES and chance < 0.1:
            history.die("with an answer in its hands")
        if history.plan.freeze and 0.1 < chance < (0.4 if met.startswith("2") else 0.7):
            self._freeze(FREEZES if met.startswith("2") else FREEZES[1:])

    def _freeze(self, lengths: tuple[float, ...]) -> None:
        """Stop the worker for a while. If its lease runs out meanwhile, a colleague looks at once."""
        scheduler, seconds = self.history.scheduler, self.history.rng.choice(lengths)
        lease_over = send_lease().total_seconds() + A_MOMENT
        if seconds > lease_over:
            scheduler.at(scheduler.now + lease_over, self.history.crew.look_now)
        scheduler.freeze(seconds)

    def wire(self, method: str, path: str) -> Trouble:
        """The fault of one exchange, while troubles last."""
        if trouble := self._outage():
            return trouble
        plan, rng = self.history.plan, self.history.rng
        if self._strikes >= MOST_STRIKES:
            return Trouble(up=rng.uniform(0.005, 0.3), down=rng.uniform(0.005, 0.3))
        trouble = trouble_on_the_wire(plan, rng, method)
        self._strikes += trouble.fault is not None or trouble.refused or trouble.lost
        return trouble

    def _outage(self) -> Trouble | None:
        now = self.history.scheduler.now - self.history.scheduler.began
        for begin, end, kind in self._outages:
            if begin <= now < end:
                match kind:
                    case "refused":
                        return Trouble(refused=True, up=0.01)
                    case "silent":
                        return Trouble(lost=True)
                    case "busy":
                        return Trouble(fault=Fault("storm", "rate_limit"))
                    case "busy, it says for a second":
                        return Trouble(fault=Fault("storm", "rate_limit", retry_after=1))
                    case _:
                        return Trouble(refused=True, up=3.0)
        return None

    # Events

    def prepare(self) -> None:
        """Draw the events and their times, in seconds after the beginning."""
        history, plan, rng = self.history, self.history.plan, self.history.rng
        history.slant.change(switches=plan.switches, list_lag_s=30.0 if plan.has("list lag") else 0.0)
        if plan.has("manager"):
            self.ends = max(self.ends, 30 * MINUTE)
        self._people()
        if plan.has("downtime"):
            self._from_to(
                "switched off", (MINUTE, 59 * MINUTE, 61 * MINUTE, 80 * MINUTE), self._off, self._on
            )
        if plan.has("outage"):
            begin, length = self._some_time(), rng.choice((20.0, 5 * MINUTE, 90 * MINUTE))
            if plan.outage == "busy, it says for a second":
                begin, length = rng.uniform(0.5, 20.0), 90 * MINUTE
            self._outages.append((begin, begin + length, plan.outage))
            self.ends = max(self.ends, begin + length)
        if plan.has("revoked"):
            self._from_to(
                "token revoked",
                (30.0, 10 * MINUTE),
                lambda: history.slant.change(revoked=["write"]),
                lambda: history.slant.change(revoked=[]),
            )
        if plan.has("read-only"):
            self._from_to(
                "token read-only", (30.0, 10 * MINUTE), lambda: self._may(False), lambda: self._may(True)
            )
        if plan.has("stop button"):
            for stop in (True, False):
                self._later(
                    self._some_time(),
                    lambda stop=stop: self._visit("boss", lambda: history.people.stop_sending(stop)),
                )
            self._later(self.ends, lambda: self._visit("boss", lambda: history.people.stop_sending(False)))
        if plan.has("clock jump"):
            for _ in range(rng.choice((1, 1, 2))):
                self._later(self._some_time(), self._jump)
        for family, act in (
            ("edited", self._edit),
            ("rows shift", self._shift),
            ("neighbours", self._neighbour),
        ):
            if plan.has(family):
                for _ in range(3):
                    self._later(self._some_time(), act)
        for family, act, often in (("deleted", self._delete, 2), ("stages", self._change_stages, 3)):
            for _ in range(often if plan.has(family) else 0):
                self._later(self._some_time(), act)
        if plan.has("odd records"):
            if rng.random() < 0.9:
                history.scheduler.say(f"from now on {history.slant.show_new_ones_oddly(rng)}")
            for _ in range(3):
                self._later(self._some_time(), self._show_oddly)
            if rng.random() < 0.3:
                self._later(self._some_time(), self._show_rightly)
        if plan.has("crash"):
            for _ in range(2):
                self._later(self._some_time(), self._kill_one)
        if plan.has("restore"):
            begin = self._some_time()
            self._later(begin, self._back_up)
            self._later(begin + rng.choice((5.0, 40.0, 200.0, 4000.0)), self._restore)
        if plan.has("syncs"):
            # Until the very end: whatever is missed long before, the next reading of everything finds.
            for _ in range(12):
                self._later(self.ends - rng.uniform(1.0, 200.0), history.changing.work_in_slant)
        if plan.has("copy"):
            self._later(self._some_time() + 20.0, self._copy)

    def stop(self) -> None:
        history = self.history
        history.troubled = False
        history.slant.change(revoked=[])
        self._may(True)
        if history.plan.has("syncs") or (history.plan.has("odd records") and history.rng.random() < 0.25):
            self._show_rightly()
        if history.plan.has("stop button"):
            # A restored backup may be from before the manager let it go on.
            history.visit("boss", lambda: history.people.stop_sending(False))

    def _people(self) -> None:
        plan, rng, people = self.history.plan, self.history.rng, self.history.people
        for _ in range(plan.deals):
            when = rng.uniform(0.5, min(self.ends * 0.7, 20 * MINUTE))
            wish = people.wish()
            self._later(when, lambda wish=wish: self._visit("browser", lambda: people.send(wish)))
            if plan.has("double click"):
                again = when + rng.choice((0.0, 0.02, 1.0, 400.0))
                self._later(again, lambda wish=wish: self._visit("browser", lambda: people.send(wish)))
            if plan.has("twins"):
                twin = people.wish(wish.deal, confirm=True)
                self._later(
                    when + rng.choice((0.5, 30.0)),
                    lambda twin=twin: self._visit("browser", lambda: people.send(twin)),
                )
            if plan.has("withdraws"):
                self._later(
                    when + rng.choice((0.2, 3.0, 60.0)),
                    lambda wish=wish: self._visit("browser", lambda: people.withdraw(wish)),
                )
            self._later(
                when + rng.choice((11.0, 14.0, 100.0)),
                lambda wish=wish: self._visit("browser", lambda: people.look(wish)),
            )
        self._changes()
        if plan.has("manager"):
            for _ in range(3):
                self._later(rng.uniform(MINUTE, self.ends), lambda: self._visit("boss", people.review))

    def _changes(self) -> None:
        """People who change deals within the same minutes, and colleagues who change them in Slant."""
        plan, rng, changing = self.history.plan, self.history.rng, self.history.changing
        if not plan.changes:
            return
        changing.prepare()
        begin = rng.uniform(0.5, self.ends * 0.5)
        for _ in range(plan.changes):
            errand, when = (
                changing.errand(),
                begin + rng.choice((rng.uniform(0.0, 5.0), rng.uniform(0.0, 200.0))),
            )
            visits: list[tuple[float, Callable[[Errand], None]]] = [(when, changing.ask)]
            if plan.has("double click"):
                visits.append((when + rng.choice((0.02, 1.0, 100.0)), changing.press_again))
            if plan.has("withdraws"):
                visits.append((when + rng.choice((0.2, 3.0, 100.0)), self.history.people.withdraw))
            # A backup that knows of a move and not of its undoing cannot tell what was undone from what never
            # was.
            if not plan.has("restore") and rng.random() < 0.3:
                visits.append((when + rng.choice((2.0, 30.0, 100.0)), changing.undo))
            visits.append((when + rng.choice((11.0, 14.0, 100.0)), self.history.people.look))
            for at, act in visits:
                self._later(at, lambda act=act, errand=errand: self._visit("browser", lambda: act(errand)))
        for _ in range(rng.choice((0, 1, 2))):
            self._later(begin + rng.uniform(0.0, 200.0), self._meddle)

    def _visit(self, name: str, act: object) -> None:
        if not self.history.crew.down:
            self.history.visit(name, act)  # type: ignore[arg-type]

    def _some_time(self) -> float:
        return self.history.rng.uniform(0.5, self.history.plan.lasts * 0.8)

    def _later(self, after: float, act: object) -> None:
        self.ends = max(self.ends, after + 1.0)
        self.history.scheduler.at(self.history.scheduler.began + after, act)  # type: ignore[arg-type]

    def _from_to(self, what: str, lengths: tuple[float, ...], begin: object, end: object) -> None:
        start = self._some_time()
        scheduler = self.history.scheduler

        def begins() -> None:
            scheduler.say(what)
            begin()  # type: ignore[operator]

        def over() -> None:
            scheduler.say(f"no longer {what}")
            end()  # type: ignore[operator]

        self._later(start, begins)
        self._later(start + self.history.rng.choice(lengths), over)

    # In Slant

    def _show_oddly(self) -> None:
        if self.history.troubled:
            self.history.scheduler.say(f"Slant shows {self.history.slant.show_oddly(self.history.rng)}")

    def _show_rightly(self) -> None:
        """Make most histories show unreadable records normally before their end, so that nothing waits for
        that.
        """
        self.history.scheduler.say("Slant shows every record as it is")
        self.history.slant.show_rightly()

    def _delete(self) -> None:
        history = self.history
        if gone := history.slant.delete_something(history.rng, history.changing.in_play):
            history.scheduler.say(f"a colleague deletes {gone} in Slant")

    def _change_stages(self) -> None:
        self.history.scheduler.say(f"in Slant {self.history.slant.change_stages(self.history.rng)}")

    # In our deployment

    def _off(self) -> None:
        for actor in self.history.visitors:
            self.history.scheduler.kill(actor)
        self.history.crew.close()

    def _on(self) -> None:
        if self.history.crew.down:
            self.history.crew.open()

    def _kill_one(self) -> None:
        if not self.history.troubled:
            return
        actors = [*self.history.crew.actors, *(actor for actor in self.history.visitors if not actor.over)]
        if actors:
            victim = self.history.rng.choice(actors)
            self.history.scheduler.say(f"kill -9 {victim}")
            self.history.scheduler.kill(victim)

    def _jump(self) -> None:
        seconds = self.history.rng.choice((-7200.0, -45.0, 600.0, 7200.0))
        if self.history.troubled and abs(self.history.clock.offset + seconds) <= 2 * HOUR:
            self.history.scheduler.say(f"the wall clock jumps by {seconds:+.0f} s")
            self.history.clock.offset += seconds
            self.history.jumps += 1
            self.history.crew.look_soon()

    def _back_up(self) -> None:
        self.history.scheduler.say("backup taken")
        self._has_backup = True
        self._backup = self.history.deployment.database.snapshot()

    def _restore(self) -> None:
        """Stop everything, restore an older database, start again; later somebody recovers."""
        history = self.history
        if history.crew.down or self._backup is None or not history.troubled:
            return
        self._off()
        history.scheduler.say("backup restored")
        history.people.recovered = False
        history.shadows.append(history.deployment.database.snapshot())
        history.deployment.database.become(self._backup)
        self._backup = None
        after = self._put_back()
        history.scheduler.at(history.scheduler.now + after, lambda: self._recover(self._on))
        self.ends = max(self.ends, history.scheduler.now - history.scheduler.began + after + 60.0)

    def _put_back(self) -> float:
        """Start again, and say after how many seconds somebody recovers."""
        if self.history.rng.random() < 0.3:
            return self._move_to_new_machine()
        self._on()
        return self.history.rng.choice((1.0, 300.0))

    def _move_to_new_machine(self) -> float:
        """Move to a machine without a head file: its worker starts once `recover` has run."""
        self.history.scheduler.say("on another machine")
        self.history.found_directory(self.history.deployment.name)
        return 0.0

    def _recover(self, then: Callable[[], None]) -> None:
        """Somebody runs `recover`, again if it was killed; nothing is sent before."""
        history, done = self.history, list[bool]()

        def run() -> None:
            history.people.recover()
            done.append(True)
            then()

        operator = history.visit("operator", run)

        def look() -> None:
            if not done and operator.over:
                self._recover(then)
            elif not done:
                history.scheduler.at(history.scheduler.now + MINUTE, look)

        history.scheduler.at(history.scheduler.now + MINUTE, look)

    def _copy(self) -> None:
        """Somebody starts a copy of the database elsewhere, without its head file. It has sent before."""
        history = self.history
        if history.crew.down or not history.deployment.database.rows(
            "SELECT 1 FROM opportunities_attempt LIMIT 1"
        ):
            return
        history.scheduler.say("a copy of the database is started elsewhere")
        copy = history.new_deployment("copy", history.deployment.database.raw)
        crew = Crew(history, copy, 1)
        history.crews.append(crew)
        crew.open()

    # At Slant

    def _may(self, write: bool) -> None:
        tokens = self.history.slant.store.tokens
        tokens[WRITE_TOKEN] = replace(tokens[WRITE_TOKEN], can_write=write)

    def _edit(self) -> None:
        if edited := self.history.slant.edit_something_of_ours(self.history.rng):
            self.history.scheduler.say(f"edited in Slant: {edited}")

    def _meddle(self) -> None:
        if self.history.troubled:
            self.history.changing.meddle()

    def _shift(self) -> None:
        self.history.slant.shift_rows(self.history.rng)

    def _neighbour(self) -> None:
        wishes = self.history.people.wishes
        if not wishes:
            return
        deal = self.history.rng.choice(wishes).deal
        if deal.household_id:
            self.history.scheduler.say(f"a colleague adds a deal to {deal.household_id} in Slant")
            self.history.slant.add_neighbour(self.history.rng, deal.household_id, deal.book_id)
