"""Slant API 2 and the first two points of its checklist (9)."""

import pytest

from tests.sandbox.desk import DEAL, Desk


def code(answer) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["code"]


def test_a_request_without_a_token_is_refused(desk: Desk) -> None:
    assert code(desk.ask("GET", "/me", token=None)) == (401, "token_missing")


@pytest.mark.parametrize(
    "header", ["Token slnt_pat_sandbox_write", "Basic abc", "slnt_pat_sandbox_write", "bearer x"]
)
def test_the_scheme_is_exactly_bearer(desk: Desk, header: str) -> None:
    answer = desk.ask("GET", "/me", token=None, headers={"Authorization": header})

    assert code(answer) == (401, "token_missing")


def test_an_unknown_token_is_refused_in_other_words(desk: Desk) -> None:
    assert code(desk.ask("GET", "/me", token="nobody")) == (401, "token_invalid")


def test_a_revoked_token_is_refused_until_it_is_given_back(desk: Desk) -> None:
    desk.control(revoked=["write"])
    assert code(desk.ask("GET", "/me")) == (401, "token_invalid")
    assert desk.ask("GET", "/me", token="read").status == 200

    desk.control(revoked=[])
    assert desk.ask("GET", "/me").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/opportunities", "/opportunities/op_71qz5d", "/nowhere"])
def test_a_read_only_token_may_not_write_whatever_the_body_says(desk: Desk, method: str, path: str) -> None:
    answer = desk.ask(method, path, raw=b"{not json", token="read")

    assert code(answer) == (403, "token_read_only")
    assert desk.entries() == []


def test_me_names_the_tokens_owner_and_what_it_may(desk: Desk) -> None:
    access = {"auth_type": "personal_access_token", "scope": "read_write", "can_write": True}
    person = {
        "id": "u_4hd81k",
        "email": "mara.lindqvist@northpine.example",
        "first_name": "Mara",
        "last_name": "Lindqvist",
    }

    assert desk.get("/me") == {**person, "api_access": access}
    assert desk.get("/me", token="read")["api_access"]["can_write"] is False
    assert "write" not in desk.get("/me", token="read")["api_access"]["scope"]


def test_a_missing_content_type_is_an_empty_body(desk: Desk) -> None:
    answer = desk.ask("POST", "/opportunities", DEAL, headers={"Content-Type": ""})

    assert set(desk.complaints(answer)) == {"book_id", "name", "pipeline_id"}


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"text"', b"null", b'{"value": NaN}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(desk: Desk, raw: bytes) -> None:
    assert code(desk.ask("POST", "/opportunities", raw=raw)) == (400, "invalid_json")


def test_an_unknown_path_is_404_and_a_wrong_method_405(desk: Desk) -> None:
    assert code(desk.ask("GET", "/automations")) == (404, "not_found")

    answer = desk.ask("DELETE", "/opportunities/op_71qz5d")
    assert code(answer) == (405, "method_not_allowed")
    assert dict(answer.headers)["Allow"] == "GET, PATCH"
