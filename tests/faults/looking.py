"""What our side has seen of Slant before it sent again: readings of a deal, and complete scans of a list."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from tests.faults.network import Sent

QUIET, GAP = 120.0, 60.0
A_MOMENT = 1.0  # the ledger keeps milliseconds, and a scan takes a little while


@dataclass(frozen=True)
class Look:
    """One reading, in true time: of a deal by its path, or of a list, whole."""

    of: str
    began: float
    ended: float


class Looks:
    """All readings of a history, found out when first asked for: most histories never send anything again."""

    def __init__(self, sent: "list[Sent]") -> None:
        self._sent = sent
        self._found: list[Look] | None = None

    def proves(self, places: set[str], sent: float, again: float) -> bool:
        """Whether one of `places` was read twice between an ambiguous send and the next: after the quiet
        period, the second time begun a minute after the end of the first.
        """
        if self._found is None:
            self._found = [*_readings(self._sent), *_scans(self._sent)]
        quiet = [
            look
            for look in self._found
            if look.of in places and look.began >= sent + QUIET - A_MOMENT and look.ended <= again + A_MOMENT
        ]
        return any(
            second.began >= first.ended + GAP - A_MOMENT
            for first in quiet
            for second in quiet
            if first != second
        )


def places_of(row: dict[str, Any]) -> set[str]:
    """Where what a submission asked for would be seen: the very deal, or the lists its record would be in."""
    if row["kind"] != "create":
        return {f"/v1{row['path']}"}
    lists = {f"book {row['book_id']}", "everything"}
    return lists | ({f"/v1/households/{row['household_id']}/opportunities"} if row["household_id"] else set())


def _readings(sent: "list[Sent]") -> list[Look]:
    return [
        Look(one.path, one.began, one.ended or one.began)
        for one in sent
        if one.method == "GET" and one.met == "200" and not one.path.endswith("/opportunities")
    ]


def _scans(sent: "list[Sent]") -> list[Look]:
    """Lists that one process read from first to last page, with no falling count and every deal seen."""
    pages: dict[tuple[Any, str], list[Sent]] = defaultdict(list)
    found = []
    for one in sent:
        if one.method != "GET" or not one.path.endswith("/opportunities"):
            continue
        query = dict(parse_qsl(one.query))
        if query.keys() - {"page", "per_page", "book_id"}:
            continue  # what changed lately is not the whole list
        book = query.get("book_id")
        of = f"book {book}" if book else "everything" if one.path == "/v1/opportunities" else one.path
        kept = pages[one.by, of]
        if query.get("page", "1") == "1":
            kept.clear()
        kept.append(one)
        if one.met == "200" and _is_whole(kept):
            found.append(Look(of, kept[0].began, one.ended or one.began))
    return found


def _is_whole(pages: "list[Sent]") -> bool:
    answers = [_said(page) for page in pages if page.met == "200"]
    if len(answers) < len(pages) or not all(answers):
        return False
    counts = [answer["pagination"]["total_count"] for answer in answers]
    last = answers[-1]["pagination"]
    return (
        [answer["pagination"]["current_page"] for answer in answers] == list(range(1, len(answers) + 1))
        and last["current_page"] >= last["total_pages"]
        and counts == sorted(counts)
        and _shown(row for answer in answers for row in answer["data"]) >= counts[-1]
    )


def _shown(rows: Iterable[Any]) -> int:
    """How many deals were shown: distinct ids, and each record without a usable id by its place."""
    ids = [row.get("id") if isinstance(row, dict) else None for row in rows]
    usable = {id for id in ids if isinstance(id, str) and 0 < len(id) <= 200 and id.isprintable()}
    return len(usable) + sum(not isinstance(id, str) or id not in usable for id in ids)


def _said(page: "Sent") -> dict[str, Any]:
    try:
        said = json.loads(page.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) and "pagination" in said else {}
