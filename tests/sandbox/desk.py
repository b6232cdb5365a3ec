"""The rules in this process, at a clock that stands still until a test moves it."""

import json
from datetime import UTC, datetime
from typing import Any

from opportunities.sandbox import control
from opportunities.sandbox.answers import Answer
from opportunities.sandbox.rules import Exchange, Request, Rules
from opportunities.sandbox.store import Row, Store

NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC).timestamp()

# The request of Slant API 7.5, every id out of the sample.
DEAL: dict[str, Any] = {
    "book_id": "bk_pine01",
    "name": "Okonkwo rollover",
    "value": 640000,
    "probability": 55,
    "target_close_date": "2026-11-30T00:00:00Z",
    "pipeline_id": "pl_newbiz",
    "pipeline_stage_id": "st_qual",
    "household_id": "hh_okonkwo",
    "assigned_to_id": "u_9xw20c",
}


class Desk:
    """Asks the rules; `now` moves only by hand."""

    def __init__(self, store: Store, start: Store) -> None:
        self.store = store
        self.first = start
        self.rules = Rules(store)
        self.now = NOW

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "write",
        key: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Request:
        """`path` may hold a query; `token` is its short name, None for no header at all."""
        path, _, query = path.partition("?")
        sent = {"Authorization": f"Bearer slnt_pat_sandbox_{token}"} if token else {}
        if body is not None or raw is not None:
            sent["Content-Type"] = "application/json"
        if key is not None:
            sent["Idempotency-Key"] = key
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return Request(method, "/v1" + path, query, {**sent, **(headers or {})}, content)

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return self.rules.handle(self.request(method, path, body, **more), self.now)

    def get(self, path: str, **more: Any) -> Any:
        """The JSON of a read that goes well."""
        answer = self.ask("GET", path, **more)
        assert answer.status == 200, answer.body
        return answer.json()

    def create(self, **changes: Any) -> Answer:
        """Create the deal of the contract, with other fields; a field given as None is left out."""
        body = {name: value for name, value in {**DEAL, **changes}.items() if value is not None}
        return self.ask("POST", "/opportunities", body)

    def complaints(self, answer: Answer) -> dict[str, list[str]]:
        """The fields a refused answer names."""
        assert answer.status == 422, answer.body
        details: dict[str, list[str]] = answer.json()["error"]["details"]
        return details

    def control(self, **changes: Any) -> None:
        control.apply(self.store, self.first, changes, self.now)

    def switch(self, **switches: str) -> None:
        self.control(switches=switches)

    def begin(self, *words: Any, **more: Any) -> Exchange:
        """A request that has arrived and is not executed yet."""
        exchange = self.rules.receive(self.request(*words, **more), self.now)
        assert self.rules.arrive(exchange, self.now) is None
        return exchange

    def deal(self, row_id: str) -> Row:
        return self.store.tables["opportunity"][row_id]

    def entries(self, kind: str = "write") -> list[dict[str, Any]]:
        return self.store.ledger.read(kind=kind)
