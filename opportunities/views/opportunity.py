"""One deal: its page, the drawer that shows the same, and changing it in place."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import UUID

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
from opportunities.deal_fields import EDITABLE
from opportunities.forms import EditOpportunityForm, typed_values
from opportunities.forms.create import storable
from opportunities.forms.edit import editable_values, typed_and_seen
from opportunities.models import Kind, Opportunity, Person, State, Submission
from opportunities.selectors import choices
from opportunities.selectors.audit.around import KnownObjects
from opportunities.selectors.audit.page import trail_of
from opportunities.selectors.custom_fields import editable
from opportunities.selectors.moving import just_moved
from opportunities.selectors.opportunity.conflicts import conflicts
from opportunities.selectors.opportunity.page import deal_page, reachable
from opportunities.selectors.opportunity.progress import pipeline_of
from opportunities.selectors.submissions.words import typed_again
from opportunities.views.access_marks import keeps_draft, page_of
from opportunities.views.actor import actor_of, session_ref
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
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
    """The page; for htmx the same deal without what surrounds it, as the drawer shows it."""
    return _show(request, reachable(request.person, id))


def edited_values(data: Mapping[str, Any]) -> dict[str, str]:
    """What was typed into the form of one deal, and of which."""
    return editable_values(data) | {"deal": storable(data.get("deal", ""))[:200]}


@keeps_draft(DRAFT, read=edited_values)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, id: str) -> HttpResponse:
    """The fields of a deal as a form, in the place of the deal. `redraw` asks for it again without sending
    anything.
    """
    person = request.person
    if not (person.is_sales or person.is_manager):
        raise PermissionDenied
    row = reachable(person, id)
    if not row.may_write or row.gone_at is not None:  # type: ignore[attr-defined]
        raise PermissionDenied
    if request.method == "POST" and "redraw" not in request.POST:
        return _submit(request, person, row)
    typed = typed_and_seen(expected_fields(row), editable(row))
    supersedes = ""
    if request.method == "POST":
        typed |= {
            name: storable(value) for name, value in request.POST.items() if name in typed or name == "q"
        }
        supersedes = request.POST.get("supersedes", "")
    else:
        if earlier := _refused(person, row, request.GET.get("from", "")):
            typed |= editable_values(typed_again(earlier))
            supersedes = str(earlier.pk)
        typed |= editable_values(request.GET)
        typed |= _reopened(request, person, row)
    typed |= {"form_token": form_tokens.issue_token(person), "supersedes": supersedes}
    form = _form(person, row, typed=typed)
    if request.POST.get("redraw") == "household" and request.htmx:
        return render(request, "opportunities/partials/household_row.html", {"form": form})
    return _draw(request, row, form)


def _submit(request: PageRequest, person: Person, row: Opportunity) -> HttpResponse:
    form = _form(person, row, data=_whole(request.POST, row))
    if not form.is_valid():
        return _refuse(request, row, form)
    changes = form.changes()
    try:
        if not changes.wanted:
            with token_guard(MESSAGES):
                form_tokens.check_unused(form.cleaned_data["form_token"], person)
            messages.info(request, words.NOT_CHANGED)
            return _back(request, row)
        with submit_guard(request, MESSAGES):
            submission = submissions.change(
                changes=changes,
                kind=Kind.EDIT,
                person=person,
                by=actor_of(request),
                clock=CLOCK,
                form_token=form.cleaned_data["form_token"],
                confirm_overwrite=form.overwrites,
                supersedes=_refused(person, row, form.cleaned_data["supersedes"]),
            )
    except FormRejected as rejected:
        form.add_error(None, rejected.message)
        return rejected.add_retry_after(_refuse(request, row, form, status=rejected.status))
    except submissions.ConflictQuestion as question:
        return _refuse(request, row, form, conflict=conflicts(row, changes, question.current))
    except refusals.NotAllowed as error:
        raise PermissionDenied from error
    submission = submissions.wait_for_outcome(submission, clock=CLOCK)
    if submission.state == State.REJECTED:
        if before := redirect_to_earlier(request, submission):
            return before
        if submission.reason_code == "conflict":
            row.refresh_from_db()
            expected = expected_fields(row)
            now = {name: expected[name] for name in submission.field_errors if name in changes.wanted}
            return _refuse(request, row, form, conflict=conflicts(row, changes, now), supersedes=submission)
        form.add_refusal(submission.field_errors, submission.reason_text, submission.reason_code)
        return _refuse(request, row, form, supersedes=submission)
    return _accepted(request, row, submission)


def _accepted(request: PageRequest, row: Opportunity, submission: Submission) -> HttpResponse:
    """Without scripts to the submission's page; in place, the deal again with what became of it."""
    drafts.discard(person=request.person, form=DRAFT)
    if not request.htmx:
        url = reverse("opportunities:submission", args=[submission.pk])
        return see_other(url)
    goes_well = submission.state in (State.QUEUED, State.SENDING, State.CONFIRMED)
    level = (messages.SUCCESS if submission.is_final else messages.INFO) if goes_well else messages.WARNING
    said = words.SAVED[submission.state].format(name=submission.name)
    messages.add_message(request, level, said)
    response = _show(request, reachable(request.person, row.pk), said=said)
    return trigger_client_event(response, "deals:changed", {"id": row.pk})


def _back(request: PageRequest, row: Opportunity) -> HttpResponse:
    if request.htmx:
        return _show(request, row)
    return see_other(reverse("opportunities:opportunity", args=[row.pk]))


def _show(request: PageRequest, row: Opportunity, *, said: str = "") -> HttpResponse:
    """`said` is what screen readers hear of it."""
    person, now, in_page = request.person, timezone.now(), _in_page(request)
    reads_trail = may(person, Action.READ_TRAIL)
    moved = just_moved(person, request.GET.get("moved", ""), now) if request.method != "POST" else None
    page = deal_page(person, row, now)
    known = KnownObjects(page.asked, [row], {stage.id: stage.name for stage in page.stages})
    context = {
        "page": page,
        "in_page": in_page,
        "said": said,
        "moved": moved,
        "form_token": form_tokens.issue_token(person) if moved else "",
        "trail": trail_of(person, "opportunity", row.pk, known=known) if in_page else None,
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
    problems: list[tuple[str, str]] | None = None,
    conflict: Any = None,
    status: int = 200,
) -> HttpResponse:
    template = "partials/opportunity_edit.html" if request.htmx else "opportunity_edit.html"
    context = {
        "row": row,
        "form": form,
        "problems": problems or [],
        "conflict": conflict,
        "in_page": _in_page(request),
        "waiting": Submission.objects.open().filter(opportunity_id=row.pk).exists(),
    }
    return render(request, f"opportunities/{template}", context, status=status)


def _refuse(
    request: PageRequest,
    row: Opportunity,
    form: EditOpportunityForm,
    *,
    conflict: Any = None,
    supersedes: Submission | None = None,
    status: int = 422,
) -> HttpResponse:
    """The same form with everything typed kept, a fresh token, and the sentences where they belong."""
    person = request.person
    typed = edited_values(request.POST) | {"deal": row.pk}
    drafts.save(person=person, form=DRAFT, typed=typed, page=page_of(request), session=session_ref(request))
    data = _whole(request.POST, row)
    data["form_token"] = form_tokens.issue_token(person)
    data["confirm_overwrite"] = ""
    if supersedes:
        data["supersedes"] = str(supersedes.pk)
    form.data = data
    problems = form.problems()
    if conflict:
        problems.append(("id_confirm_overwrite", conflict.unanswered))
    return _draw(request, row, form, problems=problems, conflict=conflict, status=status)


def _form(
    person: Person, row: Opportunity, *, data: Any = None, typed: dict[str, str] | None = None
) -> EditOpportunityForm:
    offer = choices.offer_for(
        person, row, pipeline_of(row), typed_values(typed or {} if data is None else data)
    )
    today = timezone.now().date()
    return EditOpportunityForm(data, initial=typed, row=row, offer=offer, custom=editable(row), today=today)


def _whole(posted: QueryDict, row: Opportunity) -> QueryDict:
    """What was posted; a field that was not sent at all is left as it is."""
    data = posted.copy()
    custom = editable(row)
    now = typed_and_seen(expected_fields(row), custom)
    for name in (*EDITABLE, *(field.name for field in custom)):
        if name not in data:
            data[name], data[f"seen_{name}"] = now[name], now[f"seen_{name}"]
    return data


def _reopened(request: PageRequest, person: Person, row: Opportunity) -> dict[str, str]:
    """What was typed for this deal in a session that is over."""
    kept = drafts.reopen(
        person=person, form=DRAFT, page=page_of(request), session=session_ref(request), clock=CLOCK
    )
    return editable_values(kept) if kept.get("deal") == row.pk else {}


def _refused(person: Person, row: Opportunity, id: str) -> Submission | None:
    """The refused edit of this deal that the form corrects, if it is one of theirs; anything else counts as
    none.
    """
    try:
        key = UUID(id)
    except ValueError:
        return None
    mine = Submission.objects.of(person).filter(pk=key, opportunity_id=row.pk, kind="edit")
    return mine.filter(state__in=[State.REJECTED, State.WITHDRAWN]).first()


def _in_page(request: PageRequest) -> bool:
    """Whether the deal stands in its own page (which says so of its requests), not in a drawer over another."""
    return not request.htmx or request.headers.get("X-Place") == "page"
