"""Opportunities: list, read, create, change (Slant API 7.4 to 7.9)."""

from __future__ import annotations

from typing import Any

from opportunities.sandbox import shapes
from opportunities.sandbox.answers import Answer, answer, invalid, not_found
from opportunities.sandbox.calls import Call, fields_set
from opportunities.sandbox.checks import NAME_MAX, VALUE_MAX, Problems, parse_moment
from opportunities.sandbox.fields import merged
from opportunities.sandbox.store import Row, stamp

CREATE_FIELDS = frozenset(
    [
        "book_id",
        "name",
        "value",
        "probability",
        "target_close_date",
        "pipeline_id",
        "household_id",
        "pipeline_type",
        "pipeline_stage_id",
        "assigned_to_id",
        "owner_id",
    ]
)
PATCH_FIELDS = frozenset(
    [
        "name",
        "value",
        "probability",
        "target_close_date",
        "pipeline_stage_id",
        "assigned_to_id",
        "owner_id",
        "household_id",
        "custom_fields",
    ]
)
IN_HOUSEHOLD_FIELDS = CREATE_FIELDS - {"book_id", "household_id", "pipeline_type"}
# What a request calls otherwise than the record does.
OWN_NAMES = {"owner_id": "assigned_to_id", "pipeline_type": "pipeline_id"}
# Answers may not lack these, so they cannot be cleared (Slant API 7.4).
NEVER_NULL = ("name", "pipeline_stage_id", "assigned_to_id", "owner_id", "custom_fields")


def index(call: Call) -> Answer:
    """`GET /v1/opportunities` (7.9): every deal of every book the token sees, oldest first, all stages."""
    if call.switches["list_opportunities"] == "not_found":
        raise not_found("Page")
    mode = call.switches["list_filters"]
    filters = {name: text for name, text in call.query.items() if name not in ("page", "per_page")}
    if mode == "reject" and filters:
        raise invalid({name: ["is not a known filter"] for name in filters})
    return _page(call, _visible(call), filters if mode == "apply" else {})


def index_of_household(call: Call, household_id: str) -> Answer:
    """`GET /v1/households/{id}/opportunities` (7.9)."""
    call.find("household", household_id)
    ids = call.store.listing("opportunity", household_id, lambda row: row["household_id"] == household_id)
    return _page(call, ids, {})


def _visible(call: Call) -> list[str]:
    books = {book_id for book_id in call.store.tables["book"] if call.sees(book_id)}
    scope = "books " + " ".join(sorted(books))
    return call.store.listing("opportunity", scope, lambda row: row["book_id"] in books)


def _page(call: Call, ids: list[str], filters: dict[str, str]) -> Answer:
    rows = call.store.tables["opportunity"]
    ids = call.settled("opportunity", ids)
    if "book_id" in filters:
        book = call.book_named(filters["book_id"])
        ids = [row_id for row_id in ids if rows[row_id]["book_id"] == book["id"]]
    if "name" in filters:
        start = filters["name"].casefold()
        ids = [row_id for row_id in ids if rows[row_id]["name"].casefold().startswith(start)]
    moment = shapes.since(filters)
    if moment is not None:
        ids = [row_id for row_id in ids if (parse_moment(rows[row_id]["updated_at"]) or 0) >= moment]
    return answer(
        200,
        shapes.listed(
            ids, call.query, lambda row_id: call.show_record(shapes.opportunity(call.store, rows[row_id]))
        ),
    )


def show(call: Call, opportunity_id: str) -> Answer:
    """`GET /v1/opportunities/{id}` (7.6)."""
    return answer(
        200, call.show_record(shapes.opportunity(call.store, call.find("opportunity", opportunity_id)))
    )


def show_of_household(call: Call, household_id: str, opportunity_id: str) -> Answer:
    return answer(
        200,
        call.show_record(shapes.opportunity(call.store, _in_household(call, household_id, opportunity_id))),
    )


def _in_household(call: Call, household_id: str, opportunity_id: str) -> Row:
    call.find("household", household_id)
    row = call.find("opportunity", opportunity_id)
    if row["household_id"] != household_id:
        raise not_found("Opportunity")
    return row


def create(call: Call) -> Answer:
    """`POST /v1/opportunities` (7.5). `custom_fields` is no field of this call and has no effect."""
    problems = Problems()
    book_id = problems.text(call.body, "book_id", required=True)
    problems.unknown(call.body, CREATE_FIELDS, call.switches)
    book = None
    if book_id is not None:
        book = call.book_named(book_id)
        call.may_write(book)
    return _create(call, book, call.body, problems)


def create_in_household(call: Call, household_id: str) -> Answer:
    """`POST /v1/households/{id}/opportunities` (7.8), in whole dollars; book and household come from the
    path.
    """
    household = call.find("household", household_id)
    book = call.find("book", household["book_id"])
    call.may_write(book)
    problems = Problems()
    problems.unknown(call.body, IN_HOUSEHOLD_FIELDS, call.switches)
    body = {name: value for name, value in call.body.items() if name in IN_HOUSEHOLD_FIELDS}
    return _create(call, book, {**body, "household_id": household_id}, problems)


def _create(call: Call, book: Row | None, body: Row, problems: Problems) -> Answer:
    name = problems.text(body, "name", required=True, most=NAME_MAX)
    value = problems.integer(body, "value", 0, VALUE_MAX)
    probability = problems.integer(body, "probability", 0, 100)
    closes = problems.moment(body, "target_close_date", after=call.now)
    owner_id = _owner(call, book, body, problems) or call.token.user_id
    household = _household(call, book, body, problems)
    pipeline = _pipeline(call, book, household, body, problems)
    stage = _first_or_named_stage(pipeline, body, problems)
    if pipeline is not None and household is not None:
        _same_kind(pipeline, household, problems)
    problems.stop()
    if book is None or pipeline is None or stage is None:  # each of them has left a problem above
        raise AssertionError("a missing part without a problem")
    if probability is None and call.switches["probability_when_omitted"] == "stage_default":
        probability = stage["default_probability"]
    moment = stamp(call.now)
    row = {
        "id": call.store.new_id("opportunity"),
        "name": name,
        "book_id": book["id"],
        "pipeline_id": pipeline["id"],
        "pipeline_stage_id": stage["id"],
        "assigned_to_id": owner_id,
        "value": value,
        "probability": probability,
        "target_close_date": closes,
        "stage_updated_at": moment,
        "household_id": household["id"] if household else None,
        "custom_fields": {},
        "created_at": moment,
        "updated_at": moment,
    }
    call.save("opportunity", row, fields_set(body, row, CREATE_FIELDS, OWN_NAMES), create=True)
    return call.created(call.show_record(shapes.opportunity(call.store, row)))


def change(call: Call, opportunity_id: str) -> Answer:
    """`PATCH /v1/opportunities/{id}` (7.7)."""
    return _change(call, call.find("opportunity", opportunity_id))


def change_in_household(call: Call, household_id: str, opportunity_id: str) -> Answer:
    return _change(call, _in_household(call, household_id, opportunity_id))


def _change(call: Call, row: Row) -> Answer:
    book = call.store.tables["book"][row["book_id"]]
    call.may_write(book)
    problems = Problems()
    problems.unknown(call.body, PATCH_FIELDS, call.switches)
    body = problems.nulls(call.body, PATCH_FIELDS, NEVER_NULL, call.switches)
    new: dict[str, Any] = {name: None for name in body if body[name] is None}
    _plain_fields(call, body, new, problems)
    pipeline = call.store.tables["pipeline"][row["pipeline_id"]]
    if body.get("pipeline_stage_id") is not None:
        stage = _first_or_named_stage(pipeline, body, problems)
        new["pipeline_stage_id"] = stage["id"] if stage else None
    owner_id = _owner(call, book, body, problems, row["assigned_to_id"])
    if owner_id is not None:
        new["assigned_to_id"] = owner_id
    household = _household(call, book, body, problems)
    if household is not None:
        _same_kind(pipeline, household, problems)
        new["household_id"] = household["id"]
    if "custom_fields" in body:
        before, nulls = row["custom_fields"], call.switches["null_in_patch"]
        new["custom_fields"] = merged(
            call, "Opportunity", before, body["custom_fields"], problems, nulls=nulls
        )
    problems.stop()

    changed = [name for name, value in new.items() if row[name] != value]
    if changed:
        row = {**row, **new, "updated_at": stamp(call.now)}
        if "pipeline_stage_id" in changed:
            row["stage_updated_at"] = stamp(call.now)
        call.save("opportunity", row, changed, create=False)
    return answer(200, call.show_record(shapes.opportunity(call.store, row)))


def _plain_fields(call: Call, body: Row, new: dict[str, Any], problems: Problems) -> None:
    earliest = call.now if call.switches["past_close_date_in_patch"] == "reject" else None
    if "name" in body:
        new["name"] = problems.text(body, "name", required=True, most=NAME_MAX)
    for name, value in (
        ("value", problems.integer(body, "value", 0, VALUE_MAX)),
        ("probability", problems.integer(body, "probability", 0, 100)),
        ("target_close_date", problems.moment(body, "target_close_date", after=earliest)),
    ):
        if value is not None:
            new[name] = value


def _owner(
    call: Call, book: Row | None, body: Row, problems: Problems, before: str | None = None
) -> str | None:
    """Who it is assigned to; `assigned_to_id` wins over its alias `owner_id` (Slant API 7.7, 10.17).

    A user of the book; but whom Slant itself would put there, or has there already, it cannot refuse: the
    token's user, who may be an admin without a membership (7.2, 7.5), and whoever it is assigned to `before`
    the change.
    """
    posted_names = [name for name in ("assigned_to_id", "owner_id") if body.get(name) is not None]
    for name in posted_names:
        if not isinstance(body[name], str):
            problems.add(name, "must be a string")
            return None
    if not posted_names:
        return None
    user_id: str = body[posted_names[0]]
    if book is not None and user_id not in (*book["members"], call.token.user_id, before):
        problems.add(posted_names[0], "must be a user of the book")
    return user_id


def _household(call: Call, book: Row | None, body: Row, problems: Problems) -> Row | None:
    household_id = problems.text(body, "household_id")
    if household_id is None:
        if isinstance(body.get("household_id"), str):
            problems.add("household_id", "is not a known household")
        return None
    household = call.peek("household", household_id)
    if household is None:
        problems.add("household_id", "is not a known household")
    elif book is not None and household["book_id"] != book["id"]:
        problems.add("household_id", "belongs to another book")
    return household


def _pipeline(
    call: Call, book: Row | None, household: Row | None, body: Row, problems: Problems
) -> Row | None:
    """`pipeline_id`, else from the household, else the default of `pipeline_type` (Slant API 7.5)."""
    if body.get("pipeline_id") is not None:
        pipeline_id = problems.text(body, "pipeline_id")
        pipeline = call.peek("pipeline", pipeline_id)
        if pipeline is None:
            if "pipeline_id" not in problems.by_field:
                problems.add("pipeline_id", "is not a known pipeline")
        elif book is not None and pipeline["book_id"] not in (None, book["id"]):
            problems.add("pipeline_id", "belongs to another book")
        return pipeline
    if body.get("household_id") is not None:
        return (
            _default_pipeline(call, book, household["type"].lower(), problems) if household and book else None
        )
    if body.get("pipeline_type") is not None:
        kind = problems.choice(body, "pipeline_type", ("prospect", "client"))
        if kind is None and "pipeline_type" not in problems.by_field:
            problems.add("pipeline_type", "must be one of prospect, client")
        return _default_pipeline(call, book, kind, problems) if kind and book else None
    problems.add("pipeline_id", "one of pipeline_id, household_id, pipeline_type is required")
    return None


def _default_pipeline(call: Call, book: Row | None, kind: str, problems: Problems) -> Row | None:
    """The oldest pipeline of that kind: the book's own before the company's (open: API 10.11)."""
    fitting = [
        row
        for row in call.store.tables["pipeline"].values()
        if book is not None
        and row["pipeline_type"] == kind
        and row["book_id"] in (None, book["id"])
        and row["company_id"] == book["company_id"]
    ]
    if not fitting:
        problems.add("pipeline_type", f"this book has no {kind} pipeline")
        return None
    return min(fitting, key=lambda row: row["book_id"] is None)


def _first_or_named_stage(pipeline: Row | None, body: Row, problems: Problems) -> Row | None:
    """The named stage, which must belong to the pipeline; unnamed, the pipeline's first."""
    stage_id = problems.text(body, "pipeline_stage_id")
    if stage_id is None and isinstance(body.get("pipeline_stage_id"), str):
        problems.add("pipeline_stage_id", "does not belong to the pipeline")
    if pipeline is None or "pipeline_stage_id" in problems.by_field:
        return None
    stages: list[Row] = pipeline["pipeline_stages"]
    if stage_id is None:
        return min(stages, key=lambda stage: (stage["stage_order"] is None, stage["stage_order"] or 0))
    stage = shapes.stage_of(pipeline, stage_id)
    if stage is None:
        problems.add("pipeline_stage_id", "does not belong to the pipeline")
    return stage


def _same_kind(pipeline: Row, household: Row, problems: Problems) -> None:
    kind = pipeline["pipeline_type"]
    if kind is not None and kind != household["type"].lower():
        problems.add("household_id", f"is a {household['type'].lower()}, the pipeline is for {kind}s")
