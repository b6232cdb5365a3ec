"""Filters as they stand in an address, and the deals they find."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.http import QueryDict

from opportunities.forms.selection import SelectionForm, selection_of
from opportunities.models import Opportunity, Person, StageMeaning
from opportunities.selection import Days, Selection, close_days
from opportunities.selectors.selection import deals
from tests.support.people import Firm

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def deal(firm: Firm) -> Callable[..., Opportunity]:
    def make(id: str, **given: object) -> Opportunity:
        fields = {
            "name": id,
            "book": firm.harbor,
            "pipeline": firm.prospects,
            "stage": firm.lead,
            "household": firm.okonkwo,
            "assigned_to_id": "us_owner",
            "value": 100,
            "target_close_date": date(2027, 6, 1),
            "stage_updated_at": NOW - timedelta(days=1),
            "first_seen_at": NOW,
            "seen_at": NOW,
        }
        return Opportunity.objects.create(id=id, **fields | given)

    return make


def test_a_selection_survives_its_address() -> None:
    selection = Selection(
        pipeline="pl/1",
        stage=("a", "b"),
        book="b&c",
        owner="me",
        q="Ökonkwo = 100%",
        household="h",
        min=0,
        max=5,
        close="2026-11-01..",
        stale=True,
        missing="any",
        ids=("op 1",),
        view="list",
    )

    assert selection_of(selection.query()) == selection
    assert Selection().query() == ""
    assert selection_of(Selection(q="x").query(q="", view="list")) == Selection(view="list")


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("min=lots", "min", "Enter whole dollars"),
        ("min=2k&max=1k", "max", "highest value is below the lowest"),
        ("close=someday", "close", "Choose one of the periods"),
        ("close=9999-12", "close", "Choose one of the periods"),
        ("missing=name", "missing", "without a value"),
        ("stale=perhaps", "stale", "only stale deals"),
        ("view=cake", "view", "the board or the list"),
        ("&".join(f"ids={n}" for n in range(501)), "ids", "at most 500"),
    ],
)
def test_what_cannot_be_read_is_left_out_and_said(query: str, field: str, words: str) -> None:
    form = SelectionForm(QueryDict(f"{query}&q=kept"))

    selection = form.selection

    assert getattr(selection, field) == getattr(Selection(), field)
    assert selection.q == "kept"
    assert [(name, words in said) for name, said in form.problems] == [(field, True)]


@pytest.mark.parametrize(
    ("close", "starts", "first", "last"),
    [
        ("this-month", 1, date(2026, 11, 1), date(2026, 11, 30)),
        ("next-month", 1, date(2026, 12, 1), date(2026, 12, 31)),
        ("this-quarter", 1, date(2026, 10, 1), date(2026, 12, 31)),
        ("next-quarter", 1, date(2027, 1, 1), date(2027, 3, 31)),
        ("this-quarter", 2, date(2026, 11, 1), date(2027, 1, 31)),
        ("2027-02", 1, date(2027, 2, 1), date(2027, 2, 28)),
        ("2026-11-05..2026-11-06", 1, date(2026, 11, 5), date(2026, 11, 6)),
        ("..2026-11-06", 1, None, date(2026, 11, 6)),
        ("overdue", 1, None, date(2026, 11, 22)),
    ],
)
def test_periods_are_calendar_days(close: str, starts: int, first: date | None, last: date | None) -> None:
    assert close_days(close, TODAY, year_starts=starts) == Days(first, last)


def test_each_filter_finds_its_deals(deal: Callable[..., Opportunity], firm: Firm, owner: Person) -> None:
    StageMeaning.objects.create(stage_id="st_hidden", meaning="lost")
    StageMeaning.objects.create(stage_id="st_qualified", stale_after_days=5)
    deal("plain")
    deal("theirs", assigned_to_id="us_colleague", household=firm.rivera)
    deal("nobodys", assigned_to_id="")
    deal("big", value=900)
    deal("valueless", value=None)
    deal("dateless", target_close_date=None)
    deal("overdue", target_close_date=TODAY - timedelta(days=1))
    deal("today", target_close_date=TODAY)
    deal("old", stage_updated_at=NOW - timedelta(days=31))
    deal("made_long_ago", stage_updated_at=None, created_at=NOW - timedelta(days=99))
    deal("slow", stage=firm.qualified, stage_updated_at=NOW - timedelta(days=6))
    deal(
        "lost",
        stage=firm.hidden,
        stage_updated_at=NOW - timedelta(days=99),
        target_close_date=date(2026, 1, 1),
    )
    deal("client", pipeline=firm.clients, stage=firm.proposal)
    deal("gone", gone_at=NOW)
    deal("foreign", book=firm.summit)
    everything = {
        "plain",
        "theirs",
        "nobodys",
        "big",
        "valueless",
        "dateless",
        "overdue",
        "today",
        "old",
        "made_long_ago",
        "slow",
        "lost",
        "client",
    }

    def found(query: str) -> set[str]:
        return {row.pk for row in deals(owner, selection_of(query), NOW)}

    assert found("") == everything
    assert found("owner=me") == everything - {"theirs", "nobodys"}
    assert found("owner=us_colleague") == found("household=hh_rivera") == found("q=RIVER") == {"theirs"}
    assert found("owner=none") == {"nobodys"}
    assert found("q=alue") == {"valueless"}
    assert found("min=101") == {"big"}
    assert found("max=99") == set()
    assert found("missing=value") == {"valueless"}
    assert found("missing=date") == {"dateless"}
    assert found("missing=any") == {"valueless", "dateless"}
    assert found("close=overdue") == {"overdue"}
    assert found("close=this-month") == {"overdue", "today"}
    assert found("stale=1") == {"old", "made_long_ago", "slow"}
    assert found("pipeline=pl_clients") == found("stage=st_proposal") == {"client"}
    assert found("stage=st_hidden&stage=st_proposal") == {"lost", "client"}
    assert found("ids=big&ids=foreign&ids=gone") == {"big"}
    assert found("book=bk_summit") == set()


def test_somebody_unknown_to_slant_owns_nothing(
    deal: Callable[..., Opportunity], manager: Person, owner: Person
) -> None:
    deal("nobodys", assigned_to_id="")

    assert not deals(manager, Selection(owner="me"), NOW).exists()
    assert deals(manager, Selection(owner="none"), NOW).exists()
