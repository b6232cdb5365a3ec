"""Slant away for 5, 30 and 90 minutes, in each of the ways in which it can be, while 100 deals are entered.

Nothing else goes wrong, and the budget is the default one: what is judged is that the outage ends when Slant
is back, and how often Slant was called meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from opportunities.sandbox.faults import Fault
from tests.faults.checker import live_and_judge
from tests.faults.history import COUNTED, History
from tests.faults.nemesis import Nemesis
from tests.faults.network import Trouble
from tests.faults.plan import MINUTE, quiet_plan
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


class SlantAway(Nemesis):
    """Slant is away, and nothing else goes wrong. People enter deals meanwhile."""

    def enter_deals(self, count: int, *, seconds_apart: float) -> None:
        people, scheduler = self.history.people, self.history.scheduler
        for number in range(count):
            wish = people.wish()
            when = scheduler.began + 1.0 + number * seconds_apart
            scheduler.at(when, lambda wish=wish: self._visit("browser", lambda: people.send(wish)))

    def at_point(self, actor: Actor, kind: str, sql: str, outside: bool) -> None:
        pass


class Outage(SlantAway):
    """Slant is away from the beginning; people enter a deal each second."""

    kind, minutes, deals = "connection refused", 5.0, 100
    counted = 0

    def prepare(self) -> None:
        self.ends = self.minutes * MINUTE
        self.enter_deals(self.deals, seconds_apart=1.0)

    def wire(self, method: str, path: str) -> Trouble:
        return AWAY[self.kind]()

    def stop(self) -> None:
        ((self.counted,),) = self.history.deployment.database.rows(COUNTED)
        super().stop()


def live_through(kind: str, minutes: float, deals: int = 100) -> Told:
    """One outage: what was wrong, how its deals ended, and what it cost."""
    plan = quiet_plan(seed=int(minutes), lasts=minutes * MINUTE, deals=deals, hand_over=0.1, sync_seconds=60)
    script = type("Told", (Outage,), {"kind": kind, "minutes": minutes, "deals": deals})
    wrong, told = live_and_judge(plan, Random(plan.seed), script)
    return _summary(told, wrong)


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


LOST, NOT_EXECUTED, BUSY = (Fault("drill", kind) for kind in ("drop_after", "drop_before", "rate_limit"))
TOO_BUSY_FOR = 2


class Drill(SlantAway):
    """Slant loses the answers to fifty sends, half of them executed, and is away for ninety minutes."""

    DEALS, AWAY, BACK_WITHIN = 50, 90 * MINUTE, 15 * MINUTE

    returns = ""

    def __init__(self, history: History) -> None:
        super().__init__(history)
        self.writes = self.refused = 0

    def prepare(self) -> None:
        self.ends = self.AWAY + (10 * MINUTE if self.returns else 0.0)
        self.enter_deals(self.DEALS, seconds_apart=3.0)

    def wire(self, method: str, path: str) -> Trouble:
        gone = self.history.scheduler.now - self.history.scheduler.began
        if self.returns and gone > self.AWAY:
            self.refused += 1
            return Trouble(fault=BUSY if self.refused <= TOO_BUSY_FOR else None)
        if method == "GET" or gone > 5 * MINUTE:
            return Trouble(refused=True, up=3.0)
        self.writes += 1
        return Trouble(fault=LOST if self.writes % 2 else NOT_EXECUTED)


def drill(returns: str = "") -> tuple[list[str], float, History]:
    """The outage drill: what was wrong, and after how many seconds the last of the fifty was settled.

    With `returns` "busy" its first answers are 429.
    """
    plan = quiet_plan(seed=90, lasts=Drill.AWAY, deals=Drill.DEALS, hand_over=0.1)
    wrong, told = live_and_judge(plan, Random(90), type("Told", (Drill,), {"returns": returns}))
    return wrong, told.settled_at - told.scheduler.began - Drill.AWAY, told
