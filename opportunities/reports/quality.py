"""Which records need cleaning, and which of them first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .rows import Line

NO_VALUE, NO_DATE, PASSED, NO_HOUSEHOLD, NO_MOVE, LEFT = (
    "no-value", "no-date", "passed", "no-household", "no-move", "left",
)  # fmt: skip
PROBLEMS = (PASSED, NO_VALUE, NO_DATE, NO_HOUSEHOLD, LEFT, NO_MOVE)


@dataclass(frozen=True)
class Found:
    """One kind of problem: how many open deals have it, their value, and the first of them."""

    key: str
    deals: int
    value: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Quality:
    open: int
    clean: int
    found: tuple[Found, ...]

    def __getitem__(self, key: str) -> Found:
        return next(each for each in self.found if each.key == key)

    @property
    def share(self) -> float | None:
        """The share of open deals without any problem."""
        return self.clean / self.open if self.open else None


def quality(
    *, open: int, clean: int, counts: Mapping[str, tuple[int, int]], lines: Mapping[str, Sequence[Line]]
) -> Quality:
    """`counts` gives deals and value of each problem; a deal may have several."""
    return Quality(
        open,
        clean,
        tuple(Found(key, *counts.get(key, (0, 0)), lines=tuple(lines.get(key, ()))) for key in PROBLEMS),
    )
