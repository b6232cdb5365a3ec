"""From a 2xx to a typed object, or to no answer (Slant API 7, 10)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from opportunities.slant.errors import SlantNoAnswer
from opportunities.slant.pages import RecordPage, Scan
from opportunities.slant.responses import Answer, read_page, read_record
from opportunities.slant.types import (
    Assignee,
    BookRecord,
    CustomField,
    HouseholdRecord,
    Me,
    MemberRecord,
    OpportunityRecord,
    PipelineRecord,
)
from tests.slant.samples import BOOK, HOUSEHOLD, OPPORTUNITY, PIPELINE, STAGE, page_of, without


def answer(body: Any, **facts: Any) -> Answer:
    return Answer(
        "GET", "/x", 200, body=body if isinstance(body, bytes) else json.dumps(body).encode(), **facts
    )


def opportunity(**changes: Any) -> OpportunityRecord:
    return read_record(answer(OPPORTUNITY | changes), OpportunityRecord)


def pages(*bodies: Any) -> list[RecordPage[OpportunityRecord]]:
    return [
        read_page(answer(body), OpportunityRecord, number=number) for number, body in enumerate(bodies, 1)
    ]


# --- The opportunity ---------------------------------------------------------------------------------


def test_the_documented_opportunity_is_read_in_full() -> None:
    deal = opportunity()

    assert (deal.id, deal.name, deal.book_id) == ("op_71qz5d", "Okonkwo rollover", "bk_pine01")
    assert (deal.pipeline.id, deal.pipeline.name, deal.pipeline.pipeline_type) == (
        "pl_newbiz",
        "New households",
        "prospect",
    )
    assert (deal.pipeline_stage.id, deal.pipeline_stage.name) == ("st_qual", "Qualified")
    assert deal.assigned_to == Assignee(
        id="u_9xw20c", email="theo@northpine.example", first_name="Theo", last_name="Okafor"
    )
    assert (deal.value, deal.probability, deal.household_id) == (640000, 55, "hh_okonkwo")
    assert (deal.target_close_date, deal.close_day) == (
        datetime(2026, 11, 30, tzinfo=UTC),
        date(2026, 11, 30),
    )
    assert deal.stage_updated_at == datetime(2026, 8, 14, 16, 20, 11, tzinfo=UTC)
    assert deal.created_at == datetime(2026, 7, 2, 9, 5, 40, tzinfo=UTC)
    assert deal.custom_fields == {"lead_source": "Referral"}


def test_everything_that_is_not_required_may_be_null_or_missing() -> None:
    optional = (
        "value",
        "probability",
        "target_close_date",
        "stage_updated_at",
        "household_id",
        "custom_fields",
    )
    optional += ("created_at", "updated_at", "assigned_to")

    nulls, missing = (
        opportunity(**dict.fromkeys(optional)),
        read_record(answer(without(OPPORTUNITY, *optional)), OpportunityRecord),
    )

    assert nulls == missing
    assert (nulls.value, nulls.close_day, nulls.assigned_to, nulls.custom_fields) == (None, None, None, {})


def test_old_slim_pipelines_and_stages_are_enough() -> None:
    deal = opportunity(
        pipeline={"id": "p", "name": "P", "pipeline_type": "client"}, pipeline_stage={"id": "s", "name": "S"}
    )

    assert (deal.pipeline.id, deal.pipeline_stage.id) == ("p", "s")


@pytest.mark.parametrize("assigned_to", [{}, {"id": None, "email": None}, {"email": ""}, {"api_access": {}}])
def test_a_partial_assignee_is_somebody_we_cannot_tell(assigned_to: Any) -> None:
    assert opportunity(assigned_to=assigned_to).assigned_to == Assignee()


@pytest.mark.parametrize(
    "odd", [without(OPPORTUNITY, "id"), OPPORTUNITY | {"id": 7}, OPPORTUNITY | {"id": []}]
)
def test_a_record_without_a_usable_id_is_no_answer(odd: dict[str, Any]) -> None:
    with pytest.raises(SlantNoAnswer) as caught:
        read_record(answer(odd), OpportunityRecord)
    assert "no usable id: id" in caught.value.log_line
    assert "Okonkwo" not in str(caught.value)


@pytest.mark.parametrize("name", ["name", "book_id", "pipeline", "pipeline_stage"])
def test_a_missing_required_field_is_unknown_and_the_rest_is_read(name: str) -> None:
    for record in (without(OPPORTUNITY, name), OPPORTUNITY | {name: 7}, OPPORTUNITY | {name: []}):
        deal = read_record(answer(record), OpportunityRecord)

        assert list(deal.unreadable) == [name]
        assert deal.cannot_read(name)
        assert (deal.id, deal.value) == ("op_71qz5d", 640000)


@pytest.mark.parametrize(
    "changes",
    [
        {"value": "640000"},
        {"value": 640000.5},
        {"value": True},
        {"value": 2**60},
        {"probability": 101},
        {"probability": -1},
        {"target_close_date": "tomorrow"},
        {"target_close_date": 1764460800},
        {"target_close_date": "9999-12-31T23:00:00-10:00"},
        {"custom_fields": []},
        {"assigned_to": "u_1"},
    ],
)
def test_a_wrong_type_is_never_taken_for_the_right_one(changes: dict[str, Any]) -> None:
    deal = opportunity(**changes)
    ((name, sent),) = changes.items()

    assert list(deal.unreadable) == [name]
    assert getattr(deal, name) in (None, {})
    assert name not in deal.model_fields_set
    if not isinstance(sent, list):
        assert json.loads(deal.unreadable[name]) == sent


@pytest.mark.parametrize("id", ["", "x" * 201, "a\nb", None, True, 1.5])
def test_what_is_no_id_identifies_no_record(id: Any) -> None:
    with pytest.raises(SlantNoAnswer) as caught:
        opportunity(id=id)

    assert caught.value.status == 200


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-30T00:00:00Z", date(2026, 11, 30)),
        ("2026-11-30T00:00:00.000Z", date(2026, 11, 30)),
        ("2026-11-29T19:00:00-05:00", date(2026, 11, 30)),
        ("2026-11-30T01:00:00+02:00", date(2026, 11, 29)),
        ("2026-11-30T00:00:00", date(2026, 11, 30)),
        ("2026-11-30", date(2026, 11, 30)),
    ],
)
def test_a_close_date_is_the_utc_calendar_day(text: str, day: date) -> None:
    deal = opportunity(target_close_date=text)

    assert deal.close_day == day
    assert deal.target_close_date is not None
    assert deal.target_close_date.tzinfo is UTC


def test_text_and_custom_fields_hold_nothing_a_database_refuses() -> None:
    body = json.dumps(
        OPPORTUNITY | {"name": "A\x00B", "custom_fields": {"a\x00": ["x\x00", float("nan"), {"b": 1e999}]}}
    )

    deal = read_record(answer(body.encode()), OpportunityRecord)

    assert deal.name == "AB"
    assert deal.custom_fields == {"a": ["x", None, {"b": None}]}


def test_another_records_id_is_no_answer() -> None:
    with pytest.raises(SlantNoAnswer):
        read_record(answer(OPPORTUNITY), OpportunityRecord, expected_id="op_other")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b"<html>", b'"x"', b"\xff", b"[" * 5000, b'{"id":' + b"9" * 5000]
)
def test_what_is_no_record_is_no_answer(body: bytes) -> None:
    with pytest.raises(SlantNoAnswer):
        read_record(answer(body), OpportunityRecord)


def test_a_body_past_the_cap_is_no_answer() -> None:
    with pytest.raises(SlantNoAnswer):
        read_record(answer(OPPORTUNITY, too_long=True), OpportunityRecord)


# --- The rest ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "can_write"),
    [
        ({"can_write": True, "scope": "read"}, True),
        ({"can_write": False, "scope": "read_write"}, False),
        ({"scope": "read_write"}, True),
        ({"can_write": None, "scope": "read_write"}, True),
        ({"scope": "read"}, False),
        ({"scope": "read_only"}, False),
        ({"can_write": "yes"}, None),
        ({"scope": ["write"]}, None),
        ({}, None),
        (None, None),
        ("read_write", None),
    ],
)
def test_whether_a_token_may_write_is_yes_no_or_not_known(access: Any, can_write: bool | None) -> None:
    assert read_record(answer({"id": "u_1", "api_access": access}), Me) == Me(id="u_1", can_write=can_write)
    assert read_record(answer({"id": "u_1"}), Me).can_write is None


def test_a_book_keeps_its_members_and_their_roles() -> None:
    book = read_record(answer(BOOK | {"role": None}), BookRecord)

    assert book.role is None
    assert book.users == (
        MemberRecord(
            id="u_4hd81k", email="mara@northpine.example", first_name="Mara", last_name="", role="principal"
        ),
    )


@pytest.mark.parametrize("name", ["role", "users", "name"])
def test_a_book_without_a_required_field_says_so(name: str) -> None:
    # A missing role must not be read as null, which is an administrator's.
    book = read_record(answer(without(BOOK, name)), BookRecord)

    assert book.cannot_read(name)
    assert book.unreadable == {name: "nothing"}


def test_stages_are_sorted_by_order_then_by_place() -> None:
    stages = [
        STAGE | {"id": i, "stage_order": order} for i, order in [("d", None), ("b", 2), ("c", 2), ("a", -1)]
    ]

    pipeline = read_record(answer(PIPELINE | {"pipeline_stages": stages}), PipelineRecord)

    assert [stage.id for stage in pipeline.stages] == ["a", "b", "c", "d"]


def test_a_stage_order_no_column_takes_voids_no_list() -> None:
    orders = [("far", 10**30), ("none", None), ("below", -(10**30)), ("one", 1), ("last", 2**31 - 1)]
    stages = [STAGE | {"id": i, "stage_order": order} for i, order in orders]

    pipeline = read_record(answer(PIPELINE | {"pipeline_stages": stages}), PipelineRecord)

    assert [stage.id for stage in pipeline.stages] == ["below", "one", "far", "last", "none"]
    assert all(abs(stage.stage_order or 0) < 2**31 for stage in pipeline.stages)


def test_a_stage_may_be_as_bare_as_older_pages_show() -> None:
    (stage,) = read_record(
        answer(PIPELINE | {"pipeline_stages": [{"id": "s", "name": "S"}]}), PipelineRecord
    ).stages

    assert (stage.visible, stage.stage_order, stage.default_probability) == (True, None, None)


@pytest.mark.parametrize("kind", [None, "any", "none", "Client", 7, [], {}])
def test_an_unknown_pipeline_type_means_any_household(kind: Any) -> None:
    assert read_record(answer(PIPELINE | {"pipeline_type": kind}), PipelineRecord).pipeline_type is None
    assert read_record(answer(without(PIPELINE, "pipeline_type")), PipelineRecord).pipeline_type is None


def test_a_household_keeps_nothing_about_its_people() -> None:
    household = read_record(answer(HOUSEHOLD), HouseholdRecord)

    assert household.model_dump() == {
        "id": "hh_okonkwo",
        "type": "Prospect",
        "name": "The Okonkwo Family",
        "book_id": "bk_pine01",
    }


@pytest.mark.parametrize(
    ("kind", "known"),
    [("Client", "Client"), ("prospect", "prospect"), ("PastClient", "PastClient"), (None, "")],
)
def test_a_household_of_an_unknown_kind_is_accepted(kind: Any, known: str | None) -> None:
    assert read_record(answer(HOUSEHOLD | {"type": kind}), HouseholdRecord).type == known


def test_a_custom_field_keeps_its_choices_and_an_unknown_type() -> None:
    field = {
        "id": "cf",
        "field_key": "lead",
        "display_name": "Lead",
        "entity_type": "Opportunity",
        "field_type": "rich",
    }

    bare = read_record(answer(field | {"options": None}), CustomField)
    full = read_record(answer(field | {"options": {"select_options": ["A", "B"]}}), CustomField)

    assert (bare.field_type, bare.options.select_options) == ("rich", ())
    assert full.options.select_options == ("A", "B")


# --- Pages and what they prove -----------------------------------------------------------------------


def test_a_page_carries_its_evidence() -> None:
    headers = {"date": "Mon, 23 Nov 2026 10:00:00 GMT"}

    page = read_page(
        answer(page_of([OPPORTUNITY], page=2, pages=4, count=301), headers=headers),
        OpportunityRecord,
        number=2,
    )

    assert (len(page.items), page.current_page, page.total_pages, page.total_count) == (1, 2, 4, 301)
    assert page.server_date == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert not page.is_last


def test_another_page_than_the_one_asked_for_is_no_answer() -> None:
    with pytest.raises(SlantNoAnswer):
        read_page(answer(page_of([OPPORTUNITY], page=1, pages=4)), OpportunityRecord, number=2)


def test_a_page_past_the_end_is_the_end_whatever_it_shows() -> None:
    page = read_page(answer(page_of([OPPORTUNITY], page=4, pages=4)), OpportunityRecord, number=5)

    assert (page.items, page.is_last) == ((), True)


@pytest.mark.parametrize("total_pages", [0, 1])
def test_an_empty_list_is_the_last_page(total_pages: int) -> None:
    assert read_page(answer(page_of([], pages=total_pages)), OpportunityRecord, number=1).is_last


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"data": None, "pagination": {}},
        {"data": {}, "pagination": {}},
        {"data": [OPPORTUNITY]},
        {"data": [], "pagination": 7},
        {"data": [], "pagination": None},
        b"<html>",
        b"[" * 5000,
    ],
)
def test_only_a_broken_envelope_is_no_answer(body: Any) -> None:
    with pytest.raises(SlantNoAnswer):
        read_page(answer(body), OpportunityRecord, number=1)


def deals(*ids: str) -> list[dict[str, Any]]:
    return [OPPORTUNITY | {"id": id} for id in ids]


def scan_of(*bodies: Any) -> Scan[OpportunityRecord]:
    scan: Scan[OpportunityRecord] = Scan()
    for page in pages(*bodies):
        scan.add(page)
    return scan


def test_a_scan_of_all_pages_is_complete() -> None:
    scan = scan_of(
        page_of(deals("a", "b"), page=1, pages=2, count=3), page_of(deals("c"), page=2, pages=2, count=3)
    )

    assert scan.complete
    assert [deal.id for deal in scan] == ["a", "b", "c"]
    assert (scan.pages_read, scan.total_pages, scan.total_count_first, scan.total_count_last) == (2, 2, 3, 3)


@pytest.mark.parametrize(
    "bodies",
    [
        [page_of(deals("a"), page=1, pages=2, count=2)],
        [page_of(deals("a"), page=1, pages=2, count=2), page_of(deals("a"), page=2, pages=2, count=2)],
        [page_of(deals("a", "b"), page=1, pages=2, count=3), page_of(deals("c"), page=2, pages=2, count=2)],
        [page_of(deals("a"), page=1, pages=3, count=1), page_of([], page=2, pages=3, count=1)],
        [{"data": deals("a"), "pagination": {"current_page": 1, "total_pages": 1}}],
        [{"data": deals("a"), "pagination": {}}, {"data": [], "pagination": {}}],
    ],
    ids=["not ended", "row skipped", "count fell", "page empty", "no count", "no counts at all"],
)
def test_a_scan_that_may_have_missed_a_row_is_not_complete(bodies: list[Any]) -> None:
    assert not scan_of(*bodies).complete


def test_a_scan_refuses_a_page_out_of_turn() -> None:
    scan = scan_of(page_of(deals("a"), page=1, pages=3, count=3))
    later = read_page(answer(page_of(deals("c"), page=3, pages=3, count=3)), OpportunityRecord, number=3)

    with pytest.raises(ValueError, match="out of turn"):
        scan.add(later)
    assert scan.next_page == 2


def test_results_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        opportunity().name = "other"  # type: ignore[misc]
