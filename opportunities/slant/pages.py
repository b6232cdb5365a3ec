"""Pages of Slant's lists (Slant API 4), and whether the pages read prove the content of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from opportunities.slant import errors


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T")
Item = TypeVar("Item", bound=HasId)


@dataclass(frozen=True, slots=True)
class RecordPage(Generic[T]):
    """One page of a list: one call. `total_pages` and `total_count` are None if Slant left them out.

    items       the records with a usable id; fields that cannot be read are in a record's `unreadable`
    without_id  the records without a usable id, each under a key of its own (`record_reading.identify`)
    places      by id or key, the place of each record that is not as documented, counted from 1
    repeated    how many records have an id that another record of this page has
    is_broken   the page itself could not be read, but the pages before and after it could
    """

    items: tuple[T, ...]
    current_page: int
    total_pages: int | None
    total_count: int | None
    server_date: datetime | None = None
    without_id: tuple[T, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0
    is_broken: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.items or self.without_id or self.is_broken)

    @property
    def is_last(self) -> bool:
        """The stop rule of Slant API 4: the page is empty, or no page comes after it."""
        return self.is_empty or (self.total_pages is not None and self.current_page >= self.total_pages)


@dataclass(slots=True)
class Scan(Generic[Item]):
    """Pages read in order, and whether together they prove the content of a list (reliability 2.2 (4)).

    `add` takes the pages in order. To continue later, request the pages from `next_page`. A record without a
    usable id is counted by its place, because it has no id to distinguish it.
    """

    pages_read: int = 0
    total_pages: int | None = None
    total_count_first: int | None = None
    total_count_last: int | None = None
    count_fell: bool = False
    ended: bool = False
    broken_pages: list[int] = field(default_factory=list)
    repeated: int = 0
    _items: dict[str, Item] = field(default_factory=dict)
    _without_id: dict[str, Item] = field(default_factory=dict)

    def add(self, page: RecordPage[Item]) -> None:
        """Take the next page. Raises ValueError for a page in the wrong order, which proves nothing."""
        if page.current_page != self.next_page or self.ended:
            raise ValueError(f"page {page.current_page} out of turn, expected {self.next_page}")
        self.pages_read += 1
        self.ended = page.is_last
        if page.is_broken:
            self.broken_pages.append(page.current_page)
            return
        last = self.total_count_last
        if last is not None and (page.total_count is None or page.total_count < last):
            self.count_fell = True
        if last is None and self.total_pages is None:
            self.total_count_first = page.total_count
        self.total_pages = page.total_pages
        self.total_count_last = page.total_count
        self.repeated += page.repeated
        self._items |= {item.id: item for item in page.items}
        self._without_id |= {item.id: item for item in page.without_id}

    @property
    def next_page(self) -> int:
        """The number of the page to read next, 1 to begin with."""
        return self.pages_read + 1

    @property
    def complete(self) -> bool:
        """True if every page was read, the count never fell, and as many distinct ids came as it says.

        The records without a usable id count too, each by its place. A repeated id counts once, because Slant
        may have left out another record instead.
        """
        return (
            self.ended
            and not self.broken_pages
            and self.total_pages is not None
            and self.pages_read >= self.total_pages
            and not self.count_fell
            and self.total_count_last is not None
            and len(self._items) + len(self._without_id) >= self.total_count_last
        )

    @property
    def shows_all(self) -> bool:
        """Whether a row that is not here is gone from the list: complete, or of unknown length.

        Unlike `complete` it takes two records with one id on one page for two: a page does not shift under
        itself. It is false while a page or an id cannot be read, behind which any row may stand.
        """
        if self.broken_pages or self._without_id:
            return False
        if self.total_count_last is None:
            return True
        count_reached = len(self._items) + self.repeated >= self.total_count_last
        return self.ended and not self.count_fell and count_reached

    @property
    def without_id(self) -> tuple[Item, ...]:
        """The records without a usable id, each under its key."""
        return tuple(self._without_id.values())

    def __iter__(self) -> Iterator[Item]:
        """The distinct items, each as last seen."""
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)


class PageReader(Generic[Item]):
    """Reads the pages of a list, and skips one that cannot be read if the next one can.

    `read` raises SlantNoAnswer for a page that is not as documented.
    """

    def __init__(self, fetch_page: Callable[[int], RecordPage[Item]]) -> None:
        self._fetch_page = fetch_page
        self._last: RecordPage[Item] | None = None
        self._failure: errors.SlantNoAnswer | None = None

    def __call__(self, number: int) -> Iterator[RecordPage[Item]]:
        """Read page `number`. Returns it, after the broken one before it if there is one; nothing if it is
        the first broken one.
        """
        try:
            page = self._fetch_page(number)
        except errors.SlantNoAnswer as error:
            if self._failure is not None or not error.undocumented:
                raise self._failure or error from error
            self._failure = error
            if self._last is not None and self._last.total_pages == number:
                yield self._broken(number, self._last)
            return
        if self._failure is not None:
            if self._last is None and page.is_empty:
                raise self._failure  # only the broken page
            yield self._broken(number - 1, page)
        self._failure, self._last = None, page
        yield page

    def _broken(self, number: int, neighbor: RecordPage[Item]) -> RecordPage[Item]:
        return RecordPage((), number, neighbor.total_pages, neighbor.total_count, is_broken=True)
