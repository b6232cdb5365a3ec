"""What the pages of a bulk change show: the chosen deals with the possible changes, and the outcome of
each.
"""

from dataclasses import dataclass
from zlib import crc32

from django.db.models import Prefetch, Sum
from django.http import Http404

from opportunities.access import visible_books, writable_books
from opportunities.actions import bulk
from opportunities.models import FINAL, Kind, Member, Opportunity, Person, Pipeline, Stage, State, Submission
from opportunities.offer import OwnerChoice, PipelineChoice
from opportunities.selectors.stages import draw_stages, with_meanings
from opportunities.wording import bulk as bulk_words
from opportunities.wording import deals as words
from opportunities.wording import submissions as submissions_words

NAMED = 20


@dataclass(frozen=True)
class PickedDeals:
    """The chosen deals that the person may change. `out_of_reach` is the number of those they may not."""

    count: int
    value: int
    names: list[str]
    unnamed: int
    out_of_reach: int
    pipelines: tuple[PipelineChoice, ...]
    owners: tuple[OwnerChoice, ...]


@dataclass(frozen=True)
class BulkResult:
    """One row: the deal, its state, and the reason if it was not changed."""

    id: str
    name: str
    state: str
    words: str
    icon: str
    tone: str
    why: str
    submission: str


@dataclass(frozen=True)
class BulkOutcome:
    """Everything the page of one bulk action shows. `version` changes when anything on it does."""

    key: str
    title: str
    results: list[BulkResult]
    done: int
    failed: int
    waiting: int
    version: str

    @property
    def total(self) -> int:
        return len(self.results)

    @property
    def settled_count(self) -> int:
        return self.done + self.failed

    @property
    def is_final(self) -> bool:
        return self.waiting == 0


def picked_deals(person: Person, ids: tuple[str, ...]) -> PickedDeals:
    """The deals of `ids` that the person may change. Makes eight queries for any number of deals."""
    rows = Opportunity.objects.filter(pk__in=ids, gone_at=None, book__in=writable_books(person))
    books = set(rows.values_list("book_id", flat=True))
    pipeline_ids = set(rows.values_list("pipeline_id", flat=True))
    names = list(rows.order_by("name", "pk").values_list("name", flat=True)[:NAMED])
    count = rows.count()
    return PickedDeals(
        count=count,
        value=rows.aggregate(all=Sum("value"))["all"] or 0,
        names=names,
        unnamed=count - len(names),
        out_of_reach=len(ids) - count,
        pipelines=_pipelines(pipeline_ids),
        owners=_owners(person, books),
    )


def _pipelines(ids: set[str]) -> tuple[PipelineChoice, ...]:
    stages = Prefetch("stages", queryset=with_meanings(Stage.objects.filter(gone_at=None)))
    rows = Pipeline.objects.filter(pk__in=ids, gone_at=None).prefetch_related(stages)
    return tuple(
        PipelineChoice(row.pk, row.name, row.household_type, draw_stages(list(row.stages.all())))
        for row in rows
    )


def _owners(person: Person, books: set[str]) -> tuple[OwnerChoice, ...]:
    """Each person who works in at least one of the books, once."""
    choices: dict[str, OwnerChoice] = {}
    for member in Member.objects.filter(book_id__in=books):
        is_me = bool(person.member_id) and member.user_id == person.member_id
        may_write = member.may_write or (member.user_id in choices and choices[member.user_id].may_write)
        choices[member.user_id] = OwnerChoice(member.user_id, member.name, may_write, is_me)
    return tuple(choices.values())


def outcome(person: Person, key: str) -> BulkOutcome:
    """The outcome of each row of a bulk action of `person`. Raises Http404 for another person's."""
    event = bulk.find_event(key, person) if key else None
    if event is None:
        raise Http404
    request = event.after
    rows = list(Submission.objects.of(person).filter(form_token=key).order_by("row"))
    refused: dict[str, str] = request["refused"]
    target = _target(request)
    names = dict(
        Opportunity.objects.filter(pk__in=list(refused), book__in=visible_books(person)).values_list(
            "pk", "name"
        )
    )
    results = [_refused_result(id, names.get(id, id), code, target) for id, code in refused.items()]
    results += [_result(row) for row in rows]
    title = bulk_words.TITLE[request["kind"]].format(deals=_deals(request["rows"]), target=target)
    failed = sum(1 for result in results if result.state in ("", State.REJECTED, State.WITHDRAWN))
    done = sum(1 for result in results if result.state == State.CONFIRMED)
    states = "".join(row.state[0] + row.reason_code[:2] for row in rows)
    return BulkOutcome(
        key=key,
        title=title,
        results=results,
        done=done,
        failed=failed,
        waiting=len(results) - done - failed,
        version=f"{done}-{failed}-{hash_of(states)}",
    )


def hash_of(text: str) -> str:
    """Short and the same in every process."""
    return f"{crc32(text.encode()):08x}"


def _target(request: dict[str, str]) -> str:
    if request["kind"] == Kind.MOVE:
        name = Stage.objects.filter(pk=request["target"]).values_list("name", flat=True).first()
        return name or words.UNKNOWN_STAGE
    member = Member.objects.filter(user_id=request["target"]).first()
    return member.name if member else words.FORMER_OWNER


def _deals(count: int) -> str:
    return "1 deal" if count == 1 else f"{count:,} deals"


def _refused_result(id: str, name: str, code: str, target: str) -> BulkResult:
    why = bulk_words.REFUSED.get(code, "").format(target=target)
    return BulkResult(id, name, "", "Not sent", "x-circle-fill", "bad", why, "")


def _result(row: Submission) -> BulkResult:
    state_label, icon, tone = submissions_words.short_state(row.kind, row.state)
    why = ""
    if row.state not in FINAL or row.state == State.REJECTED:
        state_words = submissions_words.state_words(row.kind, row.state, row.reason_code)
        why = state_words.title if row.reason_code or row.state not in (State.QUEUED, State.SENDING) else ""
        because = submissions_words.reasons_of(row.reason_text, row.field_errors)
        if because and row.reason_code == "rejected":
            why = f"Slant said: “{because}”."
    return BulkResult(row.opportunity_id, row.name, row.state, state_label, icon, tone, why, str(row.pk))
