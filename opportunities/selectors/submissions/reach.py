"""Which submissions a person may open. Everything else is as if it were not there."""

from uuid import UUID

from django.http import Http404

from opportunities.access import visible_submissions
from opportunities.models import Kind, Person, State, Submission


def reachable(person: Person, id: UUID) -> Submission:
    """One's own; for managers and compliance also those of visible books. Raises `Http404` for any other."""
    row = visible_submissions(person).filter(pk=id).first()
    if row is None:
        raise Http404
    return row


def correctable(person: Person, id: str) -> Submission:
    """The submission a new form starts from: one's own, of a new deal. Raises `Http404` for any other.

    A change of a deal is corrected in the form of that deal.
    """
    row = own(person, id)
    if row is None or row.kind != Kind.CREATE:
        raise Http404
    return row


def refused_submission(person: Person, id: str) -> Submission | None:
    """The refused or withdrawn submission a form corrects, if `id` names one of theirs."""
    row = own(person, id)
    return row if row and row.state in (State.REJECTED, State.WITHDRAWN) else None


def refused_edit(person: Person, id: str, deal: str) -> Submission | None:
    """The same for the form that changes `deal`: an edit of that deal."""
    row = refused_submission(person, id)
    return row if row and row.kind == Kind.EDIT and row.opportunity_id == deal else None


def own(person: Person, id: str) -> Submission | None:
    try:
        return Submission.objects.of(person).filter(pk=UUID(id)).first()
    except ValueError:
        return None
