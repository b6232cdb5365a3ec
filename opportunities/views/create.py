"""Entering an opportunity: the form, its redraws, and submitting it."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from opportunities.access import Action
from opportunities.actions import drafts, duplicate_question, form_tokens, refusals, submissions
from opportunities.clock import SystemClock
from opportunities.forms import NewOpportunityForm, adjust, summary, typed_values
from opportunities.forms.parameters import ChangedFieldsForm, CorrectionForm, CreateButtonsForm
from opportunities.models import State, Submission
from opportunities.offer import Offer
from opportunities.selectors import choices
from opportunities.selectors.submissions.reach import correctable, refused_submission
from opportunities.selectors.submissions.words import typed_again
from opportunities.views.access_marks import keeps_draft, page_of
from opportunities.views.actor import actor_of, session_ref
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
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
# No other field depends on these. While a person types in them, only the summary is drawn again.
TYPED_FREELY = frozenset({"name", "value", "probability", "target_close_date"})


@keeps_draft(DRAFT, read_form=typed_values)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PageRequest) -> HttpResponse:
    """The form for a new opportunity. Its buttons submit it, draw it again, or start over."""
    require(request.person, Action.CHANGE)
    if request.method != "POST":
        correction = CorrectionForm(request.GET)
        return _correct(request, correction.submission_id) if correction.is_asked else _open_form(request)
    buttons = CreateButtonsForm(request.POST)
    if buttons.starts_over:
        return _start_over(request)
    if buttons.is_redraw:
        return _redraw(request, buttons)
    return _submit(request, buttons)


def _open_form(request: PageRequest) -> HttpResponse:
    """The form, with the values of its address."""
    return _draw_unsent(request, typed_values(request.GET))


def _correct(request: PageRequest, submission_id: str) -> HttpResponse:
    """The form, with the values of an earlier submission."""
    earlier = correctable(request.person, submission_id)
    typed = typed_again(earlier) | typed_values(request.GET)
    return _draw_unsent(request, typed, supersedes=str(earlier.pk))


def _draw_unsent(request: PageRequest, typed: dict[str, str], *, supersedes: str = "") -> HttpResponse:
    """The form with `typed`, and with the draft of a session that has ended."""
    draft = drafts.reopen(
        person=request.person,
        form=DRAFT,
        page=page_of(request),
        session=session_ref(request),
    )
    return _draw_typed(request, typed | draft, supersedes=supersedes, reopened=bool(draft))


def _redraw(request: PageRequest, buttons: CreateButtonsForm) -> HttpResponse:
    """Draw the form again, with the fields that depend on what was typed. Nothing is submitted."""
    typed = typed_values(request.POST)
    _save_draft(request, typed)
    earlier = refused_submission(request.person, buttons.text("supersedes"))
    return _draw_typed(request, typed, supersedes=str(earlier.pk) if earlier else "")


def _start_over(request: PageRequest) -> HttpResponse:
    """An empty form in place of a draft."""
    drafts.discard(person=request.person, form=DRAFT)
    return see_other(reverse("opportunities:new"))


@keeps_draft(DRAFT, read_form=typed_values)
@require_http_methods(["GET", "HEAD", "POST"])
def new_fields(request: PageRequest) -> HttpResponse:
    """For htmx: the summary, and out of band each field that depends on what was chosen."""
    require(request.person, Action.CHANGE)
    changed = ChangedFieldsForm(request.POST or request.GET).names
    typed = typed_values(request.POST or request.GET)
    if request.method == "POST":
        _save_draft(request, typed)
    offer = choices.offer(request.person, typed)
    form = _adjusted_form(request, typed, offer, changed=changed)
    form.oob = not (changed and changed <= TYPED_FREELY)
    context = _summary_context(request, form) | {"form": form, "offer": offer}
    return render(request, "opportunities/partials/create_fields.html", context)


def _submit(request: PageRequest, buttons: CreateButtonsForm) -> HttpResponse:
    person = request.person
    form = _form(request.POST, choices.offer(person, typed_values(request.POST)))
    earlier = refused_submission(person, buttons.text("supersedes"))
    supersedes = str(earlier.pk) if earlier else ""
    if not form.is_valid():
        return _draw_refused(request, form, supersedes=supersedes)
    try:
        with submit_guard(request, MESSAGES):
            submission = submissions.create(
                deal=form.deal(),
                person=person,
                by=actor_of(request),
                clock=CLOCK,
                form_token=form.cleaned_data["form_token"],
                confirm_duplicate=buttons.creates_duplicate,
                supersedes=earlier,
            )
    except FormRejected as rejected:
        form.add_error(None, rejected.message)
        response = _draw_refused(request, form, supersedes=supersedes, status=rejected.status)
        return rejected.add_retry_after(response)
    except duplicate_question.DuplicateQuestion as question:
        first = question.similar[0]
        if buttons.opens_similar and first.submission_id:
            return see_other(reverse("opportunities:submission", args=[first.submission_id]))
        return _draw_refused(request, form, supersedes=supersedes, similar=question.similar)
    except refusals.NotAllowed:
        form.add_error("book_id", fields_words.BOOK_UNKNOWN)
        return _draw_refused(request, form, supersedes=supersedes)
    submission = submissions.wait_for_outcome(submission, clock=CLOCK)
    if submission.state == State.REJECTED:
        if redirect := redirect_to_earlier(request, submission):
            return redirect
        form.add_refusal(submission.field_errors, submission.reason_text, submission.reason_code)
        return _draw_refused(request, form, supersedes=str(submission.pk))
    return _show_accepted(request, form, buttons, submission)


def _show_accepted(
    request: PageRequest, form: NewOpportunityForm, buttons: CreateButtonsForm, submission: Submission
) -> HttpResponse:
    drafts.discard(person=request.person, form=DRAFT)
    after = buttons.text("after")
    url = reverse("opportunities:submission", args=[submission.pk])
    if after == "board" and request.htmx:
        message = board_words.CREATED[submission.state].format(name=submission.name)
        return trigger_client_event(HttpResponse(status=204), "board:created", {"value": message})
    if after == "another":
        prefill = {name: form.current_value(name) for name in KEPT_FOR_ANOTHER}
        url = f"{reverse('opportunities:new')}?{urlencode(prefill)}"
        goes_well = submission.state in (State.QUEUED, State.SENDING, State.CONFIRMED)
        message = create_words.ADD_ANOTHER[submission.state].format(name=submission.name)
        messages.add_message(request, messages.SUCCESS if goes_well else messages.WARNING, message)
    if request.htmx:
        return HttpResponseClientRedirect(url)
    return see_other(url)


def _draw_refused(
    request: PageRequest,
    form: NewOpportunityForm,
    *,
    supersedes: str,
    similar: Sequence[duplicate_question.SimilarDeal] = (),
    status: int = 422,
) -> HttpResponse:
    """Draw the form with all typed values, a new token, and each problem at its field."""
    _save_draft(request, typed_values(request.POST))
    form.renew(form_token=form_tokens.issue_token(request.person), supersedes=supersedes)
    problems = form.problems()
    if similar:
        problems.append(("id_confirm_duplicate", _duplicate_question(similar[0])))
    return _draw(request, form, problems=problems, similar=similar, status=status)


def _draw_typed(
    request: PageRequest, typed: dict[str, str], *, supersedes: str, reopened: bool = False
) -> HttpResponse:
    offer = choices.offer(request.person, typed)
    if not offer.books:
        context = {"principals": choices.principals(request.person)}
        return render(request, "opportunities/create_nowhere.html", context)
    form = _adjusted_form(request, typed, offer, supersedes=supersedes)
    return _draw(request, form, reopened=reopened)


def _draw(
    request: PageRequest,
    form: NewOpportunityForm,
    *,
    problems: Sequence[tuple[str, str]] = (),
    similar: Sequence[duplicate_question.SimilarDeal] = (),
    status: int = 200,
    reopened: bool = False,
) -> HttpResponse:
    is_part = request.htmx and request.method == "POST"
    template = "opportunities/partials/create_form.html" if is_part else "opportunities/create.html"
    context = _summary_context(request, form) | {
        "form": form,
        "offer": form.offer,
        "problems": problems,
        "similar": similar,
        "duplicate_words": _duplicate_question(similar[0]) if similar else "",
        "disabled": choices.cannot_write_at_all(),
        "reopened": reopened,
    }
    return render(request, template, context, status=status)


def _save_draft(request: PageRequest, typed: dict[str, str]) -> None:
    drafts.save(
        person=request.person,
        form=DRAFT,
        typed=typed,
        page=page_of(request),
        session=session_ref(request),
    )


def _adjusted_form(
    request: PageRequest,
    typed: dict[str, str],
    offer: Offer,
    *,
    changed: frozenset[str] = frozenset(),
    supersedes: str = "",
) -> NewOpportunityForm:
    adjusted = adjust(typed, offer, changed)
    token = form_tokens.issue_token(request.person)
    initial = adjusted.values | {"form_token": token, "supersedes": supersedes}
    return _form(None, offer, initial=initial, hints=adjusted.hints)


def _form(
    data: Mapping[str, Any] | None,
    offer: Offer,
    *,
    initial: dict[str, Any] | None = None,
    hints: dict[str, str] | None = None,
) -> NewOpportunityForm:
    today = timezone.now().date()
    return NewOpportunityForm(data, offer=offer, today=today, initial=initial, hints=hints)


def _summary_context(request: PageRequest, form: NewOpportunityForm) -> dict[str, Any]:
    """The context of the summary of the form, by the rules that submitting it applies."""
    bound_form = form if form.is_bound else _form(form.initial, form.offer)
    similar = None
    if bound_form.is_valid() and bound_form.cleaned_data["value"] is not None:
        similar = len(duplicate_question.similar_deals(bound_form.deal(), person=request.person, clock=CLOCK))
    return {"summary": summary(bound_form, similar=similar, submitted=form.is_bound)}


def _duplicate_question(similar: duplicate_question.SimilarDeal) -> str:
    return create_words.DUPLICATE_UNANSWERED.format(
        by=similar.by_display, at=formats.moment(similar.created_at, timezone.now())
    )
