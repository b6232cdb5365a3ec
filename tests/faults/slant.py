"""Slant: the sandbox's rules in true time, servers that commit late, and people working in Slant itself."""

import json
from random import Random
from typing import Any

from opportunities.sandbox import control, sample
from opportunities.sandbox.answers import Answer
from opportunities.sandbox.faults import Fault, false_answer
from opportunities.sandbox.ledger import Entry
from opportunities.sandbox.rules import Exchange, Request, Rules
from opportunities.sandbox.store import Store
from tests.faults.scheduler import Scheduler
from tests.support.odd_records import ODD_DEALS, ODD_IDS

WRITE_TOKEN = "slnt_pat_sandbox_write"
# How records are shown oddly. Without those that show something that can be read and is not so.
WAYS = {name: how for name, (_, how) in ODD_DEALS.items() if name != "owner's name a number"} | ODD_IDS
# Of those, the ways that hide what tells a deal from others.
TELLING = {name for name in WAYS if name in ODD_IDS or ODD_DEALS[name][0] in ("name", "household_id")}
SHARED = ("pl_newbiz", "pl_growth", "pl_events")  # pipelines of every book


class Slant:
    """One Slant. `skew` is how far its clock is from true time."""

    def __init__(self, start: Store, scheduler: Scheduler, *, skew: float = 0.0) -> None:
        self.start, self.scheduler, self.skew = start, scheduler, skew
        self.store = start.copy()
        self.store.id_count = 1_000_000  # a record deleted by hand must not lend its id to a new one
        self.rules = Rules(self.store)
        self.pending = 0
        self.moved = False  # whether somebody shifted rows between two pages

    @property
    def now(self) -> float:
        return self.scheduler.now + self.skew

    def answer(self, request: Request, fault: Fault | None) -> Answer | None:
        """What the server does now with a request that reached it. None: no answer will come."""
        exchange = self.rules.receive(request, self.now, with_faults=False)
        plan = fault.plan if fault else None
        if plan is not None and plan.processed == "never":
            answer = None if plan.answer in ("none", "held") else self._false(fault)
            if plan.answer == "busy" and answer is not None:
                answer = self.rules.limit(exchange, answer, self.now)
            self.rules.close(
                exchange, status=answer.status if answer else None, is_answered=answer is not None
            )
            return answer
        arrived = self.rules.arrive(exchange, self.now)
        if plan is not None and plan.processed == "late" and fault is not None:
            if arrived is None:
                self.pending += 1
                self.scheduler.at(self.scheduler.now + fault.delay_ms / 1000, lambda: self._late(exchange))
            self.rules.close(exchange, status=None, is_answered=False)
            return None
        false = self._false(fault) if plan is not None and plan.answer == "status" else None
        answer = arrived or self.rules.execute(exchange, self.now, false)
        if plan is not None:
            answer = self._spoilt(fault, answer, false)
        self.rules.close(exchange, status=answer.status if answer else None, is_answered=answer is not None)
        return answer

    def _late(self, exchange: Exchange) -> None:
        self.pending -= 1
        self.rules.execute(exchange, self.now)
        self.scheduler.say(f"Slant commits late: {exchange.request.method} {exchange.request.path}")

    def _spoilt(self, fault: Fault | None, true: Answer, false: Answer | None) -> Answer | None:
        assert fault is not None
        match fault.plan.answer:
            case "none" | "half" | "held":
                return None
            case "status":
                return false
            case "garbage" | "html":
                return self._false(fault, true)
        return true

    def _false(self, fault: Fault | None, true: Answer | None = None) -> Answer:
        assert fault is not None
        return false_answer(fault, self.store.control.switches["error_shape"], true)

    # People in Slant

    def change(self, **changes: Any) -> None:
        control.apply(self.store, self.start, changes, self.now)

    def made_by_us(self) -> list[Entry]:
        """The creations of opportunities that requests of ours caused."""
        return [entry for entry in self.written_by_us() if entry["action"] == "create"]

    def written_by_us(self) -> list[Entry]:
        """Records created and changed by our requests; a request that changed nothing is left out."""
        return [
            entry
            for entry in self.store.ledger.entries
            if entry["kind"] == "write" and entry["request"] is not None
        ]

    def requests(self, method: str | None = None) -> list[Entry]:
        return [
            entry
            for entry in self.store.ledger.entries
            if entry["kind"] == "request" and (method is None or entry["method"] == method)
        ]

    def edit_something_of_ours(self, rng: Random) -> str | None:
        """A colleague changes one field of a deal we made. Of its name and its household one stays as it was.

        A deal whose name and household are others leaves nothing to recognise it by: a stated limit, not
        simulated.
        """
        made = self.made_by_us()
        if not made:
            return None
        was = rng.choice(made)["record"]
        row = self.store.tables["opportunity"].get(was["id"])
        if row is None:
            return None
        choices = ["value", "probability", "stage", "assignee"]
        choices += ["name"] if row["household_id"] and row["household_id"] == was["household_id"] else []
        choices += ["household"] if row["household_id"] and row["name"] == was["name"] else []
        match rng.choice(choices):
            case "value":
                fresh: dict[str, Any] = {"value": (row["value"] or 0) + 7}
            case "probability":
                fresh = {"probability": rng.randrange(0, 101)}
            case "stage":
                stages = self.store.tables["pipeline"][row["pipeline_id"]]["pipeline_stages"]
                fresh = {"pipeline_stage_id": rng.choice(stages)["id"]}
            case "assignee":
                fresh = {
                    "assigned_to_id": rng.choice(list(self.store.tables["book"][row["book_id"]]["members"]))
                }
            case "household":
                kind = self.store.tables["household"][row["household_id"]]["type"]
                others = [
                    id
                    for id, home in self.store.tables["household"].items()
                    if home["book_id"] == row["book_id"] and home["type"] == kind
                ]
                fresh = {"household_id": rng.choice([None, *others])}
            case _:
                fresh = {"name": row["name"] + ", renamed"}
        self.change(records=[{"op": "patch", "id": row["id"], "set": fresh}])
        return f"{row['id']} {json.dumps(fresh)}"

    def add_neighbour(self, rng: Random, household_id: str, book_id: str) -> None:
        """A colleague enters another deal of the same household in Slant itself."""
        fields = {
            "name": f"By hand {rng.randrange(10**6)}",
            "book_id": book_id,
            "household_id": household_id,
            "pipeline_id": "pl_events",
            "pipeline_stage_id": "st_ev_ident",
            "assigned_to_id": "u_9xw20c",
            "value": 1_000_000_000 + rng.randrange(10**6),
        }
        self.change(records=[{"op": "create", "type": "opportunity", "set": fields}])

    def show_oddly(self, rng: Random) -> str:
        """From now on Slant shows a deal otherwise than it documents: one of ours, or any other."""
        rows = self.store.tables["opportunity"]
        ours = [entry["id"] for entry in self.made_by_us() if entry["id"] in rows]
        id = rng.choice(ours) if ours and rng.random() < 0.7 else rng.choice(list(rows))
        return self._show(id, rng)

    def show_new_ones_oddly(self, rng: Random) -> str:
        """The same of every deal that is made from now on."""
        return self._show("new", rng)

    def _show(self, id: str, rng: Random) -> str:
        name = rng.choice(sorted(TELLING if rng.random() < 0.75 else WAYS))
        self.change(records=[{"op": "show", "id": id, **WAYS[name]}])
        return f"{id} oddly: {name}"

    def show_rightly(self) -> None:
        """Every deal is shown as it is again."""
        self.change(records=[{"op": "show", "id": id} for id in self.store.oddities])

    def delete_something(self, rng: Random, in_play: list[str]) -> str:
        """A colleague deletes a deal that was there before us, one that our people change or any other.

        One that we made stays: deleted while its answer is lost, it would rightly be made once more.
        """
        rows = self.store.tables["opportunity"]
        old = [id for id, row in rows.items() if id not in self.store.born and row["book_id"] != "bk_salt99"]
        at_hand = [id for id in in_play if id in old]
        if not old:
            return ""
        chosen = rng.choice(at_hand if at_hand and rng.random() < 0.5 else old)
        self.change(records=[{"op": "delete", "id": chosen}])
        return chosen

    def change_stages(self, rng: Random) -> str:
        """A colleague renames, hides, reorders, adds or removes a stage; the first one stays where it is."""
        pipeline = rng.choice(SHARED)
        first, *rest = [dict(stage) for stage in self.store.tables["pipeline"][pipeline]["pipeline_stages"]]
        chosen, what = rng.choice(rest), rng.choice(("renamed", "hidden", "reordered", "added", "removed"))
        match what:
            case "renamed":
                chosen["name"] += ", renamed"
            case "hidden":
                chosen["visible"] = not chosen["visible"]
            case "reordered":
                rest.remove(chosen)
                rest.insert(rng.randrange(len(rest) + 1), chosen)
            case "added":
                rest.append(chosen | {"id": f"{chosen['id']}_{rng.randrange(10**6)}", "name": "Added"})
            case "removed" if len(rest) > 2:
                rest.remove(chosen)
        stages = [stage | {"stage_order": place} for place, stage in enumerate((first, *rest), start=1)]
        self.change(records=[{"op": "patch", "id": pipeline, "set": {"pipeline_stages": stages}}])
        return f"{chosen['id']} of {pipeline} is {what}"

    def shift_rows(self, rng: Random) -> None:
        """An old deal is deleted and another entered: the count stays, the rows of every page move up."""
        old = [id for id, row in self.store.tables["opportunity"].items() if id not in self.store.born]
        if old:
            row = self.store.tables["opportunity"][rng.choice(old[:40])]
            self.change(records=[{"op": "delete", "id": row["id"]}])
            if row["household_id"] and rng.random() < 0.7:
                self.add_neighbour(rng, row["household_id"], row["book_id"])


def sample_firm(now: float, opportunities: int) -> Store:
    return sample.build(now=now, opportunities=opportunities)
