"""The probe: every question in order, and the report (Slant API 10)."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from opportunities.probe.facts import Facts
from opportunities.probe.making import LOOKS
from opportunities.probe.prober import CannotAsk, NoAnswer, Prober, named
from opportunities.probe.questions import WRITE_TOPICS, Finding, FindingSheet
from opportunities.probe.reads import Reads
from opportunities.probe.writes import Writes
from opportunities.slant.responses import Answer

SLOW_MS = 5_000
_RATE_HEADER = re.compile(r"(x-)?ratelimit-[a-z-]+")


@dataclass(frozen=True)
class ProbeOptions:
    """What to ask.

    book_id       where the test deal goes; "" without `write`
    write         make the test deal
    why_not       why nothing may be written although `write` was asked for, or ""
    out_of_reach  id of a deal the token must not see, or ""
    unrestricted  id of a pipeline that Slant's own page shows without restriction, or ""
    looks         seconds before each look for the new deal in the list
    """

    book_id: str = ""
    write: bool = False
    why_not: str = ""
    out_of_reach: str = ""
    unrestricted: str = ""
    looks: tuple[float, ...] = LOOKS


@dataclass(frozen=True)
class ProbeReport:
    """The findings. `settings` follow from them, by name; `test_deal` is the name of the test deal, or ""."""

    findings: tuple[Finding, ...]
    calls: int
    test_deal: str = ""

    @property
    def settings(self) -> dict[str, str]:
        return {name: value for finding in self.findings for name, value in finding.settings.items()}


def run_probe(prober: Prober, ask: ProbeOptions) -> ProbeReport:
    """Ask every question. Raises CannotAsk if Slant cannot be asked at all, and nothing else."""
    sheet, facts = FindingSheet(), Facts()
    reads = Reads(prober, sheet, facts, ask.out_of_reach, ask.unrestricted)
    _greet(prober, reads, sheet)
    reads.run()
    if not prober.successes:
        raise CannotAsk("Slant answered nothing that can be used.")
    writes = None
    if reason := _why_not(ask, facts):
        for topic in WRITE_TOPICS:
            sheet.cannot(topic, reason)
    else:
        writes = Writes(prober, sheet, facts, ask.book_id, looks=ask.looks)
        writes.run()
    _documented(sheet, facts)
    _rates(prober, sheet)
    _times(prober, sheet)
    return ProbeReport(sheet.findings(), prober.calls, writes.name if writes and writes.made_ids else "")


def _greet(prober: Prober, reads: Reads, sheet: FindingSheet) -> None:
    """Ask /me first. Raises CannotAsk if Slant is out of reach, refuses us, or answers nothing."""
    try:
        reads.me()
    except NoAnswer as lost:
        if not lost.maybe_executed and lost.status in (None, 401, 429) and not prober.successes:
            raise CannotAsk(f"Slant cannot be asked: {lost}.") from None
        if not prober.answers and not _answers(prober):
            raise CannotAsk(f"Slant cannot be asked: {lost}.") from None
        sheet.no_answer("me_can_write", lost)


def _answers(prober: Prober) -> bool:
    with suppress(NoAnswer):
        prober.ask("GET", "/books", params={"per_page": "1"})
    return bool(prober.answers)


def _why_not(ask: ProbeOptions, facts: Facts) -> str:
    if not ask.write:
        return "it takes a test deal, --write"
    if ask.why_not:
        return ask.why_not
    return "the token may only read" if facts.can_write is False else ""


def _documented(sheet: FindingSheet, facts: Facts) -> None:
    if facts.undocumented:
        sheet.tell(
            "documented",
            f"no: {'; '.join(facts.undocumented)}",
            "do not go live: Slantweb cannot read these answers",
        )
    elif facts.documented:
        sheet.tell("documented", f"yes: {facts.documented} kinds of answer")


def _rates(prober: Prober, sheet: FindingSheet) -> None:
    ordinary = [answer for answer in prober.answers if answer.status != 429]
    busy = [answer for answer in prober.answers if answer.status == 429]
    _rate_headers(ordinary, sheet)
    if not busy:
        sheet.cannot("retry_after", "no 429 was met")
    else:
        _retry_after(busy[0], sheet)


def _rate_headers(ordinary: list[Answer], sheet: FindingSheet) -> None:
    names = sorted({name for answer in ordinary for name in _rate_names(answer)})
    if not names:
        sheet.tell("rate_headers", f"no: on none of {len(ordinary)} answers", "the budget is counted here")
        return
    limit = _limit(ordinary)
    observation = f"yes: {named(names, ordinary[0])}" + (f"; the limit is {limit}" if limit else "")
    if limit and limit < 1000:
        follows = "the budget must stay below the limit, if it is one of an hour"
        sheet.tell("rate_headers", observation, follows, SLANT_HOURLY_BUDGET=str(limit * 9 // 10))
    else:
        sheet.tell("rate_headers", observation, "SLANT_HOURLY_BUDGET as it is")


def _retry_after(busy: Answer, sheet: FindingSheet) -> None:
    if "retry-after" in busy.headers:
        sheet.tell("retry_after", "yes: Retry-After", "it is obeyed")
    elif other := sorted(_rate_names(busy)):
        sheet.tell("retry_after", f"no Retry-After, but {named(other, busy)}", "its reset is obeyed")
    else:
        sheet.tell("retry_after", "no", "we wait 60 s, doubling")


def _rate_names(answer: Answer) -> list[str]:
    return [name for name in answer.headers if _RATE_HEADER.fullmatch(name)]


def _limit(answers: list[Answer]) -> int:
    limits = [
        value
        for answer in answers
        for name in ("x-ratelimit-limit", "ratelimit-limit")
        if (value := answer.headers.get(name, "")) and re.fullmatch(r"\d{1,9}", value, re.ASCII)
    ]
    return min(map(int, limits), default=0)


def _times(prober: Prober, sheet: FindingSheet) -> None:
    slowest = max((answer.elapsed_ms for answer in prober.answers), default=0)
    observation = f"the slowest of {len(prober.answers)} took {slowest} ms"
    if slowest > SLOW_MS:
        seconds = str(-(-slowest * 3 // 1000))
        sheet.tell("speed", observation, "leave room for slow answers", SLANT_TIMEOUT_SECONDS=seconds)
    else:
        sheet.tell("speed", observation, "SLANT_TIMEOUT_SECONDS as it is")
    last = prober.answers[-1]
    if last.server_date is None:
        sheet.cannot("clock", "answers carry no readable Date")
        return
    ahead = round((last.server_date - prober.now()).total_seconds())
    if abs(ahead) <= 2:
        sheet.tell("clock", "within 2 s", "each scan measures it")
    else:
        sheet.tell(
            "clock", f"{ahead:+d} s", "each scan measures it and looks that much wider; check both clocks"
        )
