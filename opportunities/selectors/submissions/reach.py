"""Which submissions a person may open. Everything else is as if it were not there."""

from uuid import UUID

from django.http import Http404

from opportunities.access import visible_books
from opportunities.models import Kind, Person, Submission


def reachable(person: Person, id: UUID) -> Submission:
    """One's own; any of a visible book for managers and compliance. Everything else is as if it were not
    there.
    """
    rows = Submission.objects.filter(pk=id)
    if person.is_manager or person.is_compliance:
        rows = rows.filter(book_id__in=visible_books(person).values("pk")) | rows.filter(person=person)
    else:
        rows = rows.filter(person=person)
    row = rows.first()
    if row is None:
        raise Http404
    return row


def correctable(person: Person, id: str) -> Submission:
    """The submission a new form starts from: one's own, of a new deal. A change of one is corrected at the
    deal.
    """
    row = own(person, id)
    if row is None or row.kind != Kind.CREATE:
        raise Http404
    return row


def own(person: Person, id: str) -> Submission | None:
    try:
        return Submission.objects.of(person).filter(pk=UUID(id)).first()
    except ValueError:
        return None
