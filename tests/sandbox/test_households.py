"""Slant API 7.10 to 7.12: households, custom fields, tasks, notes."""

import pytest

from tests.sandbox.desk import Desk

OKONKWO = "/households/hh_okonkwo"


def ids(desk: Desk, query: str) -> list[str]:
    return [row["id"] for row in desk.get(f"/households?per_page=100&{query}")["data"]]


def test_a_household_carries_its_people_and_their_private_things(desk: Desk) -> None:
    row = desk.get(OKONKWO)

    assert (row["type"], row["name"], row["book_id"]) == ("Prospect", "The Okonkwo Family", "bk_pine01")
    (ada,) = row["people"]
    assert (ada["id"], ada["first_name"], ada["household_role"]) == ("pe_ada", "Ada", "head_of_household")
    assert ada["ssn"].startswith("***")
    assert row["tier"] is None


def test_filters_narrow_the_list(desk: Desk) -> None:
    ada = desk.get(OKONKWO)["people"][0]
    email, phone = ada["email_addresses"][0]["email"], ada["phone_numbers"][0]["phone_number"]

    assert len(ids(desk, "book_id=bk_pine01")) == 16
    assert len(ids(desk, "book_id=bk_pine01&type=client")) == 8
    assert ids(desk, f"email=%20{email.upper()}") == ["hh_okonkwo"]
    assert ids(desk, "phone=" + phone.replace("+", "%2B")) == ["hh_okonkwo"]
    assert ids(desk, "name=oko") == ["hh_okonkwo"]
    assert ids(desk, "name=ada%20okon") == ["hh_okonkwo"]
    assert ids(desk, "name=konkwo") == []
    assert ids(desk, "updated_since=2026-08-20T13:00:00Z") == []


@pytest.mark.parametrize("query", ["type=Client", "updated_since=yesterday"])
def test_a_filter_that_cannot_be_read_is_refused(desk: Desk, query: str) -> None:
    assert set(desk.complaints(desk.ask("GET", f"/households?{query}"))) == {query.partition("=")[0]}


def test_a_prospect_needs_a_name_and_a_client_a_way_to_be_reached(desk: Desk) -> None:
    book = {"book_id": "bk_pine01"}

    assert set(desk.complaints(desk.ask("POST", "/prospects", {**book, "email": "a@b.example"}))) == {
        "first_name"
    }
    assert set(desk.complaints(desk.ask("POST", "/clients", {**book, "first_name": "Una"}))) == {"email"}
    assert desk.ask("POST", "/prospects", {**book, "preferred_name": "Una"}).status == 201
    assert desk.ask("POST", "/clients", {**book, "phone_number": "+15550000001"}).status == 201


def test_client_fields_are_dropped_in_silence_on_prospects(desk: Desk) -> None:
    body = {
        "book_id": "bk_pine01",
        "type": "prospect",
        "last_name": "Umber",
        "tier": "A-tier",
        "became_client_at": "x",
    }

    made = desk.ask("POST", "/households", body).json()

    assert (made["type"], made["name"], made["tier"], made["became_client_at"]) == (
        "Prospect",
        "Umber",
        None,
        None,
    )


@pytest.mark.parametrize(("path", "person"), [("/prospects", "last_name"), ("/clients", "email")])
def test_a_prospect_or_a_client_is_made_with_its_custom_fields(desk: Desk, path: str, person: str) -> None:
    body = {"book_id": "bk_pine01", person: "una@umber.example", "custom_fields": {"has_trust": True}}

    made = desk.ask("POST", path, body).json()
    wrong = desk.ask("POST", path, {**body, "custom_fields": {"has_trust": "perhaps"}})

    assert made["custom_fields"] == {"has_trust": True}
    assert desk.get(f"/households/{made['id']}")["custom_fields"] == {"has_trust": True}
    assert set(desk.complaints(wrong)) == {"custom_fields"}


def test_custom_fields_are_no_field_of_a_plain_household(desk: Desk) -> None:
    body = {
        "book_id": "bk_pine01",
        "type": "prospect",
        "last_name": "Umber",
        "custom_fields": {"has_trust": True},
    }

    assert desk.ask("POST", "/households", body).json()["custom_fields"] == {}
    desk.switch(unknown_field="reject")
    assert set(desk.complaints(desk.ask("POST", "/households", body))) == {"custom_fields"}


def test_there_is_no_duplicate_check(desk: Desk) -> None:
    body = {"book_id": "bk_pine01", "type": "client", "email": "una@umber.example", "household_name": "Umber"}
    made = [desk.ask("POST", "/households", body).json()["id"] for _ in range(2)]

    assert ids(desk, "email=una@umber.example") == made
    assert [entry["type"] for entry in desk.entries()] == ["household", "household"]


def test_a_household_is_renamed(desk: Desk) -> None:
    made = desk.ask("PATCH", OKONKWO, {"household_name": "Okonkwo and Daughters", "tier": "A-tier"}).json()

    assert (made["name"], made["tier"]) == ("Okonkwo and Daughters", None)
    assert desk.entries()[0]["changed"] == ["name"]


def test_custom_fields_are_listed_by_kind(desk: Desk) -> None:
    keys = [
        field["field_key"] for field in desk.get("/custom_fields?entity_type=Opportunity&book_id=x")["data"]
    ]

    assert keys == ["lead_source", "expected_yearly_fee", "next_review_on"]
    assert desk.get("/custom_fields/cf_src") == {
        "id": "cf_src",
        "field_key": "lead_source",
        "display_name": "Lead source",
        "entity_type": "Opportunity",
        "field_type": "single_select",
        "options": {"select_options": ["Referral", "Seminar", "Website"]},
    }


def test_a_new_custom_field_is_named_on_every_deal(desk: Desk) -> None:
    body = {
        "field_key": "region",
        "display_name": "Region",
        "entity_type": "Opportunity",
        "field_type": "text",
    }

    assert desk.ask("POST", "/custom_fields", body).status == 201
    assert desk.get("/opportunities/op_71qz5d")["custom_fields"]["region"] is None
    assert set(desk.complaints(desk.ask("POST", "/custom_fields", body))) == {"field_key"}


def test_a_choice_needs_its_options_and_a_prospects_field_is_a_households(desk: Desk) -> None:
    body = {
        "field_key": "pet",
        "display_name": "Pet",
        "entity_type": "Prospect",
        "field_type": "single_select",
    }

    assert set(desk.complaints(desk.ask("POST", "/custom_fields", body))) == {"options"}
    made = desk.ask("POST", "/custom_fields", {**body, "options": {"select_options": ["Cat"]}}).json()
    assert made["entity_type"] == "Household"


def test_tasks_and_notes_belong_to_households(desk: Desk) -> None:
    task = {
        "book_id": "bk_pine01",
        "title": "Call Ada",
        "household_id": "hh_okonkwo",
        "priority": "low_priority",
    }

    assert desk.ask("POST", "/tasks", task).json()["all_day"] is True
    assert set(desk.complaints(desk.ask("POST", "/tasks", {**task, "status": "later"}))) == {"status"}
    assert (
        desk.ask("POST", f"{OKONKWO}/notes", {"note": {"content": "Likes tea"}}).json()["content"]
        == "Likes tea"
    )
    assert set(desk.complaints(desk.ask("POST", f"{OKONKWO}/notes", {"content": "Likes tea"}))) == {"note"}
    assert [entry["type"] for entry in desk.entries()] == ["task", "note"]


@pytest.mark.parametrize("whose", ["household_id", "contact_id", "business_id"])
@pytest.mark.parametrize("who", [{"assigned_to_id": "u_9xw20c"}, {"assigned_team_id": "tm_01"}])
def test_a_task_answers_whom_it_is_for_and_who_does_it(desk: Desk, whose: str, who: dict[str, str]) -> None:
    task = {"book_id": "bk_pine01", "title": "Call Ada", whose: "hh_okonkwo", **who}
    nobody = dict.fromkeys(
        ("household_id", "contact_id", "business_id", "assigned_to_id", "assigned_team_id")
    )

    made = desk.ask("POST", "/tasks", task).json()

    assert {name: made[name] for name in nobody} == {**nobody, whose: "hh_okonkwo", **who}
    assert set(desk.entries()[0]["changed"]) == set(task)


def test_a_task_is_for_the_books_own_people(desk: Desk) -> None:
    task = {"book_id": "bk_birch4", "title": "Call Ada"}

    assert desk.ask("POST", "/tasks", task).json()["assigned_to_id"] == "u_4hd81k"
    assert desk.ask("POST", "/tasks", {**task, "assigned_to_id": "u_4hd81k"}).status == 201
    for name, value in (("assigned_to_id", "u_p55tre"), ("assigned_team_id", "tm_99")):
        assert set(desk.complaints(desk.ask("POST", "/tasks", {**task, name: value}))) == {name}


def test_the_ledger_names_the_fields_of_a_household_and_a_custom_field_that_were_set(desk: Desk) -> None:
    person = {"book_id": "bk_pine01", "last_name": "Umber", "tier": "A-tier", "household_name": "Umber"}
    definition = {"field_key": "k", "display_name": "K", "entity_type": "Opportunity", "field_type": "text"}
    desk.ask("POST", "/prospects", person)
    desk.ask("POST", "/custom_fields", {**definition, "options": {}})

    household, custom_field = desk.entries()
    assert household["changed"] == ["name", "book_id", "people"]
    assert custom_field["changed"] == list(definition)
