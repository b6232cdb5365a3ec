"""Managers say who somebody is in Slant, where a verified e-mail cannot."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from opportunities.access import visible_books
from opportunities.actions.people import Identity, sign_in
from opportunities.clock import SystemClock
from opportunities.models import AuditEvent, Person
from tests.support.people import Firm, make_person

PEOPLE = "/settings/people/"
SignIn = Callable[[Person], Client]


@pytest.fixture
def newcomer(firm: Firm) -> Person:
    """In the sales group, with an address Slant does not know."""
    return make_person("Nora Newcomer", "sales")


def link(client: Client, person: Person, member_id: str, **headers: str) -> Any:
    return client.post(PEOPLE, {"person": str(person.pk), "member_id": member_id}, headers=headers)


def books(person: Person) -> set[str]:
    person.refresh_from_db()
    return {book.name for book in visible_books(person)}


def test_the_page_lists_everybody_and_every_member(
    firm: Firm, manager: Person, owner: Person, newcomer: Person, signed_in: SignIn
) -> None:
    page = signed_in(manager).get(PEOPLE).text

    for person in (manager, owner, newcomer):
        assert f'data-person="{person.pk}"' in page
    assert "Otto Outsider (otto@harbor.example; Summit)" in page
    assert "Olivia Owner (olivia@harbor.example; Archive, Harbor)" in page
    assert "By e-mail: Olivia Owner" in page
    assert "By e-mail: nobody" in page


def test_a_linked_person_sees_the_books_of_the_member(
    manager: Person, newcomer: Person, signed_in: SignIn
) -> None:
    before = books(newcomer)

    response = link(signed_in(manager), newcomer, "us_colleague")

    assert (response.status_code, response["Location"]) == (303, PEOPLE)
    assert (before, books(newcomer)) == (set(), {"Harbor"})


def test_who_linked_whom_is_in_the_trail(manager: Person, newcomer: Person, signed_in: SignIn) -> None:
    link(signed_in(manager), newcomer, "us_colleague")

    event = AuditEvent.objects.get(action="person.linked")
    assert (event.actor_sub, event.object_id) == (manager.sub, str(newcomer.pk))
    assert event.before == {"member_id": "", "linked_by": ""}
    assert event.after == {"member_id": "us_colleague", "linked_by": f"{manager.iss} {manager.sub}"}


def test_the_next_sign_in_does_not_undo_it(manager: Person, newcomer: Person, signed_in: SignIn) -> None:
    link(signed_in(manager), newcomer, "us_colleague")
    identity = Identity(newcomer.iss, newcomer.sub, "olivia@harbor.example", "Nora", ("sales",))

    from opportunities.trail.audit import Actor

    sign_in(identity=identity, open_session=lambda person: Actor.of(person), clock=SystemClock())

    newcomer.refresh_from_db()
    assert newcomer.member_id == "us_colleague"


def test_a_link_taken_back_leaves_it_to_the_address(
    firm: Firm, manager: Person, owner: Person, signed_in: SignIn
) -> None:
    client = signed_in(manager)
    link(client, owner, "us_outsider")
    assert books(owner) == {"Summit"}

    link(client, owner, "")

    assert books(owner) == {"Harbor", "Archive"}
    assert AuditEvent.objects.filter(action="person.unlinked").count() == 1


def test_saving_what_is_so_already_is_no_event(manager: Person, newcomer: Person, signed_in: SignIn) -> None:
    link(signed_in(manager), newcomer, "")

    assert not AuditEvent.objects.filter(action__startswith="person.").exists()


@pytest.mark.parametrize("member_id", ["us_nobody", "us_owner' OR 1=1", "x" * 5000, "\x00"])
def test_only_members_of_books_can_be_chosen(
    manager: Person, newcomer: Person, signed_in: SignIn, member_id: str
) -> None:
    response = link(signed_in(manager), newcomer, member_id)

    newcomer.refresh_from_db()
    assert (response.status_code, newcomer.member_id) == (422, "")
    assert "Choose one of the members listed" in response.text


@pytest.mark.parametrize("person", ["", "484a40cf-fe84-4b1a-bc7a-9866172971e9", "not-an-id", "\x00"])
def test_only_people_who_signed_in_can_be_linked(
    manager: Person, newcomer: Person, signed_in: SignIn, person: str
) -> None:
    response = signed_in(manager).post(PEOPLE, {"person": person, "member_id": "us_owner"})

    assert response.status_code == 422
    assert not Person.objects.filter(member_linked_by__gt="").exists()


@pytest.mark.parametrize("who", ["owner", "viewer", "compliance"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_but_managers(
    request: pytest.FixtureRequest, newcomer: Person, signed_in: SignIn, who: str, method: str
) -> None:
    client = signed_in(request.getfixturevalue(who))

    response = getattr(client, method)(PEOPLE, {"person": str(newcomer.pk), "member_id": "us_owner"})

    newcomer.refresh_from_db()
    assert (response.status_code, newcomer.member_id) == (403, "")
    assert "Nora" not in response.text


def test_the_navigation_leads_managers_there(
    firm: Firm, manager: Person, owner: Person, signed_in: SignIn
) -> None:
    assert f'href="{PEOPLE}"' in signed_in(manager).get("/submissions/").text
    assert f'href="{PEOPLE}"' not in signed_in(owner).get("/submissions/").text
