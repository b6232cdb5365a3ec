"""A clock that is set back by hours leaves the mirror neither unread nor wrong."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from opportunities import mirror
from opportunities.delivery import connection
from opportunities.mirror import definitions, totals, writing
from opportunities.models import Opportunity, SyncState
from opportunities.selectors import shell
from opportunities.selectors.health import health
from tests.mirror.conftest import differences, one_pass
from tests.support.slant_box import SlantBox, TurnedClock

DEAL = "op_71qz5d"
AHEAD = timedelta(hours=2)


def test_of_two_changes_in_one_second_the_later_shown_stays(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    clock.turn(minutes=10)
    box.edit(DEAL, value=100)
    one_pass(box, clock)
    box.edit(DEAL, value=200)  # at the same second of Slant's
    clock.jump(-7200)
    # Slant's own clock was right, and the box has only one.
    box.store.put("opportunity", box.store.tables["opportunity"][DEAL] | {"value": 300})

    one_pass(box, clock)

    assert Opportunity.objects.get(pk=DEAL).value == 300
    assert differences(box) == []


@pytest.mark.parametrize("dated", [True, False])
def test_what_was_asked_for_before_a_write_of_ours_does_not_undo_it(
    db: None, box: SlantBox, clock: TurnedClock, dated: bool
) -> None:
    """Whatever the clock says, and also where Slant says nothing of when a deal was changed."""
    one_pass(box, clock)
    record = box.client().opportunity(DEAL)
    record = record if dated else record.model_copy(update={"updated_at": None})
    asked_at = totals.current_revision()
    ours = record.model_copy(update={"value": 777})
    writing.write([ours], now=clock.now() - AHEAD)

    writing.write([record], now=clock.now() + AHEAD, asked_at=asked_at)
    assert Opportunity.objects.get(pk=DEAL).value == 777
    writing.write([record], now=clock.now() - AHEAD, asked_at=totals.current_revision())
    assert Opportunity.objects.get(pk=DEAL).value == record.value


@pytest.mark.parametrize("name", ["goes_on_at", "failed_at", "started_at"])
def test_a_pass_that_is_to_come_two_hours_ahead_comes_now(
    db: None, box: SlantBox, clock: TurnedClock, name: str
) -> None:
    one_pass(box, clock)
    state, later = SyncState.objects.get(pk="opportunities"), clock.now() + AHEAD
    if name == "goes_on_at":
        state.cursor[name] = later.isoformat()
    else:
        setattr(state, name, later)
    state.save()

    assert mirror.due(clock) == ["opportunities"]


def test_a_filter_that_was_refused_two_hours_ahead_is_tried_again(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    box.control(switches={"list_filters": "reject"})
    one_pass(box, clock)
    one_pass(box, clock)
    clock.jump(-7200)
    before = _filtered(box)

    one_pass(box, clock)

    assert _filtered(box) == before + 1


def _filtered(box: SlantBox) -> int:
    return sum("updated_since" in request["query"] for request in box.requests)


def test_definitions_that_are_due_days_ahead_are_read_now(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    assert definitions.read_if_due(box.client(), clock=clock)
    assert not definitions.read_if_due(box.client(), clock=clock)
    clock.jump(-7200)
    assert definitions.read_if_due(box.client(), clock=clock)


def test_a_deal_first_seen_ahead_of_now_is_missed_when_slant_deletes_it(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    clock.jump(-7200)
    box.control(records=[{"op": "delete", "id": DEAL}])

    for _ in range(3):
        one_pass(box, clock)
        clock.turn(minutes=10)

    assert Opportunity.objects.get(pk=DEAL).gone_at is not None


def test_the_stamp_is_red_when_a_reading_fails_after_the_clock_was_set_back(
    db: None, box: SlantBox, clock: TurnedClock
) -> None:
    one_pass(box, clock)
    clock.jump(-7200)
    box.down = True
    one_pass(box, clock)

    stamp = shell.stamp(list(SyncState.objects.all()), clock.now())
    assert (stamp.level, stamp.failing) == (shell.RED, True)
    assert not health(clock).slant.ok


def test_a_command_whose_clock_is_set_while_it_reads_says_so(
    db: None, box: SlantBox, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opportunities.management.commands.sync.SystemClock", lambda: clock)
    monkeypatch.setattr(connection, "connect", lambda clock: box.client())
    box.before_read = lambda: clock.jump(7200)

    with pytest.raises(CommandError, match="The clock was set"):
        call_command("sync", stdout=StringIO())
