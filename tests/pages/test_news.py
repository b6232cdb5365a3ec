"""A person left with "held", "not sure" or "a manager decides" is told how it ended."""

import pytest

from opportunities.models import Person, State
from tests.pages.conftest import Make


def test_the_end_of_a_doubtful_submission_is_told_on_every_page_until_read(
    browse, sent: Make, owner: Person
) -> None:
    row = sent(State.CONFIRMED, opportunity_id="op_found", told=False)
    client = browse(owner)

    page = client.get("/opportunities/new/").content.decode()
    client.post("/submissions/told/")
    after = client.get("/opportunities/new/").content.decode()

    assert f'<a href="/submissions/{row.pk}/">Okonkwo rollover reached Slant.</a>' in page
    assert "reached Slant." not in after


@pytest.mark.parametrize(
    ("kind", "state", "said"),
    [
        ("create", State.WITHDRAWN, "Okonkwo rollover was closed without a record."),
        ("move", State.WITHDRAWN, "The change to Okonkwo rollover was closed. Nothing more will be sent."),
        ("create", State.REJECTED, "Slant refused Okonkwo rollover. Nothing was created."),
        ("edit", State.REJECTED, "Slant refused the change to Okonkwo rollover. Nothing was changed."),
        ("edit", State.CONFIRMED, "The change to Okonkwo rollover reached Slant."),
    ],
)
def test_the_end_of_a_change_is_not_told_as_that_of_a_deal(
    browse, sent: Make, owner: Person, kind: str, state: str, said: str
) -> None:
    row = sent(state, kind=kind, opportunity_id="op_1", told=False)

    page = browse(owner).get("/submissions/").content.decode()

    assert f'<a href="/submissions/{row.pk}/">{said}</a>' in page


def test_nobody_is_told_of_somebody_elses(browse, sent: Make, colleague: Person, owner: Person) -> None:
    row = sent(State.REJECTED, told=False)

    page = browse(colleague).get("/submissions/").content.decode()
    browse(colleague).post("/submissions/told/")

    row.refresh_from_db()
    assert "Slant refused" not in page
    assert not row.told


def test_a_deal_that_waited_a_day_asks_its_owner(browse, sent: Make, owner: Person) -> None:
    sent(State.QUEUED, reason_code="still_send", told=False)

    assert "has waited for a day" in browse(owner).get("/submissions/").content.decode()
