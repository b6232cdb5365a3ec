"""Entering an opportunity: the form, its redraws, and sending it."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from opportunities.actions import drafts, duplicate_question, form_tokens, refusals, submissions
from opportunities.clock import SystemClock
from opportunities.forms import NewOpportunityForm, settle, summary, typed_values
from opportunities.models import State, Submission
from opportunities.offer import Offer
from opportunities.selectors import choices
from opportunities.selectors.submissions.reach import correctable
from opportunities.selectors.submissions.words import typed_again
from opportunities.views.access_marks import keeps_draft, page_of
from opportunities.views.actor import actor_of, session_ref
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.submit_guard import FormMessages, FormRejected, redirect_to_earlier, submit_guard
from opportunities.wording import board as board_words
from opportunities.wording import create as create_words
from opportunities.wording import fields as fields_words
from opportunities.wording import formats
from opportunities.wording import shell as shell_words

CLOCK = SystemClock()
DRAFT = "create"
MESSAGES = FormMessages(
    shell_words.CANNOT_WRITE,
    create_words.TOO_MANY_DEALS,
    create_words.FORM_NOT_YOURS,
    create_words.FORM_SENT_BEFORE,
)
KEPT_FOR_ANOTHER = ("book_id", "pipeline_id", "assigned_to_id")
# What nothing else depends on: while these are typed only the summary is drawn again.
TYPED_FREELY = frozenset({"name", "value", "probability", "target_close_date"})


@keeps_draft(DRAFT, read=typed_values)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest) -> HttpResponse:
    """The form, and what it sends. `redraw` asks for the form again with what was typed, without sending
    anything.
    """
    _may_enter(request)
    if request.method == "POST" and "redraw" not in request.POST:
        return _submit(request)
    if request.POST.get("redraw") == "empty":
        drafts.discard(person=request.person, form=DRAFT)
        return see_other(reverse("opportunities:new"))
    typed, supersedes, reopened = typed_values(request.POST or request.GET), "", {}
    if "from" in request.GET:
        earlier = correctable(request.person, request.GET["from"])
        typed, supersedes = typed_again(earlier) | typed, str(earlier.pk)
    elif request.method == "POST":
        supersedes = _supersedes(request)[0]
        _keep_draft(request, typed)
    if request.method != "POST":
        reopened = drafts.reopen(
            person=request.person,
            form=DRAFT,
            page=page_of(request),
            session=session_ref(request),
            clock=CLOCK,
        )
        typed |= reopened
    offer = choices.offer(request.person, typed)
    if not offer.books:
        return _nowhere_to_write(request)
    form = _settled_form(request, typed, offer, supersedes=supersedes)
    return _draw(request, form, reopened=bool(reopened))


@keeps_draft(DRAFT, read=typed_values)
@require_http_methods(["GET", "HEAD", "POST"])
def new_fields(request: PageRequest) -> HttpResponse:
    """The part that depends on what is chosen, for htmx: the summary, and each dependent field out of band."""
    _may_enter(request)
    data = request.POST or request.GET
    changed = frozenset(str(data.get("changed", "")).split())
    typed = typed_values(data)
    if request.method == "POST":
        _keep_draft(request, typed)
    offer = choices.offer(request.person, typed)
    form = _settled_form(request, typed, offer, changed=changed)
    form.oob = not (changed and changed <= TYPED_FREELY)
    context = _summary_of(request, form) | {"form": form, "offer": offer}
    return render(request, "opportunities/partials/create_fields.html", context)


def _submit(request: PageRequest) -> HttpResponse:
    person = request.person
    offer = choices.offer(person, typed_values(request.POST))
    form = _form(request.POST, offer)
    if not form.is_valid():
        return _refuse(request, form)
    try:
        with submit_guard(request, MESSAGES):
            submission = submissions.create(
                deal=form.deal(),
                person=person,
                by=actor_of(request),
                clock=CLOCK,
                form_token=form.cleaned_data["form_token"],
                confirm_duplicate=request.POST.get("confirm_duplicate") == "yes",
                supersedes=_supersedes(request)[1],
            )
    except FormRejected as rejected:
        form.add_error(None, rejected.message)
        return rejected.add_retry_after(_refuse(request, form, status=rejected.status))
    except duplicate_question.DuplicateQuestion as question:
        return _ask(request, form, question.similar)
    except refusals.NotAllowed:
        form.add_error("book_id", fields_words.BOOK_UNKNOWN)
        return _refuse(request, form)
    submission = submissions.wait_for_outcome(submission, clock=CLOCK)
    if submission.state == State.REJECTED:
        if before := redirect_to_earlier(request, submission):
            return before
        form.add_refusal(submission.field_errors, submission.reason_text, submission.reason_code)
        return _refuse(request, form, supersedes=str(submission.pk))
    return _accepted(request, submission)


def _accepted(request: PageRequest, submission: Submission) -> HttpResponse:
    drafts.discard(person=request.person, form=DRAFT)
    url = reverse("opportunities:submission", args=[submission.pk])
    if request.POST.get("after") == "board" and request.htmx:
        words = board_words.CREATED[submission.state].format(name=submission.name)
        return trigger_client_event(HttpResponse(status=204), "board:created", {"value": words})
    if request.POST.get("after") == "another":
        kept = {name: request.POST.get(name, "") for name in KEPT_FOR_ANOTHER}
        url = f"{reverse('opportunities:new')}?{urlencode(kept)}"
        goes_well = submission.state in (State.QUEUED, State.SENDING, State.CONFIRMED)
        words = create_words.ADD_ANOTHER[submission.state].format(name=submission.name)
        messages.add_message(request, messages.SUCCESS if goes_well else messages.WARNING, words)
    if request.htmx:
        return HttpResponseClientRedirect(url)
    return see_other(url)


def _ask(
    request: PageRequest, form: NewOpportunityForm, similar: list[duplicate_question.SimilarDeal]
) -> HttpResponse:
    """The duplicate question; "yes, it is the same" creates nothing and opens that one."""
    first = similar[0]
    if request.POST.get("confirm_duplicate") == "same" and first.submission_id:
        return see_other(reverse("opportunities:submission", args=[first.submission_id]))
    return _refuse(request, form, similar=similar)


def _refuse(
    request: PageRequest,
    form: NewOpportunityForm,
    *,
    supersedes: str | None = None,
    similar: list[duplicate_question.SimilarDeal] | None = None,
    status: int = 422,
) -> HttpResponse:
    """The same form with everything typed kept, a fresh token, and the sentences where they belong."""
    _keep_draft(request, typed_values(request.POST))
    data = request.POST.copy()
    data["form_token"] = form_tokens.issue_token(request.person)
    data["supersedes"] = _supersedes(request)[0] if supersedes is None else supersedes
    form.data = data
    problems = form.problems()
    if similar:
        problems.append(("id_confirm_duplicate", _duplicate_words(similar[0])))
    return _draw(request, form, problems=problems, similar=similar, status=status)


def _draw(
    request: PageRequest,
    form: NewOpportunityForm,
    *,
    problems: list[tuple[str, str]] | None = None,
    similar: list[duplicate_question.SimilarDeal] | None = None,
    status: int = 200,
    reopened: bool = False,
) -> HttpResponse:
    part = request.htmx and request.method == "POST"
    template = "opportunities/partials/create_form.html" if part else "opportunities/create.html"
    context = _summary_of(request, form) | {
        "form": form,
        "offer": form.offer,
        "problems": problems or [],
        "similar": similar or [],
        "duplicate_words": _duplicate_words(similar[0]) if similar else "",
        "disabled": choices.cannot_write_at_all(),
        "reopened": reopened,
    }
    return render(request, template, context, status=status)


def _keep_draft(request: PageRequest, typed: dict[str, str]) -> None:
    """What is typed so far, so that a session that ends takes nothing with it."""
    drafts.save(
        person=request.person,
        form=DRAFT,
        typed=typed,
        page=page_of(request),
        session=session_ref(request),
    )


def _settled_form(
    request: PageRequest,
    typed: dict[str, str],
    offer: Offer,
    *,
    changed: frozenset[str] = frozenset(),
    supersedes: str = "",
) -> NewOpportunityForm:
    settled = settle(typed, offer, changed)
    token = form_tokens.issue_token(request.person)
    initial = settled.values | {"form_token": token, "supersedes": supersedes}
    return _form(None, offer, initial=initial, hints=settled.hints)


def _form(data: Any, offer: Offer, **kwargs: Any) -> NewOpportunityForm:
    return NewOpportunityForm(data, offer=offer, today=timezone.now().date(), **kwargs)


def _summary_of(request: PageRequest, form: NewOpportunityForm) -> dict[str, Any]:
    """The summary of what the form holds, judged by the very rules that sending it would meet."""
    judged = form if form.is_bound else _form(form.initial, form.offer)
    similar = None
    if judged.is_valid() and judged.cleaned_data["value"] is not None:
        similar = len(duplicate_question.similar_deals(judged.deal(), person=request.person, clock=CLOCK))
    return {"summary": summary(judged, similar=similar, submitted=form.is_bound)}


def _supersedes(request: PageRequest) -> tuple[str, Submission | None]:
    """The refused submission this form corrects, if it is one of theirs; anything else counts as none."""
    try:
        id = UUID(request.POST.get("supersedes", ""))
    except ValueError:
        return "", None
    row = (
        Submission.objects.of(request.person)
        .filter(pk=id, state__in=[State.REJECTED, State.WITHDRAWN])
        .first()
    )
    return (str(id), row) if row else ("", None)


def _duplicate_words(similar: duplicate_question.SimilarDeal) -> str:
    return create_words.DUPLICATE_UNANSWERED.format(
        by=similar.by_display, at=formats.moment(similar.created_at, timezone.now())
    )


def _nowhere_to_write(request: PageRequest) -> HttpResponse:
    context = {"principals": choices.principals(request.person)}
    return render(request, "opportunities/create_nowhere.html", context)


def _may_enter(request: PageRequest) -> None:
    """Compliance reads and changes nothing: the page is not theirs, whatever the book."""
    person = request.person
    if not (person.is_sales or person.is_manager):
        raise PermissionDenied
