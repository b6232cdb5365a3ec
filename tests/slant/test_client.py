"""The client against a scripted server: pages, the call before each request, writes, and what is logged."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from opportunities.slant import errors
from opportunities.slant.errors import (
    PageLimitHit,
    SlantNoAnswer,
    SlantNotFound,
    SlantRefusedUs,
    SlantRejected,
)
from opportunities.slant.pages import Scan
from tests.slant.deals import items
from tests.slant.samples import BODY, BOOK, HOUSEHOLD, OPPORTUNITY, PIPELINE, SENT, page_of
from tests.slant.servers import Received, Server, always, client_of, reply, serving


def rows(number: int) -> list[dict[str, Any]]:
    return [OPPORTUNITY | {"id": f"op_{index}"} for index in range(number)]


def paged(records: list[Any], size: int = 2) -> Callable[[Any, Received], bytes]:
    """A list endpoint with pages of `size`, whatever is asked for."""

    def behave(connection: Any, received: Received) -> bytes:
        page = int(parse_qs(urlsplit(received.target).query)["page"][0])
        pages = -(-len(records) // size)
        return reply(
            200, page_of(records[(page - 1) * size : page * size], page=page, pages=pages, count=len(records))
        )

    return behave


def queries(server: Server) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(request.target).query) for request in server.requests]


# --- Lists -------------------------------------------------------------------------------------------


def test_a_list_reads_all_pages_of_a_hundred_and_then_stops() -> None:
    with serving(paged(rows(5))) as server:
        ids = [deal.id for deal in items(client_of(server).opportunity_pages(book_id="bk_1"))]

    assert ids == ["op_0", "op_1", "op_2", "op_3", "op_4"]
    assert queries(server) == [
        {"book_id": ["bk_1"], "page": [str(n)], "per_page": ["100"]} for n in (1, 2, 3)
    ]


def test_a_row_that_slides_onto_the_next_page_comes_once() -> None:
    books = [BOOK | {"id": f"bk_{index}"} for index in (0, 1, 0, 1, 2)]

    with serving(paged(books)) as server:
        scan: Scan[Any] = Scan()
        for page in client_of(server).book_pages():
            scan.add(page)

    assert [book.id for book in scan] == ["bk_0", "bk_1", "bk_2"]


def test_an_empty_list_is_one_call() -> None:
    with serving(paged([])) as server:
        assert items(client_of(server).opportunity_pages()) == []

    assert len(server.requests) == 1


def test_a_list_without_paging_ends_when_nothing_new_comes() -> None:
    with serving(always(200, {"data": rows(3), "pagination": {}})) as server:
        assert len(items(client_of(server).opportunity_pages())) == 3

    assert len(server.requests) == 2


def test_a_list_without_end_hits_the_bound_and_says_so() -> None:
    def endless(connection: Any, received: Received) -> bytes:
        page = int(parse_qs(urlsplit(received.target).query)["page"][0])
        return reply(200, page_of([OPPORTUNITY | {"id": f"op_{page}"}], page=page, pages=10**9))

    with serving(endless) as server:
        pages = client_of(server, max_pages=4).opportunity_pages()
        read = [next(pages).items[0].id for _ in range(4)]
        with pytest.raises(PageLimitHit) as caught:
            next(pages)

    assert read == ["op_1", "op_2", "op_3", "op_4"]
    assert len(server.requests) == 4
    assert "4 pages" in caught.value.log_line


def test_pages_can_be_counted_stopped_and_resumed() -> None:
    scan: Scan[Any] = Scan()

    with serving(paged(rows(5))) as server:
        client = client_of(server)
        scan.add(next(client.opportunity_pages(book_id="bk_1")))
        assert not scan.complete
        for page in client.opportunity_pages(book_id="bk_1", start_page=scan.next_page):
            scan.add(page)

    assert scan.complete
    assert [deal.id for deal in scan] == [f"op_{n}" for n in range(5)]
    assert [query["page"] for query in queries(server)] == [["1"], ["2"], ["3"]]


def test_pages_are_asked_for_only_when_wanted() -> None:
    with serving(paged(rows(5))) as server:
        next(client_of(server).opportunity_pages())

    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [404, 405])
def test_a_list_that_slant_does_not_have_is_not_found(status: int) -> None:
    with serving(always(status)) as server, pytest.raises(SlantNotFound):
        list(client_of(server).opportunity_pages())


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_filter_is_rejected_and_not_tried_without(status: int) -> None:
    with serving(always(status)) as server, pytest.raises(SlantRejected):
        list(client_of(server).opportunity_pages(updated_since=datetime(2026, 1, 1, tzinfo=UTC)))

    assert queries(server) == [
        {"updated_since": ["2026-01-01T00:00:00Z"], "page": ["1"], "per_page": ["100"]}
    ]


def test_each_list_asks_its_own_path() -> None:
    answers = {
        "/v1/books": [BOOK],
        "/v1/pipelines": [PIPELINE],
        "/v1/households": [HOUSEHOLD],
        "/v1/opportunities": [OPPORTUNITY | {"id": "op_1"}],
        "/v1/households/hh%2F1/opportunities": [OPPORTUNITY],
        "/v1/custom_fields": [{"id": "cf", "field_key": "k"}],
    }

    def behave(connection: Any, received: Received) -> bytes:
        return reply(200, page_of(answers[urlsplit(received.target).path]))

    with serving(behave) as server:
        client = client_of(server)
        found = [
            [book.id for book in items(client.book_pages())],
            [pipeline.id for pipeline in items(client.pipeline_pages())],
            [household.id for household in items(client.household_pages())],
            [deal.id for deal in items(client.opportunity_pages(book_id="b"))],
            [deal.id for deal in items(client.household_opportunity_pages("hh/1"))],
            [field.id for field in items(client.custom_field_pages(entity_type="Opportunity"))],
        ]

    assert found == [["bk_pine01"], ["pl_newbiz"], ["hh_okonkwo"], ["op_1"], ["op_71qz5d"], ["cf"]]
    paging = {"page": ["1"], "per_page": ["100"]}
    assert queries(server) == [
        paging,
        paging,
        paging,
        {"book_id": ["b"]} | paging,
        paging,
        {"entity_type": ["Opportunity"]} | paging,
    ]


def test_each_single_record_asks_its_own_path() -> None:
    answers = {
        "/v1/me": {"id": "u_1"},
        "/v1/opportunities/op_71qz5d": OPPORTUNITY,
    }

    with serving(lambda connection, received: reply(200, answers[received.target])) as server:
        client = client_of(server)
        found = [client.me().id, client.opportunity("op_71qz5d").id]

    assert found == ["u_1", "op_71qz5d"]


# --- Before each request -----------------------------------------------------------------------------


def test_every_request_is_announced_each_page_too() -> None:
    calls: list[int] = []

    with serving(paged(rows(5))) as server:
        client = client_of(server, before_send=lambda: calls.append(len(server.requests)))
        list(client.opportunity_pages())

    assert calls == [0, 1, 2]


def test_what_is_raised_before_sending_comes_out_unchanged_and_nothing_is_sent() -> None:
    class BudgetSpent(Exception):
        pass

    def refuse() -> None:
        raise BudgetSpent

    with serving(always(201, OPPORTUNITY)) as server:
        client = client_of(server).using(before_send=refuse)
        for call in (
            client.me,
            lambda: list(client.opportunity_pages()),
            lambda: client.create_opportunity(BODY, key="k"),
        ):
            with pytest.raises(BudgetSpent):
                call()

    assert server.requests == []


@pytest.mark.parametrize(
    ("behave", "kind"),
    [
        (always(200, {"id": "u_4hd81k", "email": "mara@northpine.example"}), type(None)),
        (always(503), errors.SlantNoAnswer),
        (always(200, {}), errors.SlantNoAnswer),
    ],
)
def test_whoever_is_called_before_a_request_may_hear_once_how_it_ended(behave: Any, kind: type) -> None:
    heard: list[object] = []

    with serving(behave) as server:
        client = client_of(server, before_send=lambda: heard.append)
        with suppress(errors.SlantError):
            client.me()

    assert [type(error) for error in heard] == [kind]


def test_a_copy_differs_only_in_what_was_given() -> None:
    calls: list[str] = []

    with serving(always(403)) as server:
        client = client_of(server, before_send=lambda: calls.append("first"), can_write=True)
        other = client.using(before_send=lambda: calls.append("second"), can_write=False)
        with pytest.raises(errors.SlantForbidden):
            client.me()
        with pytest.raises(SlantRefusedUs):
            other.me()
        with pytest.raises(SlantRefusedUs):
            other.using(reference="r").me()

    assert calls == ["first", "second", "second"]


# --- Writes ------------------------------------------------------------------------------------------


def test_a_create_answers_with_the_record_and_the_facts_of_the_exchange() -> None:
    headers = {"x_request_id": "req_1", "date": "Mon, 23 Nov 2026 10:00:00 GMT"}
    ticks = iter([5.0, 5.25])

    with serving(always(201, OPPORTUNITY, **headers)) as server:
        written = client_of(server, monotonic=lambda: next(ticks)).create_opportunity(BODY, key="k")

    assert written.record.id == "op_71qz5d"
    assert (written.as_sent, written.mismatches, written.unverified, written.unit_alarm) == (
        True,
        (),
        (),
        False,
    )
    assert (written.status, written.request_id, written.elapsed_ms) == (201, "req_1", 250)
    assert written.server_date == datetime(2026, 11, 23, 10, tzinfo=UTC)


def test_a_replay_of_something_else_is_a_result_that_names_the_differences() -> None:
    with serving(always(200, OPPORTUNITY | {"name": "Another", "value": 64000000})) as server:
        written = client_of(server).create_opportunity(BODY, key="k")

    assert not written.as_sent
    assert written.mismatches == ("name", "value")
    assert written.unit_alarm


def test_an_update_is_a_patch_of_one_record() -> None:
    body = json.dumps({"value": SENT["value"]}).encode()

    with serving(always(200, OPPORTUNITY)) as server:
        written = client_of(server).update_opportunity("op_71qz5d", body, key="k-2")

    (request,) = server.requests
    assert written.as_sent
    assert (request.method, request.target, request.body) == ("PATCH", "/v1/opportunities/op_71qz5d", body)
    assert request.headers["idempotency-key"] == "k-2"


def test_an_update_answered_with_another_record_is_no_answer() -> None:
    with serving(always(200, OPPORTUNITY)) as server, pytest.raises(SlantNoAnswer):
        client_of(server).update_opportunity("op_other", b"{}", key="k")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [b"", b"{}", b'{"data": {}}', b"<html>Created</html>", b'{"id": "op_1"}'])
def test_a_success_that_shows_no_record_is_no_answer(status: int, body: bytes) -> None:
    with serving(always(status, body)) as server, pytest.raises(SlantNoAnswer) as caught:
        client_of(server).create_opportunity(BODY, key="k")

    assert caught.value.status == status


# --- The log -----------------------------------------------------------------------------------------


def test_a_call_is_logged_with_method_path_status_and_our_reference(caplog: pytest.LogCaptureFixture) -> None:
    ticks = iter([1.0, 1.042])

    with caplog.at_level(logging.INFO, "opportunities.slant.client"), serving(paged(rows(1))) as server:
        client = client_of(server, reference="SW-7", monotonic=lambda: next(ticks))
        list(client.opportunity_pages(book_id="bk_secret"))

    assert [
        record.getMessage() for record in caplog.records if record.name == "opportunities.slant.client"
    ] == ["GET /opportunities -> 200 in 42 ms [SW-7]"]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            reply(422, {"error": {"code": "invalid", "message": "Okonkwo is odd"}}),
            "POST /opportunities -> 422 invalid",
        ),
        (
            reply(201, {"id": 7, "name": "Okonkwo"}),
            "POST /opportunities -> 201 undocumented: no usable id: id, book_id, pipeline, pipeline_stage",
        ),
        (None, "POST /opportunities -> no answer: RemoteDisconnected"),
    ],
)
def test_a_failure_is_logged_once_as_a_warning_without_the_payload(
    answer: bytes | None, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(lambda connection, received: answer) as server, pytest.raises(errors.SlantError) as caught:
        client_of(server).create_opportunity(BODY, key="k")

    (record,) = [record for record in caplog.records if record.name == "opportunities.slant.client"]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(line)
    assert str(caught.value) == caught.value.log_line == line
    assert "Okonkwo" not in caplog.text
