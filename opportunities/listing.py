"""How a list of deals is sorted and how far one has read, as plain values; forms read it from an address."""

from dataclasses import dataclass
from urllib.parse import urlencode

# By column; those in DOWN_FIRST begin with the largest when they are chosen.
SORTS = ("name", "household", "stage", "value", "probability", "weighted", "close", "since", "owner")
DOWN_FIRST = ("value", "probability", "weighted")


@dataclass(frozen=True)
class Sorting:
    """`column` of SORTS, `down` with the largest first. Deals without a value in it come last either way."""

    column: str = "value"
    down: bool = True

    @property
    def text(self) -> str:
        return f"-{self.column}" if self.down else self.column

    def chosen(self, column: str) -> "Sorting":
        """What a press on the head of `column` leads to."""
        if column == self.column:
            return Sorting(column, not self.down)
        return Sorting(column, column in DOWN_FIRST)


@dataclass(frozen=True)
class Reading:
    """Where a list is read: its sorting, the deal read last (`after`), and how many came before."""

    sorting: Sorting = Sorting()
    after: str = ""
    shown: int = 0

    def query(self, selection_query: str) -> str:
        """The query string of the same list, sorted so, from its top."""
        sort = urlencode({"sort": self.sorting.text}) if self.sorting != Sorting() else ""
        return "&".join(filter(None, (selection_query, sort)))
