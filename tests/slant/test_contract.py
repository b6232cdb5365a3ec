"""Client against sandbox: one test for each switch and row of Slant API 9 and 10.

The two were written apart from one contract, so what they agree on is in it. Undocumented answers the
sandbox cannot give (10.19 a removed assignee, 10.28 unknown kinds ...) are in test_responses.py;
tokens and faults are in test_contract_faults.py.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

import pytest

from opportunities.slant.client import SlantClient
from opportunities.slant.errors import (
    SlantBusy,
    SlantError,
    SlantForbidden,
    SlantNoAnswer,
    SlantNotFound,
    SlantRejected,
)
from opportunities.slant.pages import Scan
from tests.sandbox_process import SandboxProcess
from tests.slant.deals import CLOSE_DAY, DEAL, KNOWN, create, created, frozen, items, refusal, update

# --- The documented life of a deal -------------------------------------------------------------------


def test_a_created_deal_is_the_one_that_was_sent(sandbox: SandboxProcess, client: SlantClient) -> None:
    body = frozen(DEAL)

    written = client.create_opportunity(body, key="key-1")

    assert (written.as_sent, written.unverified, written.unit_alarm, written.status) == (True, (), False, 201)
    assert client.opportunity(written.record.id) == written.record
    assert written.record.close_day == CLOSE_DAY
    (request,) = [entry for entry in sandbox.ledger(kind="request") if entry["method"] == "POST"]
    assert request["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert (request["idempotency_key"], request["content_type"]) == ("key-1", "application/json")


def test_a_changed_deal_is_changed_in_what_was_sent(client: SlantClient) -> None:
    written = update(
        client, pipeline_stage_id="st_meet", value=1, probability=0, custom_fields={"lead_source": "Seminar"}
    )

    assert (written.as_sent, written.unverified) == (True, ())
    assert (written.record.pipeline_stage.id, written.record.value) == ("st_meet", 1)


def test_the_same_key_and_body_is_one_record(sandbox: SandboxProcess, client: SlantClient) -> None:
    first, again = create(client), create(client)

    assert first.record == again.record
    assert created(sandbox) == 1


def test_every_sample_record_can_be_read(client: SlantClient) -> None:
    scan: Scan[Any] = Scan()
    for page in client.opportunity_pages():
        scan.add(page)
    households = items(client.household_pages())

    assert scan.complete
    assert scan.pages_read > 1
    assert None in {deal.value for deal in scan} & {deal.probability for deal in scan}
    assert {None} < {book.role for book in items(client.book_pages())}
    assert all(pipeline.stages for pipeline in items(client.pipeline_pages()))
    assert {household.type for household in households} == {"Prospect", "Client"}
    assert {field.entity_type for field in items(client.custom_field_pages())} >= {"Opportunity"}


def test_pages_can_be_resumed(client: SlantClient) -> None:
    all_pages = list(client.opportunity_pages())

    resumed = list(client.opportunity_pages(start_page=2))

    assert [page.items for page in resumed] == [page.items for page in all_pages[1:]]


def test_a_page_past_the_end_is_empty(client: SlantClient) -> None:
    (page,) = client.opportunity_pages(start_page=999)

    assert (page.items, page.is_last) == ((), True)


def test_the_servers_clock_is_read(client: SlantClient) -> None:
    written = create(client)

    assert written.server_date is not None
    assert abs((written.server_date - datetime.now(UTC)).total_seconds()) < 30


# --- Every switch, either reading (Slant API 9, 10) --------------------------------------------------


@pytest.mark.parametrize("shape", ["nested", "flat", "field_map"])
def test_reasons_are_found_in_every_error_shape(
    shape: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"error_shape": shape})

    error = refusal(create, client, name="", probability=101)

    assert type(error) is SlantRejected
    assert set(error.field_errors) == {"name", "probability"}
    assert all(error.field_errors.values())
    assert error.code
    assert error.message


def test_an_error_page_becomes_our_own_words(sandbox: SandboxProcess, client: SlantClient) -> None:
    sandbox.control(switches={"error_shape": "html"})

    error = refusal(create, client, name="")

    assert (type(error), error.field_errors, error.message) == (SlantRejected, {}, SlantRejected.general)


@pytest.mark.parametrize("status", ["422", "400"])
def test_a_refused_record_is_rejected_with_either_status(
    status: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"validation_status": status})

    error = refusal(create, client, name="")

    assert (type(error), error.status) == (SlantRejected, int(status))


@pytest.mark.parametrize("status", ["201", "200"])
def test_a_created_record_is_believed_with_either_status(
    status: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"create_status": status})

    written = create(client)

    assert (written.as_sent, written.status) == (True, int(status))


def test_a_silent_replay_of_another_body_is_noticed(sandbox: SandboxProcess, client: SlantClient) -> None:
    sandbox.control(switches={"idem_mismatch": "replay"})
    create(client)

    assert create(client, name="Another", value=6400).mismatches == ("name", "value")


@pytest.mark.parametrize(("answer", "kind"), [("409", SlantNoAnswer), ("422", SlantRejected)])
def test_a_reused_key_is_one_of_the_family(
    answer: str, kind: type[SlantError], sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"idem_mismatch": answer})
    create(client)

    assert type(refusal(create, client, name="Another")) is kind


@pytest.mark.parametrize("store", ["on", "off", "all"])
def test_a_refusal_repeated_under_its_key_is_the_same_refusal(
    store: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"idem_store_4xx": store})

    first, again = refusal(create, client, name=""), refusal(create, client, name="")

    assert type(first) is type(again) is SlantRejected
    assert first.field_errors == again.field_errors


def test_a_missing_list_is_not_found_and_households_list_instead(
    sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"list_opportunities": "not_found"})

    assert isinstance(refusal(list, client.opportunity_pages()), SlantNotFound)
    try:
        assert KNOWN in {deal.id for deal in items(client.household_opportunity_pages("hh_okonkwo"))}
    except SlantNotFound:
        pytest.fail("the list of a household went away with the list of all")


@pytest.mark.parametrize("reading", ["ignore", "apply", "reject"])
def test_filters_are_ignored_applied_or_refused(
    reading: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"list_filters": reading})

    if reading == "reject":
        assert type(refusal(list, client.opportunity_pages(book_id="bk_alder2"))) is SlantRejected
        assert next(client.opportunity_pages()).items
    else:
        books = {deal.book_id for deal in items(client.opportunity_pages(book_id="bk_alder2"))}
        assert "bk_alder2" in books
        assert (len(books) > 1) is (reading == "ignore")


@pytest.mark.parametrize("headers", ["none", "retry_after", "x_ratelimit"])
def test_a_spent_bucket_is_busy_with_and_without_a_time(
    headers: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"rate_headers": headers}, limits={"token": 1})
    client.me()

    error = refusal(create, client)

    assert isinstance(error, SlantBusy)
    assert (error.retry_after is None) is (headers == "none")
    assert error.retry_after is None or 0 < error.retry_after <= 3600


@pytest.mark.parametrize("shown", ["present", "absent"])
def test_who_may_write_is_read_either_way(shown: str, sandbox: SandboxProcess, client: SlantClient) -> None:
    sandbox.control(switches={"me_can_write": shown})

    assert client.me().can_write is True
    assert SlantClient(sandbox.base_url, sandbox.read_token).me().can_write is False


@pytest.mark.parametrize(("when_omitted", "probability"), [("null", None), ("stage_default", 60)])
def test_an_omitted_probability_is_whatever_slant_makes_of_it(
    when_omitted: str, probability: int | None, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"probability_when_omitted": when_omitted})

    written = create(client, without=("probability",))

    assert (written.as_sent, written.record.probability) == (True, probability)


@pytest.mark.parametrize(("said", "read"), [("null", None), ("any", None), ("prospect", "prospect")])
def test_an_unrestricted_pipeline_is_read_either_way(
    said: str, read: str | None, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"unrestricted_pipeline_type": said})

    found = {pipeline.id: pipeline.pipeline_type for pipeline in items(client.pipeline_pages())}
    assert found["pl_events"] == read


@pytest.mark.parametrize("reading", ["include", "exclude"])
def test_company_pipelines_are_there_either_way(
    reading: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"company_pipelines_with_book_filter": reading})

    assert {"pl_newbiz", "pl_alder"} <= {pipeline.id for pipeline in items(client.pipeline_pages())}


@pytest.mark.parametrize(("reading", "mismatches"), [("clear", ()), ("ignore", ("value",))])
def test_a_null_that_did_not_clear_is_noticed(
    reading: str, mismatches: tuple[str, ...], sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"null_in_patch": reading})

    assert update(client, value=None).mismatches == mismatches


def test_a_refused_null_is_rejected_at_its_field(sandbox: SandboxProcess, client: SlantClient) -> None:
    sandbox.control(switches={"null_in_patch": "reject"})

    error = refusal(update, client, value=None)

    assert (type(error), set(error.field_errors)) == (SlantRejected, {"value"})


def test_an_unknown_field_is_unverified_or_rejected(sandbox: SandboxProcess, client: SlantClient) -> None:
    sandbox.control(switches={"unknown_field": "ignore"})
    assert create(client, colour="blue").unverified == ("colour",)

    sandbox.control(switches={"unknown_field": "reject"})
    assert type(refusal(create, client, key="key-2", colour="blue")) is SlantRejected


def test_a_past_close_date_in_a_change_is_taken_or_rejected(
    sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"past_close_date_in_patch": "allow"})
    written = update(client, target_close_date="2020-02-29T00:00:00Z")
    assert (written.as_sent, written.record.close_day) == (True, date(2020, 2, 29))

    sandbox.control(switches={"past_close_date_in_patch": "reject"})
    error = refusal(update, client, key="key-v", target_close_date="2020-03-01T00:00:00Z")
    assert set(error.field_errors) == {"target_close_date"}


@pytest.mark.parametrize("status", ["404", "403"])
def test_a_record_out_of_reach_is_rejected_with_either_status(
    status: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"no_access": status})

    assert isinstance(refusal(client.opportunity, "nobody_knows_this"), SlantNotFound | SlantForbidden)
    assert isinstance(refusal(create, client, book_id="nobody_knows_this"), SlantRejected)


def test_a_viewer_s_book_is_forbidden(client: SlantClient) -> None:
    error = refusal(
        client.create_opportunity,
        frozen({"book_id": "bk_cedar3", "name": "x", "pipeline_id": "pl_cedar"}),
        key="key-1",
    )

    assert type(error) is SlantForbidden


@pytest.mark.parametrize("nested", ["full", "slim"])
def test_a_nested_pipeline_is_read_full_or_slim(
    nested: str, sandbox: SandboxProcess, client: SlantClient
) -> None:
    sandbox.control(switches={"nested_pipeline": nested})

    written = create(client)

    assert written.as_sent
    assert (written.record.pipeline.id, written.record.pipeline.name) == ("pl_newbiz", "New households")
    assert (written.record.pipeline_stage.id, written.record.pipeline_stage.name) == ("st_qual", "Qualified")
    assert len(next(client.opportunity_pages()).items) == 100


def test_an_unknown_kind_of_household_is_accepted(sandbox: SandboxProcess, client: SlantClient) -> None:
    sandbox.control(records=[{"op": "patch", "id": "hh_okonkwo", "set": {"type": "PastClient"}}])

    kinds = {household.id: household.type for household in items(client.household_pages())}

    assert kinds["hh_okonkwo"] == "PastClient"
