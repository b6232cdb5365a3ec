"""The family: what every error carries, and the one table of Slant API 3."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

from opportunities.slant import errors
from opportunities.slant.errors import (
    SlantBusy,
    SlantError,
    SlantForbidden,
    SlantNoAnswer,
    SlantNotFound,
    SlantRefusedUs,
    SlantRejected,
    SlantUnreachable,
)
from opportunities.slant.responses import Answer, error_of

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
READ_ONLY = b'{"error": {"code": "token_read_only", "message": "no"}}'


def refusal(
    status: int, *, method: str = "POST", can_write: bool | None = None, **facts: Any
) -> SlantError | None:
    return error_of(Answer(method, "/opportunities", status, **facts), can_write=can_write, now=NOW)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *(
            (status, SlantRejected)
            for status in (400, 402, 405, 406, 411, 412, 413, 414, 415, 416, 418, 421, 422, 423)
        ),
        *((status, SlantRejected) for status in (424, 426, 428, 431, 451, 499)),
        (404, SlantNotFound),
        (410, SlantNotFound),
        (403, SlantForbidden),
        (401, SlantRefusedUs),
        (429, SlantBusy),
        *((status, SlantNoAnswer) for status in (408, 409, 425)),
        *((status, SlantNoAnswer) for status in (100, 101, 102, 103, 199)),
        *((status, SlantNoAnswer) for status in (300, 301, 302, 303, 304, 307, 308)),
        *((status, SlantNoAnswer) for status in (500, 501, 502, 503, 504, 520, 599, 600, 999)),
    ],
)
def test_each_status_is_one_class_of_the_table(status: int, kind: type[SlantError]) -> None:
    error = refusal(status)

    assert type(error) is kind
    assert error.status == status
    assert error.bytes_sent is True


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_2xx_is_no_error(status: int) -> None:
    assert refusal(status) is None


def test_a_list_that_may_not_be_read_this_way_is_not_there() -> None:
    assert type(refusal(405, method="GET")) is SlantNotFound


def test_a_read_only_token_is_refused_us_and_not_forbidden() -> None:
    assert type(refusal(403, body=READ_ONLY)) is SlantRefusedUs
    assert type(refusal(403, body=READ_ONLY, can_write=True)) is SlantRefusedUs
    assert type(refusal(403, can_write=False)) is SlantRefusedUs
    assert type(refusal(403, can_write=True)) is SlantForbidden
    assert type(refusal(403, can_write=None)) is SlantForbidden


def test_one_parent_catches_all() -> None:
    family = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
    ]

    assert all(issubclass(kind, SlantError) for kind in family)
    assert len(family) == 10


@pytest.mark.parametrize("kind", [SlantError, SlantRejected, SlantBusy, SlantUnreachable, SlantNoAnswer])
def test_an_error_can_be_made_with_nothing_and_still_speaks(kind: type[SlantError]) -> None:
    error = kind()

    assert error.message == str(error) == error.log_line == kind.general
    assert error.field_errors == {}
    assert error.bytes_sent is (kind is not SlantUnreachable)


def test_an_error_survives_copying_and_pickling() -> None:
    error = SlantBusy("Wait.", retry_after=5.0, status=429, log_line="POST /opportunities -> 429")

    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert vars(again) == vars(error)
        assert str(again) == "POST /opportunities -> 429"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "600"}, 600.0),
        ({"retry-after": "Mon, 23 Nov 2026 10:01:30 GMT"}, 90.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"x-ratelimit-reset": "120"}, None),
    ],
)
def test_a_503_may_say_when_to_come_back_and_a_rate_limit_says_nothing_of_that(
    headers: dict[str, str], seconds: float | None
) -> None:
    error = refusal(503, headers=headers)

    assert type(error) is SlantNoAnswer
    assert error.retry_after == seconds


def test_other_failures_do_not_say_when_to_come_back() -> None:
    assert refusal(500, headers={"retry-after": "600"}).retry_after is None  # type: ignore[union-attr]


def test_an_error_carries_what_slant_said_about_itself() -> None:
    headers = {"x-request-id": "req_7", "date": "Mon, 23 Nov 2026 09:59:00 GMT"}
    body = b'{"error": {"code": "invalid", "message": "Not so.", "details": {"name": ["is too long"]}}}'

    error = refusal(422, headers=headers, body=body, elapsed_ms=12)

    assert error is not None
    assert error.request_id == "req_7"
    assert error.server_date == datetime(2026, 11, 23, 9, 59, tzinfo=UTC)
    assert (error.code, error.message, error.elapsed_ms) == ("invalid", "Not so.", 12)
    assert error.field_errors == {"name": ["is too long"]}
    assert error.log_line == "POST /opportunities -> 422 invalid"


def test_only_what_a_person_can_put_right_is_told_in_slants_words() -> None:
    body = b'{"message": "upstream connect error"}'

    assert refusal(422, body=body).message == "upstream connect error"  # type: ignore[union-attr]
    for status in (401, 429, 502):
        error = refusal(status, body=body)
        assert error is not None
        assert error.message == type(error).general


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"retry-after": "9" * 5000}, 3600.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Mon, 23 Nov 2026 10:01:30 GMT"}, 90.0),
        ({"retry-after": "Mon, 23 Nov 2026 09:00:00 GMT"}, 0.0),
        ({"retry-after": "Mon, 23 Nov 2026 10:01:30 GMT", "date": "Mon, 23 Nov 2026 10:01:00 GMT"}, 30.0),
        ({"retry-after": "Tue, 24 Nov 2026 10:01:30 GMT"}, 3600.0),
        ({"retry-after": "Mon, 99 Nov 2026 10:01:30 GMT"}, None),
        ({"x-ratelimit-reset": "120"}, 120.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 45)}, 45.0),
        ({"ratelimit-reset": "7"}, 7.0),
        ({"retry-after": "5", "x-ratelimit-reset": "120"}, 5.0),
        ({"x-ratelimit-reset": "later"}, None),
    ],
)
def test_how_long_to_wait_is_read_in_every_form_and_never_more_than_an_hour(
    headers: dict[str, str], seconds: float | None
) -> None:
    error = refusal(429, headers=headers)

    assert isinstance(error, SlantBusy)
    assert error.retry_after == seconds
