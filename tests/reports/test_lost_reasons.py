"""Why deals were lost: a reason counts where the move it was given with brought the deal there, and nowhere
else.
"""

from datetime import date, datetime, timedelta

import pytest

from opportunities.models import LostReason, State, Submission
from opportunities.reports.overview.numbers import merge_reasons
from opportunities.reports.rows import LossCount
from tests.reports.story import LOST, OTTO, A, B, Desk, on, overview_of, tell

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)


def reasoned(desk: Desk, id: str, reason: str, at: datetime, state: str = State.CONFIRMED) -> None:
    """A move to the lost stage, asked for at `at` and settled a second later."""
    move = Submission.objects.create(
        kind="move",
        person=desk.manager,
        book_id="bk_harbor",
        opportunity_id=id,
        body="{}",
        name=id,
        state=state,
        reference=f"{id} {at:%d}",
        form_token=f"{id} {at:%d}",
        created_at=at,
        settled_at=at + timedelta(seconds=1),
    )
    LostReason.objects.create(
        submission_id=move.pk, opportunity_id=id, stage_id=LOST, reason=reason, by="Mona", at=at
    )


def reasons(desk: Desk, **asked: str) -> list[tuple[str, int, int]]:
    result = overview_of(desk.query(FIRST, LAST, **asked))
    lost = result["lost"]
    # Every lost deal of the period is among them, once.
    assert sum(reason.deals for reason in result.reasons) == lost.deals
    assert sum(reason.value for reason in result.reasons) == lost.now
    return [(reason.reason, reason.deals, reason.value) for reason in result.reasons]


def lost_at(day: int) -> tuple[datetime, dict[str, object]]:
    """As our own copy has it when the move of that day is answered."""
    return on(11, day) + timedelta(seconds=1), {"stage_id": LOST}


def test_deals_lost_in_the_period_are_counted_by_the_reason_given(desk: Desk) -> None:
    for id, day, value, reason in (
        ("l1", 2, 100_000, "Fees"), ("l2", 3, 300_000, " fees "), ("l3", 4, None, "Stayed with their bank"),
        ("l4", 5, 50_000, "Fees"),
    ):  # fmt: skip
        tell(id, lost_at(day), created=on(10, 1), value=value)
        reasoned(desk, id, reason, on(11, day))
    tell("l5", lost_at(6), created=on(10, 1), value=20_000)  # moved in Slant itself
    tell("l6", (on(9, 10), {"stage_id": LOST}), created=on(9, 1), value=70_000)  # before the period
    reasoned(desk, "l6", "Fees", on(9, 10))
    tell("l7", created=on(10, 1), value=90_000)  # still open: its move was refused
    reasoned(desk, "l7", "Fees", on(11, 7), State.REJECTED)

    assert reasons(desk) == [
        ("Fees", 3, 450_000),
        ("Stayed with their bank", 1, 0),
        ("", 1, 20_000),
    ]
    assert reasons(desk, owner=OTTO) == []


def test_a_reason_does_not_outlive_the_loss_it_was_given_for(desk: Desk) -> None:
    """Lost with a reason, opened again, then lost once more by somebody in Slant."""
    tell("l1", lost_at(2), (on(11, 5), {"stage_id": A}), lost_at(8), created=on(10, 1), value=100_000)
    reasoned(desk, "l1", "Fees", on(11, 2))

    assert reasons(desk) == [("", 1, 100_000)]


@pytest.mark.parametrize("state", [State.REJECTED, State.WITHDRAWN, State.QUEUED])
def test_a_reason_whose_move_did_not_arrive_explains_nothing(desk: Desk, state: str) -> None:
    tell("l1", lost_at(2), created=on(10, 1), value=100_000, stage_id=B)
    reasoned(desk, "l1", "Fees", on(11, 2), state)

    assert reasons(desk) == [("", 1, 100_000)]


def test_spellings_that_differ_in_case_and_spaces_are_one_reason_and_none_comes_last() -> None:
    found = [
        LossCount("", 5, 9),
        LossCount("fees  too high", 1, 10),
        LossCount("Fees too high", 2, 20),
        LossCount("Bank", 3, 5),
    ]

    assert merge_reasons(found) == (
        LossCount("Fees too high", 3, 30),
        LossCount("Bank", 3, 5),
        LossCount("", 5, 9),
    )
