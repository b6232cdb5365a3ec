"""Replaces the transport of the Slant client, and decides how an exchange ends. Everything above is the real
client.

A request travels, is worked on and answered as events of their own, so a client that dies or gives up
meanwhile changes nothing about what the server does.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from opportunities.sandbox.answers import Answer
from opportunities.sandbox.faults import Fault
from opportunities.sandbox.rules import Request
from opportunities.slant.transport import Raw, Unanswered
from tests.faults.scheduler import Actor, Crash, Scheduler
from tests.faults.slant import WRITE_TOKEN, Slant


@dataclass
class Trouble:
    """What happens to one exchange: `fault` acts at the server, `refused` and `lost` on the way."""

    up: float = 0.02
    down: float = 0.02
    refused: bool = False
    lost: bool = False
    fault: Fault | None = None

    def __str__(self) -> str:
        if self.refused or self.lost:
            return "refused" if self.refused else "lost on the way"
        slow = f"{self.up:.0f} s up, {self.down:.0f} s down" if self.up + self.down > 2 else ""
        return " ".join(filter(None, [self.fault.kind if self.fault else "", slow]))


@dataclass
class Sent:
    """One exchange as our side saw it, in true time. `met` is empty while it runs, or if its process died."""

    method: str
    path: str
    query: str
    key: str
    by: Actor
    began: float
    ended: float | None = None
    met: str = ""
    body: bytes = b""
    entry: int = 0  # its number in Slant's ledger, if it ever got there
    covered: bool = True

    @property
    def ambiguous(self) -> bool:
        """Whether, by what our side saw, it may have been executed (the table of Slant API 3)."""
        return self.met not in ("401", "403", "429", "unreachable", "400", "404", "422")


class Network:
    """Carries exchanges between the deployments and Slant; `decide` says what happens to each."""

    def __init__(self, scheduler: Scheduler, slant: Slant, decide: Callable[[str, str], Trouble]) -> None:
        self.scheduler, self.slant, self.decide = scheduler, slant, decide
        self.sent: list[Sent] = []
        self.about_to_send: Callable[[Sent, Request], None] = lambda sent, request: None
        self.answered: Callable[[Sent], None] = lambda sent: None

    def exchange(self, request: Request, timeout: float, connect_timeout: float) -> Raw:
        actor = self.scheduler.current
        assert actor is not None
        note = Sent(
            request.method,
            request.path,
            request.query,
            request.header("Idempotency-Key") or "",
            actor,
            self.scheduler.now,
        )
        self.sent.append(note)
        self.about_to_send(note, request)
        trouble = self.decide(request.method, request.path)
        try:
            raw = self._carry(note, request, trouble, timeout, connect_timeout)
            note.met, note.body = str(raw.status), raw.body
        except Unanswered as lost:
            note.met = "lost" if lost.bytes_sent else "unreachable"
            raise
        except Crash:
            note.met = "died"
            raise
        finally:
            note.ended = self.scheduler.now
            what = f"{request.method} {request.path.removeprefix('/v1')} -> {note.met}"
            key = f" key {note.key[:8]}" if note.key else ""
            self.scheduler.say(f"{what}{key} [{trouble}]")
        self.answered(note)
        return raw

    def _carry(
        self, note: Sent, request: Request, trouble: Trouble, timeout: float, connect_timeout: float
    ) -> Raw:
        scheduler, actor = self.scheduler, self.scheduler.current
        assert actor is not None
        if trouble.refused:
            scheduler.wait(min(trouble.up, connect_timeout))
            raise Unanswered("refused", bytes_sent=False)
        box: list[Answer | None] = []
        waiting = [True]

        def arrive() -> None:
            note.entry = self.slant.store.ledger.last_seq + 1
            answer = self.slant.answer(request, trouble.fault)
            if answer is None and trouble.fault is not None and trouble.fault.plan.answer == "held":
                return
            scheduler.at(scheduler.now + trouble.down, lambda: back(answer))

        def back(answer: Answer | None) -> None:
            if waiting[0] and not actor.over:
                box.append(answer)
                scheduler.wake(actor)

        if not trouble.lost:
            scheduler.at(scheduler.now + trouble.up, arrive)
        deadline = scheduler.now + timeout
        try:
            while not box and scheduler.now < deadline:
                scheduler.wait(deadline - scheduler.now)
        finally:
            waiting[0] = False
        if not box or scheduler.now > deadline:
            raise Unanswered("deadline passed", bytes_sent=True)
        answer = box[0]
        if answer is None:
            raise Unanswered("ConnectionResetError", bytes_sent=True)
        return self._raw(answer)

    def _raw(self, answer: Answer) -> Raw:
        date = format_datetime(datetime.fromtimestamp(self.slant.now, UTC), usegmt=True)
        headers = {"date": date, "content-type": answer.content_type}
        headers |= {name.lower(): value for name, value in answer.headers}
        return Raw(answer.status, headers, answer.body, False)


def transport_over(network: Network) -> type:
    """A class that replaces the client's `Transport`."""

    class SimulatedTransport:
        def __init__(
            self, secret: Any, *, connect_timeout: float, total_timeout: float, ca_file: str | None
        ) -> None:
            self._connect_timeout, self._total_timeout = connect_timeout, total_timeout

        def close(self) -> None:
            pass

        def exchange(
            self,
            method: str,
            url: str,
            *,
            headers: Mapping[str, str],
            params: Mapping[str, str] | None = None,
            body: bytes | None = None,
            longest: int,
        ) -> Raw:
            request = Request(
                method,
                urlsplit(url).path,
                urlencode(params or {}),
                dict(headers) | {"Authorization": f"Bearer {WRITE_TOKEN}"},
                body or b"",
            )
            return network.exchange(request, self._total_timeout, self._connect_timeout)

    return SimulatedTransport


def said(raw: Raw) -> Any:
    return json.loads(raw.body)
