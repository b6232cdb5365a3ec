"""Who am I, which books, which pipelines (Slant API 7.1 to 7.3)."""

from __future__ import annotations

from opportunities.sandbox import shapes
from opportunities.sandbox.answers import Answer, answer
from opportunities.sandbox.calls import Call
from opportunities.sandbox.store import Row


def me(call: Call) -> Answer:
    """`GET /v1/me`. For a token that may only read, `scope` holds no "write" (10.26)."""
    access: Row = {
        "auth_type": "personal_access_token",
        "scope": "read_write" if call.token.can_write else "read_only",
    }
    if call.switches["me_can_write"] == "present":
        access["can_write"] = call.token.can_write
    return answer(200, {**shapes.user(call.store.tables["user"][call.token.user_id]), "api_access": access})


def books(call: Call) -> Answer:
    rows = call.store.tables["book"]
    ids = [book_id for book_id in rows if call.sees(book_id)]
    return call.listed(ids, lambda row_id: _book(call, rows[row_id]))


def book(call: Call, book_id: str) -> Answer:
    return answer(200, call.show_record(_book(call, call.find("book", book_id))))


def _book(call: Call, row: Row) -> Row:
    return shapes.book(call.store, row, call.token.user_id)


def pipelines(call: Call) -> Answer:
    """`GET /v1/pipelines`; with `book_id`, company-wide ones are shown as the switch says (10.10)."""
    rows = call.store.tables["pipeline"]
    ids = [row_id for row_id in rows if call.peek("pipeline", row_id) is not None]
    if "book_id" in call.query:
        book_ids: list[str | None] = [call.book_named(call.query["book_id"])["id"]]
        if call.switches["company_pipelines_with_book_filter"] == "include":
            book_ids.append(None)
        ids = [row_id for row_id in ids if rows[row_id]["book_id"] in book_ids]
    return answer(
        200,
        shapes.listed(
            ids, call.query, lambda row_id: call.show_record(shapes.pipeline(call.store, rows[row_id]))
        ),
    )


def pipeline(call: Call, pipeline_id: str) -> Answer:
    return answer(200, call.show_record(shapes.pipeline(call.store, call.find("pipeline", pipeline_id))))
