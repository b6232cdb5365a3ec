"""How often is too often: signing in, coming back from the provider, sending deals."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from opportunities.actions import form_tokens
from opportunities.models import AuditEvent, Draft, LimitCount, Person, Submission
from opportunities.runtime import limits as counts
from opportunities.views import limits
from opportunities.views.reports import pages
from tests.support.people import Firm

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

START = datetime(2026, 11, 23, 9, 0, 10, tzinfo=UTC)
Events = Callable[[], list[tuple[str, str]]]
SignIn = Callable[[Person], Client]


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def browser() -> tuple[Client, dict[str, str]]:
    """One with a cookie of its own, and the form's token."""
    client = Client(enforce_csrf_checks=True)
    token = str(client.get("/demo/sign-in/").context["csrf_token"])
    return client, {"persona": "nobody", "csrfmiddlewaretoken": token}


def test_ten_sign_ins_a_minute_and_browser(events: Events, clock: Any) -> None:
    client, form = browser()
    other, other_form = browser()

    answers = [client.post("/demo/sign-in/", form).status_code for _ in range(12)]

    assert answers == [422] * 10 + [429] * 2
    assert other.post("/demo/sign-in/", other_form).status_code == 422
    assert events() == [("limit.reached", "browser")]
    clock.move_to(START + timedelta(seconds=50))
    assert client.post("/demo/sign-in/", form).status_code == 422


def test_one_too_many_says_when_to_come_back(client: Client) -> None:
    client, form = browser()
    for _ in range(10):
        client.post("/demo/sign-in/", form)

    page = client.post("/demo/sign-in/", form)
    fragment = client.post("/demo/sign-in/", form, headers={"HX-Request": "true"})

    assert (page.status_code, page["Retry-After"]) == (429, "50")
    assert "Too many requests" in page.text
    assert (fragment.status_code, "<html" in fragment.text) == (429, False)


def test_two_hundred_sign_ins_a_minute_and_address(events: Events) -> None:
    """An office shares one address."""

    def attempt(address: str = "127.0.0.1") -> int:
        return Client().post("/demo/sign-in/", {"persona": "nobody"}, REMOTE_ADDR=address).status_code

    answers = [attempt() for _ in range(201)]

    assert answers == [422] * 200 + [429]
    assert attempt("127.0.0.2") == 422
    assert events() == [("limit.reached", "address")]
    assert AuditEvent.objects.get().source_ip == "127.0.0.1"


def test_thirty_deals_a_minute_and_person_and_nothing_typed_is_lost(
    firm: Firm, owner: Person, colleague: Person, signed_in: SignIn, events: Events, settings: object
) -> None:
    settings.VIEW_WAIT_SECONDS = 0  # type: ignore[attr-defined]

    def send(client: Client, person: Person, number: int) -> object:
        return client.post(
            "/opportunities/new/",
            {
                "book_id": "bk_harbor",
                "name": f"Deal {number}",
                "pipeline_id": "pl_prospects",
                "assigned_to_id": "us_owner",
                "form_token": form_tokens.issue_token(person),
            },
        )

    client = signed_in(owner)
    answers = [send(client, owner, number).status_code for number in range(30)]  # type: ignore[attr-defined]
    late = send(client, owner, 30)

    assert set(answers) == {303}
    assert (late.status_code, late["Retry-After"]) == (429, "50")  # type: ignore[attr-defined, index]
    assert 'value="Deal 30"' in late.text  # type: ignore[attr-defined]
    assert Draft.objects.get().fields["typed"]["name"] == "Deal 30"
    assert Submission.objects.count() == 30
    assert events()[-1] == ("limit.reached", "person")
    assert send(signed_in(colleague), colleague, 99).status_code == 303  # type: ignore[attr-defined]


def test_whoever_tries_numbers_is_slowed_down_and_does_not_fill_the_trail(
    firm: Firm, owner: Person, colleague: Person, signed_in: SignIn, clock: Any
) -> None:
    client = signed_in(owner)
    for _ in range(2):
        answers = [client.get(f"/opportunities/op_{n}/").status_code for n in range(70)]

    page = client.get("/submissions/")
    assert set(answers) == {429}
    assert (page.status_code, page["Retry-After"]) == (429, "50")
    written = AuditEvent.objects.filter(actor_sub=owner.sub).values_list("action", flat=True)
    assert (list(written).count("access.denied"), list(written).count("limit.reached")) == (61, 1)
    assert signed_in(colleague).get("/submissions/").status_code == 200
    clock.move_to(START + timedelta(seconds=50))
    assert client.get("/submissions/").status_code == 200


def test_what_is_looked_for_again_and_again_counts_once(firm: Firm, owner: Person, signed_in: SignIn) -> None:
    """An open page may go on asking for a deal that was moved out of one's reach."""
    client = signed_in(owner)

    assert {client.get("/opportunities/op_gone/").status_code for _ in range(70)} == {404}


def test_redraws_are_not_deals(firm: Firm, owner: Person, signed_in: SignIn) -> None:
    client = signed_in(owner)

    answers = {
        client.post("/opportunities/new/", {"book_id": "bk_harbor", "redraw": "book"}).status_code
        for _ in range(31)
    }

    assert answers == {200}


def test_the_limits_are_those_of_the_checklist() -> None:
    every = (*limits.SIGN_IN, *limits.CALLBACK, *limits.SUBMISSION, *limits.EXPORT, *limits.DENIED)

    assert {(limit.name, limit.per): (limit.times, limit.seconds) for limit in every} == {
        ("sign_in", "browser"): (10, 60),
        ("sign_in", "address"): (200, 60),
        ("sign_in_callback", "address"): (60, 60),
        ("submission", "person"): (30, 60),
        ("export", "person"): (60, 3600),
        ("access_denied", "person"): (60, 60),
    }


def test_nobody_can_be_told_from_the_counts(client: Client) -> None:
    client.post("/demo/sign-in/", {"persona": "nobody"})

    assert {re.fullmatch("[0-9a-f]{64}", key) is not None for key in keys()} == {True}


def test_sixty_reports_a_minute_and_person(firm: Firm, owner: Person, signed_in: SignIn) -> None:
    client = signed_in(owner)

    answers = [client.get("/reports/changes/?period=this_quarter").status_code for _ in range(61)]

    assert answers.count(429) == 1


def test_pages_have_a_ceiling_and_polls_none(
    firm: Firm, owner: Person, colleague: Person, signed_in: SignIn, clock: Any
) -> None:
    client = signed_in(owner)
    assert {client.get("/session/").status_code for _ in range(30)} == {204}
    answers = [client.get("/session/").status_code for _ in range(limits.PAGE.times + 40)]

    assert answers[: limits.PAGE.times - 30] == [204] * (limits.PAGE.times - 30)
    assert answers[-1] == 429
    assert signed_in(colleague).get("/session/").status_code == 204
    clock.move_to(START + timedelta(seconds=50))
    assert client.get("/session/").status_code == 204


def test_a_report_is_made_once_at_a_time_for_one_person(
    firm: Firm, owner: Person, colleague: Person, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first, which here never ends, and is then told when to come back."""
    monkeypatch.setattr(limits, "WAIT_SECONDS", 0)
    asked: list[int] = []
    build = pages.build_page

    def build_twice(*given: Any) -> Any:
        if not asked:
            asked.append(report(client))
            asked.append(report(signed_in(colleague)))
        return build(*given)

    monkeypatch.setattr(pages, "build_page", build_twice)
    client = signed_in(owner)

    first = report(client)
    after = report(client)

    assert (first, asked, after) == (200, [429, 200], 200)


def report(client: Client) -> int:
    return client.get("/reports/changes/", follow=True).status_code


def keys() -> list[str]:
    return list(LimitCount.objects.values_list("key", flat=True))


def test_a_hold_and_a_pause_from_before_the_clock_was_set_back_are_over(owner: Person) -> None:
    now = timezone.now()
    minute, ahead = timedelta(minutes=1), now + timedelta(hours=2)
    assert counts.hold("export", now=ahead - minute, until=ahead)
    owner.slowed_until = ahead

    assert counts.hold("export", now=now, until=now + minute)
    assert not counts.hold("export", now=now, until=now + minute), "and is held again"
    assert limits.slowed_seconds(owner) == 0
    owner.slowed_until = now + minute
    assert 0 < limits.slowed_seconds(owner) <= 60
