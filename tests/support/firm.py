"""A firm of any size, written directly into the mirror: for benchmarks, and for tests that need many deals.

`load_firm(deals=1000)` uses the books and people of `make_firm`, so that the fixtures `owner`, `outsider`,
`manager` see what they should, and adds two pipelines as Slant ships them, colleagues, households and deals.
Rows, versions, totals and meanings agree with each other as if sync had brought them; the same seed gives the
same firm.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from django.db import connections, transaction
from django.db.models import AutoField, DateField, JSONField, Model

from opportunities.mirror import meanings, totals
from opportunities.mirror.versions import observe
from opportunities.models import (
    Household,
    Member,
    Opportunity,
    OpportunityVersion,
    Pipeline,
    Stage,
    StageMeaning,
    StageTotal,
    SyncState,
)
from tests.support.people import Firm, make_firm

STAGES = {
    "pl_growth": (
        ("Identified", 10), ("Connected", 20), ("Meeting scheduled", 40), ("Qualified", 60),
        ("Closed won", 100), ("Closed lost", 0), ("Archived", 0),
    ),
    "pl_care": (
        ("Identified", 10), ("In-progress", 40), ("Reviewing", 60),
        ("Closed won", 100), ("Closed lost", 0), ("Archived", 0),
    ),
}  # fmt: skip
TITLES = {"pl_growth": ("Growth", "prospect"), "pl_care": ("Care", "client")}
HIDDEN = ("Closed lost", "Archived")
COLLEAGUES = {
    "bk_harbor": [("us_dana", "Dana", "Doyle"), ("us_evan", "Evan", "Ellis")],
    "bk_summit": [("us_fay", "Fay", "Foster"), ("us_gus", "Gus", "Grant"), ("us_ines", "Ines", "Ito")],
}
FAMILIES = ("Abara", "Brandt", "Castillo", "Demir", "Eriksen", "Farouk", "Greco", "Haas", "Imai", "Jansen")
SUBJECTS = ("rollover", "trust", "401(k) transfer", "second opinion", "estate plan", "annuity review")
BATCH = 2000
# A larger firm consists of several copies of this one, made inside the database.
MADE_ONE_BY_ONE = 10_000


@dataclass
class LoadedFirm:
    """What was loaded. `firm` is the small firm it extends; `stages` are by pipeline, in order."""

    firm: Firm
    stages: dict[str, list[Stage]]
    deals: int
    now: datetime


def load_firm(
    *,
    deals: int = 1000,
    versions: int = 1,
    seed: int = 1,
    now: datetime | None = None,
    firm: Firm | None = None,
) -> LoadedFirm:
    """Load `deals` deals, each with up to `versions` versions, the last of which is how it is now."""
    rng, now = Random(seed), (now or datetime.now(UTC)).replace(microsecond=0)
    with transaction.atomic():
        firm = firm or make_firm()
        stages = _pipelines()
        _people()
        made = min(deals, MADE_ONE_BY_ONE)
        households = _households(max(20, made // 5))
        _deals(rng, now, made, versions, stages, households)
        _copy_until(deals, made)
        _totals()
        SyncState.objects.all().update(started_at=now, finished_at=now)
    return LoadedFirm(firm, stages, deals, now)


def _pipelines() -> dict[str, list[Stage]]:
    found: dict[str, list[Stage]] = {}
    for place, (pipeline_id, stages) in enumerate(STAGES.items()):
        name, kind = TITLES[pipeline_id]
        Pipeline.objects.create(id=pipeline_id, name=name, pipeline_type=kind, position=10 + place)
        found[pipeline_id] = Stage.objects.bulk_create(
            Stage(
                id=f"{pipeline_id}_{number}",
                pipeline_id=pipeline_id,
                name=title,
                stage_order=number,
                position=number,
                visible=title not in HIDDEN,
                default_probability=probability,
            )
            for number, (title, probability) in enumerate(stages, start=1)
        )
    held = set(StageMeaning.objects.values_list("stage_id", flat=True))
    meanings.suggest(stage for stage in Stage.objects.all() if stage.pk not in held)
    return found


def _people() -> None:
    Member.objects.bulk_create(
        Member(
            book_id=book_id,
            user_id=user_id,
            email=f"{first.lower()}@harbor.example",
            first_name=first,
            last_name=last,
            role="contributor",
        )
        for book_id, people in COLLEAGUES.items()
        for user_id, first, last in people
    )


def _households(count: int) -> dict[tuple[str, str], list[Household]]:
    """By book and kind; a third of them in Summit."""
    found: dict[tuple[str, str], list[Household]] = {}
    rows = []
    for number in range(count):
        book_id = "bk_summit" if number % 3 == 2 else "bk_harbor"
        kind = ("Prospect", "Client")[number // 3 % 2]
        name = f"{FAMILIES[number % len(FAMILIES)]} {number}"
        row = Household(id=f"hh_{number:06d}", name=name, type=kind, book_id=book_id)
        found.setdefault((book_id, kind.lower()), []).append(row)
        rows.append(row)
    insert(rows)
    return found


def _deals(
    rng: Random,
    now: datetime,
    count: int,
    versions: int,
    stages: dict[str, list[Stage]],
    households: dict[tuple[str, str], list[Household]],
) -> None:
    members: dict[str, list[Member]] = {}
    for member in Member.objects.filter(book_id__in=COLLEAGUES, role__in=("principal", "contributor")):
        members.setdefault(member.book_id, []).append(member)
    rows: list[Opportunity] = []
    history: list[OpportunityVersion] = []
    for number in range(count):
        pipeline_id = "pl_growth" if rng.random() < 0.7 else "pl_care"
        book_id = "bk_harbor" if rng.random() < 0.6 else "bk_summit"
        row, closed_at = _deal(rng, now, number, pipeline_id, stages[pipeline_id])
        household = rng.choice(households[book_id, TITLES[pipeline_id][1]])
        owner = rng.choice(members[book_id])
        row.book_id, row.household_id = book_id, household.pk if rng.random() < 0.9 else None
        row.name = f"{household.name} {rng.choice(SUBJECTS)}"
        row.assigned_to_id, row.assigned_to_name = owner.user_id, owner.name
        rows.append(row)
        history += _history(rng, row, closed_at, versions, stages[pipeline_id])
        if len(rows) >= BATCH:
            _flush(rows, history)
    _flush(rows, history)


def _flush(rows: list[Opportunity], history: list[OpportunityVersion]) -> None:
    insert(rows)
    insert(history)
    rows.clear()
    history.clear()


def insert(rows: Sequence[Model]) -> None:
    """Insert rows without the ORM's batches, which SQLite's limit of variables keeps small. This takes a
    tenth of the time.
    """
    if not rows:
        return
    meta, door = rows[0]._meta, connections["default"]
    fields = [field for field in meta.concrete_fields if not isinstance(field, AutoField)]
    prepared = [
        (field.attname, field.get_db_prep_save if isinstance(field, DateField | JSONField) else None)
        for field in fields
    ]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    with door.cursor() as cursor:
        cursor.executemany(
            f'INSERT INTO "{meta.db_table}" ({columns}) VALUES ({marks})',
            [
                tuple(
                    prepare(row.__dict__[name], door) if prepare else row.__dict__[name]
                    for name, prepare in prepared
                )
                for row in rows
            ],
        )


def _deal(
    rng: Random, now: datetime, number: int, pipeline_id: str, stages: list[Stage]
) -> tuple[Opportunity, datetime]:
    """One deal without its people, and the time it entered its stage. Three in ten are closed or archived."""
    created = now - timedelta(days=rng.uniform(1, 500))
    moved = (created + (now - created) * rng.random()).replace(microsecond=0)
    stage = rng.choice(stages[-3:]) if rng.random() < 0.3 else rng.choice(stages[:-3])
    closes = now.date() + timedelta(days=rng.randrange(-30, 200)) if rng.random() < 0.9 else None
    row = Opportunity(
        id=f"op_{number:06d}",
        pipeline_id=pipeline_id,
        stage_id=stage.pk,
        value=rng.randrange(10, 400) * 5000 if rng.random() < 0.92 else None,
        probability=rng.randrange(1, 20) * 5 if rng.random() < 0.3 else None,
        target_close_date=closes,
        stage_updated_at=moved,
        created_at=created.replace(microsecond=0),
        updated_at=moved,
        first_seen_at=created,
        seen_at=now,
    )
    return row, moved


def _history(
    rng: Random, row: Opportunity, moved: datetime, versions: int, stages: list[Stage]
) -> Iterator[OpportunityVersion]:
    """Up to `versions` of them: through stages before the present one, which began when the deal moved."""
    assert row.created_at
    now = observe(row)
    earlier = rng.randrange(versions)
    between = sorted(row.created_at + (moved - row.created_at) * rng.random() for _ in range(earlier))
    bounds = [row.created_at, *between[1:], moved][-earlier - 1 :]
    for begin, end in pairwise(bounds):
        value = int(row.value * rng.choice((0.8, 1, 1, 1.1))) if row.value else None
        before = now._replace(stage_id=rng.choice(stages[:-3]).pk, value=value, stage_since=begin)
        yield OpportunityVersion(opportunity_id=row.pk, valid_from=begin, valid_to=end, **before._asdict())
    yield OpportunityVersion(opportunity_id=row.pk, valid_from=moved, **now._asdict())


def _copy_until(deals: int, made: int) -> None:
    """Copy households, deals and versions under other ids, up to the number of deals wanted."""
    for copy in range(1, -(-deals // made)):
        before = f"op_{min(made, deals - copy * made):06d}"
        _copy(Household, "id", "hh_", "hh_999999", copy)
        _copy(Opportunity, "id", "op_", before, copy)
        _copy(OpportunityVersion, "opportunity_id", "op_", before, copy)


def _copy(model: type[Model], key: str, begin: str, before: str, copy: int) -> None:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(
        f"\"{field.column}\" || '-{copy}'" if field.column == key else f'"{field.column}"' for field in fields
    )
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{model._meta.db_table}" ({columns}) SELECT {values} FROM "{model._meta.db_table}" '
            f"WHERE \"{key}\" >= '{begin}' AND \"{key}\" < '{before}' AND \"{key}\" NOT LIKE '%-%'"
        )


def _totals() -> None:
    StageTotal.objects.all().delete()
    revision = totals.lock()
    totals.recount(list(Stage.objects.values_list("pk", flat=True)), revision)
