"""Access: who may see and do what. Every view, selector and action asks here, and nothing else decides it.

One Slant token sees what its owner sees (Slant API 11.7), so we separate the books ourselves:

* sales see the books they are members of, and write where their role in the book and the token's allow it;
* managers see every book and write where the token may; compliance read every book and change nothing;
* nobody else sees anything.
"""

from enum import StrEnum

from django.db.models import QuerySet

from opportunities.models import WRITING_ROLES, Book, Household, Member, Person, Submission


class Action(StrEnum):
    """What a person may be allowed to do. Only `SEE` and `WRITE` are about a book.

    `CHANGE`: their role changes deals at all, whatever the book.
    """

    ENTER = "enter"
    CHANGE = "change"
    SEE = "see"
    WRITE = "write"
    OVERSEE = "oversee"
    REVIEW = "review"
    READ_TRAIL = "read_trail"


def visible_books(person: Person) -> QuerySet[Book]:
    """The books whose deals `person` may see, by name. Books gone from Slant are left out."""
    books = Book.objects.filter(gone_at=None)
    if person.is_manager or person.is_compliance:
        return books
    if person.is_sales and person.member_id:
        return books.filter(pk__in=Member.objects.filter(user_id=person.member_id).values("book_id"))
    return books.none()


def writable_books(person: Person) -> QuerySet[Book]:
    """The visible books `person` may write in. A book the token only views is read-only for all."""
    books = visible_books(person).exclude(role="viewer")
    if person.is_manager:
        return books
    if person.is_sales and person.member_id:
        writers = Member.objects.filter(user_id=person.member_id, role__in=WRITING_ROLES)
        return books.filter(pk__in=writers.values("book_id"))
    return books.none()


def visible_households(person: Person) -> QuerySet[Household]:
    """The households `person` may see: those of the books they see."""
    return Household.objects.filter(book__in=visible_books(person))


def opens_all_submissions(person: Person) -> bool:
    """Whether `person` may open what others asked for in the books they see. Everybody may open their own."""
    return person.is_manager or person.is_compliance


def visible_submissions(person: Person) -> QuerySet[Submission]:
    """The submissions `person` may open."""
    own = Submission.objects.filter(person=person)
    if not opens_all_submissions(person):
        return own
    return own | Submission.objects.filter(book_id__in=visible_books(person).values("pk"))


def may(person: Person, action: Action, book: Book | None = None) -> bool:
    """Whether `person` may do `action` (in `book`, for `SEE` and `WRITE`; without a book: in any at all)."""
    match action:
        case Action.ENTER:
            return bool(person.roles)
        case Action.CHANGE:
            return person.is_sales or person.is_manager
        case Action.SEE:
            books = visible_books(person)
        case Action.WRITE:
            books = writable_books(person)
        case Action.OVERSEE | Action.REVIEW:
            return person.is_manager
        case Action.READ_TRAIL:
            return person.is_manager or person.is_compliance
    return books.filter(pk=book.pk).exists() if book else books.exists()
