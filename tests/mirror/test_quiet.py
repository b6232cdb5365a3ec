"""After quiet, the mirror and Slant differ in nothing - whatever happened before, and however Slant's list
behaves.
"""

import json
from random import Random
from typing import Any

import pytest

from opportunities import mirror
from opportunities.mirror import totals
from opportunities.mirror.versions import observe
from opportunities.models import Opportunity, OpportunityVersion, SyncState
from opportunities.slant.transport import Unanswered
from opportunities.slant.types import OpportunityRecord
from tests.mirror.conftest import differences, kept, one_pass, undone
from tests.support.slant_box import SlantBox, TurnedClock

pytestmark = pytest.mark.slow

WRITER = "u_9xw20c"
LISTS: list[dict[str, str]] = [
    {"list_filters": "ignore"},
    {"list_filters": "apply"},
    {"list_filters": "reject", "nested_pipeline": "slim", "validation_status": "400"},
    {"list_filters": "apply", "no_access": "403", "error_shape": "html"},
    {"list_opportunities": "not_found"},
]


class World:
    """A firm at work: people in Slant, people here, and a worker whose reading is disturbed."""

    def __init__(self, rng: Random, switches: dict[str, str]) -> None:
        self.rng, self.clock = rng, TurnedClock()
        self.box = SlantBox(self.clock, opportunities=45)
        self._forget_quiet_households()
        self.box.control(switches=switches)
        self.box.before_read = self.between_pages
        self.client = self.box.client()
        self.answers: list[OpportunityRecord] = []
        self.partial = "list_opportunities" in switches

    def _forget_quiet_households(self) -> None:
        """Those without a deal: where households are read one by one, they would only cost time."""
        named = {row["household_id"] for row in self.box.store.tables["opportunity"].values()}
        for id in set(self.box.store.tables["household"]) - named:
            self.box.store.remove("household", id)

    def live(self, steps: int) -> None:
        for _ in range(steps):
            self.clock.turn(self.rng.choice((1, 7, 61, 400)))
            self.rng.choice((self.in_slant, self.here, self.worker, self.worker))()

    def between_pages(self) -> None:
        if self.rng.random() < 0.15:
            self.in_slant()
        if self.rng.random() < 0.08:
            self.here()
        if self.rng.random() < 0.04:
            raise Unanswered("reset", bytes_sent=True)

    def worker(self) -> None:
        one_pass(self.box, self.clock)

    def in_slant(self) -> None:
        """Somebody uses Slant's own page: offsets shift, values change."""
        table = self.box.store.tables["opportunity"]
        row = table[self.rng.choice([id for id in table if id != "op_salt99"])]
        match self.rng.choice(("change", "change", "create", "delete")):
            case "change":
                self.box.edit(row["id"], **self.change_of(row))
            case "create":
                fields = {name: row[name] for name in ("book_id", "pipeline_id", "household_id")}
                fields |= {"pipeline_stage_id": row["pipeline_stage_id"], "assigned_to_id": WRITER}
                fields["name"] = f"By hand {self.rng.random()}"
                self.box.control(records=[{"op": "create", "type": "opportunity", "set": fields}])
            case "delete":
                self.box.control(records=[{"op": "delete", "id": row["id"]}])

    def change_of(self, row: dict[str, Any]) -> dict[str, Any]:
        stages = self.box.store.tables["pipeline"][row["pipeline_id"]]["pipeline_stages"]
        return self.rng.choice(
            (
                {"value": self.rng.choice((None, self.rng.randrange(10**6)))},
                {"probability": self.rng.choice((None, self.rng.randrange(101)))},
                {"pipeline_stage_id": self.rng.choice(stages)["id"]},
                {"name": f"Renamed {self.rng.random()}"},
            )
        )

    def here(self) -> None:
        """A write of ours; its answer may come into the mirror late, after newer things were seen."""
        if self.answers and self.rng.random() < 0.5:
            mirror.apply(self.answers.pop(0), clock=self.clock, by="Theo")
            return
        rows = [row for row in self.box.store.tables["opportunity"].values() if row["book_id"] == "bk_pine01"]
        row = self.rng.choice(rows)
        before = self.box.before_read
        self.box.before_read = lambda: None
        body = json.dumps({"value": self.rng.randrange(10**6)}).encode()
        self.answers.append(
            self.client.update_opportunity(row["id"], body, key=f"k-{self.rng.random()}").record
        )
        self.box.before_read = before

    def fall_silent(self) -> int:
        """Nobody does anything any more. Returns after how many passes the mirror said what Slant says."""
        self.box.before_read = lambda: None
        for answer in self.answers:
            mirror.apply(answer, clock=self.clock, by="Theo")
        for passes in range(60):
            if not differences(self.box, only_households=self.partial):
                return passes
            self.clock.turn(seconds=70)
            self.worker()
        return 60


@pytest.mark.parametrize("switches", LISTS, ids=lambda switches: "-".join(switches.values()))
def test_after_quiet_mirror_and_slant_differ_in_no_row(
    db: None, small_pages: None, switches: dict[str, str]
) -> None:
    for seed in range(2):
        with undone():
            world = World(Random(seed), switches)
            world.live(14)

            world.fall_silent()
            world.worker()

            assert differences(world.box, only_households=world.partial) == [], f"seed {seed}"
            assert kept() == totals.count_totals(), f"seed {seed}"
            current = {row.opportunity_id: row for row in OpportunityVersion.objects.filter(valid_to=None)}
            for deal in Opportunity.objects.all():
                version = current[deal.pk]
                assert {name: getattr(version, name) for name in observe(deal)._fields} == (
                    observe(deal)._asdict()
                ), f"seed {seed}"
            assert SyncState.objects.get(pk="opportunities").failure == ""
