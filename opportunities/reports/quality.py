"""Which records need cleaning, and which of them first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opportunities.wording import formats
from opportunities.wording import reports as words

from .context import SheetContext
from .deal_tables import open_deals
from .rows import DealLine
from .sheets import COUNT, Cell, Chart, Column, Panel, Row, Series, Sheet, Table, build_table

NO_VALUE, NO_DATE, PASSED, NO_HOUSEHOLD, HOUSEHOLD_LOST, STALE, LEFT, UNREADABLE = (
    "no-value", "no-date", "passed", "no-household", "household-lost", "no-move", "left", "unreadable",
)  # fmt: skip
PROBLEMS = (PASSED, NO_VALUE, NO_DATE, NO_HOUSEHOLD, HOUSEHOLD_LOST, LEFT, STALE, UNREADABLE)
# The problems the list of deals has a filter for.
FILTERS: dict[str, dict[str, object]] = {
    PASSED: {"close": "overdue"},
    NO_VALUE: {"missing": "value"},
    NO_DATE: {"missing": "date"},
    STALE: {"stale": True},
}
COLUMNS = (
    Column.text("Problem"), Column.count("Deals"), Column.percent("Of open deals"), Column.money("Value"),
)  # fmt: skip
HINT = (
    "Open a deal to fix it. People who left a book can no longer work on its deals: reassign them. "
    "A household is gone when Slant deleted it, or when it is in none of your books."
)


UNREADABLE_COLUMNS = (Column.text("Record"), Column.text("Field"), Column.text("What Slant sends"))


@dataclass(frozen=True)
class UnreadableField:
    """A field that Slant shows and we cannot read. `raw` is as Slant sent it, for managers alone."""

    record: str
    field: str
    raw: str


@dataclass(frozen=True)
class QualityRows:
    """`counts` gives deals and value of each problem; a deal may have several."""

    open: int
    clean: int
    counts: Mapping[str, tuple[int, int]]
    lines: Mapping[str, Sequence[DealLine]] = field(default_factory=dict)
    unreadable: Sequence[UnreadableField] = ()


@dataclass(frozen=True)
class QualityProblem:
    """How many open deals have one kind of problem, their value, and the first of them."""

    key: str
    deals: int
    value: int
    lines: tuple[DealLine, ...]

    @property
    def name(self) -> str:
        return words.PROBLEMS[self.key]


@dataclass(frozen=True)
class Quality:
    open: int
    clean: int
    problems: tuple[QualityProblem, ...]

    def __getitem__(self, key: str) -> QualityProblem:
        return next(problem for problem in self.problems if problem.key == key)

    @property
    def bad(self) -> int:
        return self.open - self.clean

    @property
    def most_common(self) -> QualityProblem:
        return max(self.problems, key=lambda problem: problem.deals)


def calculate(rows: QualityRows) -> Quality:
    problems = (
        QualityProblem(key, *rows.counts.get(key, (0, 0)), lines=tuple(rows.lines.get(key, ())))
        for key in PROBLEMS
    )
    return Quality(rows.open, rows.clean, tuple(problems))


def build_sheet(rows: QualityRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    panels = [Panel(_problem_table(result, context), _problem_chart(result))]
    panels += [Panel(_deal_table(problem, context)) for problem in result.problems if problem.lines]
    panels += [Panel(_unreadable_table(rows.unreadable))] if rows.unreadable else []
    return Sheet(
        "data-quality",
        write_finding(result),
        write_lede(result),
        tuple(panels),
        hints=(HINT,),
        empty="" if result.open or rows.unreadable else words.NOTHING_OPEN,
    )


def write_finding(result: Quality) -> str:
    if not result.open:
        return "There are no open deals here."
    if not result.bad:
        return f"Nothing is missing or out of date: {formats.deals(result.open)} checked."
    verb = "needs" if result.bad == 1 else "need"
    return f"{words.of_deals(result.bad, result.open)} {verb} attention."


def write_lede(result: Quality) -> str:
    orphaned = result[LEFT].deals
    if orphaned:
        verb = "belongs" if orphaned == 1 else "belong"
        return f"{formats.deals(orphaned)} {verb} to someone who left the book."
    if result.bad:
        most = result.most_common
        return f"Most often: {most.name.lower()}, {formats.deals(most.deals)}."
    return ""


def _problem_table(result: Quality, context: SheetContext) -> Table:
    def share(deals: int) -> float | None:
        return deals / result.open if result.open else None

    def row(problem: QualityProblem) -> Row:
        link = _link(problem, context)
        return Row(
            (
                Cell(problem.name, link),
                Cell(problem.deals, link),
                Cell(share(problem.deals)),
                Cell(problem.value),
            )
        )

    return build_table(
        "problems",
        "The same numbers" if result.bad else "By problem",
        COLUMNS,
        map(row, result.problems),
        foot=Row((Cell("Deals needing attention"), Cell(result.bad), Cell(share(result.bad)), Cell(None))),
        note="A deal can have several",
    )


def _problem_chart(result: Quality) -> Chart | None:
    if not result.bad:
        return None
    most = result.most_common
    return Chart(
        f"{most.name} is the most common: {formats.deals(most.deals)}",
        "bars",
        COUNT,
        "Open deals by kind of problem. The table beside it has every figure.",
        (Series(1, "Deals", "4"),),
    )


def _unreadable_table(fields: Sequence[UnreadableField]) -> Table:
    return build_table(
        "unreadable-records",
        words.UNREADABLE_TITLE,
        UNREADABLE_COLUMNS,
        (Row((Cell(field.record), Cell(field.field), Cell(field.raw))) for field in fields),
        note=words.UNREADABLE_NOTE,
    )


def _link(problem: QualityProblem, context: SheetContext) -> str:
    if not problem.deals:
        return ""
    selection = FILTERS.get(problem.key)
    return (context.link_open_deals(**selection) if selection else "") or context.links.show(problem.key)


def _deal_table(problem: QualityProblem, context: SheetContext) -> Table:
    return open_deals(
        f"problem-{problem.key}",
        problem.name,
        problem.lines,
        context,
        note=words.first_of(len(problem.lines), problem.deals),
        bulk=words.GIVE_AWAY if problem.key == LEFT else "",
    )
