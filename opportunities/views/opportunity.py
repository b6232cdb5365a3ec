"""One deal: its page, the drawer that shows the same, and the edit form in its place."""

from collections.abc import Sequence
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import trigger_client_event

from opportunities.access import Action, may
from opportunities.actions import drafts, form_tokens, refusals, submissions
from opportunities.actions.submissions import expected_fields
from opportunities.clock import SystemClock
from opportunities.delivery.answers import RECORD_GONE
from opportunities.delivery.kinds import DealChanges
from opportunities.forms import EditOpportunityForm, typed_values
from opportunities.forms.edit import complete, editable_values, edited_values, retyped_values, typed_and_seen
from opportunities.forms.parameters import CorrectionForm, EditButtonsForm, MovedForm
from opportunities.models import Kind, Opportunity, Person, State, Submission
from opportunities.selectors import choices
from opportunities.selectors.audit.page import trail_of
from opportunities.selectors.audit.subjects import KnownObjects
from opportunities.selectors.custom_fields import editable
from opportunities.selectors.moving import recent_move
from opportunities.selectors.opportunity.conflicts import Conflict, conflicts, refused_conflict
from opportunities.selectors.opportunity.page import deal_page, reachable
from opportunities.selectors.opportunity.pending import has_open_changes
from opportunities.selectors.opportunity.progress import pipeline_of
from opportunities.selectors.submissions.reach import refused_edit
from opportunities.selectors.submissions.words import typed_again
from opportunities.views.access_marks import keeps_draft, page_of
from opportunities.views.actor import actor_of, session_ref
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.views.submit_guard import (
    FormMessages,
    FormRejected,
    redirect_to_earlier,
    submit_guard,
    token_guard,
)
from opportunities.wording import deals as words
from opportunities.wording import shell as shell_words

CLOCK = SystemClock()
DRAFT = "edit"
MESSAGES = FormMessages(
    shell_words.CANNOT_WRITE, words.EDIT_TOO_OFTEN, words.FORM_NOT_YOURS, words.FORM_SENT_BEFORE
)


@require_safe
def opportunity(request: PageRequest, id: str) -> HttpResponse:
    """The page; for htmx only the deal, without the shell, for the drawer."""
    return _show(request, reachable(request.person, id))


@keeps_draft(DRAFT, read_form=edited_values)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, id: str) -> HttpResponse:
    """The edit form, in the place of the deal. Its buttons submit it or draw it again."""
    require(request.person, Action.CHANGE)
    row = reachable(request.person, id)
    if not row.may_write:  # type: ignore[attr-defined]  # the selector adds it
        raise PermissionDenied
    if row.gone_at is not None:
        return _show_gone(request, row)
    if request.method != "POST":
        return _open_form(request, row)
    buttons = EditButtonsForm(request.POST)
    return _redraw(request, row, buttons) if buttons.is_redraw else _submit(request, row)


def _open_form(request: PageRequest, row: Opportunity) -> HttpResponse:
    """The form with the deal's values, replaced by those of a refused edit, of the address, and of a draft,
    in this order.
    """
    typed = _opening_values(row)
    earlier = refused_edit(request.person, CorrectionForm(request.GET).submission_id, row.pk)
    if earlier:
        typed |= editable_values(typed_again(earlier))
    typed |= editable_values(request.GET) | _draft_of_ended_session(request, row)
    return _draw(request, row, _unsent_form(request, row, typed, str(earlier.pk) if earlier else ""))


def _redraw(request: PageRequest, row: Opportunity, buttons: EditButtonsForm) -> HttpResponse:
    """Draw the form again, with the fields that depend on what was typed. Nothing is submitted."""
    typed = _opening_values(row)
    typed |= retyped_values(request.POST, typed)
    form = _unsent_form(request, row, typed, buttons.text("supersedes"))
    if buttons.redraws_household and request.htmx:
        return render(request, "opportunities/partials/household_row.html", {"form": form})
    return _draw(request, row, form)


def _submit(request: PageRequest, row: Opportunity) -> HttpResponse:
    form = _sent_form(request, row)
    if not form.is_valid():
        return _draw_refused(request, row, form)
    changes = form.changes()
    try:
        if not changes.new_values:
            with token_guard(MESSAGES):
                form_tokens.check_unused(form.cleaned_data["form_token"], request.person)
            messages.info(request, words.NOT_CHANGED)
            return _show_unchanged(request, row)
        submission = _change(request, row, form, changes)
    except FormRejected as rejected:
        form.add_error(None, rejected.message)
        return rejected.add_retry_after(_draw_refused(request, row, form, status=rejected.status))
    except submissions.ConflictQuestion as question:
        return _draw_refused(request, row, form, conflict=conflicts(row, changes, question.current))
    except refusals.NotAllowed as error:
        raise PermissionDenied from error
    submission = submissions.wait_for_outcome(submission, clock=CLOCK)
    if submission.state != State.REJECTED:
        return _show_accepted(request, row, submission)
    if redirect := redirect_to_earlier(request, submission):
        return redirect
    if submission.reason_code == "conflict":
        conflict = refused_conflict(row, changes, submission)
        return _draw_refused(request, row, form, conflict=conflict, supersedes=submission)
    form.add_refusal(submission.field_errors, submission.reason_text, submission.reason_code)
    response = _draw_refused(request, row, form, supersedes=submission)
    if submission.reason_code == RECORD_GONE:
        trigger_client_event(response, "deals:changed", {"id": row.pk})  # an open list draws itself again
    return response


def _change(
    request: PageRequest, row: Opportunity, form: EditOpportunityForm, changes: DealChanges
) -> Submission:
    with submit_guard(request, MESSAGES):
        return submissions.change(
            changes=changes,
            kind=Kind.EDIT,
            person=request.person,
            by=actor_of(request),
            clock=CLOCK,
            form_token=form.cleaned_data["form_token"],
            confirm_overwrite=form.overwrites,
            supersedes=refused_edit(request.person, form.cleaned_data["supersedes"], row.pk),
        )


def _show_accepted(request: PageRequest, row: Opportunity, submission: Submission) -> HttpResponse:
    """Redirect to the submission's page without scripts; else draw the deal again, with the state of the
    change.
    """
    drafts.discard(person=request.person, form=DRAFT)
    if not request.htmx:
        url = reverse("opportunities:submission", args=[submission.pk])
        return see_other(url)
    goes_well = submission.state in (State.QUEUED, State.SENDING, State.CONFIRMED)
    level = (messages.SUCCESS if submission.is_final else messages.INFO) if goes_well else messages.WARNING
    announcement = words.SAVED[submission.state].format(name=submission.name)
    messages.add_message(request, level, announcement)
    response = _show(request, reachable(request.person, row.pk), announcement=announcement)
    return trigger_client_event(response, "deals:changed", {"id": row.pk})


def _show_gone(request: PageRequest, row: Opportunity) -> HttpResponse:
    """The deal as last seen, in place of its form. Its page says that Slant no longer has it."""
    messages.warning(request, words.GONE_NOT_SENT.format(name=row.name))
    return _show_unchanged(request, row)


def _show_unchanged(request: PageRequest, row: Opportunity) -> HttpResponse:
    if request.htmx:
        return _show(request, row)
    return see_other(reverse("opportunities:opportunity", args=[row.pk]))


def _show(request: PageRequest, row: Opportunity, *, announcement: str = "") -> HttpResponse:
    """`announcement` is the announcement for screen readers."""
    person, now, in_page = request.person, timezone.now(), _is_in_page(request)
    reads_trail = may(person, Action.READ_TRAIL)
    moved = (
        recent_move(person, MovedForm(request.GET).text("moved"), now) if request.method != "POST" else None
    )
    page = deal_page(person, row, now)
    known_objects = KnownObjects(page.submissions, [row], {stage.id: stage.name for stage in page.stages})
    context = {
        "page": page,
        "in_page": in_page,
        "announcement": announcement,
        "moved": moved,
        "form_token": form_tokens.issue_token(person) if moved else "",
        "trail": trail_of(person, "opportunity", row.pk, known_objects=known_objects) if in_page else None,
        "trail_url": f"{reverse('opportunities:audit')}?object=opportunity:{quote(row.pk)}"
        if reads_trail
        else "",
    }
    template = "partials/opportunity.html" if request.htmx else "opportunity.html"
    return render(request, f"opportunities/{template}", context)


def _draw(
    request: PageRequest,
    row: Opportunity,
    form: EditOpportunityForm,
    *,
    problems: Sequence[tuple[str, str]] = (),
    conflict: Conflict | None = None,
    status: int = 200,
) -> HttpResponse:
    template = "partials/opportunity_edit.html" if request.htmx else "opportunity_edit.html"
    context = {
        "row": row,
        "form": form,
        "problems": problems,
        "conflict": conflict,
        "in_page": _is_in_page(request),
        "waiting": has_open_changes(row.pk),
    }
    return render(request, f"opportunities/{template}", context, status=status)


def _draw_refused(
    request: PageRequest,
    row: Opportunity,
    form: EditOpportunityForm,
    *,
    conflict: Conflict | None = None,
    supersedes: Submission | None = None,
    status: int = 422,
) -> HttpResponse:
    """Draw the form with all typed values, a new token, and each problem at its field."""
    person = request.person
    typed = edited_values(request.POST) | {"deal": row.pk}
    drafts.save(person=person, form=DRAFT, typed=typed, page=page_of(request), session=session_ref(request))
    form.data = complete(request.POST, _opening_values(row))
    hidden = {"supersedes": str(supersedes.pk)} if supersedes else {}
    form.renew(form_token=form_tokens.issue_token(person), confirm_overwrite="", **hidden)
    problems = form.problems()
    if conflict:
        problems.append(("id_confirm_overwrite", conflict.unanswered))
    return _draw(request, row, form, problems=problems, conflict=conflict, status=status)


def _sent_form(request: PageRequest, row: Opportunity) -> EditOpportunityForm:
    data = complete(request.POST, _opening_values(row))
    return _form(request.person, row, typed_values(data), data=data)


def _unsent_form(
    request: PageRequest, row: Opportunity, typed: dict[str, str], supersedes: str
) -> EditOpportunityForm:
    hidden = {"form_token": form_tokens.issue_token(request.person), "supersedes": supersedes}
    return _form(request.person, row, typed_values(typed), initial=typed | hidden)


def _form(
    person: Person,
    row: Opportunity,
    typed: dict[str, str],
    *,
    data: QueryDict | None = None,
    initial: dict[str, str] | None = None,
) -> EditOpportunityForm:
    offer = choices.offer_for(person, row, pipeline_of(row), typed)
    today = timezone.now().date()
    return EditOpportunityForm(data, initial=initial, row=row, offer=offer, custom=editable(row), today=today)


def _opening_values(row: Opportunity) -> dict[str, str]:
    """The values that the form opens with: those of the deal once all its changes are confirmed."""
    return typed_and_seen(expected_fields(row), editable(row))


def _draft_of_ended_session(request: PageRequest, row: Opportunity) -> dict[str, str]:
    draft = drafts.reopen(
        person=request.person,
        form=DRAFT,
        page=page_of(request),
        session=session_ref(request),
    )
    return editable_values(draft) if draft.get("deal") == row.pk else {}


def _is_in_page(request: PageRequest) -> bool:
    """Whether the deal is shown on its own page, which sends `X-Place`, and not in a drawer."""
    return not request.htmx or request.headers.get("X-Place") == "page"
