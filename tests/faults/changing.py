"""Edits and moves by our people, while colleagues change the same fields in Slant."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DatabaseError

from opportunities.actions import form_tokens, moving, refusals, submissions
from opportunities.deal_fields import from_body, values_of_row
from opportunities.delivery.kinds import DealChanges
from opportunities.models import Kind, Opportunity, Person, State, Submission
from opportunities.sandbox.store import stamp
from opportunities.trail.audit import Actor as By
from tests.faults.people import BOOKS

if TYPE_CHECKING:
    from tests.faults.history import History

EDITED = ("value", "value", "name", "probability", "target_close_date", "assigned_to_id")
THINKING = (0.0, 1.0, 20.0, 90.0)


@dataclass
class Errand:
    """One change of one deal: from the page somebody opened to what they pressed. Times are true time.

    `knew` is every value of a field that they were shown: on the page, or in the question whether to
    overwrite it.
    """

    person: Person
    token: str
    deal: str = ""
    kind: str = Kind.EDIT
    wanted: dict[str, Any] = field(default_factory=dict)
    knew: dict[str, list[Any]] = field(default_factory=dict)
    pressed_at: float = 0.0
    saved: list[UUID] = field(default_factory=list)


class Changing:
    """Whoever changes deals. Few deals are in play, so that changes meet each other."""

    def __init__(self, history: "History") -> None:
        self.history = history
        self.errands: list[Errand] = []
        self.in_play: list[str] = []
        self._used: dict[tuple[str, str], list[Any]] = defaultdict(list)

    def prepare(self) -> None:
        rows = self.history.slant.store.tables["opportunity"]
        ours = [id for id, row in rows.items() if row["book_id"] in BOOKS]
        self.in_play = self.history.rng.sample(ours, k=self.history.rng.choice((1, 1, 1, 2)))

    # On our pages

    def errand(self) -> Errand:
        person = self.history.rng.choice(self.history.sales)
        made = Errand(person, form_tokens.issue_token(person))
        self.errands.append(made)
        return made

    def ask(self, errand: Errand) -> None:
        """Open the page of a deal, think, type, press."""
        rng = self.history.rng
        row = Opportunity.objects.filter(pk=self._which(), gone_at=None).first()
        if row is None:
            return
        # The form shows what is asked for already; a board drawn before that was shows what was there.
        shown = submissions.expected_fields(row) if rng.random() < 0.7 else values_of_row(row)
        self.history.scheduler.wait(rng.choice(THINKING))
        errand.deal = row.pk
        if rng.random() < 0.35:
            errand.kind, fields = Kind.MOVE, ["pipeline_stage_id"]
            fields += ["probability"] if rng.random() < 0.2 else []
        else:
            fields = sorted(set(rng.choices(EDITED, k=rng.choice((1, 1, 2)))))
        for name in fields:
            if (value := self._fresh(row.pk, name)) is not None:
                errand.wanted[name] = value
                errand.knew[name] = [shown[name]]
        if errand.kind == Kind.MOVE and "pipeline_stage_id" not in errand.wanted:
            errand.wanted.clear()
        self.press(errand)

    def _which(self) -> str:
        """Choose a deal that people change; one that was made here becomes such a deal."""
        made = Submission.objects.filter(kind=Kind.CREATE, state=State.CONFIRMED)
        mine = list(made.values_list("opportunity_id", flat=True)) if self.history.people.wishes else []
        if mine and self.history.rng.random() < 0.5:
            chosen = self.history.rng.choice(sorted(mine))
            if chosen not in self.in_play:
                self.in_play.append(chosen)
            return str(chosen)
        return self.history.rng.choice(self.in_play)

    def press(self, errand: Errand, *, sure: bool = False) -> None:
        """Press the button once. When asked whether to overwrite, every second person says yes."""
        history = self.history
        if not errand.wanted:
            return
        errand.pressed_at = errand.pressed_at or history.scheduler.now
        try:
            row = self._take(errand, sure)
        except submissions.ConflictQuestion as question:
            history.scheduler.say(f"asked whether to overwrite {question.current}")
            if history.rng.random() < 0.5:
                for name, value in question.current.items():
                    errand.knew[name].append(value)
                self.press(errand, sure=True)
        except refusals.NotAllowed:
            history.scheduler.say(f"{errand.deal} is out of reach")
        except DatabaseError as error:
            history.scheduler.say(f"told that it was not saved: {error}")
        else:
            self._saved(errand, row)

    def _take(self, errand: Errand, sure: bool) -> Submission:
        facts: dict[str, Any] = {
            "person": errand.person,
            "by": By.of(errand.person),
            "clock": self.history.clock,
            "form_token": errand.token,
            "confirm_overwrite": sure,
        }
        wanted, seen = errand.wanted, {name: knew[0] for name, knew in errand.knew.items()}
        if errand.kind == Kind.EDIT:
            return submissions.change(changes=DealChanges(errand.deal, wanted, seen), kind=Kind.EDIT, **facts)
        move_request = moving.MoveRequest(
            errand.deal,
            wanted["pipeline_stage_id"],
            seen["pipeline_stage_id"],
            wanted.get("probability"),
            seen.get("probability"),
            "price" if wanted["pipeline_stage_id"].endswith("lost") else "",
        )
        return moving.move(move_request=move_request, **facts)

    def _saved(self, errand: Errand, row: Submission) -> None:
        history = self.history
        errand.saved.append(row.pk)
        history.scheduler.say(f"saved {row.reference} {row.kind} of {row.opportunity_id} {row.body}")
        history.people.tell_saved(row)
        if history.rng.random() < 0.3:
            row = submissions.wait_for_outcome(row, clock=history.clock)
        history.people.look_at(row, errand.person)

    def press_again(self, errand: Errand) -> None:
        if errand.wanted:
            self.press(errand)

    def undo(self, errand: Errand) -> None:
        """Take a move back: withdrawn while it was not sent, else moved back."""
        history = self.history
        row = Submission.objects.filter(pk__in=errand.saved[:1], kind=Kind.MOVE).first()
        if row is None:
            return
        back = Errand(errand.person, form_tokens.issue_token(errand.person), errand.deal, Kind.MOVE)
        back.wanted = {name: row.seen[name] for name in errand.wanted}
        back.knew = {name: [value] for name, value in errand.wanted.items()}
        back.pressed_at = history.scheduler.now
        try:
            taken = moving.undo(
                submission=row,
                person=errand.person,
                by=By.of(errand.person),
                clock=history.clock,
                form_token=back.token,
            )
        except (refusals.SubmissionRefused, DatabaseError) as error:
            history.scheduler.say(f"could not undo {row.reference}: {error!r}")
            return
        history.scheduler.say(f"undid {row.reference}")
        if taken.pk != row.pk:
            self.errands.append(back)
            self._saved(back, taken)

    def shown_to_a_manager(self, row: Submission) -> None:
        """Record what a manager who sends a change again has seen in Slant, and so may overwrite."""
        for errand in self.errands:
            for name, known in errand.knew.items() if row.pk in errand.saved else ():
                known.extend(found["fields"].get(name) for found in row.check_state.get("candidates", []))

    # In Slant

    def meddle(self) -> None:
        """A colleague changes a field of a deal in Slant, preferably one that somebody changes here."""
        rng, slant = self.history.rng, self.history.slant
        deal = rng.choice(self.in_play)
        asked = sorted({name for errand in self.errands if errand.deal == deal for name in errand.wanted})
        name = rng.choice(asked) if asked and rng.random() < 0.7 else rng.choice(EDITED)
        if deal not in slant.store.tables["opportunity"] or (fresh := self._fresh(deal, name)) is None:
            return
        value = f"{fresh.isoformat()}T00:00:00Z" if isinstance(fresh, date) else fresh
        self.history.scheduler.say(f"a colleague sets {name} of {deal} to {value} in Slant")
        slant.change(records=[{"op": "patch", "id": deal, "set": {name: value}}])

    def work_in_slant(self) -> None:
        """A colleague changes the value of any deal in Slant, which may show a while later."""
        rng, slant = self.history.rng, self.history.slant
        rows = slant.store.tables["opportunity"]
        deal = rng.choice([id for id, row in rows.items() if row["book_id"] in BOOKS])
        said = stamp(slant.now - rng.choice((0.0, rng.uniform(20.0, 150.0))))
        value, before = self._fresh(deal, "value"), rows[deal]["updated_at"]
        self.history.scheduler.say(f"a colleague sets the value of {deal} to {value} in Slant")
        fields = {"value": value, "updated_at": max(said, before)}
        slant.change(records=[{"op": "patch", "id": deal, "set": fields}])

    def _fresh(self, deal: str, name: str) -> Any:
        """A value that this field never had, so that every change is visible.

        None when there is none left.
        """
        rng, used = self.history.rng, self._used[deal, name]
        row = self.history.slant.store.tables["opportunity"].get(deal)
        if row is None:
            return None
        used.append(from_body({name: row[name]})[name])
        number = len(self._used) * 100 + len(used)
        match name:
            case "value":
                choices: list[Any] = [10_000 * number + 1]
            case "name":
                choices = [f"{row['name'].partition(' -')[0]} - {number}"]
            case "target_close_date":
                choices = [self.history.clock.now().date() + timedelta(days=400 + number)]
            case "probability":
                choices = list(range(101))
            case "assigned_to_id":
                choices = list(BOOKS[row["book_id"]])
            case _:
                pipeline = self.history.slant.store.tables["pipeline"][row["pipeline_id"]]
                choices = [stage["id"] for stage in pipeline["pipeline_stages"]]
        unused = [one for one in choices if from_body({name: one})[name] not in used]
        chosen = rng.choice(unused) if unused else None
        if chosen is not None:
            used.append(from_body({name: chosen})[name])
        return chosen
