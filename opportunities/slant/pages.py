"""Pages of Slant's lists (Slant API 4), and whether those read prove what a list holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T")
Item = TypeVar("Item", bound=HasId)


@dataclass(frozen=True, slots=True)
class RecordPage(Generic[T]):
    """One page of a list: one call. `total_pages` and `total_count` are None if Slant left them out."""

    items: tuple[T, ...]
    current_page: int
    total_pages: int | None
    total_count: int | None
    server_date: datetime | None = None

    @property
    def is_last(self) -> bool:
        """The stop rule of Slant API 4: the page is empty, or no page comes after it."""
        return not self.items or (self.total_pages is not None and self.current_page >= self.total_pages)


@dataclass(slots=True)
class Scan(Generic[Item]):
    """Pages read in order, and whether together they prove what a list holds (reliability 2.2 (4)).

    `add` takes the pages in order. To go on later, ask for the pages from `next_page`.
    """

    pages_read: int = 0
    total_pages: int | None = None
    total_count_first: int | None = None
    total_count_last: int | None = None
    count_fell: bool = False
    ended: bool = False
    _items: dict[str, Item] = field(default_factory=dict)

    def add(self, page: RecordPage[Item]) -> None:
        """Take the next page. Raises ValueError for one out of turn, which proves nothing."""
        if page.current_page != self.next_page or self.ended:
            raise ValueError(f"page {page.current_page} out of turn, expected {self.next_page}")
        last = self.total_count_last
        if last is not None and (page.total_count is None or page.total_count < last):
            self.count_fell = True
        if self.pages_read == 0:
            self.total_count_first = page.total_count
        self.pages_read += 1
        self.total_pages = page.total_pages
        self.total_count_last = page.total_count
        self.ended = page.is_last
        for item in page.items:
            self._items[item.id] = item

    @property
    def next_page(self) -> int:
        """The number of the page to read next, 1 to begin with."""
        return self.pages_read + 1

    @property
    def complete(self) -> bool:
        """True if every page was read, the count never fell, and as many distinct ids came as it says."""
        return (
            self.ended
            and self.total_pages is not None
            and self.pages_read >= self.total_pages
            and not self.count_fell
            and self.total_count_last is not None
            and len(self._items) >= self.total_count_last
        )

    def __iter__(self) -> Iterator[Item]:
        """The distinct items, each as last seen."""
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)
