"""What the stand-in remembers, and nothing about how it answers.

Rows are plain dicts that nobody edits once they are stored: a change stores a new dict. That makes
`Store.copy()` a handful of shallow copies, so a simulation can start thousands of worlds from one sample.

Times inside rows are ISO 8601 strings in UTC as the API shows them ("2026-08-14T16:20:11Z"); `now` arguments
are seconds since the epoch as a float, always the sandbox's own adjustable time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from opportunities.sandbox.answers import Answer
from opportunities.sandbox.faults import Fault
from opportunities.sandbox.ledger import Ledger

Row = dict[str, Any]

HOUR_S = 3600.0

# Slant API 9: every switch, its default first.
SWITCHES: dict[str, tuple[str, ...]] = {
    "error_shape": ("nested", "flat", "field_map", "html"),
    "validation_status": ("422", "400"),
    "create_status": ("201", "200"),
    "idem_mismatch": ("replay", "409", "422"),
    "idem_store_4xx": ("on", "off", "all"),
    "list_opportunities": ("on", "not_found"),
    "list_filters": ("ignore", "apply", "reject"),
    "rate_headers": ("none", "retry_after", "x_ratelimit"),
    "me_can_write": ("present", "absent"),
    "probability_when_omitted": ("null", "stage_default"),
    "unrestricted_pipeline_type": ("null", "any", "prospect"),
    "company_pipelines_with_book_filter": ("include", "exclude"),
    "null_in_patch": ("clear", "ignore", "reject"),
    "unknown_field": ("ignore", "reject"),
    "past_close_date_in_patch": ("allow", "reject"),
    "no_access": ("404", "403"),
    "nested_pipeline": ("full", "slim"),
}

LIMITS = {"token": 1000, "company": 10_000, "ip": 10_000}  # calls in a rolling hour, Slant API 5

KINDS = ("book", "user", "pipeline", "household", "opportunity", "custom_field", "task", "note")

ID_PREFIXES = {
    "book": "bk",
    "user": "u",
    "pipeline": "pl",
    "household": "hh",
    "person": "pe",
    "opportunity": "op",
    "custom_field": "cf",
    "task": "tk",
    "note": "nt",
}


@dataclass(frozen=True)
class Token:
    """A personal access token (Slant API 2.1). `name` is what the ledger calls it."""

    name: str
    value: str
    user_id: str
    can_write: bool
    own_bucket: bool = False  # the observer: tests that look must not eat the budget they are looking at


@dataclass(frozen=True)
class StoredAnswer:
    """One answer kept under an idempotency key. `at` is when the request arrived, `body_sha256` what it
    carried.
    """

    at: float
    body_sha256: str
    answer: Answer


@dataclass
class Control:
    """Everything `POST /_control` can turn. `offset_s` is for whoever reads the clock; the rules never do."""

    switches: dict[str, str] = field(
        default_factory=lambda: {name: values[0] for name, values in SWITCHES.items()}
    )
    limits: dict[str, int] = field(default_factory=lambda: dict(LIMITS))
    offset_s: float = 0.0
    up: bool = True
    revoked: tuple[str, ...] = ()
    latency_ms: int = 0
    list_lag_s: float = 0.0
    faults: tuple[Fault, ...] = ()

    def copy(self) -> Control:
        return replace(self, switches=dict(self.switches), limits=dict(self.limits))


Scope = tuple[str, str, str, str]  # method, path, token value, idempotency key


@dataclass
class Store:
    """One world. `born`: when rows were made while it ran; lists may lag behind (`list_lag_s`)."""

    tables: dict[str, dict[str, Row]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    tokens: dict[str, Token] = field(default_factory=dict)
    control: Control = field(default_factory=Control)
    ledger: Ledger = field(default_factory=Ledger)
    remembered: dict[Scope, StoredAnswer] = field(default_factory=dict)
    in_flight: set[Scope] = field(default_factory=set)
    buckets: dict[str, deque[float]] = field(default_factory=dict)
    born: dict[str, float] = field(default_factory=dict)
    oddities: dict[str, Row] = field(default_factory=dict)  # how answers show some records, by id
    id_count: int = 0  # how many ids were given out: the whole state of the id generator
    _listings: dict[tuple[str, str], list[str]] = field(default_factory=dict, repr=False)

    def copy(self) -> Store:
        """An independent world with the same past; costs a few shallow copies, rows are shared."""
        return Store(
            tables={kind: dict(rows) for kind, rows in self.tables.items()},
            tokens=dict(self.tokens),
            control=self.control.copy(),
            ledger=self.ledger.copy(),
            remembered=dict(self.remembered),
            in_flight=set(self.in_flight),
            buckets={name: deque(times) for name, times in self.buckets.items()},
            born=dict(self.born),
            oddities=dict(self.oddities),
            id_count=self.id_count,
        )

    def reset_to(self, start: Store) -> None:
        """Back to `start`. Ledger numbers and ids go on, so nothing seen before can be mistaken for something
        new.
        """
        fresh = start.copy()
        self.tables, self.tokens, self.control = fresh.tables, fresh.tokens, fresh.control
        self.remembered, self.in_flight, self.buckets, self.born = {}, set(), {}, {}
        self.oddities = {}
        self.ledger.clear()
        self._listings = {}

    def new_id(self, kind: str) -> str:
        """An opaque id such as `op_71qz5d`: unique, without visible order, the same in every run (Slant API
        1).
        """
        while True:
            self.id_count += 1
            candidate = f"{ID_PREFIXES[kind]}_{scramble(self.id_count)}"
            if candidate not in self.tables.get(kind, {}):
                return candidate

    def put(self, kind: str, row: Row, born: float | None = None) -> None:
        """Store a new row or the new version of one. `born` marks a row made while running."""
        rows = self.tables[kind]
        before = rows.get(row["id"])
        rows[row["id"]] = row
        if born is not None:
            self.born[row["id"]] = born
        if before is None or before.get("household_id") != row.get("household_id"):
            self._forget_listings(kind)

    def show(self, kind: str, rows: dict[str, Row]) -> None:
        """Put `rows` in place of all of `kind`."""
        self.tables[kind] = rows
        self._forget_listings(kind)

    def remove(self, kind: str, row_id: str) -> Row:
        self._forget_listings(kind)
        self.born.pop(row_id, None)
        self.oddities.pop(row_id, None)
        return self.tables[kind].pop(row_id)

    def kind_of(self, row_id: str) -> str | None:
        return next((kind for kind in KINDS if row_id in self.tables[kind]), None)

    def listing(self, kind: str, scope: str, belongs: Callable[[Row], bool]) -> list[str]:
        """Ids of `kind` in order of creation, kept under `scope` so that turning pages costs no search."""
        ids = self._listings.get((kind, scope))
        if ids is None:
            ids = [row_id for row_id, row in self.tables[kind].items() if belongs(row)]
            self._listings[(kind, scope)] = ids
        return ids

    def _forget_listings(self, kind: str) -> None:
        self._listings = {key: ids for key, ids in self._listings.items() if key[0] != kind}


def scramble(number: int) -> str:
    """Six characters for a number below 36**6, one to one: an odd step without the factor 3 never repeats
    itself.
    """
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    rest = (number * 1_299_709_841 + 777_767_777) % 36**6
    text = ""
    for _ in range(6):
        rest, digit = divmod(rest, 36)
        text = digits[digit] + text
    return text


def stamp(now: float) -> str:
    """A moment as Slant writes it: UTC, whole seconds, `Z` (Slant API 1)."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
