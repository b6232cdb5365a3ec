"""The deals a selection means, for one person: what board, list, CSV and "the deals behind a number" share.

Nothing here evaluates: callers order, slice, count or sum. What a person may not see is not in it, whatever
the selection names.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from opportunities.access import visible_books
from opportunities.models import Meaning, Opportunity, Person, StageMeaning
from opportunities.selection import ME, NOBODY, OVERDUE, Selection, close_days
from opportunities.selectors.households import may_be_named

# Since when a deal is in its stage. Slant dates every change of stage; a deal never moved is there since it
# was made.
IN_STAGE_SINCE = Coalesce(F("stage_updated_at"), F("created_at"), F("first_seen_at"))


# A deal that was won or lost on a day nobody knows. It belongs to no period and is counted apart.
IS_UNDATED = Q(stage_updated_at=None)
CLOSED = StageMeaning.objects.filter(meaning__in=(Meaning.WON, Meaning.LOST))


def deals(
    person: Person, selection: Selection, now: datetime, *, limits: Mapping[str, int] | None = None
) -> QuerySet[Opportunity]:
    """Unordered, `since` annotated (in this stage since).

    `limits` are days by stage after which a deal in it is stale; without them, and only for a selection of
    stale deals, they cost a small query.
    """
    rows = Opportunity.objects.filter(gone_at=None, book__in=visible_books(person))
    return rows.annotate(since=IN_STAGE_SINCE).filter(_selection_filters(person, selection, now, limits))


def _selection_filters(
    person: Person, selection: Selection, now: datetime, limits: Mapping[str, int] | None
) -> Q:
    chosen = Q()
    for name in ("pipeline", "book", "household"):
        if value := getattr(selection, name):
            chosen &= Q(**{f"{name}_id": value})
    if selection.stage:
        chosen &= Q(stage_id__in=selection.stage)
    if selection.ids:
        chosen &= Q(pk__in=selection.ids)
    if selection.owner:
        chosen &= owned_by(person, selection.owner)
    if selection.q:
        by_household = may_be_named(person) & Q(household__name__icontains=selection.q)
        chosen &= Q(name__icontains=selection.q) | by_household
    if selection.min is not None:
        chosen &= Q(value__gte=selection.min)
    if selection.max is not None:
        chosen &= Q(value__lte=selection.max)
    if selection.close:
        chosen &= _closing(selection.close, now)
    if selection.stale:
        chosen &= is_stale(now, limits)
    return chosen & _missing(selection.missing)


def owned_by(person: Person, owner: str) -> Q:
    """Also for kept totals, which have the same column. A person without any book owns nothing."""
    if owner == NOBODY:
        return Q(assigned_to_id="")
    if owner == ME:
        return Q(assigned_to_id=person.member_id) if person.member_id else Q(pk__in=[])
    return Q(assigned_to_id=owner)


def is_open() -> Q:
    """In a stage that means neither won, lost nor archived."""
    return ~Q(stage_id__in=StageMeaning.objects.exclude(meaning=Meaning.OPEN).values("stage_id"))


def closed_within(first: datetime, last: datetime | None = None) -> Q:
    """Of deals in a won or lost stage: those that came into it from `first` on, and before `last`.

    The one rule of when a deal counts as won or lost: as Slant shows it now, on Slant's date of its move into
    the stage it is in. Board and reports ask here, so a deal that was edited, reopened or deleted afterwards
    is the same in both. Needs `since`.
    """
    # `since` is what the index of lanes is searched by; `stage_updated_at` leaves out what is undated.
    within = Q(since__gte=first) & Q(stage_updated_at__gte=first)
    return within if last is None else within & Q(since__lt=last) & Q(stage_updated_at__lt=last)


def is_stale(now: datetime, limits: Mapping[str, int] | None = None) -> Q:
    """Open, and longer in its stage than the limit a manager set for it, else STALE_AFTER_DAYS."""
    if limits is None:
        rows = StageMeaning.objects.exclude(stale_after_days=None)
        limits = {id: days or 0 for id, days in rows.values_list("stage_id", "stale_after_days")}
    limited: dict[int, list[str]] = defaultdict(list)
    for stage_id, days in limits.items():
        limited[days].append(stage_id)
    own = [id for ids in limited.values() for id in ids]
    stale = Q(since__lt=now - timedelta(days=settings.STALE_AFTER_DAYS)) & ~Q(stage_id__in=own)
    for days, ids in limited.items():
        stale |= Q(since__lt=now - timedelta(days=days), stage_id__in=ids)
    return stale & is_open()


def _closing(close: str, now: datetime) -> Q:
    days = close_days(close, timezone.localdate(now), year_starts=settings.FISCAL_YEAR_START_MONTH)
    within = Q(target_close_date__isnull=False)
    if days.first:
        within &= Q(target_close_date__gte=days.first)
    if days.last:
        within &= Q(target_close_date__lte=days.last)
    return within & is_open() if close == OVERDUE else within


def _missing(missing: str) -> Q:
    match missing:
        case "value":
            return Q(value=None)
        case "date":
            return Q(target_close_date=None)
        case "any":
            return Q(value=None) | Q(target_close_date=None)
        case "closing":
            return IS_UNDATED & Q(stage_id__in=CLOSED.values("stage_id"))
    return Q()
