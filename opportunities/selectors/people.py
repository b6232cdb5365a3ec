"""People: everybody who ever signed in, for managers; and the personas of the demo.

The selectors of the demo take no person: they are read before sign-in, in the demo only.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from opportunities.email_addresses import fold_address
from opportunities.models import WRITING_ROLES, Member, Person, Role
from opportunities.selectors.sessions import session_counts

DEMO_ISSUER = "demo"


@dataclass(frozen=True)
class Persona:
    """A button of the demo's sign-in page. `key` is its value."""

    key: str
    email: str
    name: str
    detail: str
    tag: str
    role: str


@dataclass
class _Colleague:
    """One mirrored member over all their books: names and roles by book id."""

    email: str
    name: str
    books: dict[str, str]
    roles: dict[str, str]

    @property
    def writable_count(self) -> int:
        return sum(role in WRITING_ROLES for role in self.roles.values())


MANAGER = Persona(
    "manager",
    "manager@demo.example",
    "Morgan Manager",
    "All books, reports, reviews",
    "Manager",
    Role.MANAGER,
)
COMPLIANCE = Persona(
    "compliance",
    "compliance@demo.example",
    "Casey Compliance",
    "Trail and all books, read only",
    "Compliance",
    Role.COMPLIANCE,
)


def personas() -> list[Persona]:
    """The five people of the demo, from the mirrored members by address; one without a member is left out."""
    people = _colleagues()
    writers = [person for person in people if person.writable_count]
    demo_personas: list[Persona] = []
    sales = max(writers, key=lambda person: person.writable_count, default=None)
    if sales:
        demo_personas.append(_persona("sales", sales, "Sales"))
        other_writers = [person for person in writers if person is not sales]
        strangers = [person for person in other_writers if not person.roles.keys() & sales.roles.keys()]
        demo_personas += [
            _persona("colleague", person, "Sales") for person in (strangers or other_writers)[:1]
        ]
    demo_personas += [MANAGER, COMPLIANCE]
    viewers = [person for person in people if not person.writable_count and "viewer" in person.roles.values()]
    demo_personas += [_persona("viewer", person, "Viewer") for person in viewers[:1]]
    return demo_personas


def name_of(email: str) -> str:
    """The mirrored name of the member with this e-mail; empty without one."""
    member = Member.objects.filter(email=fold_address(email)).first()
    return member.name if member else ""


@dataclass(frozen=True)
class MemberChoice:
    """A user of Slant, over all books, to whom a person can be linked."""

    id: str
    name: str
    email: str
    books: str


@dataclass(frozen=True)
class PersonLine:
    """A line of the people page. `member` is empty for a person without a user in Slant."""

    id: UUID
    name: str
    email: str
    sub: str
    roles: str
    last_login: datetime | None
    member_id: str
    member: str
    by_hand: bool
    sessions: int


def members() -> list[MemberChoice]:
    """Everybody in a living book, by name."""
    members_by_id: dict[str, list[Member]] = {}
    for member in Member.objects.filter(book__gone_at=None).select_related("book").order_by("book__name"):
        members_by_id.setdefault(member.user_id, []).append(member)
    people = [
        MemberChoice(
            id, rows[0].name or rows[0].email, rows[0].email, ", ".join(row.book.name for row in rows)
        )
        for id, rows in members_by_id.items()
    ]
    return sorted(people, key=lambda choice: (choice.name.lower(), choice.email, choice.id))


def everybody(candidates: list[MemberChoice], now: datetime) -> list[PersonLine]:
    """Who ever signed in, by name."""
    names = {candidate.id: candidate.name for candidate in candidates}
    counts = session_counts(now)
    return [
        PersonLine(
            id=person.pk,
            name=person.display,
            email=person.email,
            sub=person.sub,
            roles=", ".join(Role(role).label for role in person.roles if role in Role.values),
            last_login=person.last_login,
            member_id=person.member_id,
            member=names.get(person.member_id, person.member_id),
            by_hand=bool(person.member_linked_by),
            sessions=counts[person.pk],
        )
        for person in Person.objects.order_by("name", "email", "pk")
    ]


def _colleagues() -> list[_Colleague]:
    """Members of living books, in order of address."""
    people: dict[str, _Colleague] = {}
    members = Member.objects.filter(book__gone_at=None).exclude(email="").select_related("book")
    for member in members.order_by("email", "book__name", "book_id"):
        person = people.setdefault(member.email, _Colleague(member.email, member.name, {}, {}))
        person.books[member.book_id] = member.book.name
        person.roles[member.book_id] = member.role
    return list(people.values())


def _persona(key: str, person: _Colleague, tag: str) -> Persona:
    return Persona(key, person.email, person.name, _places(person), tag, Role.SALES)


def _places(person: _Colleague) -> str:
    """A text like "Pine Street, contributor", with the number of further books. A book they write in comes
    first.
    """
    order = sorted(person.roles, key=lambda book: person.roles[book] not in WRITING_ROLES)
    first = order[0]
    role = "read only" if person.roles[first] == "viewer" else person.roles[first]
    more = f" and {len(order) - 1} more" if len(order) > 1 else ""
    return f"{person.books[first]}, {role}{more}" if role else f"{person.books[first]}{more}"
