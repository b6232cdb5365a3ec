"""What changed between two moments: from one open pipeline to the other, step by step, without a remainder.

Each change of a deal is split into steps. Their effects on the open pipeline add up to the difference the
change made: a deal won at a higher value than it had was first raised, then won at the higher value.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor, log10

from opportunities.periods import Period
from opportunities.wording import formats
from opportunities.wording import reports as words

from .context import SheetContext
from .deal_tables import deals_behind
from .measures import whole as nearest
from .rows import (
    ARCHIVED,
    ELSEWHERE,
    LOST,
    NOTHING,
    NOWHERE,
    OPEN,
    WON,
    Amount,
    DealLine,
    Movement,
    ReportStage,
    StageCount,
    Stages,
    add_amounts,
    add_open,
    is_open,
    to_dollars,
    weigh,
)
from .sheets import MONEY, SIGNED, Cell, Chart, Column, Panel, Row, Series, Sheet, Table, build_table

NEW, RAISED, REOPENED, MOVED_IN = "new", "raised", "reopened", "moved-in"
MOVED_OUT, LOWERED, GONE = "moved-out", "lowered", "gone"
STEPS = (NEW, RAISED, REOPENED, MOVED_IN, MOVED_OUT, WON, LOST, LOWERED, ARCHIVED, GONE)
# Shown even when nothing happened, so that a zero is seen as one.
ALWAYS_SHOWN = (NEW, RAISED, LOWERED, WON, LOST)
CLOSED = (WON, LOST, ARCHIVED)
STEP_COLUMNS = (Column.text("Step"), Column.count("Deals"), Column.money("Value"))
BOARD_COLUMNS = (
    Column.text("Stage"), Column.count("Deals"), Column.money("Value"), Column.money("Weighted"),
)  # fmt: skip


@dataclass(frozen=True)
class ChangesRows:
    """`period` is what history knows of the period asked for, and has begun.

    `movements` may be counted together if they agree in everything but the values, and those in the sign of
    their difference.
    """

    period: Period
    opening: Sequence[StageCount]
    movements: Sequence[Movement]
    closing: Sequence[StageCount]
    stages: Stages
    largest: Sequence[DealLine] = ()


@dataclass(frozen=True)
class ChangeStep:
    """One bar: how many changes, and what they did to the open pipeline in dollars."""

    key: str
    deals: int
    effect: int


@dataclass(frozen=True)
class PipelineChanges:
    opening: Amount
    steps: tuple[ChangeStep, ...]
    closing: Amount
    largest: tuple[DealLine, ...] = ()
    # Won or lost deals that were deleted in the period: in no figure of another report any more.
    deleted: Amount = NOTHING

    def __getitem__(self, key: str) -> ChangeStep:
        return next(step for step in self.steps if step.key == key)

    @property
    def difference(self) -> int:
        return self.closing.value - self.opening.value

    @property
    def unexplained(self) -> int:
        """Always 0: the steps lead from `opening` to `closing`, which are counted on their own."""
        return self.difference - sum(step.effect for step in self.steps)

    @property
    def is_quiet(self) -> bool:
        return not (self.opening.deals or self.closing.deals or any(step.deals for step in self.steps))


def calculate(rows: ChangesRows) -> PipelineChanges:
    deals: dict[str, int] = defaultdict(int)
    sums: dict[str, int] = defaultdict(int)
    for movement in rows.movements:
        for key, effect in split_steps(movement):
            deals[key] += movement.deals
            sums[key] += effect
    steps = tuple(ChangeStep(key, deals[key], sums[key]) for key in STEPS)
    opening, closing = add_open(rows.opening, rows.stages), add_open(rows.closing, rows.stages)
    return PipelineChanges(opening, steps, closing, tuple(rows.largest), _deleted(rows.movements))


def _deleted(movements: Iterable[Movement]) -> Amount:
    return add_amounts(
        Amount(movement.deals, movement.before_value)
        for movement in movements
        if movement.before in (WON, LOST) and movement.after == NOWHERE
    )


def split_steps(movement: Movement) -> Iterator[tuple[str, int]]:
    """The steps of one change, each with its effect; none where it does not touch the open pipeline."""
    if movement.before == OPEN:
        yield from _steps_of_open(movement)
    elif movement.after == OPEN:
        yield _way_in(movement), movement.after_value


def _steps_of_open(movement: Movement) -> Iterator[tuple[str, int]]:
    difference = movement.after_value - movement.before_value
    if movement.after in (OPEN, *CLOSED) and difference:
        yield (RAISED if difference > 0 else LOWERED), difference
    if movement.after in CLOSED:
        yield movement.after, -movement.after_value
    elif movement.after == ELSEWHERE:
        yield MOVED_OUT, -movement.before_value
    elif movement.after == NOWHERE:
        yield GONE, -movement.before_value


def _way_in(movement: Movement) -> str:
    if movement.before in CLOSED:
        return REOPENED
    if movement.before == NOWHERE and movement.new:
        return NEW
    return MOVED_IN


def build_sheet(rows: ChangesRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    first = context.day(rows.period.first)
    last = "today" if rows.period.last >= context.today else context.day(rows.period.last)
    chart = _step_chart(result, first, last)
    title = "The same numbers" if chart else "Step by step"
    panels = [Panel(_step_table(result, context, title, first, last), chart)]
    if result.largest:
        panels.append(Panel(deals_behind("Largest movements", result.largest, context)))
    hints = (*context.history_hints(), words.AS_SEEN, words.MEANINGS_OF_TODAY)
    if result.deleted.deals:
        hints = (words.deleted(result.deleted.deals, result.deleted.value), *hints)
    if result.unexplained:
        missing = formats.money(result.unexplained)
        hints = (f"{missing} could not be explained. Please tell an administrator.", *hints)
    return Sheet(
        "changes",
        write_finding(result, first, last),
        write_lede(result, context),
        tuple(panels),
        hints=hints,
        empty=_why_empty(result, context),
    )


def _why_empty(result: PipelineChanges, context: SheetContext) -> str:
    if context.has_not_begun or context.is_before_history:
        return context.why_nothing_happened()
    return words.NOTHING_HAPPENED if result.is_quiet else ""


def write_finding(result: PipelineChanges, first: str, last: str) -> str:
    when = f"from {first} to {last}"
    won = -result[WON].effect
    if not result.difference and not any(step.deals for step in result.steps):
        return f"Nothing changed in the open pipeline {when}: {formats.money(result.closing.value)}."
    if not (result.opening.value or result.closing.value):
        return _valueless_finding(result, first, last)
    if not result.difference:
        worth = formats.money(result.closing.value)
        return f"The open pipeline is worth as much {_on(last)} as on {first}: {worth}."
    verb = "grew" if result.difference > 0 else "shrank"
    connective = "even after" if result.difference > 0 else "of which"
    also = f", {connective} {formats.money(won)} was won" if won else ""
    return f"The open pipeline {verb} by {formats.money(abs(result.difference))} {when}{also}."


def write_lede(result: PipelineChanges, context: SheetContext) -> str:
    new, won, lost = result[NEW], -result[WON].effect, -result[LOST].effect
    sentences = []
    if context.known_from and context.known_from > context.period.first:
        sentences.append(words.BEGINS_LATER.format(day=context.day(context.known_from)))
    if new.deals:
        noun = "deal" if new.deals == 1 else "deals"
        outcome = f"brought {formats.money(new.effect)}" if new.effect else "came, without a value yet"
        sentences.append(f"{new.deals:,} new {noun} {outcome}.")
    else:
        sentences.append("There were no new deals.")
    if won and lost:
        sentences.append(f"For every dollar won, {_per_dollar(lost / won)} lost.")
    elif lost:
        sentences.append(f"{formats.money(lost)} was lost.")
    if lowered := -result[LOWERED].effect:
        sentences.append(f"Values were lowered by {formats.money(lowered)}.")
    return " ".join(sentences)


def _valueless_finding(result: PipelineChanges, first: str, last: str) -> str:
    was = "was" if result.opening.deals == 1 else "were"
    if last == "today":
        now = "is" if result.closing.deals == 1 else "are"
    else:
        now = "was" if result.closing.deals == 1 else "were"
    then = f"{formats.deals(result.opening.deals)} {was} open on {first}"
    return f"{then} and {result.closing.deals:,} {now} {_on(last)}, without a value yet."


def _on(day: str) -> str:
    return day if day == "today" else f"on {day}"


def _per_dollar(share: float) -> str:
    cents = nearest(share * 100)
    if cents < 100:
        return f"{cents} cent{'' if cents == 1 else 's'} {'was' if cents == 1 else 'were'}"
    return f"{share:.2f} dollars were"


def _step_table(result: PipelineChanges, context: SheetContext, title: str, first: str, last: str) -> Table:
    rows = [_level_row(f"Open on {first}", result.opening)]
    rows += [_step_row(step, context) for step in result.steps if step.deals or step.key in ALWAYS_SHOWN]
    if last == "today":
        rows.append(_level_row("Open today", result.closing, context.link_open_deals()))
    else:
        rows.append(_level_row(f"Open on {last}", result.closing))
    return build_table("steps", title, STEP_COLUMNS, rows)


def _step_row(step: ChangeStep, context: SheetContext) -> Row:
    link = context.links.show(step.key) if step.deals else ""
    return Row((Cell(words.STEPS[step.key], link), Cell(step.deals, link), Cell(step.effect, kind=SIGNED)))


def _level_row(name: str, amount: Amount, link: str = "") -> Row:
    return Row((Cell(name, link), Cell(amount.deals), Cell(amount.value)), tone="strong", is_level=True)


def _step_chart(result: PipelineChanges, first: str, last: str) -> Chart | None:
    if not any(step.effect for step in result.steps):
        return None
    start = _axis_start(result)
    opening, closing = formats.compact(result.opening.value), formats.compact(result.closing.value)
    until = _on(last)
    sentence = (
        f"Open pipeline from {opening} on {first} to {closing} {until}, as steps. "
        "The table beside it has every figure."
    )
    note = f"Axis starts at {formats.compact(start)}" if start else ""
    return Chart(
        f"From {opening} to {closing}, {first} to {last}",
        "waterfall",
        MONEY,
        f"{sentence} {note}{'.' if note else ''}",
        (Series(2, "Open pipeline", "level"), Series(2, "Added", "up"), Series(2, "Taken out", "down")),
        floor=start,
        note=note,
    )


def _axis_start(result: PipelineChanges) -> int:
    """0, or a round number under the lowest point where the steps would be slivers."""
    at = lowest = highest = result.opening.value
    for step in result.steps:
        at += step.effect
        lowest, highest = min(lowest, at), max(highest, at)
    if lowest < 0.6 * highest or lowest <= 0:
        return 0
    size = 10 ** floor(log10(max(highest - lowest, 1)))
    return max(0, int((lowest - (highest - lowest) * 0.4) // size * size))


def board_table(counts: Iterable[StageCount], context: SheetContext, day: str) -> Table:
    """The board as it stood: every stage with its deals."""
    amounts: dict[str, Amount] = {}
    for count in counts:
        amounts[count.stage] = amounts.get(count.stage, NOTHING) + weigh(count, context.stages)
    whole = add_amounts(amount for stage, amount in amounts.items() if is_open(stage, context.stages))
    return build_table(
        "board",
        f"The board as of {day}",
        BOARD_COLUMNS,
        [
            _board_row(stage, amounts.get(stage.id), context)
            for stage in context.stages.values()
            if stage.id in amounts or stage.meaning == OPEN
        ],
        foot=Row((Cell("Open"), Cell(whole.deals), Cell(whole.value), Cell(to_dollars(whole.weighted)))),
        note="At the end of that day",
    )


def _board_row(stage: ReportStage, amount: Amount | None, context: SheetContext) -> Row:
    is_open_stage = stage.meaning == OPEN
    link = context.links.show(f"on:{stage.id}") if amount else ""
    return Row(
        (
            Cell(stage.name, link, sub=stage.pipeline_name),
            Cell(amount.deals if amount else 0),
            Cell(amount.value if amount else 0),
            Cell(to_dollars(amount.weighted) if amount and is_open_stage else None),
        ),
        tone="" if is_open_stage else "dim",
    )


def title_behind(key: str, context: SheetContext) -> str:
    kind, _, stage = key.partition(":")
    if kind == "on":
        return f"{context.stages[stage].name} on that day"
    return words.STEPS[key]
