"""The filters of a board or list: their choices, the names of those in use, and saved views."""

from dataclasses import dataclass

from opportunities.access import visible_books, visible_households
from opportunities.models import Book, Household, Member, Person, SavedView
from opportunities.selection import ME, NOBODY, Selection
from opportunities.wording import board as board_words
from opportunities.wording import formats


@dataclass(frozen=True)
class Chip:
    """One active filter. `without` is the query string of the selection without it."""

    field: str
    label: str
    text: str
    without: str


@dataclass(frozen=True)
class Options:
    """`owners` are id and name, each person once."""

    books: list[Book]
    owners: list[tuple[str, str]]
    has_member: bool


def chips(selection: Selection, names: dict[str, str]) -> list[Chip]:
    return [
        Chip(
            field,
            board_words.CHIPS[field],
            _words(field, selection, names),
            selection.query(**{field: getattr(Selection(), field)}) or "view=board",
        )
        for field in board_words.CHIPS
        if field in selection.narrowed_by
    ]


def _words(field: str, selection: Selection, names: dict[str, str]) -> str:
    value = getattr(selection, field)
    match field:
        case "owner" if value in (ME, NOBODY):
            return board_words.ME_WORDS if value == ME else board_words.NOBODY_WORDS
        case "owner" | "book" | "household":
            return names.get(field, board_words.UNKNOWN_THERE)
        case "min" | "max":
            return formats.money(value)
        case "close":
            return board_words.CLOSES.get(value) or board_words.closing(value)
        case "missing":
            return board_words.MISSINGS[value]
        case "stale":
            return board_words.LONGER_THAN_LIMIT
        case "stage" | "ids":
            return board_words.CHOSEN.format(count=len(value))
    return str(value)


def options(person: Person) -> Options:
    """The choices of the filters. Makes two queries."""
    books = visible_books(person)
    owners: dict[str, str] = {}
    for member in Member.objects.filter(book__in=books):
        owners.setdefault(member.user_id, member.name)
    return Options(
        list(books),
        [(id, name) for id, name in owners.items() if id != person.member_id],
        bool(person.member_id),
    )


def household_name(person: Person, id: str) -> str:
    rows = visible_households(person).filter(pk=id) if id else Household.objects.none()
    return rows.values_list("name", flat=True).first() or ""


def saved_views(person: Person) -> list[SavedView]:
    return list(SavedView.objects.filter(person=person))
