"""The meaning of a seed: which troubles a history has, how severe they are, and when they end.

Each history takes a random few of the families below, not a little of everything: troubles hide each other,
and the worst histories are those in which one or two of them strike again and again.
"""

from dataclasses import dataclass, field
from random import Random

from opportunities.sandbox.faults import Fault
from opportunities.sandbox.store import SWITCHES
from tests.faults.network import Trouble

MINUTE, HOUR = 60.0, 3600.0

ON_THE_WIRE = (
    "answer lost",
    "request lost",
    "error after",
    "error before",
    "busy",
    "refused",
    "slow",
    "commits late",
    "nonsense",
)
IN_SLANTWEB = (
    "crash",
    "freeze",
    "database error",
    "downtime",
    "clock jump",
    "restore",
    "copy",
    "wake-ups lost",
)
AT_SLANT = (
    "outage",
    "revoked",
    "read-only",
    "list lag",
    "rows shift",
    "edited",
    "neighbours",
    "switches",
    "skew",
)
PEOPLE = (
    "double click",
    "twins",
    "withdraws",
    "manager",
    "stop button",
    "same household",
    "refusable",
    "changes",
    "syncs",
)
# Drawn by themselves, so that each seed keeps what it had before them: the share of histories that have one,
# and of those in which the mirror is read.
BESIDES = {"deleted": (0.08, 0.6), "stages": (0.06, 0.4), "odd records": (0.2, 0.4)}
FAMILIES = ON_THE_WIRE + IN_SLANTWEB + AT_SLANT + PEOPLE

BESIDE_SYNC = frozenset(
    (
        "syncs",
        "changes",
        "crash",
        "freeze",
        "answer lost",
        "commits late",
        "list lag",
        "skew",
        "clock jump",
        "edited",
        *BESIDES,
    )
)
OFTEN_CHANGED, OFTEN_SYNCED = 0.2, 0.05
OUTAGES = ("refused", "silent", "slow to refuse", "busy", "busy, it says for a second")
# Switches of Slant API 9 that matter to what the application does; `list_opportunities` off leaves the
# households' lists.
TURNED = (
    "error_shape",
    "validation_status",
    "create_status",
    "idem_mismatch",
    "idem_store_4xx",
    "list_opportunities",
    "list_filters",
    "rate_headers",
    "me_can_write",
    "probability_when_omitted",
    "no_access",
    "nested_pipeline",
)


@dataclass
class Plan:
    """The whole of a history that is decided beforehand."""

    seed: int
    troubles: frozenset[str]
    lasts: float
    deals: int
    workers: int
    crash: float
    freeze: float
    database: float
    wire: float
    hand_over: float
    changes: int = 0
    budget: int = 900
    sync_seconds: int = 86_400
    opportunities: int = 24
    skew: float = 0.0
    outage: str = ""
    switches: dict[str, str] = field(default_factory=dict)

    def has(self, family: str) -> bool:
        return family in self.troubles

    def __str__(self) -> str:
        parts = [
            f"seed {self.seed}",
            f"{self.deals} deals",
            f"{self.changes} changes",
            f"{self.workers} workers",
            f"{self.lasts:.0f} s of trouble",
        ]
        parts += [f"budget {self.budget}"] if self.budget != 900 else []
        parts += [f"{name}={value}" for name, value in self.switches.items()]
        return ", ".join(parts) + ": " + (", ".join(sorted(self.troubles)) or "nothing wrong")


def quiet_plan(
    *,
    seed: int,
    lasts: float,
    deals: int,
    hand_over: float,
    sync_seconds: int = Plan.sync_seconds,
    opportunities: int = Plan.opportunities,
) -> Plan:
    """Two workers and nothing drawn: what goes wrong is in a script."""
    return Plan(
        seed=seed,
        troubles=frozenset(),
        lasts=lasts,
        deals=deals,
        workers=2,
        crash=0.0,
        freeze=0.0,
        database=0.0,
        wire=0.0,
        hand_over=hand_over,
        sync_seconds=sync_seconds,
        opportunities=opportunities,
    )


def draw(seed: int, always: frozenset[str] = frozenset()) -> tuple[Plan, Random]:
    """The plan of a seed, and the generator that decides the rest. `always`: troubles it has in any case."""
    rng = Random(seed)
    share = rng.choice((0.0, 0.03, 0.08, 0.12, 0.25))
    troubles = {family for family in FAMILIES if rng.random() < share}
    if share:
        troubles.add(rng.choice(ON_THE_WIRE))
        troubles.add(rng.choice(ON_THE_WIRE[:5] + IN_SLANTWEB))
    if rng.random() < OFTEN_CHANGED:
        troubles.add("changes")
    troubles.discard("syncs")
    if rng.random() < OFTEN_SYNCED:
        troubles.add("syncs")
    known = {*FAMILIES, *BESIDES}
    assert always <= known, f"unknown troubles: {always - known}"
    besides = Random(f"besides {seed}")
    for family, (often, with_syncs) in BESIDES.items():
        if besides.random() < (with_syncs if "syncs" in troubles | always else often):
            troubles.add(family)
    if "odd records" in troubles | always and besides.random() < 0.9:
        troubles.add("error after")  # only then a second send makes a second record
    troubles |= always
    plan = Plan(
        seed=seed,
        troubles=frozenset(troubles),
        lasts=rng.choice((MINUTE, 3 * MINUTE, 10 * MINUTE, 30 * MINUTE)),
        deals=rng.choice((1, 1, 1, 1, 1, 2, 2, 3)),
        workers=rng.choice((1, 1, 2, 2, 2, 3)),
        crash=rng.choice((0.001, 0.004, 0.012)) if "crash" in troubles else 0.0,
        freeze=rng.choice((0.001, 0.006)) if "freeze" in troubles else 0.0,
        database=rng.choice((0.002, 0.01)) if "database error" in troubles else 0.0,
        wire=rng.choice((0.25, 0.5, 0.8)),
        hand_over=rng.choice((0.1, 0.5, 1.0)),
    )
    if plan.has("changes"):
        # Instead of deals, mostly: a history of everything at once costs more and shows no more.
        plan.changes, plan.deals = rng.choice((1, 2, 2, 3)), rng.choice((0, 0, 1))
    if rng.random() < 0.15:
        plan.budget = rng.choice((104, 110, 130))
    if plan.has("syncs"):
        # Each minute costs what a whole history does without, so few of them, and nothing that makes them
        # many.
        plan.sync_seconds, plan.lasts, plan.troubles = 60, 2 * MINUTE, plan.troubles & BESIDE_SYNC
    if plan.has("outage"):
        plan.outage = rng.choice(OUTAGES)
        if plan.outage == "busy, it says for a second":
            # Whoever obeys asks every second: only the budget, shared by all workers, keeps that within
            # bounds.
            plan.budget, plan.workers = 130, rng.choice((2, 3))
    if plan.has("rows shift") and not plan.has("syncs"):  # the mirror knows the smaller firm
        plan.opportunities = 104
    if plan.has("skew"):
        plan.skew = rng.choice((-1200.0, -90.0, 45.0, 600.0))
    if plan.has("switches"):
        for name in rng.sample(TURNED, k=rng.randrange(1, 5)):
            plan.switches[name] = rng.choice(SWITCHES[name])
    if plan.has("syncs") and rng.random() < 0.8:
        plan.switches["list_filters"] = (
            "apply"  # else everything is read every time, and nothing can be missed
        )
    return plan, rng


def trouble_on_the_wire(plan: Plan, rng: Random, method: str) -> Trouble:
    """What becomes of one exchange while troubles last."""
    quick = Trouble(up=rng.uniform(0.005, 0.3), down=rng.uniform(0.005, 0.3))
    mine = [family for family in ON_THE_WIRE if plan.has(family)]
    # Writes are where it hurts; reads are struck less often, or nothing would ever be settled.
    if not mine or rng.random() > (plan.wire if method != "GET" else plan.wire / 3):
        return quick
    match rng.choice(mine):
        case "answer lost":
            quick.fault = Fault("f", rng.choice(("drop_after", "truncate")))
        case "request lost":
            quick.lost = rng.random() < 0.5
            quick.fault = Fault("f", rng.choice(("drop_before", "hang")))
        case "error after":
            quick.fault = Fault("f", "status_after", status=rng.choice((500, 502, 503, 504)))
        case "error before":
            quick.fault = Fault("f", "status_before", status=rng.choice((500, 502, 503, 504, 408, 301)))
        case "busy":
            quick.fault = Fault("f", "rate_limit", retry_after=rng.choice((None, 0, 2, 30, 600)))
        case "refused":
            quick.refused, quick.up = True, rng.choice((0.001, 3.0))
        case "slow":
            quick.up, quick.down = rng.uniform(0.1, 15.0), rng.uniform(0.1, 15.0)
        case "commits late":
            quick.fault = Fault("f", "commit_late", delay_ms=rng.choice((500, 9_000, 30_000, 59_000)))
        case "nonsense":
            quick.fault = Fault("f", rng.choice(("bad_body", "html")), status=rng.choice((200, 502)))
    return quick
