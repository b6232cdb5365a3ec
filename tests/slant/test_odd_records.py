"""Records and pages that are not as documented: what is read of them, what is kept, and what they prove."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opportunities.deal_fields import values_of_record
from opportunities.slant.errors import SlantNoAnswer
from opportunities.slant.pages import PageReader, RecordPage, Scan
from opportunities.slant.record_reading import LONGEST_RAW, WITHOUT_ID, read_leniently
from opportunities.slant.record_types import SlantRecord
from opportunities.slant.responses import Answer, read_page, read_record
from opportunities.slant.types import (
    BookRecord,
    CustomField,
    HouseholdRecord,
    Me,
    OpportunityRecord,
    PipelineRecord,
)
from tests.slant.samples import BOOK, HOUSEHOLD, OPPORTUNITY, PIPELINE, page_of
from tests.support.anything import ANYTHING
from tests.support.odd_records import ODD_DEALS, ODD_IDS, Odd

FIELD = {"id": "cf_1", "field_key": "lead_source", "display_name": "Lead", "entity_type": "Opportunity"}
DOCUMENTED: list[tuple[type[SlantRecord], dict[str, Any]]] = [
    (OpportunityRecord, OPPORTUNITY),
    (HouseholdRecord, HOUSEHOLD),
    (BookRecord, BOOK),
    (PipelineRecord, PIPELINE),
    (CustomField, FIELD),
    (Me, {"id": "u_1", "api_access": {"scope": "read"}}),
]


def shown(how: Odd, record: dict[str, Any] = OPPORTUNITY) -> Any:
    odd = how.get("replace", {**record, **how.get("set", {})})
    return {n: v for n, v in odd.items() if n not in how.get("unset", ())} if isinstance(odd, dict) else odd


def page(*records: Any, model: type[SlantRecord] = OpportunityRecord, number: int = 1, **counts: int) -> Any:
    body = json.dumps(page_of(list(records), page=number, **counts)).encode()
    return read_page(Answer("GET", "/x", 200, body=body), model, number=number)


def deal(id: str) -> dict[str, Any]:
    return OPPORTUNITY | {"id": id}


# --- One record ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD_DEALS)
def test_one_odd_field_is_unknown_and_the_others_are_read(name: str) -> None:
    place, how = ODD_DEALS[name]
    whole = read_leniently(OpportunityRecord, OPPORTUNITY)

    odd = read_leniently(OpportunityRecord, shown(how))

    assert list(odd.unreadable) == [place]
    assert odd.cannot_read(place)
    field = place.split(".")[0]
    for other in set(OpportunityRecord.model_fields) - {field}:
        assert getattr(odd, other) == getattr(whole, other)
        assert not odd.cannot_read(other)


@pytest.mark.parametrize("name", ODD_IDS)
def test_a_record_without_a_usable_id_is_told_from_all_others(name: str) -> None:
    first = page(deal("a"), shown(ODD_IDS[name]), deal("b"))
    again = page(deal("a"), shown(ODD_IDS[name]), deal("b"))
    twice = page(deal("a"), shown(ODD_IDS[name]), shown(ODD_IDS[name]), deal("b"))

    assert [item.id for item in first.items] == ["a", "b"]
    ((odd,), (same,)) = first.without_id, again.without_id
    assert odd.id == same.id
    assert odd.id.startswith(WITHOUT_ID)
    assert first.places == {odd.id: 2}
    assert len({record.id for record in twice.without_id}) == 2


def test_nothing_private_of_a_household_is_kept() -> None:
    private = {"first_name": "Ada", "ssn": "***-**-1234", "date_of_birth": "1961-04-12"}
    for odd in (
        HOUSEHOLD | {"name": private, "people": [private]},
        HOUSEHOLD | {"name": [private], "type": private},
        [private],
        "Ada ***-**-1234",
        {"people": [private], "name": 7},
    ):
        kept = read_leniently(HouseholdRecord, odd)
        told = json.dumps([dict(kept.unreadable), kept.model_dump(mode="json")])
        assert not any(value in told for value in private.values())


def test_a_raw_form_is_one_short_line() -> None:
    odd = read_leniently(OpportunityRecord, OPPORTUNITY | {"value": "9" * 5000, "probability": float("inf")})

    assert len(odd.unreadable["value"]) <= LONGEST_RAW + 1
    assert odd.unreadable["probability"] == "a number out of range"


def test_text_that_is_no_utf_8_hides_one_field_and_no_list() -> None:
    body = json.dumps(page_of([deal("a"), deal("b") | {"name": "XX"}])).encode().replace(b"XX", b"\xff\xfe")

    found = read_page(Answer("GET", "/x", 200, body=body), OpportunityRecord, number=1)

    assert [list(item.unreadable) for item in found.items] == [[], ["name"]]


def test_a_number_of_five_thousand_digits_hides_one_field_and_no_list() -> None:
    body = json.dumps(page_of([deal("a"), deal("b")])).encode().replace(b"640000", b"9" * 5000, 1)

    found = read_page(Answer("GET", "/x", 200, body=body), OpportunityRecord, number=1)

    assert [list(item.unreadable) for item in found.items] == [["value"], []]


def test_what_cannot_be_read_equals_no_value() -> None:
    odd = read_leniently(OpportunityRecord, OPPORTUNITY | {"probability": 101, "target_close_date": "soon"})

    values = values_of_record(odd)

    assert values["probability"] == {"unreadable": "101"}
    assert values["target_close_date"] == {"unreadable": '"soon"'}
    assert values["name"] == "Okonkwo rollover"


def test_odd_members_and_stages_are_read_one_by_one() -> None:
    book = BOOK | {"users": [BOOK["users"][0] | {"first_name": 7}, None, {"email": "a@b.example"}]}
    line = PIPELINE | {"pipeline_stages": [{"id": "s", "name": "S", "default_probability": 12.5}, 7]}

    read_book, read_line = read_leniently(BookRecord, book), read_leniently(PipelineRecord, line)

    assert [(user.id, list(user.unreadable)) for user in read_book.users] == [("u_4hd81k", ["first_name"])]
    assert [getattr(user, "email", "") for user in read_book.without_id] == ["", "a@b.example"]
    assert [(stage.id, stage.default_probability) for stage in read_line.stages] == [("s", None)]
    assert len(read_line.without_id) == 1


def test_a_fields_own_name_for_what_is_odd_cannot_be_sent_by_slant() -> None:
    assert not read_leniently(OpportunityRecord, OPPORTUNITY | {"unreadable": {"a": "b"}}).unreadable


# --- Anything at all ----------------------------------------------------------------------------------


@st.composite
def disturbed(draw: st.DrawFn) -> tuple[type[SlantRecord], Any]:
    """A documented record of any list, with any of its fields anything, left out, or nothing of it left."""
    model, record = draw(st.sampled_from(DOCUMENTED))
    if draw(st.integers(0, 9)) == 0:
        return model, draw(ANYTHING)
    odd: dict[str, Any] = json.loads(json.dumps(record))
    for name in draw(st.lists(st.sampled_from(sorted(odd)), max_size=4, unique=True)):
        spot, key = odd, name
        while isinstance(spot[key], dict) and spot[key] and draw(st.booleans()):
            spot, key = spot[key], draw(st.sampled_from(sorted(spot[key])))
        if draw(st.booleans()):
            spot[key] = draw(ANYTHING)
        else:
            del spot[key]
    return model, odd


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(disturbed(), st.integers(0, 3))
def test_whatever_one_record_is_the_others_of_its_page_are_read(
    odd: tuple[type[SlantRecord], Any], place: int
) -> None:
    model, record = odd
    good = next(known for kind, known in DOCUMENTED if kind is model)
    others = [good | {"id": f"good_{number}"} for number in range(3)]
    rows = [*others[:place], record, *others[place:]]

    found = page(*rows, model=model)

    read = {item.id: item for item in found.items}
    assert all(read[f"good_{number}"].is_as_documented for number in range(3))
    assert len(found.items) + len(found.without_id) == len(rows)
    scan: Scan[Any] = Scan()
    scan.add(found)
    assert scan.complete or found.repeated
    for item in (*found.items, *found.without_id):
        assert json.dumps(dict(item.unreadable)).isascii()
        item.model_dump_json().encode()  # nothing a database could not store
        assert all(len(raw) <= LONGEST_RAW + 1 for raw in item.unreadable.values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(disturbed())
def test_a_field_that_can_be_read_is_read_as_if_all_others_were_as_documented(
    odd: tuple[type[SlantRecord], Any],
) -> None:
    model, record = odd
    read = read_leniently(model, json.loads(json.dumps(record)))
    good = next(known for kind, known in DOCUMENTED if kind is model)

    for name in model.model_fields:
        sent = str(model.model_fields[name].validation_alias or name)
        if isinstance(record, dict) and sent in record and not read.cannot_read(sent) and name != "id":
            alone = read_leniently(model, good | {sent: json.loads(json.dumps(record[sent]))})
            assert getattr(read, name) == getattr(alone, name)


# --- What pages prove ---------------------------------------------------------------------------------


def scan_of(*pages: RecordPage[Any]) -> Scan[Any]:
    scan: Scan[Any] = Scan()
    for page in pages:
        scan.add(page)
    return scan


def test_records_without_an_id_count_by_their_places() -> None:
    assert scan_of(page(deal("a"), None, None)).complete
    assert not scan_of(page(deal("a"), None, count=3)).complete


def test_an_id_that_comes_twice_proves_no_absence_and_tells_nobody_gone() -> None:
    scan = scan_of(page(deal("a"), deal("a"), deal("b")))

    assert not scan.complete
    assert scan.shows_all  # two records of one page are two: a page does not shift under itself
    across = scan_of(
        page(deal("a"), deal("b"), pages=2, count=4), page(deal("b"), deal("c"), number=2, pages=2, count=4)
    )
    assert not across.shows_all


def test_while_a_record_has_no_id_none_is_gone() -> None:
    assert not scan_of(page(deal("a"), None)).shows_all


def broken(*numbers: int, of: int, records: int = 1) -> Callable[[int], RecordPage[Any]]:
    """A list of some pages, of which these are no lists."""

    def read(number: int) -> RecordPage[Any]:
        if number in numbers:
            body = b"<html>"
            return read_page(Answer("GET", "/x", 200, body=body), OpportunityRecord, number=number)
        rows = [deal(f"op_{number}_{place}") for place in range(records if number <= of else 0)]
        found: RecordPage[Any] = page(*rows, number=number, pages=of, count=of * records)
        return found

    return read


def read_all(read: Callable[[int], RecordPage[Any]], last: int = 5) -> Iterator[RecordPage[Any]]:
    reader = PageReader(read)
    for number in range(1, last + 1):
        for found in reader(number):
            yield found
            if found.is_last:
                return


@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_bad_page_is_passed_over_and_the_list_is_not_whole(number: int) -> None:
    pages = list(read_all(broken(number, of=3)))
    scan = scan_of(*pages)

    assert [page.current_page for page in pages] == [1, 2, 3]
    assert [page.is_broken for page in pages] == [place == number for place in (1, 2, 3)]
    assert (len(scan), scan.broken_pages) == (2, [number])
    assert not scan.complete
    assert not scan.shows_all


@pytest.mark.parametrize(("numbers", "of"), [((1, 2), 3), ((2, 3), 4), ((1,), 1)])
def test_a_list_of_bad_pages_is_no_answer(numbers: tuple[int, ...], of: int) -> None:
    with pytest.raises(SlantNoAnswer) as caught:
        list(read_all(broken(*numbers, of=of)))

    assert caught.value.undocumented


def test_one_record_needs_an_id_and_nothing_else() -> None:
    assert read_record(Answer("GET", "/x", 200, body=b'{"id": "op_1"}'), OpportunityRecord).id == "op_1"
