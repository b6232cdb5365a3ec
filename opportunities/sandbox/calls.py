"""One request as the endpoints see it: its token, its parameters, the store, and the time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from opportunities.sandbox import oddities, shapes
from opportunities.sandbox.answers import Answer, Refused, answer, encode
from opportunities.sandbox.store import Row, Store, Token


@dataclass
class Call:
    """`body` is {} for reads; `key` the idempotency key; `request` the number of the ledger entry."""

    store: Store
    now: float
    token: Token
    query: dict[str, str]
    body: dict[str, Any]
    key: str | None = None
    request: int | None = None

    @property
    def switches(self) -> dict[str, str]:
        return self.store.control.switches

    def sees(self, book_id: str) -> bool:
        return shapes.sees(self.store, self.token.user_id, self.store.tables["book"][book_id])

    def find(self, kind: str, row_id: str) -> Row:
        """A record the token may see; else 404 or 403 (Slant API 10.5)."""
        row = self.store.tables[kind].get(row_id)
        record_name = kind.replace("_", " ").capitalize()
        if row is None:
            raise shapes.out_of_reach(self.store, False, record_name)
        if not self._within_reach(kind, row):
            raise shapes.out_of_reach(self.store, True, record_name)
        return row

    def peek(self, kind: str, row_id: str | None) -> Row | None:
        """A record that a body names; None if it is unknown or out of reach."""
        row = self.store.tables[kind].get(row_id) if row_id is not None else None
        return row if row is not None and self._within_reach(kind, row) else None

    def _within_reach(self, kind: str, row: Row) -> bool:
        if kind == "book":
            return self.sees(row["id"])
        if row.get("book_id") is not None:
            return self.sees(row["book_id"])
        own_company = self.store.tables["user"][self.token.user_id]["company_id"]
        return bool(row["company_id"] == own_company)

    def book_named(self, book_id: str) -> Row:
        """The book a body or a filter names. Raises for one that is unknown or out of reach, at `book_id`."""
        row = self.store.tables["book"].get(book_id)
        if row is None or not self.sees(book_id):
            raise shapes.out_of_reach(self.store, row is not None, "Book", "book_id")
        return row

    def may_write(self, book: Row) -> None:
        """Viewers are refused, admins without a membership row are not (Slant API 10.25)."""
        if shapes.role_in(book, self.token.user_id) == "viewer":
            raise Refused(403, "book_read_only", "You may only view this book.")

    def save(self, kind: str, row: Row, changed: list[str], *, create: bool) -> Row:
        """Store a row and note the write. A row that cannot be encoded is not stored: it would
        break every later answer that shows it.
        """
        record = shapes.record(self.store, kind, row)
        encode(record)
        self.store.put(kind, row, born=self.now if create else None)
        self.store.ledger.write(
            self.now,
            request=self.request,
            action="create" if create else "update",
            kind=kind,
            key=self.key,
            changed=changed,
            record=record,
        )
        return row

    def created(self, data: Row) -> Answer:
        return answer(int(self.switches["create_status"]), data)

    def show_record(self, record: Row) -> Any:
        """`record` as answers show it: unchanged, or with the defects that `/_control` asked for."""
        return oddities.apply_oddities(self.store, record)

    def listed(self, ids: list[str], show: Callable[[str], Row]) -> Answer:
        """A page of the records `ids`, as the query asks for it."""
        return answer(200, shapes.listed(ids, self.query, lambda row_id: self.show_record(show(row_id))))

    def settled(self, kind: str, ids: list[str]) -> list[str]:
        """The ids without those of rows younger than `list_lag_s`, because a list's index lags."""
        lag = self.store.control.list_lag_s
        if lag <= 0:
            return ids
        born = self.store.born
        return [row_id for row_id in ids if row_id not in born or born[row_id] + lag <= self.now]


def fields_set(
    body: Row, row: Row, field_names: Collection[str], names: Mapping[str, str] | None = None
) -> list[str]:
    """The fields of a new record that its request set; `names` are the record's own for those a body calls
    otherwise.
    """
    own = names or {}
    named = {own.get(name, name) for name in field_names if body.get(name) is not None}
    return [name for name in row if name in named and row[name] not in (None, {})]
