"""Whoever reads or writes the database alone is nobody on the pages, whatever sessions are in it."""

import pytest
from django.apps import apps
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.test import Client

from opportunities.models import OpenSession
from slantweb.session_rows import SessionStore

pytestmark = pytest.mark.django_db


def come_in(persona: str) -> Client:
    client = Client()
    assert client.post("/demo/sign-in/", {"persona": persona}).status_code == 303
    return client


def status(client: Client) -> int:
    """Of a page that is for managers alone."""
    return client.get("/settings/people/").status_code


def row_of(client: Client) -> Session:
    session = OpenSession.objects.get(person=client.session["_auth_user_id"])
    return Session.objects.get(session_key=session.session_key)


def test_no_row_of_any_table_holds_what_the_cookie_holds() -> None:
    manager = come_in("manager")
    assert status(manager) == 200
    cookie = manager.cookies["sessionid"].value

    for model in apps.get_models(include_auto_created=True):
        for values in model._default_manager.values_list():
            assert cookie not in str(values), model


def test_what_a_reader_finds_in_the_rows_is_no_cookie() -> None:
    manager, thief = come_in("manager"), Client()

    for value in (row_of(manager).session_key, row_of(manager).session_data):
        thief.cookies["sessionid"] = value
        assert status(thief) == 302

    assert status(manager) == 200


def test_whoever_writes_anothers_session_into_their_own_row_is_signed_out() -> None:
    manager, other = come_in("manager"), come_in("compliance")
    assert (status(manager), status(other)) == (200, 403)

    own = Session.objects.filter(session_key=row_of(other).session_key)
    own.update(session_data=row_of(manager).session_data)

    assert status(other) == 302
    assert other.get("/settings/people/").wsgi_request.user.is_anonymous
    assert status(manager) == 200


def test_anothers_session_in_the_row_of_a_visitor_signs_nobody_in() -> None:
    manager, thief = come_in("manager"), Client()
    thief.get("/demo/sign-in/")
    store = thief.session
    store.save()
    thief.cookies["sessionid"] = store.session_key
    stolen = row_of(manager)
    Session.objects.exclude(pk=stolen.pk).update(session_data=stolen.session_data)

    assert status(thief) == 302


def as_the_version_before(client: Client) -> db.SessionStore:
    """The browser's session as the version before this one writes it."""
    store, now = db.SessionStore(), client.session
    store.update(dict(now.items()))
    store.save()
    row = OpenSession.objects.get(person=store["_auth_user_id"])
    Session.objects.filter(pk=row.session_key).delete()
    OpenSession.objects.filter(pk=row.pk).update(session_key=store.session_key)
    client.cookies["sessionid"] = store.session_key
    return store


def test_a_session_of_the_version_before_goes_on_and_that_version_still_reads_it() -> None:
    manager = come_in("manager")
    before = as_the_version_before(manager)

    assert status(manager) == 200
    # A message for the next page is written into the row.
    assert manager.post("/settings/people/end-sessions/", {}).status_code == 303
    changed = SessionStore(before.session_key)
    changed["changed"] = "whole"
    changed.save()

    assert db.SessionStore(before.session_key)["changed"] == "whole"
    assert "_messages" in db.SessionStore(before.session_key)
    assert (status(manager), Session.objects.count(), OpenSession.objects.count()) == (200, 1, 1)
    manager.post("/sign-out/")
    assert not Session.objects.filter(pk=before.session_key).exists()
    assert not OpenSession.objects.exists()


def test_a_session_of_the_version_before_has_the_limits_it_began_with() -> None:
    manager = come_in("manager")
    before = as_the_version_before(manager)
    assert status(manager) == 200

    old = db.SessionStore(before.session_key)
    old["began"] -= 9 * 60 * 60
    old.save()
    assert status(manager) == 302

    # Nor does one count that says nothing of its beginning.
    endless = db.SessionStore()
    endless.update({name: value for name, value in before.items() if name not in ("began", "seen")})
    endless.save()
    manager.cookies["sessionid"] = endless.session_key
    assert status(manager) == 302
