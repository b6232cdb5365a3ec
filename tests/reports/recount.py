"""Random firms with odd histories, and a plain recount of them, which shares no code with the application."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from statistics import median
from typing import Any

from opportunities.models import Target
from tests.reports.story import (
    ARCHIVED,
    CARL,
    HARBOR,
    KNOWN,
    LEFT,
    LOST,
    NOW,
    OLIVIA,
    OTTO,
    PARKED,
    SUMMIT,
    WON,
    A,
    B,
    C,
    on,
    settle,
    tell,
)

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)
DEFAULTS = {A: 10, B: 40, C: 60, WON: 100, LOST: 0, ARCHIVED: 0, PARKED: None}
OPEN_STAGES = (A, B, C, PARKED)
PLACES = [(HARBOR, OLIVIA), (HARBOR, CARL), (SUMMIT, OTTO), (SUMMIT, LEFT), (HARBOR, "")]
Told = dict[str, Any]


@dataclass
class Recount:
    """The deals as the test wrote them, added up by hand."""

    deals: list[Told]
    targets: dict[str, int]
    figures: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        began = datetime(2026, 10, 1, tzinfo=NOW.tzinfo)
        self.days: list[int] = []
        for key in KEYS:
            self.figures[key] = 0
        for deal in self.deals:
            value, since = deal["value"] or 0, deal["since"]
            self.figures["listed"] += value
            self.figures["listed deals"] += 1
            if deal["stage"] in OPEN_STAGES:
                self._count_open(deal, value)
            elif deal["stage"] in (WON, LOST):
                what = "won" if deal["stage"] == WON else "lost"
                what = f"undated {what}" if since is None else what if since >= began else ""
                if what:
                    self.figures[what] += value
                    self.figures[f"{what} deals"] += 1
                if what == "won":
                    self._count_won(deal, value)
        # Half a dollar up, of the sum.
        self.figures["weighted"] = int(self.figures["weighted"] / 100 + 0.5)
        won, lost = self.figures["won deals"], self.figures["lost deals"]
        self.figures["win rate"] = in_thousandths(won / (won + lost) if won + lost else None)
        self.figures["days to win"] = int(median(self.days) + 0.5) if self.days else NONE
        self.figures["target"] = sum(self.targets.values())
        rest = self.figures["target"] - self.figures["won for target"]
        self.figures["coverage"] = in_thousandths(
            self.figures["due for target"] / rest if self.targets and rest > 0 else None
        )

    def _count_won(self, deal: Told, value: int) -> None:
        self.days.append((deal["since"] - deal["created"]).days)
        self.figures[f"won of {deal['owner']}"] += value
        if deal["owner"] in self.targets:
            self.figures["won for target"] += value

    def _count_open(self, deal: Told, value: int) -> None:
        percent = DEFAULTS[deal["stage"]] if deal["probability"] is None else deal["probability"]
        self.figures["open"] += value
        self.figures["open deals"] += 1
        self.figures["weighted"] += value * (percent or 0)
        if (deal["since"] or deal["created"]) < NOW - timedelta(days=30):
            self.figures["stale"] += 1
        self.figures[f"open of {deal['owner']}"] += value
        if deal["close"] and NOW.date() <= deal["close"] <= LAST:
            self.figures["due"] += value
            if deal["owner"] in self.targets:
                self.figures["due for target"] += value


NONE = -1
OWNERS = (OLIVIA, CARL, OTTO, LEFT, "")


def in_thousandths(share: float | None) -> int:
    return NONE if share is None else int(share * 1000 + 0.5)


KEYS = (
    "open", "open deals", "weighted", "stale", "due", "won", "won deals", "lost", "lost deals",
    "undated won", "undated won deals", "undated lost", "undated lost deals", "listed", "listed deals",
    "won for target", "due for target",
    *(f"{what} of {owner}" for what in ("open", "won") for owner in OWNERS),
)  # fmt: skip


def write_firm(random: Random, name: str = "x") -> list[Told]:
    """Deals with odd pasts; those still in Slant are returned as they are now."""
    known = datetime.combine(KNOWN, datetime.min.time(), NOW.tzinfo)
    now: list[Told] = []
    for number in range(random.randint(1, 9)):
        id = f"{name}-{number}"
        book, owner = random.choice(PLACES)
        stage = random.choice(list(DEFAULTS))
        created = NOW - timedelta(days=random.randint(1, 400), seconds=random.randint(0, 80_000))
        deal: Told = {
            "book": book, "owner": owner, "stage": stage, "created": created,
            "value": random.choice([None, 0, 1, 55, 125, random.randint(1, 9_000_000)]),
            "probability": random.choice([None, None, 0, 1, 33, 50, 100]),
            "close": random.choice([None, NOW.date() + timedelta(days=random.randint(-90, 200))]),
            "since": random.choice([None, created, created + (NOW - created) / 2]),
        }  # fmt: skip
        seen = max(created, known)
        chapters: list[tuple[datetime, dict[str, Any]]] = []
        gone = False
        if deal["since"] and deal["since"] > seen:
            seen = deal["since"]
        at = seen + (NOW - seen) * random.uniform(0.1, 0.9)
        what = random.choice(["nothing", "move", "value", "gone"])
        first = dict(deal)
        if what == "move" and stage in OPEN_STAGES:
            to = random.choice([WON, LOST, ARCHIVED, B, PARKED])
            since = at if to != stage else deal["since"]
            deal |= {"stage": to, "since": random.choice([since, since, None])}
            pipeline = "pl_other" if to == PARKED else "pl_desk"
            chapters = [(at, {"stage_id": to, "pipeline_id": pipeline, "stage_since": deal["since"]})]
        elif what == "value" and stage in OPEN_STAGES:
            deal["value"] = random.randint(0, 500_000)
            chapters = [(at, {"value": deal["value"]})]
        elif what == "gone" and stage in OPEN_STAGES:
            gone, chapters = True, [(at, {"gone": True})]
        if not gone and deal["stage"] in (WON, LOST):
            gone = change_closed(random, deal, chapters, at + (NOW - at) / 2)
        tell(
            id, *chapters, created=created, seen=seen, book_id=book, assigned_to_id=owner, stage_id=stage,
            pipeline_id="pl_other" if stage == PARKED else "pl_desk", value=first["value"],
            probability=deal["probability"], target_close_date=deal["close"], stage_since=first["since"],
        )  # fmt: skip
        if not gone:
            now.append(deal)
    settle()
    return now


def change_closed(random: Random, deal: Told, chapters: list[Any], at: datetime) -> bool:
    """What may happen to a deal after it was won or lost; whether it is deleted."""
    what = random.choice(["nothing", "nothing", "value", "owner", "reopened", "moved on", "gone"])
    if what == "gone":
        chapters.append((at, {"gone": True}))
    elif what == "value":
        deal["value"] = random.choice([None, random.randint(0, 500_000)])
        chapters.append((at, {"value": deal["value"]}))
    elif what == "owner":
        deal["book"], deal["owner"] = random.choice(PLACES)
        chapters.append((at, {"book_id": deal["book"], "assigned_to_id": deal["owner"]}))
    elif what in ("reopened", "moved on"):
        to = B if what == "reopened" else random.choice([WON, LOST, ARCHIVED])
        if to != deal["stage"]:
            deal |= {"stage": to, "since": random.choice([at, at, None])}
            chapters.append((at, {"stage_id": to, "pipeline_id": "pl_desk", "stage_since": deal["since"]}))
    return what == "gone"


def write_targets(random: Random) -> dict[str, int]:
    """What some people are to win in the quarter; who left may still have a target."""
    chosen = random.sample([OLIVIA, CARL, OTTO, LEFT], random.randint(0, 4))
    targets = {member: random.choice([1, 400_000, 6_000_000]) for member in chosen}
    for member, amount in targets.items():
        Target.objects.create(member_id=member, quarter=FIRST, amount=amount, set_at=NOW)
    return targets


def write_won_and_due() -> list[Told]:
    """A win of this quarter after nine days, and a deal due in it."""
    told = []
    for id, stage, since, close in (
        ("won", WON, on(11, 9), None),
        ("due", B, on(10, 31), date(2026, 12, 10)),
    ):
        made = {"created": on(10, 31), "value": 3_000_000, "probability": None}
        tell(id, seen=on(11, 10), stage_id=stage, stage_since=since, target_close_date=close, **made)
        told.append(made | {"book": HARBOR, "owner": OLIVIA, "stage": stage, "since": since, "close": close})
    settle()
    return told


def write_certain() -> list[Told]:
    """An undated win and a loss of this quarter, and a new deal with its stage's probability."""
    told = []
    for id, stage, since in (("undated", WON, None), ("lost", LOST, on(11, 3)), ("new", A, on(11, 3))):
        tell(id, created=on(10, 5), seen=on(11, 4), stage_id=stage, stage_since=since, value=1_250_000)
        deal = {"book": HARBOR, "owner": OLIVIA, "stage": stage, "since": since, "value": 1_250_000}
        told.append(deal | {"created": on(10, 5), "probability": None, "close": None})
    settle()
    return told
