"""What people do in a browser, and what the pages showed them."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DatabaseError

from opportunities.actions import (
    duplicate_question,
    form_tokens,
    refusals,
    reviewing,
    submissions,
    withdrawing,
)
from opportunities.delivery import holds, restore_guard
from opportunities.delivery.kinds import NewDeal
from opportunities.models import Household, Member, Person, State, Submission
from opportunities.selectors.submissions.page import submission_page
from opportunities.trail import head_file
from opportunities.trail.audit import Actor as By
from opportunities.wording import submissions as submissions_words

if TYPE_CHECKING:
    from tests.faults.changing import Errand
    from tests.faults.history import History

BOOKS = {"bk_pine01": ("u_4hd81k", "u_9xw20c"), "bk_alder2": ("u_4hd81k", "u_9xw20c", "u_2kf7pa")}


@dataclass
class Told:
    """What one browser was told of one submission, in true time.

    A page shows what was so when its process read the clock (`asked`). The process may sleep before it
    answers.
    """

    at: float
    submission: UUID
    what: str
    words: str = ""
    asked: float = 0.0


@dataclass
class Wish:
    """One form somebody fills in: the deal, and the token the page came with."""

    deal: NewDeal
    person: Person
    token: str
    confirm: bool = False
    saved: list[UUID] = field(default_factory=list)


class People:
    """Everybody who uses our pages."""

    def __init__(self, history: "History") -> None:
        self.history = history
        self.told: list[Told] = []
        self.wishes: list[Wish] = []
        self.recovered = True  # or a backup was restored, and nobody has said so yet

    # Filling in the form

    def draw_deal(self) -> NewDeal:
        rng, plan = self.history.rng, self.history.plan
        number = len(self.wishes) + 1
        book = rng.choice(sorted(BOOKS))
        homes = self.history.homes[book]
        household = homes[0 if plan.has("same household") else number % len(homes)]
        with_household = rng.random() < (
            0.95 if plan.switches.get("list_opportunities") == "not_found" else 0.75
        )
        pipeline = (
            ("pl_newbiz" if household.type == "Prospect" else "pl_growth") if with_household else "pl_events"
        )
        owner = rng.choice(BOOKS[book])
        if plan.has("refusable") and rng.random() < 0.4:
            owner = "u_w77ren"  # in no book of these: Slant refuses it
        return NewDeal(
            book_id=book,
            name=f"Deal {number} {rng.choice(('rollover', 'pension', '401(k) – Müller'))}",
            value=rng.choice((None, 1000 * number, 250_000 + number)),
            probability=rng.choice((None, 40)),
            target_close_date=rng.choice((None, self.history.clock.now().date() + timedelta(days=40))),
            pipeline_id=pipeline if rng.random() < 0.8 else "",
            pipeline_type="" if with_household else "prospect",
            household_id=household.pk if with_household else "",
            assigned_to_id=owner,
        )

    def wish(self, deal: NewDeal | None = None, *, confirm: bool = False) -> Wish:
        person = self.history.rng.choice(self.history.sales)
        made = Wish(deal or self.draw_deal(), person, form_tokens.issue_token(person), confirm)
        self.wishes.append(made)
        return made

    def send(self, wish: Wish) -> None:
        """Press the button once: do what the view does (views/create.py), without the HTML."""
        history = self.history
        try:
            row = submissions.create(
                deal=wish.deal,
                person=wish.person,
                by=By.of(wish.person),
                clock=history.clock,
                form_token=wish.token,
                confirm_duplicate=wish.confirm,
            )
            wish.saved.append(row.pk)
            history.scheduler.say(f"saved {row.reference} {row.body}")
            self.tell_saved(row)
            if history.rng.random() < 0.3:
                row = submissions.wait_for_outcome(row, clock=history.clock)
            self.look_at(row, wish.person)
        except duplicate_question.DuplicateQuestion:
            history.scheduler.say("asked whether to create a duplicate")
        except DatabaseError as error:
            history.scheduler.say(f"told that it was not saved: {error}")

    def tell_saved(self, row: Submission) -> None:
        self.told.append(Told(self.history.scheduler.now, row.pk, "saved"))

    # Looking, withdrawing

    def look(self, wish: "Wish | Errand") -> None:
        for pk in wish.saved[:1]:
            row = Submission.objects.filter(pk=pk).first()
            if row is not None:
                self.look_at(row, wish.person)

    def look_at(self, row: Submission, person: Person) -> None:
        asked = self.history.scheduler.now
        page = submission_page(row, person, self.history.clock.now())
        what = f"page {row.state} {row.opportunity_id}" + (" busy" if page.busy else "")
        self.told.append(Told(self.history.scheduler.now, row.pk, what, page.words.title, asked))

    def withdraw(self, wish: "Wish | Errand") -> None:
        for pk in wish.saved[:1]:
            row = Submission.objects.filter(pk=pk).first()
            if row is None or not self.recovered:
                return
            try:
                withdrawing.withdraw(
                    submission=row, person=wish.person, by=By.of(wish.person), clock=self.history.clock
                )
                self.history.scheduler.say(f"withdrew {row.reference}")
                self.told.append(Told(self.history.scheduler.now, pk, "withdrawn"))
            except (withdrawing.TooLate, DatabaseError) as error:
                self.history.scheduler.say(f"could not withdraw {row.reference}: {error!r}")

    # The manager, the operator

    def review(self) -> None:
        """A manager looks in Slant before deciding: links what is ours, sends again what is not there."""
        history = self.history
        for row in Submission.objects.filter(state=State.REVIEW):
            facts: dict[str, Any] = {
                "submission": row,
                "person": history.manager,
                "by": By.of(history.manager),
            }
            facts |= {"reason": "looked in Slant", "clock": history.clock}
            keys = {str(key) for key in row.attempts.values_list("idempotency_key", flat=True)}
            made = [
                entry["id"] for entry in history.slant.written_by_us() if entry["idempotency_key"] in keys
            ]
            mine = [id for id in made if id in reviewing.candidate_ids(row)]
            try:
                if mine:
                    reviewing.link(opportunity_id=mine[0], **facts)
                elif made:
                    continue  # it is there, but nobody has offered it yet
                elif history.rng.random() < 0.7:
                    history.changing.shown_to_a_manager(row)
                    reviewing.send_again(seen_ids=reviewing.candidate_ids(row), **facts)
                else:
                    reviewing.close(**facts)
                history.scheduler.say(f"manager decided {row.reference}: {mine or 'not there'}")
            except (refusals.SubmissionRefused, DatabaseError) as error:
                history.scheduler.say(f"manager could not decide {row.reference}: {error!r}")

    def stop_sending(self, stop: bool) -> None:
        by = By.of(self.history.manager)
        try:
            if stop:
                holds.hold(holds.STOPPED, reason="stop", by=by, clock=self.history.clock)
            else:
                holds.release(holds.STOPPED, by=by, clock=self.history.clock)
        except DatabaseError as error:
            self.history.scheduler.say(f"stop button failed: {error}")
            self.history.scheduler.wait(5.0)
            self.stop_sending(stop)

    def recover(self) -> None:
        """`manage.py recover`, until it succeeds."""
        while True:
            try:
                count = restore_guard.recover(
                    by=By.operator("op"), clock=self.history.clock, reason="restored"
                )
            except restore_guard.TrailAltered:
                # People went on before anybody ran `recover`. Once that is explained, the file is put aside.
                self.history.scheduler.say("the trail is another: the head file is put aside")
                head_file.path().unlink(missing_ok=True)
                continue
            except DatabaseError as error:
                self.history.scheduler.say(f"recover failed: {error}")
                self.history.scheduler.wait(5.0)
                continue
            self.history.scheduler.say(f"recovered, {count} in doubt")
            self.recovered = True
            return


CREATED = submissions_words.state_words("create", "confirmed").title


def found_homes() -> dict[str, list[Household]]:
    return {book: list(Household.objects.filter(book_id=book).order_by("pk")) for book in BOOKS}


def make_people() -> None:
    """The sales people of the two books, and a manager."""
    for user in ("u_4hd81k", "u_9xw20c"):
        member = Member.objects.filter(user_id=user).first()
        assert member is not None
        Person.objects.create(
            iss="https://sign-on.example",
            sub=user,
            email=member.email,
            name=user,
            roles=["sales"],
            member_id=user,
        )
    Person.objects.create(
        iss="https://sign-on.example", sub="boss", email="b@x.example", name="boss", roles=["manager"]
    )


def body_of(row: Submission) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(row.body)
    return body
