"""What the page of one deal says: its fields, how long it lay in each stage, what changed, what is on its way.

From the mirror and its history alone. Whoever may not see the deal's book finds nothing here, in as many steps as for a
deal that never was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import Http404
from django.utils import timezone

from opportunities import wording
from opportunities.access import visible_books, writable_books
from opportunities.actions.kinds import Changes, Fields, comparable, sent_fields
from opportunities.models import (
    FINAL,
    Household,
    LostReason,
    Meaning,
    Member,
    Opportunity,
    OpportunityVersion,
    Person,
    Pipeline,
    Stage,
    State,
    Submission,
)
from opportunities.offer import PipelineChoice, StageChoice
from opportunities.selectors.custom_fields import described
from opportunities.selectors.stages import drawn, with_meanings
from opportunities.selectors.submissions import said
from opportunities.wording import deals as words

CHANGES_SHOWN = 20
VERSIONS_READ = 500
REFUSED_FOR = timedelta(days=1)
FULL = 100
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Fact:
    """One field: its name as people call it, its value, a remark, and how it is to be read (`bad`, `warn`, `muted`)."""

    label: str
    text: str
    note: str = ""
    tone: str = ""
    person: str = ""


@dataclass(frozen=True)
class Step:
    """A stage of the pipeline on the way to where the deal is."""

    stage: StageChoice
    past: bool
    current: bool


@dataclass(frozen=True)
class Spell:
    """All the time a deal lay in one stage. `share` is 1-100 of the longest; `stage` None is time nobody recorded."""

    name: str
    days: str
    share: int
    current: bool
    visits: int
    stage: StageChoice | None


@dataclass(frozen=True)
class Change:
    """One observed change: who (empty: seen by sync), what, when."""

    who: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Pending:
    """Something asked for that is not (or not yet) in Slant. `url` is empty where its page is not this person's."""

    id: str
    kind: str
    state: str
    by: str
    asked: str
    words: wording.Words
    sentence: str
    reachable: bool

    @property
    def tone(self) -> str:
        return self.words.tone if self.words.tone in ("good", "warn", "bad") else "info"

    @property
    def motion(self) -> str:
        return "spin" if self.words.icon == "arrow-repeat" else ""


@dataclass(frozen=True)
class DealPage:
    """Everything the drawer and the page of one deal show."""

    row: Opportunity
    pipeline: PipelineChoice
    stage: StageChoice
    stages: tuple[StageChoice, ...]
    steps: list[Step]
    facts: list[Fact]
    custom: list[Fact]
    origins: list[Fact]
    spells: list[Spell]
    age: str
    changes: list[Change]
    more_changes: int
    pending: list[Pending]
    lost: LostReason | None
    may_write: bool
    why_read_only: str
    slant_url: str
    submissions: list[str] = field(default_factory=list)

    @property
    def unsettled(self) -> bool:
        return any(each.state not in FINAL for each in self.pending)


def reachable(person: Person, id: str) -> Opportunity:
    """The deal with its book and household, and `may_write`. One query, whether it is there or not.

    Not with pipeline and stage: they may not be mirrored yet, and the deal must be found all the same.
    """
    writable = writable_books(person).filter(pk=OuterRef("book_id"))
    rows = Opportunity.objects.filter(pk=id, book__in=visible_books(person))
    row = rows.annotate(may_write=Exists(writable)).select_related("book", "household").first()
    if row is None:
        raise Http404
    return row


def deal_page(person: Person, row: Opportunity, now: datetime) -> DealPage:
    """Of a deal `reachable` found. Six queries at most for most deals, however long their history."""
    pipeline = pipeline_of(row)
    stages = pipeline.stages
    stage = next(each for each in stages if each.id == row.stage_id)
    history = list(
        OpportunityVersion.objects.filter(opportunity_id=row.pk).order_by("-valid_from")[:VERSIONS_READ]
    )
    history.reverse()
    asked = list(Submission.objects.filter(opportunity_id=row.pk).order_by("-created_at")[:50])
    changes = _changes(row, history, _Names(row, history, stages))
    may_write = bool(getattr(row, "may_write", False)) and row.gone_at is None
    return DealPage(
        row=row,
        pipeline=pipeline,
        stage=stage,
        stages=stages,
        steps=_steps(stage, stages),
        facts=_facts(row, stage, now),
        custom=[Fact(label, text or "Empty", tone="" if text else "muted") for label, text in described(row)],
        origins=_origins(row, pipeline.name),
        spells=_spells(row, history, stages, now),
        age=_age(row, now),
        changes=changes[:CHANGES_SHOWN],
        more_changes=max(0, len(changes) - CHANGES_SHOWN),
        pending=_pending(asked, person, stages, now),
        lost=LostReason.objects.filter(opportunity_id=row.pk).first()
        if stage.meaning == Meaning.LOST
        else None,
        may_write=may_write,
        why_read_only="" if may_write else _why_read_only(row),
        slant_url=slant_url(row.pk),
        submissions=[str(each.pk) for each in asked],
    )


def slant_url(id: str) -> str:
    """Where Slant itself shows the deal; empty unless SLANT_APP_URL says where Slant's pages are."""
    return f"{settings.SLANT_APP_URL}/opportunities/{quote(id, safe='')}" if settings.SLANT_APP_URL else ""


def weighted(row: Opportunity, default: int | None) -> int | None:
    """Value x probability in whole dollars: the deal's own, else its stage's default, else unknown (Slant API 10.12)."""
    percent = row.probability if row.probability is not None else default
    return None if row.value is None or percent is None else round(row.value * percent / 100)


# Fields


def _facts(row: Opportunity, stage: StageChoice, now: datetime) -> list[Fact]:
    return [
        Fact(wording.LABELS["value"], *_or(row.value, wording.money, words.NO_VALUE)),
        _probability(row, stage),
        Fact("Weighted", *_or(weighted(row, stage.probability), wording.money, words.NOT_WEIGHTED, "muted")),
        _close(row, stage, timezone.localdate(now)),
        Fact(
            wording.LABELS["assigned_to_id"],
            row.assigned_to_name or (words.FORMER_OWNER if row.assigned_to_id else words.NO_OWNER),
            person=row.assigned_to_name,
            tone="" if row.assigned_to_id else "warn",
        ),
        Fact("In stage", words.days(_days_in(row, now)), note=_since(row)),
    ]


def _or(value: Any, say: Any, nothing: str, tone: str = "warn") -> tuple[str, str, str]:
    """Text, remark and tone of a value that may be missing."""
    return (nothing, "", tone) if value is None else (say(value), "", "")


def _probability(row: Opportunity, stage: StageChoice) -> Fact:
    label = wording.LABELS["probability"]
    if row.probability is not None:
        default = stage.probability
        note = words.BY_HAND_NO_DEFAULT if default is None else words.BY_HAND.format(percent=default)
        return Fact(label, f"{row.probability}%", words.BY_STAGE if default == row.probability else note)
    if stage.probability is not None:
        return Fact(label, f"{stage.probability}%", words.BY_STAGE)
    return Fact(label, words.NO_PROBABILITY, tone="warn")


def _close(row: Opportunity, stage: StageChoice, today: date) -> Fact:
    label, day = wording.LABELS["target_close_date"], row.target_close_date
    if day is None:
        return Fact(label, words.NO_DATE, tone="warn" if stage.meaning == Meaning.OPEN else "muted")
    ahead = (day - today).days
    note = "today" if ahead == 0 else f"in {words.days(ahead)}" if ahead > 0 else f"{words.days(-ahead)} ago"
    late = ahead < 0 and stage.meaning == Meaning.OPEN
    return Fact(label, wording.long_day(day), note, "bad" if late else "")


def _days_in(row: Opportunity, now: datetime) -> int:
    """Whole days, as the board counts them."""
    since = row.stage_updated_at or row.created_at or row.first_seen_at
    return max(0, (now - since).days)


def _since(row: Opportunity) -> str:
    since = row.stage_updated_at or row.created_at
    return f"since {wording.long_day(timezone.localdate(since))}" if since else ""


def _origins(row: Opportunity, pipeline: str) -> list[Fact]:
    """Where it belongs and where it comes from: what is never edited here."""
    kind = f" ({row.household.kind})" if row.household and row.household.kind else ""
    household = f"{row.household.name}{kind}" if row.household else row.household_id or words.NO_HOUSEHOLD
    facts = [
        Fact(wording.LABELS["household_id"], household),
        Fact(wording.LABELS["book_id"], row.book.name),
        Fact(wording.LABELS["pipeline_id"], pipeline),
    ]
    if row.created_at:
        facts.append(Fact("Created", wording.long_day(timezone.localdate(row.created_at))))
    if row.updated_at:
        facts.append(Fact("Changed in Slant", wording.long_day(timezone.localdate(row.updated_at))))
    return [*facts, Fact("Slant record", row.pk)]


def _age(row: Opportunity, now: datetime) -> str:
    if row.created_at is None:
        return ""
    return f"{words.days(max(0, (now - row.created_at).days))} since it was created"


def _why_read_only(row: Opportunity) -> str:
    if row.gone_at is not None:
        return words.GONE_FROM_SLANT
    if not row.book.token_may_write:
        return words.READ_ONLY_TOKEN
    principal = Member.objects.filter(book=row.book_id, role="principal").first()
    return words.READ_ONLY_PERSON + (
        words.READ_ONLY_PRINCIPAL.format(principal=principal.name) if principal else ""
    )


# Stages


def pipeline_of(row: Opportunity) -> PipelineChoice:
    """The deal's pipeline with its stages in order: those Slant has, and the deal's own in any case. One query."""
    found = with_meanings(Stage.objects.filter(pipeline=row.pipeline_id)).select_related("pipeline")
    stages = [stage for stage in found if stage.gone_at is None or stage.pk == row.stage_id]
    pipeline = stages[0].pipeline if stages else Pipeline(pk=row.pipeline_id, name=words.UNKNOWN_PIPELINE)
    if all(stage.pk != row.stage_id for stage in stages):
        stages.append(Stage(pk=row.stage_id, name=words.UNKNOWN_STAGE))
    return PipelineChoice(
        pipeline.pk, pipeline.name, pipeline.household_type, pipeline.book_id is None, drawn(stages)
    )


def _steps(stage: StageChoice, stages: Sequence[StageChoice]) -> list[Step]:
    """The visible stages, and the present one wherever it is. What was passed is known only on the open road."""
    shown = [each for each in stages if each.visible or each.id == stage.id]
    here = next((place for place, each in enumerate(shown) if each.id == stage.id), 0)
    on_the_road = stage.meaning in (Meaning.OPEN, Meaning.WON)
    return [Step(each, on_the_road and place < here, each.id == stage.id) for place, each in enumerate(shown)]


def _spells(
    row: Opportunity, history: Sequence[OpportunityVersion], stages: Sequence[StageChoice], now: datetime
) -> list[Spell]:
    """Whole days by stage, in the order the deal first came to each. Slant's own date begins the first stage we saw."""
    times: dict[str, timedelta] = {}
    visits: dict[str, int] = {}
    begins = _first_stage_since(row, history)
    for stage_id, since, until in _stays(row, history, begins, now):
        times[stage_id] = times.get(stage_id, timedelta()) + max(until - since, timedelta())
        visits[stage_id] = visits.get(stage_id, 0) + 1
    before = max(begins - row.created_at, timedelta()) if row.created_at else timedelta()
    longest = max([before, *times.values(), timedelta(seconds=1)])
    drawn_by_id = {stage.id: stage for stage in stages}
    spells = [
        Spell(
            name=drawn_by_id[stage_id].name if stage_id in drawn_by_id else words.UNKNOWN_STAGE,
            days=words.days(time // DAY),
            share=max(1, round(FULL * (time / longest))),
            current=stage_id == row.stage_id,
            visits=visits[stage_id],
            stage=drawn_by_id.get(stage_id),
        )
        for stage_id, time in times.items()
    ]
    if before >= DAY:
        share = round(FULL * (before / longest))
        return [Spell(words.BEFORE_US, words.days(before // DAY), share, False, 1, None), *spells]
    return spells


def _first_stage_since(row: Opportunity, history: Sequence[OpportunityVersion]) -> datetime:
    """When the deal came into the first stage we know it in."""
    if not history:
        return row.stage_updated_at or row.created_at or row.first_seen_at
    first = history[0]
    since = first.stage_since or first.created_at or first.valid_from
    return min(since, first.valid_from)


def _stays(
    row: Opportunity, history: Sequence[OpportunityVersion], begins: datetime, now: datetime
) -> Iterator[tuple[str, datetime, datetime]]:
    """(stage, since, until) one after the other; a stage change is dated by Slant where Slant's date is plausible."""
    at, stage_id = begins, history[0].stage_id if history else row.stage_id
    for before, after in pairwise(history):
        if after.gone and not before.gone:
            yield stage_id, at, after.valid_from
            at = after.valid_from
        if after.stage_id == stage_id:
            continue
        moved = after.valid_from
        if after.stage_since and at <= after.stage_since <= after.valid_from:
            moved = after.stage_since
        yield stage_id, at, moved
        at, stage_id = moved, after.stage_id
    if row.gone_at is None:
        yield stage_id, at, now


# What changed


class _Names:
    """Words for the ids a history holds; asked of the database only for those not known already."""

    def __init__(
        self, row: Opportunity, history: Sequence[OpportunityVersion], stages: Sequence[StageChoice]
    ) -> None:
        self.stages = {stage.id: stage.name for stage in stages}
        self.owners = {row.assigned_to_id: row.assigned_to_name} if row.assigned_to_name else {}
        self.households = {row.household_id: row.household.name} if row.household else {}
        if others := {each.assigned_to_id for each in history} - {"", *self.owners}:
            found = Member.objects.filter(user_id__in=others)
            self.owners |= {member.user_id: member.name for member in found}
        if others := {each.household_id for each in history} - {"", *self.households}:
            self.households |= dict(Household.objects.filter(pk__in=others).values_list("pk", "name"))

    def stage(self, id: str) -> str:
        return self.stages.get(id, words.UNKNOWN_STAGE.lower())

    def owner(self, id: str) -> str:
        return self.owners.get(id, words.FORMER_OWNER.lower()) if id else "nobody"

    def household(self, id: str) -> str:
        return self.households.get(id, words.UNKNOWN) if id else "no household"


def _changes(row: Opportunity, history: Sequence[OpportunityVersion], names: _Names) -> list[Change]:
    """Newest first. Who is known for what was asked for here; the rest was seen by sync."""
    if not history:
        return []
    found = [_first(history[0])]
    for before, after in pairwise(history):
        text = _difference(before, after, names)
        if text:
            found.append(_told(after, text))
    return found[::-1]


def _first(version: OpportunityVersion) -> Change:
    if version.by:
        value = "" if version.value is None else f" with {wording.money(version.value)}"
        return Change(version.by, words.CREATED.format(with_value=value), version.valid_from)
    return Change("", words.FIRST_SEEN, version.valid_from)


def _told(version: OpportunityVersion, text: str) -> Change:
    return Change(version.by, text if version.by else f"{text} {words.SEEN_BY_SYNC}", version.valid_from)


def _difference(before: OpportunityVersion, after: OpportunityVersion, names: _Names) -> str:
    """What differs, as one sentence without its subject; empty when nothing we show does."""
    if after.gone != before.gone:
        return words.GONE if after.gone else words.BACK
    parts = []
    if after.stage_id != before.stage_id:
        parts.append(f"moved it from {names.stage(before.stage_id)} to {names.stage(after.stage_id)}")
    if after.name != before.name:
        parts.append(f"renamed it from “{before.name}”")
    for name, label, say in (
        ("value", "value", wording.money),
        ("probability", "probability", lambda percent: f"{percent}%"),
        ("target_close_date", "target close", wording.long_day),
    ):
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            parts.append(_set(label, "" if is_now is None else say(is_now), "" if was is None else say(was)))
    if after.assigned_to_id != before.assigned_to_id:
        parts.append(
            f"gave it from {names.owner(before.assigned_to_id)} to {names.owner(after.assigned_to_id)}"
        )
    if after.household_id != before.household_id:
        parts.append(
            _set("household", names.household(after.household_id), names.household(before.household_id))
        )
    return f"{words.and_list(parts)}." if parts else ""


def _set(label: str, is_now: str, was: str) -> str:
    if not is_now:
        return f"cleared the {label} (was {was})"
    return f"set the {label} to {is_now}" + (f" (was {was})" if was else "")


# What stands against a change


@dataclass(frozen=True)
class Disputed:
    """One field of a conflict, as words: what the person saw, what is there now, what they want."""

    label: str
    seen: str
    now: str
    wanted: str


@dataclass(frozen=True)
class Conflict:
    """Fields somebody else changed meanwhile. `told` says who, `unanswered` asks what to do."""

    fields: list[Disputed]
    told: str
    unanswered: str


def conflicts(row: Opportunity, changes: Changes, current: Fields) -> Conflict:
    """What is there now (`current`) beside what was seen and is wanted, for a person who may see the deal."""
    seen, wanted = comparable(changes.seen), comparable(changes.wanted)
    values = [
        fields.get(name) for fields in (seen, wanted, current) for name in ("assigned_to_id", "household_id")
    ]
    ids = {str(value) for value in values if value}
    names = {row.assigned_to_id: row.assigned_to_name}
    names |= {member.user_id: member.name for member in Member.objects.filter(user_id__in=ids)}
    names |= dict(Household.objects.filter(pk__in=ids, book=row.book_id).values_list("pk", "name"))

    def text(name: str, value: Any) -> str:
        if name in ("assigned_to_id", "household_id"):
            return names.get(value) or (
                words.UNKNOWN if value else "Nobody" if name == "assigned_to_id" else "None"
            )
        return said(name, value) or "Empty"

    fields = [
        Disputed(wording.LABELS[name], text(name, seen[name]), text(name, now), text(name, wanted[name]))
        for name, now in current.items()
    ]
    labels = words.and_list([each.label.lower() for each in fields])
    waiting = Submission.objects.open().filter(opportunity_id=row.pk).order_by("-created_at").first()
    if waiting and set(current) & set(sent_fields(waiting)):
        told = words.CONFLICT_WAITING.format(by=waiting.by_display, fields=labels)
    else:
        by = OpportunityVersion.objects.filter(opportunity_id=row.pk, valid_to=None).values_list(
            "by", flat=True
        )
        who = by.first() or ""
        told = (
            words.CONFLICT_BY.format(by=who, fields=labels)
            if who
            else words.CONFLICT_BY_NOBODY.format(fields=labels)
        )
    return Conflict(fields, told, words.CONFLICT_UNANSWERED.format(fields=labels))


# What is on its way


def _pending(
    asked: Sequence[Submission], person: Person, stages: Sequence[StageChoice], now: datetime
) -> list[Pending]:
    """What is open, oldest first, and the newest refusal of the last day unless something arrived after it."""
    shown = [row for row in asked if row.state not in FINAL]
    newest = next((row for row in asked if row.state in FINAL), None)
    if (
        newest
        and newest.state == State.REJECTED
        and newest.settled_at
        and now - newest.settled_at < REFUSED_FOR
    ):
        shown.append(newest)
    return [_waiting(row, person, stages, now) for row in sorted(shown, key=lambda row: row.created_at)]


def _waiting(row: Submission, person: Person, stages: Sequence[StageChoice], now: datetime) -> Pending:
    told = words.submission(row.kind, row.state, row.reason_code)
    at = wording.SOON
    if row.due_at and row.due_at > now:
        at = wording.AT.format(time=wording.moment(row.due_at, now))
    oversees = person.is_manager or person.is_compliance
    sentence = told.sentence.format(at=at, name=row.name, where="", book=row.labels.get("book", ""))
    if row.state == State.REJECTED and row.reason_code == "rejected" and row.reason_text:
        sentence = words.REFUSED_BECAUSE.format(message=row.reason_text.rstrip("."))
    return Pending(
        id=str(row.pk),
        kind=row.kind,
        state=row.state,
        by=row.by_display,
        asked=asked_for(row, stages),
        words=told,
        sentence=sentence,
        reachable=oversees or row.person_id == person.pk,
    )


def asked_for(row: Submission, stages: Sequence[StageChoice] = ()) -> str:
    """What a submission asked for, in a few words: `Move to Qualified`, `Change value to $700,000`."""
    if row.kind == "create":
        return words.PENDING["create"]
    sent = sent_fields(row)
    stage_id = sent.get("pipeline_stage_id")
    if row.kind == "move" and stage_id:
        stage = next((each.name for each in stages if each.id == stage_id), "")
        return words.PENDING["move"].format(stage=row.labels.get("stage") or stage or words.UNKNOWN_STAGE)
    labels = {"assigned_to_id": "owner", "household_id": "household", "pipeline_stage_id": "stage"}
    parts = []
    for name, value in sent.items():
        label = wording.LABELS.get(name, name).lower()
        text = row.labels.get(labels.get(name, ""), "") or said(name, value) or "nothing"
        parts.append(f"{label} to {text}")
    return words.PENDING["edit"].format(what=words.and_list(parts)) if parts else ""
