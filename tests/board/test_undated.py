"""The board shows wins and losses without a date, and its link lists just these deals."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from opportunities.forms.selection import selection_of
from opportunities.selection import Selection
from opportunities.selectors.board import page as boards
from opportunities.selectors.board.parts import Board
from opportunities.selectors.selection import deals
from tests.reports.story import CARL, LOST, NOW, WON, Desk, make_desk, on, settle, tell

BOTH = "{} and 1 undated loss, not in any period"


@pytest.fixture
def desk(db: None) -> Desk:
    return make_desk()


def head(desk: Desk, **chosen: str) -> Board:
    found = boards.head(desk.manager, Selection(pipeline="pl_desk", **chosen), NOW)  # type: ignore[arg-type]
    assert found
    return found


def tell_undated() -> None:
    tell("Reyes trust", created=on(5, 1), stage_id=WON, stage_since=None, value=10)
    tell("Park rollover", created=on(5, 1), stage_id=WON, stage_since=None, value=20, assigned_to_id=CARL)
    tell("Reyes gift", created=on(5, 1), stage_id=LOST, stage_since=None, value=40)
    tell("dated", created=on(5, 1), stage_id=WON, stage_since=on(11, 1), value=80)
    tell("open", created=on(5, 1), stage_since=None, value=160)
    settle()


@pytest.mark.parametrize(
    ("chosen", "said", "ids"),
    [
        ({}, BOTH.format("2 undated wins"), {"Reyes trust", "Park rollover", "Reyes gift"}),
        ({"q": "Reyes"}, BOTH.format("1 undated win"), {"Reyes trust", "Reyes gift"}),
        ({"owner": CARL}, "1 undated win, not in any period", {"Park rollover"}),
        ({"min": 15, "max": 50}, BOTH.format("1 undated win"), {"Park rollover", "Reyes gift"}),
    ],
)  # fmt: skip
def test_the_link_lists_the_undated_deals_within_every_filter(
    desk: Desk, chosen: dict[str, str], said: str, ids: set[str]
) -> None:
    tell_undated()

    board = head(desk, **chosen)

    assert board.figures.undated_words == said
    listed = selection_of(board.undated_query)
    assert {deal.pk for deal in deals(desk.manager, listed, NOW)} == ids


def test_a_board_filtered_by_what_else_is_missing_links_nowhere(desk: Desk) -> None:
    tell("valueless", created=on(5, 1), stage_id=WON, stage_since=None)
    settle()

    board = head(desk, missing="value")

    assert (board.figures.undated_words, board.undated_query) == ("1 undated win, not in any period", "")


def test_nothing_is_asked_of_undated_deals_where_there_are_none(desk: Desk) -> None:
    tell("dated", created=on(5, 1), stage_id=WON, stage_since=on(11, 1), value=80)
    settle()
    with CaptureQueriesContext(connection) as without:
        assert head(desk).figures.undated_words == ""
    tell("undated", created=on(5, 1), stage_id=LOST, stage_since=None, target_close_date=date(2026, 1, 1))
    settle()
    with CaptureQueriesContext(connection) as with_one:
        assert head(desk).figures.undated_words == "1 undated loss, not in any period"

    assert len(with_one) == len(without) + 1
