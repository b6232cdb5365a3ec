"""Slant away for 5, 30 and 90 minutes, in each of the ways in which it can be, while 100 deals are entered.

Nothing else goes wrong, and the budget is the default one: what is judged is that the outage ends when Slant
is back, and how often Slant was called meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from opportunities.sandbox.faults import Fault
from tests.faults.history import COUNTED, History, staged
from tests.faults.nemesis import Nemesis
from tests.faults.network import Trouble
from tests.faults.plan import MINUTE, Plan
from tests.faults.scheduler import Actor

BACK_WITHIN = 15 * MINUTE
AWAY: dict[str, Callable[[], Trouble]] = {
    "connection refused": lambda: Trouble(refused=True, up=0.01),
    "no name for it": lambda: Trouble(refused=True, up=3.0),
    "no answer in time": lambda: Trouble(lost=True),
    "503 with a page of HTML": lambda: Trouble(fault=Fault("outage", "html", status=503)),
    "429 for ever": lambda: Trouble(fault=Fault("outage", "rate_limit")),
}


@dataclass(frozen=True)
class Told:
    """What came of one outage. `seconds` is how long after the return the last deal was settled."""

    wrong: list[str]
    ended: list[str]
    calls: int
    probes: int
    counted: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.calls} calls meanwhile, {self.probes} of them probes; {self.counted} counted; "
            f"the last of {len(self.ended)} deals settled {self.seconds:.0f} s after the return"
        )


class Outage(Nemesis):
    """Slant is away from the beginning; people enter a deal each second."""

    kind, minutes, deals = "connection refused", 5.0, 100
    counted = 0

    def prepare(self) -> None:
        people, scheduler = self.history.people, self.history.scheduler
        self.ends = self.minutes * MINUTE
        for number in range(self.deals):
            wish = people.wish()
            when = scheduler.began + 1.0 + number
            scheduler.at(when, lambda wish=wish: self._visit("browser", lambda: people.send(wish)))

    def wire(self, method: str, path: str) -> Trouble:
        return AWAY[self.kind]()

    def at_point(self, actor: Actor, kind: str, sql: str, outside: bool) -> None:
        pass

    def stop(self) -> None:
        ((self.counted,),) = self.history.deployment.database.rows(COUNTED)
        super().stop()


def live_through(kind: str, minutes: float, deals: int = 100) -> Told:
    """One outage: what was wrong, how its deals ended, and what it cost."""
    from tests.faults.checker import verdict_on

    plan = Plan(
        seed=int(minutes),
        troubles=frozenset(),
        lasts=minutes * MINUTE,
        deals=deals,
        workers=2,
        crash=0.0,
        freeze=0.0,
        database=0.0,
        wire=0.0,
        hand_over=0.1,
        sync_seconds=60,
    )
    script = type("Told", (Outage,), {"kind": kind, "minutes": minutes, "deals": deals})
    with staged(plan, Random(plan.seed), script) as told:
        told.run()
        return _summary(told, verdict_on(told))


def _summary(told: History, wrong: list[str]) -> Told:
    returned = told.scheduler.began + told.nemesis.ends
    meanwhile = [sent for sent in told.network.sent if sent.began < returned]
    assert isinstance(told.nemesis, Outage)
    return Told(
        wrong=wrong,
        ended=told.ended,
        calls=len(meanwhile),
        probes=sum(sent.path.endswith("/me") for sent in meanwhile),
        counted=max(0, told.nemesis.counted - told.counted_before),
        seconds=told.settled_at - returned,
    )
