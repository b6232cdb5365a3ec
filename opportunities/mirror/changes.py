"""The result of asking Slant for changes once (Slant API 7.9, 10.2), and what it proves."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from opportunities.mirror.walk import DealPage, latest_change


class ChangesResult(Enum):
    """How asking for changes ended. The cursor stores the name, in lower case, as `filter`."""

    WHOLE = auto()
    SHIFTED = auto()
    IGNORED = auto()
    REFUSED = auto()
    DOUBTED = auto()
    TOO_MANY = auto()
    NO_LIST = auto()


@dataclass
class ChangedDeals:
    """What one request for changes returned: the deals, the count that Slant states, the highest time."""

    began: datetime
    slants_began: datetime
    ids: set[str] = field(default_factory=set)
    without_id: set[str] = field(default_factory=set)
    repeated: int = 0
    broken: bool = False
    count: int | None = None
    top: tuple[str, str] = ("", "")

    def note_server_date(self, page: DealPage) -> None:
        """Take the time of the beginning, by Slant's clock, from the first page."""
        if page.server_date and not self.ids:
            self.slants_began = page.server_date

    def add(self, page: DealPage) -> None:
        self.count = page.total_count
        self.ids |= {item.id for item in page.items}
        self.without_id |= {item.id for item in page.without_id}
        self.repeated += page.repeated
        self.broken = self.broken or page.is_broken
        self.top = max(self.top, latest_change(page.items))

    @property
    def deal_count(self) -> int:
        """How many deals came. Two with the same id on one page are two, because one page cannot have
        shifted.
        """
        return len(self.ids) + len(self.without_id) + self.repeated


def has_older(page: DealPage, since: datetime) -> bool:
    """Whether a deal of the page is older than `since` as it was sent: rounded down to the second."""
    whole_second = since.replace(microsecond=0)
    return any(item.updated_at and item.updated_at < whole_second for item in page.items)
