"""What the board shows: pipelines as tabs, stages as lanes with kept totals and windows of cards, and what is on its way.

A board costs as many queries as it did with no deals at all: stages, kept totals, wins of the quarter, submissions on
their way, and one window of cards of each lane, all lanes in one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    Count,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils import timezone

from opportunities.access import visible_books, writable_books
from opportunities.models import (
    OPEN,
    Household,
    Kind,
    Meaning,
    Member,
    MirrorRevision,
    Opportunity,
    Person,
    Pipeline,
    Stage,
    StageMeaning,
    StageTotal,
    State,
    Submission,
)
from opportunities.offer import StageChoice
from opportunities.selection import ME, NOBODY, Selection, quarter
from opportunities.selectors.selection import IN_STAGE_SINCE, deals, owned_by
from opportunities.selectors.stages import drawn, with_meanings
from opportunities.wording import board as board_words

WINDOW = 20
MOST_SHOWN = 400
REFUSED_FOR = timedelta(hours=1)
LATE = timedelta(seconds=12)
CHANGING = (Kind.EDIT, Kind.MOVE)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Note:
    """What is going on with a card: `how` is saving, waiting, unsure or refused."""

    how: str
    text: str
    icon: str
    submission: str = ""
    stage: str = ""
    may_withdraw: bool = False


@dataclass(frozen=True)
class Card:
    """A deal as its card says it. A value: the same card is always the same markup, so that is kept (templatetags/board).

    `stage` is where the card lies, `stands_in` where Slant has the deal: they differ while a move is on its way.
    """

    id: str
    name: str
    household: str
    book: str
    stage: str
    stands_in: str
    money: str
    percent: str
    by_hand: bool
    close: str
    is_past: bool
    won_on: str
    days: int
    is_stale: bool
    owner: str
    may_move: bool
    own_probability: str
    note: Note | None = None


@dataclass(frozen=True)
class Sums:
    """Of the deals of one lane: `value` in whole US dollars, `weighted` in hundredths of a dollar."""

    count: int = 0
    valueless: int = 0
    value: int = 0
    weighted: int = 0

    def plus(self, other: "Sums", sign: int = 1) -> "Sums":
        return Sums(
            self.count + sign * other.count,
            self.valueless + sign * other.valueless,
            self.value + sign * other.value,
            self.weighted + sign * other.weighted,
        )

    @property
    def compact(self) -> str:
        return board_words.compact(self.value)

    @property
    def compact_weighted(self) -> str:
        return board_words.compact(self.weighted_dollars)

    @property
    def weighted_dollars(self) -> int:
        return round(self.weighted / 100)


@dataclass(frozen=True)
class Lane:
    """One stage. `after` leads to the next window of cards, empty when there is none; `won` is this quarter's.

    A value, like the cards in it, so that an unchanged lane need not be drawn again.
    """

    pipeline: str
    stage: StageChoice
    sums: Sums
    cards: tuple[Card, ...] = ()
    after: str = ""
    won: Sums | None = None
    shown: int = 0

    @property
    def rest(self) -> int:
        return max(self.sums.count - self.shown, 1) if self.after else 0


@dataclass(frozen=True)
class Tab:
    """`query` is the same selection in this pipeline."""

    id: str
    name: str
    tally: int | None
    query: str


@dataclass(frozen=True)
class Figures:
    """The page's head: deals in open stages, and deals won since the fiscal quarter began."""

    open: Sums
    won: Sums

    @property
    def weighted_share(self) -> int | None:
        return round(self.open.weighted / self.open.value) if self.open.value else None


@dataclass(frozen=True)
class Board:
    """`since` is what `changes` is asked with. `lanes` are the visible stages, `rail` the hidden ones, without cards."""

    selection: Selection
    tabs: list[Tab]
    pipeline: Tab | None
    stages: tuple[StageChoice, ...]
    lanes: list[Lane]
    rail: list[Lane]
    figures: Figures
    since: str
    names: dict[str, str]

    @property
    def reads_only(self) -> bool:
        """Whether there are cards, and none of them may be moved."""
        cards = [card for lane in (*self.lanes, *self.rail) for card in lane.cards]
        return bool(cards) and not any(card.may_move for card in cards)

    @property
    def is_empty(self) -> bool:
        return not any(lane.sums.count or lane.cards for lane in (*self.lanes, *self.rail))


@dataclass(frozen=True)
class Changes:
    """What moved since a board was drawn: stages of its pipeline, and the token of what it has then seen."""

    stages: tuple[str, ...]
    since: str


class _Pending(NamedTuple):
    """The newest submission of a deal that is on its way, or was refused to this person lately."""

    id: UUID
    kind: str
    state: str
    opportunity_id: str
    body: str
    seen: dict[str, Any]
    by_display: str
    person_id: UUID
    reason_code: str
    reason_text: str
    created_at: datetime

    @property
    def aim(self) -> str:
        """The stage it moves the deal to, if it does."""
        return str(json.loads(self.body).get("pipeline_stage_id") or "")


def board(
    person: Person, selection: Selection, now: datetime, *, shown: Mapping[str, int] | None = None
) -> Board:
    """The whole board of one pipeline: the selected one, else the first there is. `shown` are cards by stage."""
    places = _places(person)
    place = places.get(selection.pipeline) or next(iter(places.values()), None)
    if place is None:
        return Board(selection, [], None, (), [], [], Figures(Sums(), Sums()), "", {})
    visible = [stage.id for stage in place.stages if stage.visible]
    here = replace(selection, pipeline=place.id)
    return _drawn_board(person, here, places, now, {id: (shown or {}).get(id, WINDOW) for id in visible})


def lane(
    person: Person,
    selection: Selection,
    stage_id: str,
    now: datetime,
    *,
    after: str = "",
    shown: int = WINDOW,
) -> Lane | None:
    """One lane of `selection.pipeline`, from its top or `after` a card. None if there is no such lane for `person`."""
    places = _places(person)
    place = places.get(selection.pipeline)
    if place is None or not any(stage.id == stage_id for stage in place.stages):
        return None
    drawn_board = _drawn_board(person, selection, places, now, {stage_id: shown}, after=after)
    return next(each for each in (*drawn_board.lanes, *drawn_board.rail) if each.stage.id == stage_id)


def card(person: Person, opportunity_id: str, now: datetime) -> Card | None:
    """One card, wherever it lies."""
    rows = Opportunity.objects.filter(pk=opportunity_id, gone_at=None, book__in=visible_books(person))
    found = _rows(person, [rows])
    pipeline = rows.values_list("pipeline_id", flat=True).first()
    place = _places(person).get(pipeline or "")
    if not found or place is None or found[0].stage_id not in {stage.id for stage in place.stages}:
        return None
    return _Dealing(person, place, now, _by_deal(_pending(person, now))).card(found[0])


def head(person: Person, selection: Selection, now: datetime) -> Board | None:
    """Tabs, figures and the sums of each lane, without a card. None if there is no such pipeline for `person`."""
    places = _places(person)
    return _drawn_board(person, selection, places, now, {}) if selection.pipeline in places else None


def _drawn_board(
    person: Person,
    selection: Selection,
    places: dict[str, "_Place"],
    now: datetime,
    shown: Mapping[str, int],
    *,
    after: str = "",
) -> Board:
    """The board with cards in those lanes that `shown` names."""
    place = places[selection.pipeline]
    rows = deals(person, selection, now, limits=place.limits)
    sums = _kept_sums(person, selection) if selection.is_kept else _counted(rows)
    won = _won(person, selection, place, sums, now)
    empty = [_lane(place, stage, sums, won) for stage in place.stages]
    pending = _pending(person, now)
    dealing = _Dealing(person, place, now, _by_deal(pending))
    lanes = _dealt(dealing, rows, empty, shown, after=after)
    tabs = [
        Tab(
            each.id,
            each.name,
            _tally(each, sums, selection),
            selection.query(pipeline=each.id, stage=(), ids=()),
        )
        for each in places.values()
    ]
    return Board(
        selection=selection,
        tabs=tabs,
        pipeline=next(tab for tab in tabs if tab.id == place.id),
        stages=place.stages,
        lanes=[each for each in lanes if each.stage.visible],
        rail=[each for each in lanes if not each.stage.visible],
        figures=_figures(lanes, won),
        since=_token(place.revision, pending),
        names=_names(selection, [card for each in lanes for card in each.cards]),
    )


def changes(person: Person, selection: Selection, since: str) -> Changes | None:
    """What changed in the pipeline since the token `since`; None if nothing did. One statement over two indexes."""
    number, _, seen = since.partition(".")
    known = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    totals = (
        _kept(person, selection)
        .filter(revision__gt=known)
        .order_by()
        .values_list("stage_id")
        .annotate(newest=Max("revision"), is_total=Value(1))
    )
    on_their_way = (
        _on_their_way(person)
        .order_by()
        .annotate(
            text=Concat(Cast("pk", CharField()), Value(" "), "state", Value(" "), "reason_code"),
            newest=Value(0, output_field=BigIntegerField()),
            is_total=Value(0),
        )
        .values_list("text", "newest", "is_total")
    )
    stages, newest, ways = set(), known, []
    for text, revision, is_total in totals.union(on_their_way, all=True):
        if is_total:
            stages.add(text)
            newest = max(newest, revision)
        else:
            ways.append(text)
    digest = _digest(ways)
    if not stages and digest == seen:
        return None
    if digest != seen:
        stages |= _touched(person, selection)
    return Changes(tuple(sorted(stages)), f"{newest}.{digest}")


def lookup_names(person: Person, selection: Selection) -> dict[str, str]:
    """What the filters in use are called, as far as `person` may know: for a board without cards to tell it."""
    names = {}
    books = visible_books(person)
    if selection.book:
        names["book"] = books.filter(pk=selection.book).values_list("name", flat=True).first()
    if selection.household:
        rows = Household.objects.filter(pk=selection.household, book__in=books)
        names["household"] = rows.values_list("name", flat=True).first()
    if selection.owner not in ("", ME, NOBODY):
        member = Member.objects.filter(user_id=selection.owner, book__in=books).first()
        names["owner"] = member.name if member else None
    return {field: name for field, name in names.items() if name}


def hidden_by_filters(person: Person, selection: Selection) -> int:
    """How many deals the pipeline has for `person` without any filter. From kept totals."""
    rows = _kept(person, Selection(pipeline=selection.pipeline))
    return rows.aggregate(all=Coalesce(Sum("count"), 0))["all"] or 0


# Stages, totals and wins


@dataclass(frozen=True)
class _Place:
    """A pipeline with its stages; `limits` are days after which a deal in a stage is stale."""

    id: str
    name: str
    stages: tuple[StageChoice, ...]
    limits: dict[str, int]
    revision: int


def _places(person: Person) -> dict[str, _Place]:
    """Every pipeline `person` may see that has stages, in order; and how often the mirror had changed by then."""
    seen = Q(pipeline__book=None) | Q(pipeline__book__in=visible_books(person))
    limit = StageMeaning.objects.filter(pk=OuterRef("pk")).values("stale_after_days")
    rows = (
        with_meanings(Stage.objects.filter(seen, gone_at=None, pipeline__gone_at=None))
        .select_related("pipeline")
        .annotate(limit=Subquery(limit), revision=Subquery(MirrorRevision.objects.values("number")[:1]))
        .order_by("pipeline__position", "pipeline__name", "pipeline_id", "stage_order", "position", "id")
    )
    stages: dict[Pipeline, list[Any]] = {}
    for row in rows:
        stages.setdefault(row.pipeline, []).append(row)
    return {
        pipeline.pk: _Place(
            pipeline.pk,
            pipeline.name,
            drawn(its),
            {stage.pk: settings.STALE_AFTER_DAYS if stage.limit is None else stage.limit for stage in its},
            its[0].revision or 0,
        )
        for pipeline, its in stages.items()
    }


def _kept(person: Person, selection: Selection) -> QuerySet[StageTotal]:
    rows = StageTotal.objects.filter(book_id__in=visible_books(person).values("pk"))
    if selection.pipeline:
        rows = rows.filter(pipeline_id=selection.pipeline)
    if selection.book:
        rows = rows.filter(book_id=selection.book)
    if selection.owner:
        rows = rows.filter(owned_by(person, selection.owner))
    return rows


def _kept_sums(person: Person, selection: Selection) -> dict[str, Sums]:
    """By stage, of all pipelines."""
    rows = (
        _kept(person, replace(selection, pipeline=""))
        .order_by()
        .values_list("stage_id")
        .annotate(Sum("count"), Sum("valueless"), Sum("value"), Sum("weighted"))
    )
    return {row[0]: Sums(*row[1:]) for row in rows}


def _counted(rows: QuerySet[Opportunity]) -> dict[str, Sums]:
    weight = F("value") * Coalesce("probability", "stage__default_probability")
    found = (
        rows.order_by()
        .values_list("stage_id")
        .annotate(
            how_many=Count("pk"),
            without=Count("pk", filter=Q(value=None)),
            worth=Coalesce(Sum("value"), 0),
            weighed=Coalesce(Sum(weight, output_field=BigIntegerField()), 0),
        )
    )
    return {row[0]: Sums(*row[1:]) for row in found}


def _won(
    person: Person, selection: Selection, place: _Place, sums: Mapping[str, Sums], now: datetime
) -> dict[str, Sums]:
    """By stage: which of the selected deals entered a won stage since the fiscal quarter began."""
    won = [stage.id for stage in place.stages if stage.meaning == Meaning.WON]
    stages = [id for id in won if id in sums and sums[id].count]
    if not stages:
        return {}
    first = quarter(timezone.localdate(now), year_starts=settings.FISCAL_YEAR_START_MONTH).first
    began = timezone.make_aware(datetime.combine(first, time.min)) if first else now
    # The stages say which pipeline it is: asked for besides, it alone would have every row read.
    rows = deals(person, replace(selection, pipeline=""), now, limits=place.limits)
    found = (
        rows.filter(stage_id__in=stages, since__gte=began)  # type: ignore[misc]
        .order_by()
        .values_list("stage_id")
        .annotate(how_many=Count("pk"), with_value=Count("value"), worth=Coalesce(Sum("value"), 0))
    )
    return {stage: Sums(count, count - valued, value) for stage, count, valued, value in found}


def _lane(place: _Place, stage: StageChoice, sums: dict[str, Sums], won: dict[str, Sums]) -> Lane:
    own = won.get(stage.id, Sums()) if stage.meaning == Meaning.WON else None
    return Lane(place.id, stage, sums.get(stage.id, Sums()), won=own)


def _tally(place: _Place, sums: dict[str, Sums], selection: Selection) -> int | None:
    """Open deals; None for the other pipelines of a selection that only this one was counted for."""
    if not selection.is_kept and place.id != selection.pipeline:
        return None
    return sum(
        sums[stage.id].count for stage in place.stages if stage.meaning == Meaning.OPEN and stage.id in sums
    )


def _figures(lanes: Iterable[Lane], won: dict[str, Sums]) -> Figures:
    open_, all_won = Sums(), Sums()
    for each in lanes:
        if each.stage.meaning == Meaning.OPEN:
            open_ = open_.plus(each.sums)
    for sums in won.values():
        all_won = all_won.plus(sums)
    return Figures(open_, all_won)


# Submissions on their way


def _on_their_way(person: Person) -> QuerySet[Submission]:
    return Submission.objects.filter(
        state__in=OPEN, kind__in=CHANGING, book_id__in=visible_books(person).values("pk")
    )


def _pending(person: Person, now: datetime) -> list[_Pending]:
    """Everybody's changes of deals that are on their way, and one's own that were refused a short while ago."""
    open_ = Q(state__in=OPEN, book_id__in=visible_books(person).values("pk"))
    refused = Q(state=State.REJECTED, person=person, settled_at__gte=now - REFUSED_FOR)
    rows = (
        Submission.objects.filter(open_ | refused, kind__in=CHANGING)
        .order_by("created_at")
        .values_list(*_Pending._fields)
    )
    return [_Pending(*row) for row in rows]


def _by_deal(pending: Iterable[_Pending]) -> dict[str, list[_Pending]]:
    """Oldest first; a refusal that something newer followed is left out."""
    found: dict[str, list[_Pending]] = {}
    for row in pending:
        earlier = found.setdefault(row.opportunity_id, [])
        earlier[:] = [each for each in earlier if each.state in OPEN]
        earlier.append(row)
    return found


def _touched(person: Person, selection: Selection) -> set[str]:
    """The stages changes on their way lead from and to."""
    rows = list(_on_their_way(person).values_list("opportunity_id", "body"))
    aims = {str(json.loads(body).get("pipeline_stage_id") or "") for _, body in rows}
    standing = Opportunity.objects.filter(pk__in=[id for id, _ in rows], pipeline_id=selection.pipeline)
    from_ = set(standing.values_list("stage_id", flat=True)) if rows else set()
    return (aims | from_) - {""}


def _token(revision: int, pending: Iterable[_Pending]) -> str:
    ways = [f"{row.id} {row.state} {row.reason_code}" for row in pending if row.state in OPEN]
    return f"{revision}.{_digest(ways)}"


def _digest(ways: Iterable[str]) -> str:
    """Eight letters that stand for what is on its way; databases write the same id in two ways."""
    text = "\n".join(sorted(way.replace("-", "") for way in ways))
    return hashlib.sha256(text.encode()).hexdigest()[:8] if text else ""


# Cards


@dataclass
class _Dealing:
    """Everything rows become cards by."""

    person: Person
    place: _Place
    now: datetime
    pending: Mapping[str, Sequence[_Pending]]

    @cached_property
    def today(self) -> date:
        return timezone.localdate(self.now)

    @cached_property
    def stages(self) -> dict[str, StageChoice]:
        return {stage.id: stage for stage in self.place.stages}

    def lies_in(self, row: "_Row") -> str:
        """Where the card is shown: where a move on its way leads, else where Slant has the deal."""
        aims = [each.aim for each in self.pending.get(row.id, ()) if each.state in OPEN]
        return next((aim for aim in reversed(aims) if aim in self.stages), row.stage_id)

    def card(self, row: "_Row") -> Card:
        lies_in = self.lies_in(row)
        stage = self.stages[lies_in]
        on_its_way = next(iter(reversed(self.pending.get(row.id, ()))), None)
        probability = stage.probability if row.probability is None else row.probability
        won, is_open = stage.meaning == Meaning.WON, stage.meaning == Meaning.OPEN
        days, close = max((self.now - row.since).days, 0), row.target_close_date
        return Card(
            id=row.id,
            name=row.name,
            household=row.household or "",
            book=row.book,
            stage=lies_in,
            stands_in=row.stage_id,
            money="" if row.value is None else board_words.compact(row.value),
            percent="" if won or probability is None else f"{probability}%",
            by_hand=row.probability is not None and row.probability != stage.probability,
            close=board_words.card_day(close, self.today) if close else "",
            is_past=is_open and close is not None and close < self.today,
            won_on=board_words.card_day(timezone.localdate(row.since), self.today) if won else "",
            days=days,
            is_stale=is_open and self.now - row.since > timedelta(days=self.place.limits[row.stage_id]),
            owner=row.owner or "",
            may_move=row.may_write,
            own_probability="" if row.probability is None else str(row.probability),
            note=self._note(row, on_its_way) if on_its_way else None,
        )

    def _note(self, row: "_Row", on_its_way: _Pending) -> Note | None:
        mine = on_its_way.person_id == self.person.pk
        told = str(on_its_way.id) if mine or self.person.is_manager or self.person.is_compliance else ""
        is_move = on_its_way.aim != ""
        stage = self.stages[row.stage_id].name
        if on_its_way.state == State.REJECTED:
            # Somebody got it there after all, or anywhere else: the refusal is no news any more.
            if is_move and on_its_way.seen.get("pipeline_stage_id") != row.stage_id:
                return None
            why = refusal(on_its_way.reason_code, on_its_way.reason_text)
            words = board_words.NOT_MOVED if is_move else board_words.NOT_SAVED
            return Note(
                "refused",
                words.format(stage=stage, why=why),
                "exclamation-circle-fill",
                told,
                stage=on_its_way.aim,
            )
        how, icon, words = _told(on_its_way, is_move=is_move, mine=mine, now=self.now)
        return Note(
            how,
            words.format(stage=stage, by=on_its_way.by_display),
            icon,
            told,
            may_withdraw=mine and on_its_way.state == State.QUEUED and how != "saving",
        )


def _told(on_its_way: _Pending, *, is_move: bool, mine: bool, now: datetime) -> tuple[str, str, str]:
    """How, icon and words of a change on its way."""
    late = now - on_its_way.created_at > LATE or bool(on_its_way.reason_code)
    match on_its_way.state:
        case State.UNKNOWN:
            words = board_words.UNSURE if is_move else board_words.UNSURE_EDIT
            return "unsure", "question-circle-fill", words
        case State.REVIEW:
            return "unsure", "people", board_words.IN_REVIEW
        case _ if late:
            return "waiting", "clock", board_words.WAITS if is_move else board_words.WAITS_EDIT
    if is_move:
        words = board_words.MOVING if mine else board_words.MOVING_BY
    else:
        words = board_words.SAVING if mine else board_words.SAVING_BY
    return "saving", "arrow-repeat", words


def refusal(code: str, text: str) -> str:
    """Why a change was not made, as the end of a sentence."""
    match code:
        case "conflict":
            return board_words.CHANGED_IN_SLANT
        case "forbidden_book":
            return board_words.REFUSED_BOOK
    message = text.strip().rstrip(".")
    return board_words.REFUSED_SAYING.format(message=message) if message else board_words.REFUSED_BY_SLANT


class _Row(NamedTuple):
    id: str
    name: str
    stage_id: str
    value: int | None
    probability: int | None
    target_close_date: date | None
    since: datetime
    household: str | None
    book: str
    owner: str | None
    may_write: bool


def _dealt(
    dealing: _Dealing,
    chosen: QuerySet[Opportunity],
    lanes: Sequence[Lane],
    shown: Mapping[str, int],
    *,
    after: str = "",
) -> list[Lane]:
    """`lanes`, with cards in those that `shown` names; what is on its way counts where it goes."""
    ordered = chosen.order_by("-since", "-pk")  # type: ignore[misc]
    if cut := _before(after):
        ordered = ordered.filter(cut)
    counts = {stage_id: max(1, min(count, MOST_SHOWN)) for stage_id, count in shown.items()}
    windows = [ordered.filter(stage_id=stage_id)[: count + 1] for stage_id, count in counts.items()]
    moving = {
        id for id, rows in dealing.pending.items() if any(each.aim for each in rows if each.state in OPEN)
    }
    found = _rows(dealing.person, [*windows, chosen.filter(pk__in=moving)] if moving else windows)
    standing: dict[str, list[_Row]] = {each.stage.id: [] for each in lanes}
    for row in found:
        if row.stage_id in standing:
            standing[row.stage_id].append(row)
    away = [row for rows in standing.values() for row in rows if dealing.lies_in(row) != row.stage_id]
    dealt = []
    for each in lanes:
        stage_id = each.stage.id
        lane = replace(each, sums=_recounted(each, away, dealing))
        if stage_id in counts:
            here = [row for row in standing[stage_id] if not after or _is_below(row, after)]
            window = here[: counts[stage_id]]
            arriving = [] if after else [row for row in away if dealing.lies_in(row) == stage_id]
            staying = [row for row in window if row.id not in moving or dealing.lies_in(row) == stage_id]
            lane = replace(
                lane,
                cards=tuple(dealing.card(row) for row in (*arriving, *staying)),
                after=_cursor(window[-1]) if len(here) > len(window) else "",
                shown=len(window),
            )
        dealt.append(lane)
    return dealt


def _recounted(lane: Lane, away: Iterable[_Row], dealing: _Dealing) -> Sums:
    """Its sums without what is leaving and with what is coming, weighed by the stage it is counted in."""
    sums = lane.sums
    for row in away:
        probability = lane.stage.probability if row.probability is None else row.probability
        own = Sums(1, int(row.value is None), row.value or 0, (row.value or 0) * (probability or 0))
        if row.stage_id == lane.stage.id:
            sums = sums.plus(own, -1)
        elif dealing.lies_in(row) == lane.stage.id:
            sums = sums.plus(own)
    return sums


def _rows(person: Person, windows: Iterable[QuerySet[Opportunity]]) -> list[_Row]:
    """The rows of several windows in one statement."""
    chosen = _ids_of(windows)
    if chosen is None:
        return []
    may_write = ExpressionWrapper(Q(book__in=writable_books(person)), output_field=BooleanField())
    found = (
        Opportunity.objects.filter(pk__in=chosen)
        .annotate(since=IN_STAGE_SINCE, may_write=may_write)
        .values_list(
            "pk", "name", "stage_id", "value", "probability", "target_close_date", "since",
            "household__name", "book__name", "assigned_to_name", "may_write",
        )
    )  # fmt: skip
    return sorted((_Row(*row) for row in found), key=lambda row: (row.since, row.id), reverse=True)


def _ids_of(windows: Iterable[QuerySet[Opportunity]]) -> RawSQL | None:
    """The ids of all windows as one subquery: Django cannot limit the parts of a union on SQLite by itself."""
    parts: list[str] = []
    params: list[Any] = []
    for number, window in enumerate(windows):
        try:
            sql, its = window.values("pk").query.sql_with_params()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT * FROM ({sql}) AS w{number}")  # noqa: S608 - compiled by Django, values apart
        params.extend(its)
    return RawSQL(" UNION ALL ".join(parts), params) if parts else None  # noqa: S611 - the same


def _cursor(row: _Row) -> str:
    """Where the next window goes on: since when, in microseconds, and the id."""
    return f"{(row.since - EPOCH) // MICROSECOND}~{row.id}"


def _read_cursor(after: str) -> tuple[datetime, str] | None:
    """None for anything this module did not write."""
    number, _, id = after.partition("~")
    if not (id and number.isascii() and number.isdigit() and len(number) < 18):
        return None
    return EPOCH + int(number) * MICROSECOND, id


def _before(after: str) -> Q | None:
    read = _read_cursor(after)
    if read is None:
        return None
    since, id = read
    return Q(since__lte=since) & (Q(since__lt=since) | Q(pk__lt=id))


def _is_below(row: _Row, after: str) -> bool:
    read = _read_cursor(after)
    return read is None or (row.since, row.id) < read


def _names(selection: Selection, cards: Sequence[Card]) -> dict[str, str]:
    """What the filters in use are called, where a card tells it; each card of such a selection does."""
    if not cards:
        return {}
    first = cards[0]
    known = {"book": first.book, "household": first.household, "owner": first.owner}
    return {name: word for name, word in known.items() if getattr(selection, name) and word}
