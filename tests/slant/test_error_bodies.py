"""Error bodies in every shape (Slant API 10.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opportunities.slant.error_bodies import ErrorBody, read_error_body
from opportunities.slant.secret import Secret


def complaint(body: Any) -> ErrorBody:
    return read_error_body(
        body if isinstance(body, bytes) else json.dumps(body).encode(), Secret("hush-hush")
    )


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "invalid", "message": "Bad.", "details": {"name": ["is blank"]}}},
        {"error": {"code": "invalid", "message": "Bad.", "details": {"name": "is blank"}}},
        {
            "error": {
                "code": "invalid",
                "message": "Bad.",
                "details": [{"field": "name", "message": "is blank"}],
            }
        },
        {"error": "invalid", "message": "Bad.", "errors": {"name": ["is blank"]}},
        {"error": "invalid", "error_description": "Bad.", "details": {"name": ["is blank"]}},
        {"code": "invalid", "message": "Bad.", "errors": [{"field": "name", "message": "is blank"}]},
        {"code": "invalid", "message": "Bad.", "errors": {"opportunity": {"name": ["is blank"]}}},
        {"code": "invalid", "message": "Bad.", "detail": [{"loc": ["body", "name"], "msg": "is blank"}]},
        {"code": "invalid", "message": "Bad.", "errors": [{"pointer": "/data/name", "detail": "is blank"}]},
    ],
)
def test_every_shape_says_the_same(body: Any) -> None:
    assert complaint(body) == ErrorBody("invalid", "Bad.", {"name": ["is blank"]})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Oops</html>",
        b'{"error": {"co',
        b"[]",
        b"null",
        b'"text"',
        b"7",
        b"\xff\xfe",
        b"[" * 9999,
        {},
        {"x": 1},
    ],
)
def test_what_is_no_complaint_says_nothing(body: Any) -> None:
    assert complaint(body) == ErrorBody()


@pytest.mark.parametrize(
    "body",
    [
        {"error": None, "message": None, "code": 7, "details": None, "errors": 3},
        {"error": {"code": {}, "message": [], "details": True}},
        {"error": [], "errors": [None, 1, [], {}], "details": {"": [None]}},
    ],
)
def test_wrong_types_say_nothing(body: Any) -> None:
    assert complaint(body) == ErrorBody()


def test_a_sentence_in_error_is_the_message_and_no_code() -> None:
    assert complaint({"error": "Name is too long"}) == ErrorBody("", "Name is too long")


@pytest.mark.parametrize(
    "code", ["1961-04-12", "op_71qz5d", "+41791234567", "x" * 65, "a b", "a__b", "_", ""]
)
def test_what_might_be_private_is_no_code(code: str) -> None:
    assert complaint({"error": {"code": code}}).code == ""


@pytest.mark.parametrize(
    "code", ["invalid_json", "VALIDATION_FAILED", "invalid-request", "validation.name", "forbidden"]
)
def test_a_code_is_made_of_words(code: str) -> None:
    assert complaint({"code": code}).code == code


def test_reasons_without_a_field_become_the_message() -> None:
    assert complaint({"errors": ["First.", "Second."]}).message == "First. Second."
    assert complaint({"errors": {"base": ["Whole form."]}}) == ErrorBody("", "Whole form.")


def test_the_alias_of_the_owner_is_the_field_we_send() -> None:
    assert complaint({"errors": {"owner_id": ["is unknown"]}}).field_errors == {
        "assigned_to_id": ["is unknown"]
    }


@pytest.mark.parametrize(
    "text",
    [
        "<p>Hello</p>",
        "<!DOCTYPE html>",
        "ok <script>x()</script>",
        '{"name": "Okonkwo"}',
        '[{"a": 1}]',
        "\x00\x1b\u202e",
    ],
)
def test_what_is_not_words_is_not_shown(text: str) -> None:
    assert complaint({"message": text, "errors": {"name": [text]}}) == ErrorBody()


def test_words_are_made_one_short_line() -> None:
    message = complaint({"message": "One\r\ntwo\x07 \u202ethree\u200b " + "x" * 1000}).message

    assert message.startswith("One two three xxx")
    assert len(message) == 300
    assert message.endswith("…")


def test_comparisons_are_not_taken_for_markup() -> None:
    assert complaint({"message": "value must be < 100 and > 0"}).message == "value must be < 100 and > 0"


def test_secrets_are_taken_out_of_everything() -> None:
    body = {
        "error": "slnt_pat_abc",
        "message": "Token hush-hush, slnt_pat_x.y-z and Bearer abc.def refused",
        "errors": {"hush-hush": ["hush-hush"], "name": ["slnt\u005fpat\u005fabc"]},
    }

    said = complaint(body)

    assert said.message == "Token [hidden], [hidden] and [hidden] refused"
    assert said.code == ""
    assert "hush" not in str(said)
    assert "abc" not in str(said)


def test_a_flood_of_reasons_is_cut() -> None:
    said = complaint({"errors": {f"field_{number}": ["a", "b"] for number in range(10_000)}})
    many = complaint({"errors": {"name": [f"reason {number}" for number in range(10_000)]}})

    assert len(said.field_errors) == 40
    assert len(many.field_errors["name"]) == 10
