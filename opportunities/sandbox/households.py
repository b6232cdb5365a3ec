"""Households and the people in them, tasks and notes (Slant API 7.10 and 7.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opportunities.sandbox import shapes
from opportunities.sandbox.answers import Answer, answer, invalid
from opportunities.sandbox.calls import Call, fields_set
from opportunities.sandbox.checks import NAME_MAX, Problems, parse_moment
from opportunities.sandbox.fields import merged
from opportunities.sandbox.store import Row, stamp

PERSON_FIELDS = ("first_name", "middle_name", "last_name", "preferred_name", "email", "phone_number")
CREATE_FIELDS = frozenset(
    ("book_id", "type", "household_name", "tier", "became_client_at", "head_of_household")
) | set(PERSON_FIELDS)
OF_A_KIND_FIELDS = (CREATE_FIELDS - {"type"}) | {"custom_fields"}
PATCH_FIELDS = frozenset(("household_name", "tier", "became_client_at"))
CLIENT_FIELDS = ("tier", "became_client_at")
# What a request calls otherwise than the record does.
OWN_NAMES = {"household_name": "name", **dict.fromkeys((*PERSON_FIELDS, "head_of_household"), "people")}
TASK_FIELDS = frozenset(
    [
        "book_id",
        "title",
        "description",
        "deadline_at",
        "all_day",
        "status",
        "priority",
        "household_id",
        "contact_id",
        "business_id",
        "assigned_to_id",
        "assigned_team_id",
    ]
)
PRIORITIES = ("low_priority", "medium_priority", "high_priority")


def index(call: Call) -> Answer:
    """`GET /v1/households` with the filters of 7.10; `type` is lower case here, unlike in answers."""
    rows = call.store.tables["household"]
    filters = _filters(call.query)
    ids = call.settled("household", _in_books(call))
    matching_ids = [row_id for row_id in ids if all(takes(rows[row_id]) for takes in filters)]
    return call.listed(matching_ids, lambda row_id: shapes.household(rows[row_id]))


def _in_books(call: Call) -> list[str]:
    """The households of the book asked for, or of every book the token sees."""
    store, query = call.store, call.query
    if "book_id" in query:
        book_id = call.book_named(query["book_id"])["id"]
        return store.listing("household", book_id, lambda row: row["book_id"] == book_id)
    books = {book_id for book_id in store.tables["book"] if call.sees(book_id)}
    return store.listing("household", "books " + " ".join(sorted(books)), lambda row: row["book_id"] in books)


def _filters(query: dict[str, str]) -> list[Callable[[Row], bool]]:
    """A question a row must answer with yes, for each filter of the query."""
    kind, moment = query.get("type"), shapes.since(query)
    if kind is not None and kind not in ("client", "prospect"):
        raise invalid({"type": ["must be one of client, prospect"]})
    filters: list[Callable[[Row], bool]] = []
    if kind is not None:
        filters.append(lambda row: row["type"].lower() == kind)
    if moment is not None:
        filters.append(lambda row: (parse_moment(row["updated_at"]) or 0) >= moment)
    if "email" in query:
        email = query["email"].strip().casefold()
        filters.append(lambda row: email in _emails(row))
    if "phone" in query:
        filters.append(lambda row: query["phone"] in _phones(row))
    if "name" in query:
        words = query["name"].casefold().split()
        filters.append(lambda row: _named(row, words))
    return filters


def _emails(row: Row) -> set[str]:
    return {entry["email"].casefold() for person in row["people"] for entry in person["email_addresses"]}


def _phones(row: Row) -> set[str]:
    return {entry["phone_number"] for person in row["people"] for entry in person["phone_numbers"]}


def _named(row: Row, words: list[str]) -> bool:
    """Every word begins a name of one person: people's names are searched, not the household's."""
    for person in row["people"]:
        names = [
            (person.get(name) or "").casefold() for name in ("first_name", "last_name", "preferred_name")
        ]
        if all(any(name.startswith(word) for name in names) for word in words):
            return True
    return False


def show(call: Call, household_id: str) -> Answer:
    return answer(200, call.show_record(shapes.household(call.find("household", household_id))))


def create(call: Call) -> Answer:
    """`POST /v1/households`; `type` says which kind, in either spelling."""
    problems = Problems()
    kind = problems.choice(call.body, "type", ("client", "prospect", "Client", "Prospect"), required=True)
    return _create(call, kind.capitalize() if kind else None, CREATE_FIELDS, problems)


def create_prospect(call: Call) -> Answer:
    """`POST /v1/prospects`: with `custom_fields`, unlike `POST /v1/households`."""
    return _create(call, "Prospect", OF_A_KIND_FIELDS, Problems())


def create_client(call: Call) -> Answer:
    """`POST /v1/clients`: with `custom_fields`, unlike `POST /v1/households`."""
    return _create(call, "Client", OF_A_KIND_FIELDS, Problems())


def _create(call: Call, kind: str | None, fields: frozenset[str], problems: Problems) -> Answer:
    """No duplicate check, as in Slant; fields only clients have are dropped in silence on prospects."""
    problems.unknown(call.body, fields, call.switches)
    body = {name: value for name, value in call.body.items() if name in fields and value is not None}
    book = _writable_book(call, body, problems)
    person = _head(body, problems)
    name = problems.text(body, "household_name", most=NAME_MAX)
    tier, since = _client_only(body, book, kind, problems)
    more = merged(call, "Household", {}, body["custom_fields"], problems) if "custom_fields" in body else {}
    _reachable_or_named(kind, person, problems)
    problems.stop()
    moment = stamp(call.now)
    household_id = call.store.new_id("household")
    book_id = book["id"] if book else ""
    row: Row = {
        "id": household_id,
        "type": kind,
        "name": name or _full_name(person) or person["email"] or person["phone_number"],
        "book_id": book_id,
        "people": [person_row(call.store.new_id("person"), book_id, household_id, person)],
        "tier": tier,
        "became_client_at": since if since or kind == "Prospect" else moment,
        "profile_picture_url": None,
        "custom_fields": more,
        "created_at": moment,
        "updated_at": moment,
    }
    call.save("household", row, fields_set(body, row, fields, OWN_NAMES), create=True)
    return call.created(call.show_record(shapes.household(row)))


def _writable_book(call: Call, body: Row, problems: Problems) -> Row | None:
    book_id = problems.text(body, "book_id", required=True)
    if book_id is None:
        return None
    book = call.book_named(book_id)
    call.may_write(book)
    return book


def _head(body: Row, problems: Problems) -> dict[str, str | None]:
    """The person of a new household: flat, or nested as `head_of_household`."""
    head = body.get("head_of_household")
    if head is not None and not isinstance(head, dict):
        problems.add("head_of_household", "must be an object")
        head = None
    source = {**body, **(head or {})}
    return {name: problems.text(source, name, most=NAME_MAX) for name in PERSON_FIELDS}


def _reachable_or_named(kind: str | None, person: dict[str, str | None], problems: Problems) -> None:
    """A client can be reached; a prospect has a name (Slant API 7.10)."""
    if kind == "Client" and not (person["email"] or person["phone_number"]):
        problems.add("email", "an e-mail or a phone number is required")
    if kind == "Prospect" and not (person["first_name"] or person["last_name"] or person["preferred_name"]):
        problems.add("first_name", "one of first, last or preferred name is required")


def _full_name(person: dict[str, str | None]) -> str:
    return " ".join(filter(None, (person["first_name"] or person["preferred_name"], person["last_name"])))


def _client_only(
    body: Row, book: Row | None, kind: str | None, problems: Problems
) -> tuple[str | None, str | None]:
    """`tier` and `became_client_at`: read for clients only."""
    if kind == "Prospect":
        return None, None
    tier = problems.text(body, "tier")
    if tier is not None and book is not None and tier not in [entry["label"] for entry in book["tiers"]]:
        problems.add("tier", "is not a tier of the book")
    return tier, problems.moment(body, "became_client_at")


def person_row(person_id: str, book_id: str, household_id: str, details: dict[str, Any]) -> Row:
    """A person with everything a real answer carries, private things included (Slant API 7.10)."""
    email, phone = details.get("email"), details.get("phone_number")
    empty = (
        "contact_id role_type maiden_name salutation suffix gender designations date_of_birth job_title ssn"
        " drivers_license_number middle_name preferred_name first_name last_name"
    )
    return {
        "id": person_id,
        "book_id": book_id,
        "household_id": household_id,
        "household_role": "head_of_household",
        **{name: details.get(name) for name in empty.split()},
        "email_addresses": [{"email": email, "email_type": "personal", "is_primary": True}] if email else [],
        "phone_numbers": [{"phone_number": phone, "phone_type": "mobile", "is_primary": True}]
        if phone
        else [],
        "addresses": details.get("addresses") or [],
        "employments": [],
        "custom_fields": {},
    }


def change(call: Call, household_id: str) -> Answer:
    """`PATCH /v1/households/{id}`: name, tier, became_client_at."""
    row = call.find("household", household_id)
    book = call.store.tables["book"][row["book_id"]]
    call.may_write(book)
    problems = Problems()
    problems.unknown(call.body, PATCH_FIELDS, call.switches)
    accepted_fields = PATCH_FIELDS - (set(CLIENT_FIELDS) if row["type"] == "Prospect" else set())
    body = problems.nulls(call.body, accepted_fields, ("household_name",), call.switches)
    new: dict[str, Any] = {name: None for name in body if body[name] is None}
    if "household_name" in body:
        new["name"] = problems.text(body, "household_name", required=True, most=NAME_MAX)
    for name, value in zip(CLIENT_FIELDS, _client_only(body, book, row["type"], problems), strict=True):
        if value is not None:
            new[name] = value
    problems.stop()
    changed = [name for name, value in new.items() if row[name] != value]
    if changed:
        row = {**row, **new, "updated_at": stamp(call.now)}
        call.save("household", row, changed, create=False)
    return answer(200, call.show_record(shapes.household(row)))


def create_task(call: Call) -> Answer:
    """`POST /v1/tasks` (7.12): for a household, a contact or a business, never for an opportunity.

    The stand-in has no contacts and no businesses of its own, so it takes any id of one.
    """
    body, problems = call.body, Problems()
    problems.unknown(body, TASK_FIELDS, call.switches)
    book_id = problems.text(body, "book_id", required=True)
    book = None
    if book_id is not None:
        book = call.book_named(book_id)
        call.may_write(book)
    row: Row = {
        "id": "",
        "book_id": book_id,
        "title": problems.text(body, "title", required=True, most=NAME_MAX),
        "description": problems.text(body, "description"),
        "deadline_at": problems.moment(body, "deadline_at"),
        "all_day": _flag(body, "all_day", problems),
        "status": problems.choice(body, "status", ("todo", "done")) or "todo",
        "priority": problems.choice(body, "priority", PRIORITIES),
        **{name: problems.text(body, name) for name in ("household_id", "contact_id", "business_id")},
        "assigned_to_id": problems.text(body, "assigned_to_id"),
        "assigned_team_id": problems.text(body, "assigned_team_id"),
    }
    if row["assigned_to_id"] is None and row["assigned_team_id"] is None:
        row["assigned_to_id"] = call.token.user_id
    household = call.peek("household", row["household_id"])
    if row["household_id"] is not None and (household is None or household["book_id"] != book_id):
        problems.add("household_id", "is not a household of the book")
    if book is not None and row["assigned_to_id"] not in (None, *book["members"], call.token.user_id):
        problems.add("assigned_to_id", "must be a user of the book")
    if book is not None and row["assigned_team_id"] not in (None, *(team["id"] for team in book["teams"])):
        problems.add("assigned_team_id", "must be a team of the book")
    problems.stop()
    row["id"] = call.store.new_id("task")
    call.save("task", row, fields_set(body, row, TASK_FIELDS), create=True)
    return call.created(row)


def _flag(body: Row, name: str, problems: Problems) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        problems.add(name, "must be true or false")
    return value is not False


def create_note(call: Call, household_id: str) -> Answer:
    """`POST /v1/households/{id}/notes` (7.12): the one wrapped body, `{"note": {"content": "..."}}`."""
    household = call.find("household", household_id)
    call.may_write(call.store.tables["book"][household["book_id"]])
    problems = Problems()
    note = call.body.get("note")
    content = problems.text(note, "content", required=True) if isinstance(note, dict) else None
    if not isinstance(note, dict):
        problems.add("note", "must be an object with content")
    problems.stop()
    row = {
        "id": call.store.new_id("note"),
        "book_id": household["book_id"],
        "household_id": household_id,
        "content": content,
        "created_at": stamp(call.now),
    }
    call.save("note", row, ["content"], create=True)
    return call.created(row)
