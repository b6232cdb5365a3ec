"""The one world of a running sandbox: the rules behind a lock, the machine's clock, and waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from opportunities.sandbox import control
from opportunities.sandbox.answers import Answer, error
from opportunities.sandbox.faults import Fault, false_answer
from opportunities.sandbox.keeping import Journal
from opportunities.sandbox.ledger import stamp_ms
from opportunities.sandbox.past import Past
from opportunities.sandbox.rules import Exchange, Request, Rules
from opportunities.sandbox.store import Store


class World:
    """Everything threads share. All waits end at once when `stopping` is set."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        *,
        start: Store | None = None,
        journal: Journal | None = None,
        past: Past | None = None,
    ) -> None:
        self.start = start or store.copy()  # what `reset: all` goes back to
        self.journal = journal
        self.past = past
        self.store = store
        self.rules = Rules(store)
        self.clock = clock
        self.lock = threading.RLock()
        self.stopping = threading.Event()

    def start_with(self, switches: list[str], faults: list[Fault]) -> None:
        """Settings from the command line (`name=value`). Raises `control.NotUnderstood`."""
        for text in switches:
            name, _, value = text.partition("=")
            self.change_control({"switches": {name: value}})
        self.change_control({"faults": [asdict(fault) for fault in faults]})

    def now(self) -> float:
        return self.clock() + self.store.control.offset_s

    @property
    def up(self) -> bool:
        return self.store.control.up

    def receive(self, request: Request, *, with_faults: bool = True) -> Exchange:
        with self.lock:
            return self.rules.receive(request, self.now(), with_faults=with_faults)

    def work(self, exchange: Exchange) -> Answer:
        """Arrive, wait as long as latency and a `delay` fault ask, execute. The lock is free while waiting.

        Whoever still waits when the world is reset is told a 503: what he asked is forgotten, as its entry
        is.
        """
        with self.lock:
            answer = self.rules.arrive(exchange, self.now())
            wait_ms = self.store.control.latency_ms
        fault = exchange.fault
        if fault is not None and fault.plan.waits_first:
            wait_ms += fault.delay_ms
        self.wait(wait_ms)
        with self.lock:
            false = None
            if fault is not None and fault.plan.answer == "status":
                false = false_answer(fault, self.store.control.switches["error_shape"])
            if answer is None:
                if self._forgotten(exchange):
                    return error(503, "reset", "The sandbox was reset or ended meanwhile.", {}, self.shape())
                answer = self.rules.execute(exchange, self.now(), false)
                self._keep()
            return false or answer

    def work_late(self, exchange: Exchange) -> None:
        """`commit_late`: nobody hears the answer. A reset in between drops the request."""
        with self.lock:
            answer = self.rules.arrive(exchange, self.now())
        if answer is None:
            self.wait(exchange.fault.delay_ms if exchange.fault else 0)
            with self.lock:
                if not self._forgotten(exchange):
                    self.rules.execute(exchange, self.now())
                    self._keep()
        self.close(exchange, None, is_answered=False, ms=0)

    def _forgotten(self, exchange: Exchange) -> bool:
        """True if the world was reset since the request began. Its key is free then, or another request's."""
        return self.stopping.is_set() or self.store.ledger.get(exchange.seq) is None

    def limit(self, exchange: Exchange, fault: Fault) -> Answer:
        """The 429 of a fault."""
        with self.lock:
            return self.rules.limit(exchange, false_answer(fault, self.shape()), self.now())

    def close(self, exchange: Exchange, status: int | None, *, is_answered: bool, ms: int) -> None:
        with self.lock:
            self.rules.close(exchange, status=status, is_answered=is_answered, ms=ms)

    def wait(self, milliseconds: float) -> None:
        if milliseconds > 0:
            self.stopping.wait(milliseconds / 1000)

    def shape(self) -> str:
        return self.store.control.switches["error_shape"]

    def show_ledger(self, **filters: Any) -> dict[str, Any]:
        """What `GET /_ledger` answers; `filters` are the filters of `Ledger.read`."""
        with self.lock:
            ledger = self.store.ledger
            return {
                "now": stamp_ms(self.now()),
                "last_seq": ledger.last_seq,
                "entries": ledger.read(**filters),
            }

    def show_control(self) -> dict[str, Any]:
        with self.lock:
            return control.show(self.store.control)

    def change_control(self, changes: Any) -> dict[str, Any]:
        """What `POST /_control` does; raises `control.NotUnderstood`."""
        with self.lock:
            control.apply(self.store, self.start, changes, self.now())
            if self.journal is not None and changes.get("reset") == "all":
                self.journal.keep_reset(self.store)
            self._keep()
            self._show_past()
            return control.show(self.store.control)

    def _show_past(self) -> None:
        """While the clock is turned back, show the deals as they stood then.

        Turned forward again the past is over: nobody asked anything, and nothing was written. A world that
        was written to has no past to show, or what was written would be lost.
        """
        if self.past is None or not self._is_untouched():
            self.past = None
        elif self.store.control.offset_s < 0:
            self.store.show("opportunity", self.past.rows_at(self.now()))
        elif self.store.tables["opportunity"] != self.start.tables["opportunity"]:
            settings = self.store.control
            self.store.reset_to(self.start)
            self.store.control, self.past = settings, None
            if self.journal is not None:
                self.journal.keep_reset(self.store)

    def _is_untouched(self) -> bool:
        return not any(entry["kind"] == "write" for entry in self.store.ledger.entries)

    def _keep(self) -> None:
        if self.journal is not None:
            self.journal.keep(self.store)
