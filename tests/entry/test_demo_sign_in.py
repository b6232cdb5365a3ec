"""The demo's door: choose a person, come in as them, and leave again."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from opportunities.models import AuditEvent, Book, Member, Person
from opportunities.selectors.people import personas
from tests.support.people import Firm

from .elsewhere import ELSEWHERE

pytestmark = pytest.mark.django_db

DOOR = "/demo/sign-in/"
Events = Callable[[], list[tuple[str, str]]]


def offered() -> dict[str, str]:
    return {persona.key: persona.email for persona in personas()}


def member(book: Book, email: str, role: str) -> Member:
    return Member.objects.create(
        book=book, user_id=f"us_{email}", email=email, first_name=email.split("@")[0], role=role
    )


def come_in(client: Client, persona: str) -> Person:
    client.post(DOOR, {"persona": persona})
    return Person.objects.get(pk=client.session["_auth_user_id"])


# Who is offered


def test_an_empty_mirror_offers_the_manager_and_compliance() -> None:
    assert offered() == {"manager": "manager@demo.example", "compliance": "compliance@demo.example"}


def test_the_five_people_come_from_the_members_of_books(firm: Firm) -> None:
    assert offered() == {
        "sales": "olivia@harbor.example",
        "colleague": "otto@harbor.example",
        "viewer": "vera@harbor.example",
        "manager": "manager@demo.example",
        "compliance": "compliance@demo.example",
    }


def test_a_tie_in_books_goes_to_the_first_address() -> None:
    book = Book.objects.create(id="b1", name="Pine Street")
    for email in ("zoe@x.example", "abe@x.example"):
        member(book, email, "contributor")

    assert offered()["sales"] == "abe@x.example"


def test_without_a_stranger_the_colleague_is_another_writer() -> None:
    book = Book.objects.create(id="b1", name="Pine Street")
    for email in ("abe@x.example", "ben@x.example", "cat@x.example"):
        member(book, email, "principal")

    assert offered()["colleague"] == "ben@x.example"


def test_somebody_who_writes_anywhere_is_no_viewer() -> None:
    pine, harbor = (Book.objects.create(id=f"b{n}", name=f"Book {n}") for n in (1, 2))
    member(pine, "abe@x.example", "viewer")
    member(harbor, "abe@x.example", "principal")
    member(pine, "zoe@x.example", "viewer")

    assert offered()["viewer"] == "zoe@x.example"


def test_members_without_an_address_or_of_gone_books_are_not_offered(firm: Firm) -> None:
    Book.objects.exclude(pk="bk_summit").update(gone_at="2026-01-01T00:00Z")
    Member.objects.filter(book="bk_summit").update(email="")

    assert set(offered()) == {"manager", "compliance"}


def test_the_page_shows_each_person_with_place_and_role(client: Client, firm: Firm) -> None:
    page = client.get(DOOR).text

    buttons = re.findall(
        r'name="persona" value="(\w+)".*?<b>(.*?)</b><small>(.*?)</small>.*?push">(\w+)<', page
    )
    assert buttons == [
        ("sales", "Olivia Owner", "Archive, principal and 1 more", "Sales"),
        ("colleague", "Otto Outsider", "Summit, principal", "Sales"),
        ("manager", "Morgan Manager", "All books, reports, reviews", "Manager"),
        ("compliance", "Casey Compliance", "Trail and all books, read only", "Compliance"),
        ("viewer", "Vera Viewer", "Harbor, read only", "Viewer"),
    ]


# Coming in


@pytest.mark.parametrize(
    ("persona", "roles", "member_id"),
    [
        ("sales", ["sales"], "us_owner"),
        ("colleague", ["sales"], "us_outsider"),
        ("viewer", ["sales"], "us_viewer"),
        ("manager", ["manager"], ""),
        ("compliance", ["compliance"], ""),
    ],
)
def test_a_button_signs_in_with_its_role_and_its_place_in_slant(
    client: Client, firm: Firm, persona: str, roles: list[str], member_id: str
) -> None:
    response = client.post(DOOR, {"persona": persona, "next": "/submissions/"})

    assert (response.status_code, response["Location"]) == (303, "/submissions/")
    person = Person.objects.get(pk=client.session["_auth_user_id"])
    assert (person.iss, person.sub) == ("demo", offered()[persona])
    assert (person.roles, person.member_id) == (roles, member_id)
    assert not person.has_usable_password()


def test_without_a_next_page_the_way_leads_home(client: Client) -> None:
    assert client.post(DOOR, {"persona": "manager"})["Location"] == "/"


@pytest.mark.parametrize("data", [{}, {"persona": ""}, {"persona": "admin"}, {"persona": "sales"}])
def test_a_person_who_is_not_offered_is_refused(client: Client, data: dict[str, str]) -> None:
    response = client.post(DOOR, data)

    assert response.status_code == 422
    assert 'href="#id_persona"' in response.text
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("group", "roles"),
    [("sales", ["sales"]), ("manager", ["manager"]), ("compliance", ["compliance"]), ("none", [])],
)
def test_any_address_may_come_in_to_any_group(
    client: Client, firm: Firm, group: str, roles: list[str]
) -> None:
    response = client.post(DOOR, {"email": "Carl@Harbor.example", "group": group})

    person = Person.objects.get(sub="carl@harbor.example")
    assert response.status_code == 303
    assert (person.roles, person.member_id, person.name) == (roles, "us_colleague", "Carl Colleague")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"email": "", "group": "sales"}, "email"),
        ({"email": "not an address", "group": "sales"}, "email"),
        ({"email": "a@x.example", "group": "admin"}, "group"),
        ({"email": "a@x.example"}, "group"),
    ],
)
def test_a_mistake_is_named_at_its_field_and_nothing_typed_is_lost(
    client: Client, data: dict[str, str], field: str
) -> None:
    response = client.post(DOOR, data | {"next": "/board/"})

    assert response.status_code == 422
    assert f'<a href="#id_{field}">' in response.text
    assert f'id="{field}-error"' in response.text
    assert f'value="{data["email"]}"' in response.text
    assert 'name="next" value="/board/"' in response.text
    assert "<title>Error: Demo sign-in" in response.text


def test_signing_in_again_finds_the_same_person_with_the_new_role(client: Client) -> None:
    client.post(DOOR, {"email": "a@x.example", "group": "sales"})
    client.post(DOOR, {"email": "a@x.example", "group": "manager"})

    assert [person.roles for person in Person.objects.all()] == [["manager"]]
    last = AuditEvent.objects.get(action="person.signed_in", before__roles=["sales"])
    assert last.after == {"roles": ["manager"]}


def test_the_link_a_manager_made_outlives_a_sign_in(client: Client, firm: Firm) -> None:
    Person.objects.filter(pk=come_in(client, "sales").pk).update(
        member_id="us_colleague", member_linked_by="Mona"
    )

    assert come_in(client, "sales").member_id == "us_colleague"


def test_an_address_two_members_share_links_to_neither(client: Client, firm: Firm) -> None:
    Member.objects.filter(user_id="us_outsider").update(email="carl@harbor.example")

    client.post(DOOR, {"email": "carl@harbor.example", "group": "sales"})

    assert Person.objects.get().member_id == ""


# Where the way leads


@pytest.mark.parametrize(
    "next_page", ["/", "/submissions/?page=2", "/opportunities/new/?name=A%20b", "http://testserver/board/"]
)
def test_a_page_of_ours_is_the_way_back(client: Client, next_page: str) -> None:
    assert client.post(DOOR, {"persona": "manager", "next": next_page})["Location"] == next_page


@pytest.mark.parametrize("next_page", ELSEWHERE)
def test_nobody_is_sent_elsewhere(client: Client, next_page: str) -> None:
    posted = client.post(DOOR, {"persona": "manager", "next": next_page})
    shown = Client().get(DOOR, {"next": next_page})
    signed_in = client.get("/sign-in/", {"next": next_page})
    passed_on = Client().get("/sign-in/", {"next": next_page})

    assert posted["Location"] == "/"
    assert 'name="next" value="/"' in shown.text
    assert signed_in["Location"] == "/"
    assert passed_on["Location"] == "/demo/sign-in/?next=%2F"


def test_pages_outside_tell_nothing_of_the_data_in_the_place_where_scripts_look(client: Client) -> None:
    pages = [client.get(DOOR), client.get("/signed-out/")]
    client.post(DOOR, {"email": "new@demo.example", "group": "none"})
    pages.append(client.get("/board/"))

    assert [page.status_code for page in pages] == [200, 200, 403]
    for page in pages:
        assert re.findall(r"<body[^>]*>", page.text) == ['<body data-synced-at="" data-stale="fresh">']


def test_sign_in_leads_to_the_demo_and_back(client: Client) -> None:
    door = client.get("/sign-in/?next=/submissions/%3Fpage%3D2")

    assert (door.status_code, door["Location"]) == (302, "/demo/sign-in/?next=%2Fsubmissions%2F%3Fpage%3D2")
    assert 'name="next" value="/submissions/?page=2"' in client.get(door["Location"]).text


# Leaving


def test_signing_out_kills_the_session_on_the_server(client: Client) -> None:
    come_in(client, "manager")
    stolen = client.cookies["sessionid"].value

    response = client.post("/sign-out/")

    assert (response.status_code, response["Location"]) == (303, "/signed-out/")
    assert "You are signed out" in client.get("/signed-out/").text
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/demo/misbehave/").status_code == 302


def test_reading_the_address_signs_nobody_out(client: Client) -> None:
    come_in(client, "manager")

    assert client.get("/sign-out/").status_code == 405
    assert "_auth_user_id" in client.session


def test_a_planted_session_number_is_worth_nothing_after_sign_in(client: Client) -> None:
    planted = Client()
    come_in(planted, "compliance")
    number = planted.cookies["sessionid"].value
    client.cookies["sessionid"] = number

    come_in(client, "manager")

    assert client.cookies["sessionid"].value != number
    assert planted.get("/demo/misbehave/").status_code == 302


# The trail


def test_coming_and_going_is_in_the_trail(client: Client, events: Events) -> None:
    person = come_in(client, "manager")
    client.post("/sign-out/")
    client.post("/sign-out/")

    assert events() == [("person.signed_in", ""), ("person.signed_out", "")]
    came, went = AuditEvent.objects.order_by("seq")
    assert (came.actor_iss, came.actor_sub) == ("demo", "manager@demo.example")
    assert (came.actor_roles, came.object_id) == (["manager"], str(person.pk))
    assert came.session_ref == went.session_ref != ""


def test_the_trail_knows_where_from(client: Client) -> None:
    answer = client.post(DOOR, {"persona": "manager"}, headers={"User-Agent": "Firefox"})

    event = AuditEvent.objects.get()
    assert (event.source_ip, event.user_agent) == ("127.0.0.1", "Firefox")
    assert event.request_id == answer["X-Request-ID"] != ""
    assert client.session.session_key not in str(vars(event))


def test_somebody_in_no_group_is_recorded_as_refused(client: Client, events: Events) -> None:
    client.post(DOOR, {"email": "a@x.example", "group": "none"})

    assert events() == [("person.refused", "no_group")]


def test_becoming_somebody_else_ends_the_first_session_in_the_trail(client: Client, events: Events) -> None:
    come_in(client, "manager")
    come_in(client, "compliance")

    assert events() == [
        ("person.signed_in", ""),
        ("person.signed_out", "someone_else"),
        ("person.signed_in", ""),
    ]


# The demo answers this machine alone


@pytest.mark.parametrize("address", ["10.0.0.7", "192.0.2.1", "2001:db8::1", "", "unix:"])
def test_other_machines_are_refused(client: Client, address: str) -> None:
    response = client.post(DOOR, {"persona": "manager"}, REMOTE_ADDR=address)

    assert (response.status_code, response.text) == (403, "The demo answers only the machine it runs on.\n")
    assert not Person.objects.exists()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_answered(client: Client, address: str) -> None:
    assert client.get(DOOR, REMOTE_ADDR=address).status_code == 200


def test_outside_the_demo_other_machines_are_answered(client: Client, settings: Settings) -> None:
    settings.DEMO, settings.SECURE_SSL_REDIRECT = False, False

    assert client.get("/healthz", REMOTE_ADDR="10.0.0.7").status_code == 200


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP"]
)
def test_a_tunnel_on_this_machine_does_not_open_the_demo(client: Client, header: str) -> None:
    assert client.get("/demo/sign-in/").status_code == 200
    assert client.get("/demo/sign-in/", headers={header: "203.0.113.7"}).status_code == 403
