"""A custom field of Slant's goes the way of every field: to Slant, into the mirror, into the trail."""

from opportunities.access import writable_books
from opportunities.actions import form_tokens, submissions
from opportunities.delivery.kinds import DealChanges
from opportunities.models import AuditEvent, Kind, Opportunity, State
from tests.support.office import Office, fresh


def test_an_edit_reaches_slant_the_mirror_and_the_trail(office: Office) -> None:
    slant = office.box.client()
    row = Opportunity.objects.filter(
        custom_fields__has_key="lead_source", book__in=writable_books(office.person)
    ).first()
    assert row is not None
    before = row.custom_fields["lead_source"]
    wanted = next(one for one in ("Referral", "Seminar", "Website") if one != before)

    submission = submissions.change(
        changes=DealChanges(
            row.pk, {"custom_fields.lead_source": wanted}, {"custom_fields.lead_source": before}
        ),
        kind=Kind.EDIT,
        person=office.person,
        by=office.by,
        clock=office.clock,
        form_token=form_tokens.issue_token(office.person),
    )
    office.round()

    row.refresh_from_db()
    attempt = submission.attempts.get()
    event = AuditEvent.objects.get(action="submission.queued")
    assert fresh(submission).state == State.CONFIRMED
    assert (
        slant.opportunity(row.pk).custom_fields["lead_source"] == wanted == row.custom_fields["lead_source"]
    )
    assert attempt.answer["custom_fields.lead_source"] == wanted
    assert (event.before, event.after["custom_fields.lead_source"]) == (
        {"custom_fields.lead_source": before},
        wanted,
    )
