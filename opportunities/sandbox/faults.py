"""The meaning of each fault, independent of how a socket or a simulation carries it out.

A fault is matched when the request has been read and its ledger entry appended; the first that matches acts.
`Fault.plan` says what happens then. Whoever carries it out does, in this order:

1. `processed == "now"`: let the rules work on the request; with `answer == "status"` the rules are told
   the false status, because a 5xx is never kept under an idempotency key (Slant API 6).
2. Wait `delay_ms` (for the kind `delay` and `commit_late` before step 1, for all others after it).
3. `answer`: "real" sends the true answer; "none" closes the connection without a byte; "held"
   keeps it open until the client leaves; "status" an error of `status`; "html" an HTML page of `status`;
   "busy" a 429 (by `Rules.limit`); "garbage" a 2xx
   with a body no page describes; "half" the true answer cut in the middle of its body.

`commit_late` is the hardest case: the connection is closed at once, and the rules work on the request
`delay_ms` later. Until then the idempotency key is in use (a second request under it gets 409).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from opportunities.sandbox.answers import Answer, error, page
from opportunities.sandbox.ledger import path_matches


@dataclass(frozen=True)
class Plan:
    processed: Literal["now", "never", "late"]
    answer: Literal["real", "none", "held", "status", "html", "busy", "garbage", "half"]
    waits_first: bool = False


PLANS: dict[str, Plan] = {
    "delay": Plan("now", "real", waits_first=True),
    "drop_before": Plan("never", "none"),
    "drop_after": Plan("now", "none"),
    "status_before": Plan("never", "status"),
    "status_after": Plan("now", "status"),
    "rate_limit": Plan("never", "busy"),
    "html": Plan("never", "html"),
    "truncate": Plan("now", "half"),
    "hang": Plan("never", "held"),
    "commit_late": Plan("late", "none", waits_first=True),
    "bad_body": Plan("now", "garbage"),
}


@dataclass(frozen=True)
class Fault:
    """One injected fault. `times` None acts always, else counts down to 0; `skip` lets the first matches
    pass.

    `method` and `path` may be `*`; `path` may end in `*`. Times are in milliseconds, `retry_after` in
    seconds.
    """

    id: str
    kind: str
    method: str = "*"
    path: str = "*"
    times: int | None = None
    skip: int = 0
    delay_ms: int = 0
    status: int = 500
    retry_after: int | None = None

    @property
    def plan(self) -> Plan:
        return PLANS[self.kind]

    def matches(self, method: str, path: str) -> bool:
        return self.times != 0 and self.method in ("*", method) and path_matches(self.path, path)


def pick(faults: Iterable[Fault], method: str, path: str) -> tuple[Fault | None, tuple[Fault, ...]]:
    """The first fault that matches and is not skipping, and the list with its counters moved on."""
    acting: Fault | None = None
    after: list[Fault] = []
    for fault in faults:
        moved = fault
        if acting is None and fault.matches(method, path):
            if fault.skip > 0:
                moved = replace(fault, skip=fault.skip - 1)
            else:
                acting = fault
                moved = replace(fault, times=None if fault.times is None else fault.times - 1)
        after.append(moved)
    return acting, tuple(after)


def false_answer(fault: Fault, shape: str, true: Answer | None = None) -> Answer:
    """The answer of the fault instead of `true`, for the kinds that send an answer."""
    kind = fault.plan.answer
    if kind == "html":
        return page(fault.status, "Something went wrong")
    if kind == "busy":
        wait = () if fault.retry_after is None else (("Retry-After", str(fault.retry_after)),)
        return error(429, "rate_limited", "Too Many Requests", {}, shape, wait)
    if kind == "garbage":
        status = true.status if true is not None and 200 <= true.status < 300 else 200
        return Answer(status, b'{"result":"ok","items":[null,3,"?"]}')
    if fault.status < 400:
        return Answer(fault.status, b"" if fault.status in (204, 304) else b"{}")
    return error(fault.status, "server_error", "The server could not answer.", {}, shape)
