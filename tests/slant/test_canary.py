"""A planted token is looked for wherever one of ours could come out (reliability S15)."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import pytest

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import SlantError
from opportunities.slant.secret import Secret
from tests.slant import servers
from tests.slant.samples import BODY, OPPORTUNITY, page_of
from tests.slant.servers import TOKEN, Behaviour, Received, always, client_of, reply, serving

ECHO: dict[str, Any] = {
    "error": {
        "code": TOKEN,
        "message": f"token {TOKEN} is bad",
        "details": {TOKEN: [TOKEN], "name": [f"Bearer {TOKEN}"]},
    },
    "message": TOKEN,
}


def echo_in_headers(connection: Any, received: Received) -> bytes:
    return reply(503, ECHO, x_request_id=TOKEN, date=TOKEN, retry_after=TOKEN, location=f"https://x/{TOKEN}")


@pytest.mark.parametrize(
    "behave",
    [
        *(
            always(status, ECHO, x_request_id=TOKEN)
            for status in (201, 302, 400, 401, 403, 404, 409, 422, 429, 500)
        ),
        always(422, f"<html>{TOKEN}</html>".encode()),
        always(200, f'{{"data": ["{TOKEN}"], "id": ["{TOKEN}"]}}'.encode()),
        always(200, page_of([{"id": TOKEN, TOKEN: TOKEN}])),
        echo_in_headers,
        servers.hang_up,
        servers.reset,
        servers.hang,
        lambda connection, received: f"HTTP/1.1 {TOKEN}\r\n\r\n".encode(),
        lambda connection, received: f"{TOKEN}\r\n\r\n".encode(),
        lambda connection, received: reply(201, OPPORTUNITY)[:-9] and None,
    ],
)
def test_the_token_is_in_no_error_and_no_log(behave: Behaviour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "opportunities.slant.client", "http.client"):
        caplog.set_level(logging.DEBUG, name)
    said: list[str] = []

    with serving(behave) as server:
        client = client_of(server, total_timeout=0.3)
        calls = (
            client.me,
            lambda: list(client.opportunity_pages()),
            lambda: client.create_opportunity(BODY, key="k"),
        )
        for call in calls:
            # A list of odd records is read; anything else is an error.
            try:
                call()
                continue
            except SlantError as caught:
                error = caught
            said += [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]

    ours = [record for record in caplog.records if record.name == "opportunities.slant.client"]
    # A page that cannot be read is followed by one more, which tells whether the others can.
    assert len(ours) in (3, 4)
    assert said
    for text in [*said, *(record.getMessage() for record in ours)]:
        assert TOKEN not in text
        assert TOKEN.removeprefix("slnt_pat_") not in text


def test_the_libraries_below_log_no_token_we_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    with serving(always(201, OPPORTUNITY)) as server:
        client_of(server).create_opportunity(BODY, key="k")

    assert any(record.name.startswith("urllib3") for record in caplog.records)
    assert TOKEN not in caplog.text


def test_neither_client_nor_secret_prints_the_token() -> None:
    client, secret = SlantClient("https://slant.example/v1", TOKEN), Secret(TOKEN)

    for text in (repr(client), str(client), repr(vars(client)), repr(secret), f"{secret}", f"{secret!r:>30}"):
        assert TOKEN not in text


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(TOKEN))


def test_the_token_is_in_no_traceback_that_shows_local_variables() -> None:
    with serving(servers.hang_up) as server, pytest.raises(SlantError) as caught:
        client_of(server).me()

    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert TOKEN not in "".join(shown.format())
