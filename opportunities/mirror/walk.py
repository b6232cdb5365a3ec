"""The progress of a walk, which reads every deal. It is stored with the sync state, so that a restart
continues it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from django.db.models import Q

from opportunities.clock import CLOCKS_DIFFER
from opportunities.models import Opportunity
from opportunities.slant.pages import RecordPage
from opportunities.slant.types import OpportunityRecord

DealPage = RecordPage[OpportunityRecord]


@dataclass
class Walk:
    """The state of a walk so far. The field names are stored as JSON, so they must not change.

    began         when it began, by our clock
    slants_began  the same by Slant's clock, ISO 8601, or "": the mark of `updated_since` is set no later
    beside        whether it runs in the background, a few pages a pass, besides reading changes
    by_household  whether it reads each household's list, because Slant has no list of all
    page, pages   the page to read next, and how many there are
    after         the last household that was read
    silent        how many households had no list
    count, fell   how many deals Slant counted, and whether that number ever fell
    calls, tries  calls made, and how often the walk was begun
    top           the highest `updated_at` seen, and the deal that has it
    ids           the deals that were shown
    without_id    the keys of the deals that were shown without a usable id
    repeated      how many deals had an id that another deal of the same page has
    broken        the pages that could not be read
    """

    began: datetime
    slants_began: str = ""
    beside: bool = False
    by_household: bool = False
    page: int = 1
    pages: int | None = None
    after: str = ""
    silent: int = 0
    count: int | None = None
    fell: bool = False
    calls: int = 0
    tries: int = 1
    top: tuple[str, str] = ("", "")
    ids: set[str] = field(default_factory=set)
    without_id: set[str] = field(default_factory=set)
    repeated: int = 0
    broken: list[int] = field(default_factory=list)

    @classmethod
    def load(cls, data: dict[str, Any]) -> "Walk | None":
        """The walk that `dump` stored, or None."""
        if not data:
            return None
        data = data | {"began": datetime.fromisoformat(data["began"]), "ids": set(data["ids"])}
        data["without_id"] = set(data.get("without_id", ()))
        return cls(**data | {"top": tuple(data["top"])})

    def dump(self) -> dict[str, Any]:
        """The walk as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        ids = {"ids": sorted(self.ids), "without_id": sorted(self.without_id)}
        return values | {"began": self.began.isoformat()} | ids

    def count_page(self, page: DealPage) -> None:
        """Move past a page of the list, and keep the count that it states."""
        if page.server_date and not self.calls:
            self.slants_began = page.server_date.isoformat()
        if page.total_count is not None and self.count is not None and page.total_count < self.count:
            self.fell = True
        self.count, self.pages = page.total_count, page.total_pages
        self.page, self.calls = page.current_page + 1, self.calls + 1

    def add_deals(self, page: DealPage) -> None:
        """Record which deals a page showed."""
        self.ids |= {item.id for item in page.items}
        self.without_id |= {item.id for item in page.without_id}
        self.repeated += page.repeated
        self.broken += [page.current_page] if page.is_broken else []
        self.top = max(self.top, latest_change(page.items))

    @property
    def is_complete(self) -> bool:
        """Whether as many deals came as Slant counted, so that a deal that was not shown is missing. A deal
        without a usable id counts, and so does one whose id another deal of the page has.

        Either could be a missing deal, so a missing deal is requested by its id before it is marked gone.
        """
        if self.broken:
            return False
        deal_count = len(self.ids) + len(self.without_id) + self.repeated
        return self.by_household or (not self.fell and self.count is not None and deal_count >= self.count)


def latest_change(items: Iterable[OpportunityRecord]) -> tuple[str, str]:
    """The highest `updated_at` of `items` in ISO 8601, and the id of its deal."""
    return max(
        ((item.updated_at.isoformat(), item.id) for item in items if item.updated_at), default=("", "")
    )


def known_deals(walk: Walk, now: datetime) -> set[str]:
    """The ids of the deals that were in the mirror before the walk began.

    A deal first seen in the future was seen before the clock was set back. A deal that is included wrongly
    costs one call.
    """
    before = Q(first_seen_at__lt=walk.began) | Q(first_seen_at__gt=now + CLOCKS_DIFFER)
    return set(Opportunity.objects.filter(before, gone_at=None).values_list("pk", flat=True))
