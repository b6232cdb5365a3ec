"""The past of the sample firm: how each of its deals came to be what it is now.

A world has one only if it is asked for (`--past`, which the demo does), and shows it while its clock is
turned back. All follows from the deal as it is now, so the same world has the same past (no randomness).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from opportunities.sandbox import sample
from opportunities.sandbox.store import Row, Store, stamp

DAY_S = 86_400.0
SPAN_S = 548 * DAY_S  # eighteen months
Change = tuple[float, dict[str, object]]  # when, and what became of which fields
CLOSED = 3  # stages at the end of each pipeline: won, lost, archived
ROUND = 5_000  # dollars


def build(*, now: float, opportunities: int) -> Store:
    """The sample firm as it is after eighteen months of work: most deals of three months ago are decided."""
    store = sample.build(now=now, opportunities=opportunities, span_s=SPAN_S)
    table = store.tables["opportunity"]
    for number, deal in enumerate(list(table.values())):
        stages = [stage["id"] for stage in store.tables["pipeline"][deal["pipeline_id"]]["pipeline_stages"]]
        table[deal["id"]] = _decided(deal, stages, number, now)
    return store


def _decided(deal: Row, stages: list[str], number: int, now: float) -> Row:
    """The deal with its end, some weeks or months after it was created; as it is where that is to come."""
    at = _seconds(deal["created_at"]) + (15 + number * 37 % 110) * DAY_S
    if at > now or number % 7 == 0:
        return deal
    ending = stages[len(stages) - CLOSED + (0, 1, 0, 1, 0, 2)[number % 6]]
    date = stamp(at) if deal["stage_updated_at"] else None
    return {**deal, "pipeline_stage_id": ending, "stage_updated_at": date, "updated_at": stamp(at)}


class PastRow(NamedTuple):
    """How a deal stood from `since` on."""

    since: float
    row: Row


class Past:
    """The lives of all deals of a world."""

    def __init__(self, store: Store) -> None:
        self._lives = {
            deal["id"]: life_of(deal, store.tables["pipeline"][deal["pipeline_id"]], store, number)
            for number, deal in enumerate(store.tables["opportunity"].values())
        }

    def rows_at(self, moment: float) -> dict[str, Row]:
        """The deals that there were, as they stood then, in order of creation."""
        return {
            deal_id: max(
                (lived for lived in life if lived.since <= moment), key=lambda lived: lived.since
            ).row
            for deal_id, life in self._lives.items()
            if life[0].since <= moment
        }


def life_of(deal: Row, pipeline: Row, store: Store, number: int) -> list[PastRow]:
    """From the day it was created to the deal as it is now, oldest first."""
    created, ended = _seconds(deal["created_at"]), _seconds(deal["updated_at"])
    path = _path(deal, [stage["id"] for stage in pipeline["pipeline_stages"]], number)
    moves = [created + (ended - created) * share for share in _shares(len(path), number)]
    changes: list[Change] = [
        (at, {"pipeline_stage_id": stage}) for at, stage in zip(moves, path, strict=True)
    ]
    changes += _other_changes(deal, store, created, ended, number)
    row = deal
    life: list[PastRow] = []
    for at, fields in sorted(changes, key=lambda change: change[0]):
        row = {**row, **fields, "updated_at": stamp(at)}
        if "pipeline_stage_id" in fields and deal["stage_updated_at"] is not None:
            row["stage_updated_at"] = stamp(at)
        life.append(PastRow(at, row))
    return [*life, PastRow(max(ended, life[-1].since), deal)]


def _path(deal: Row, stages: list[str], number: int) -> list[str]:
    """The stages it went through. A lost or archived one may have been given up early."""
    place, opened = stages.index(deal["pipeline_stage_id"]), len(stages) - CLOSED
    if place < opened:
        return stages[: place + 1]
    passed = opened if place == opened else number % opened + 1
    return [*stages[:passed], stages[place]]


def _shares(count: int, number: int) -> list[float]:
    """When it entered each of `count` stages, as shares of its life; the last at its end."""
    last = count - 1
    return [0.0, *((place - number % 3 * 0.3) / last for place in range(1, last)), *[1.0] * (last > 0)]


def _other_changes(deal: Row, store: Store, created: float, ended: float, number: int) -> list[Change]:
    """What was guessed at first, and when it was learned: value, probability, close date and owner."""
    life = ended - created
    first: dict[str, object] = {
        "value": _first_value(deal["value"], number),
        "probability": None,
        "target_close_date": _earlier(deal["target_close_date"], (number % 3) * 30, created),
        "assigned_to_id": _first_owner(deal, store, number),
    }
    learned = {"value": 0.25, "target_close_date": 0.55, "assigned_to_id": 0.4, "probability": 0.9}
    return [(created, first)] + [
        (created + life * share, {name: deal[name]})
        for name, share in learned.items()
        if first[name] != deal[name]
    ]


def _first_value(value: int | None, number: int) -> int | None:
    if value is None or number % 4 == 0:
        return None
    return max(ROUND, round(value * (70 + number * 13 % 60) / 100 / ROUND) * ROUND)


def _earlier(close: str | None, days: int, created: float) -> str | None:
    """A close date that slipped: first some days before the present one, but never before the deal."""
    if close is None or days == 0:
        return close
    before = _seconds(close) - days * DAY_S
    return stamp(before) if before > created else close


def _first_owner(deal: Row, store: Store, number: int) -> str:
    members = store.tables["book"][deal["book_id"]]["members"]
    writers = [user for user, role in members.items() if role != "viewer"]
    return str(writers[number % len(writers)] if number % 9 == 0 and writers else deal["assigned_to_id"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
