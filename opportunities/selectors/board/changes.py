"""What changed since a board was drawn. Every open board polls every few seconds, with one small
statement.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.utils import timezone

from opportunities.models import Person
from opportunities.selection import Selection
from opportunities.selectors.board.pending import LATE, on_their_way, progress_key, touched_stages
from opportunities.selectors.board.places import visible_pipelines
from opportunities.selectors.board.seen import SeenRevisions, digest, read_token
from opportunities.selectors.board.totals import selected_totals


@dataclass(frozen=True)
class Changes:
    """What changed since a board was drawn: stages of its pipeline, and the token for the next poll.

    `columns_changed`: whether pipelines or stages differ from those the board was drawn with.
    """

    stages: tuple[str, ...]
    since: str
    columns_changed: bool = False


def changes(person: Person, selection: Selection, since: str) -> Changes | None:
    """What changed in the pipeline since the token `since`; None if nothing did. One statement."""
    seen_revisions = read_token(person, since)
    stages, newest, ways, pipelines = set(), max(seen_revisions.deals, 0), [], 0
    for kind, id, state, reason, number in _news(person, selection, seen_revisions.deals):
        match kind:
            case "way":
                ways.append(progress_key(id, state, reason, is_late=bool(number)))
            case "pipelines":
                pipelines = number
            case _:
                stages.add(id)
                newest = max(newest, number)
    now = digest(ways)
    if not stages and now == seen_revisions.ways and pipelines == seen_revisions.pipelines:
        return None
    if now != seen_revisions.ways:
        stages |= touched_stages(person, selection)
    token = SeenRevisions(newest, now, pipelines).token(person)
    return Changes(tuple(sorted(stages)), token, pipelines != seen_revisions.pipelines)


def _news(person: Person, selection: Selection, known_revision: int) -> list[tuple[str, str, str, str, int]]:
    """Unconfirmed submissions, stages whose totals are newer than `known_revision`, and the pipelines'
    revision.

    One statement, joined by hand from plain ones. The ORM took longer to compose its union of annotated
    querysets than the rest of a poll takes.
    """
    under_way = on_their_way(person).order_by().values("pk", "state", "reason_code", "created_at")
    late = connection.ops.adapt_datetimefield_value(timezone.now() - LATE)
    totals = (
        selected_totals(person, selection)
        .filter(revision__gt=known_revision)
        .order_by()
        .values("stage_id", "revision")
    )
    pipelines = visible_pipelines(person).order_by("-revision").values("revision")[:1]
    parts: list[str] = []
    values: list[Any] = []
    is_late = "CASE WHEN created_at < %s THEN 1 ELSE 0 END"
    for columns, compared, rows in (
        (f"'way', CAST(pk AS varchar(36)), state, reason_code, {is_late}", [late], under_way),
        ("'stage', stage_id, '', '', revision", [], totals),
        ("'pipelines', '', '', '', revision", [], pipelines),
    ):
        with suppress(EmptyResultSet):
            sql, sql_values = rows.query.sql_with_params()
            parts.append(f"SELECT {columns} FROM ({sql}) AS rows{len(parts)}")  # noqa: S608 - compiled by Django
            values.extend([*compared, *sql_values])
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return list(cursor.fetchall())
