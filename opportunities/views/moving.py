"""Moving a deal to another stage: one address and one form for mouse, menu and keyboard, and for pages
without scripts.

For htmx the answer is the deal's card in its present stage, and a message. Otherwise it is a page.
"""

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from opportunities.access import Action
from opportunities.actions import form_tokens, moving, refusals, submissions
from opportunities.clock import SystemClock
from opportunities.delivery.answers import RECORD_GONE
from opportunities.forms.move import MoveForm
from opportunities.models import Opportunity, State, Submission
from opportunities.selectors.board import page as boards
from opportunities.selectors.board.cards import refusal as refusal_words
from opportunities.selectors.board.parts import Note
from opportunities.selectors.moving import DealGone, Movable, movable, own_move
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.own_addresses import own_path
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.views.submit_guard import (
    FormMessages,
    FormRejected,
    redirect_to_earlier,
    submit_guard,
    token_guard,
)
from opportunities.wording import board as board_words
from opportunities.wording import deals as deal_words

CLOCK = SystemClock()
MESSAGES = FormMessages(
    board_words.CANNOT_WRITE,
    board_words.TOO_MANY_MOVES,
    board_words.FORM_NOT_YOURS,
    board_words.FORM_SENT_BEFORE,
)


@dataclass(frozen=True)
class Refusal:
    """Why the deal was not moved. `question`: whether the person may confirm the move anyway."""

    words: str
    status: int = 422
    question: bool = False

    @property
    def field(self) -> str:
        """The field at which the refusal is shown."""
        return "confirm_overwrite" if self.question else "pipeline_stage_id"


@require_http_methods(["GET", "HEAD", "POST"])
def move(request: PageRequest, id: str) -> HttpResponse:
    """Show the form, and accept it. `undo` names the person's own move to undo."""
    person = request.person
    require(person, Action.CHANGE)
    try:
        movable_deal = movable(person, id)
    except DealGone as gone:
        return _show_gone(request, gone.deal)
    if not movable_deal.may_write:
        raise PermissionDenied
    if request.method != "POST":
        form = MoveForm(None, initial=request.GET, stages=movable_deal.stages, at=movable_deal.at.id)
        return _draw(request, movable_deal, form)
    form = MoveForm(request.POST, stages=movable_deal.stages, at=movable_deal.at.id)
    if form.undoes:
        return _undo(request, movable_deal, form)
    if not form.is_valid():
        if request.htmx and not form.wants_reason:
            return _draw_refused_card(request, movable_deal, form, Refusal(form.problems[0][1]))
        return _draw(request, movable_deal, form, status=422)
    return _submit(request, movable_deal, form)


def _submit(request: PageRequest, movable_deal: Movable, form: MoveForm) -> HttpResponse:
    fields = form.cleaned_data
    move_request = moving.MoveRequest(
        movable_deal.deal.pk,
        form.stage.id,
        fields["seen_pipeline_stage_id"],
        fields["probability"],
        form.probability_seen(movable_deal.probability),
        fields["lost_reason"],
    )
    try:
        with submit_guard(request, MESSAGES):
            submission = moving.move(
                move_request=move_request,
                person=request.person,
                by=actor_of(request),
                clock=CLOCK,
                form_token=fields["form_token"],
                row=fields["row"],
                confirm_overwrite=fields["confirm_overwrite"] == "yes",
            )
    except FormRejected as rejected:
        return rejected.add_retry_after(
            _draw_refused(request, movable_deal, form, Refusal(rejected.message, status=rejected.status))
        )
    except submissions.ConflictQuestion as question:
        return _draw_refused(request, movable_deal, form, _conflict_refusal(movable_deal, form, question))
    except refusals.SubmissionRefused:
        return _draw_refused(request, movable_deal, form, Refusal(board_words.CANNOT_MOVE))
    submission = submissions.wait_for_outcome(submission, clock=CLOCK)
    if submission.state == State.REJECTED:
        if before := redirect_to_earlier(request, submission):
            return before
        return _draw_refused(request, movable_deal, form, _slants_refusal(movable_deal, submission))
    announcement = board_words.MOVED[submission.state].format(
        name=movable_deal.deal.name, stage=form.stage.name
    )
    return _show_moved(request, movable_deal, form, submission, announcement, may_undo=True)


def _undo(request: PageRequest, movable_deal: Movable, form: MoveForm) -> HttpResponse:
    form.is_valid()
    earlier = own_move(request.person, form.typed("undo"), movable_deal.deal)
    if earlier is None:
        return _draw_refused(request, movable_deal, form, Refusal(board_words.FORM_NOT_YOURS))
    try:
        with token_guard(MESSAGES):
            taken_back = moving.undo(
                submission=earlier,
                person=request.person,
                by=actor_of(request),
                clock=CLOCK,
                form_token=form.cleaned_data.get("form_token", ""),
                row=form.cleaned_data.get("row", 0),
            )
    except FormRejected as rejected:
        return _draw_refused(request, movable_deal, form, Refusal(rejected.message))
    except submissions.ConflictQuestion as question:
        stage = _stage_name(movable_deal, question.current.get("pipeline_stage_id"))
        words = board_words.MOVED_MEANWHILE.format(
            stage=stage, aim=_stage_name(movable_deal, _stage_before(earlier))
        )
        return _draw_refused(request, movable_deal, form, Refusal(words))
    except refusals.SubmissionRefused:
        return _draw_refused(request, movable_deal, form, Refusal(board_words.CANNOT_MOVE))
    taken_back = submissions.wait_for_outcome(taken_back, clock=CLOCK)
    words = board_words.TAKEN_BACK if taken_back.pk == earlier.pk else board_words.MOVED_BACK
    announcement = words.format(
        name=movable_deal.deal.name, stage=_stage_name(movable_deal, _stage_before(earlier))
    )
    return _show_moved(request, movable_deal, form, taken_back, announcement, may_undo=False)


def _show_moved(
    request: PageRequest,
    movable_deal: Movable,
    form: MoveForm,
    submission: Submission,
    announcement: str,
    *,
    may_undo: bool,
) -> HttpResponse:
    if request.htmx:
        card = boards.card(request.person, movable_deal.deal.pk, timezone.now())
        context = {
            "card": card,
            "announcement": announcement,
            "undo": submission.pk if may_undo else "",
            "form_token": form_tokens.issue_token(request.person),
            "is_settled": submission.is_final,
        }
        return render(request, "opportunities/partials/moved.html", context)
    if back := _previous_page(request, form):
        if may_undo:
            separator = "&" if "?" in back else "?"
            return see_other(f"{back}{separator}moved={submission.pk}")
        messages.success(request, announcement)
        return see_other(back)
    return see_other(reverse("opportunities:submission", args=[submission.pk]))


def _draw_refused(
    request: PageRequest, movable_deal: Movable, form: MoveForm, refusal: Refusal
) -> HttpResponse:
    if request.htmx:
        return _draw_refused_card(request, movable_deal, form, refusal)
    return _draw(request, movable_deal, form, refusal=refusal, status=refusal.status)


def _draw_refused_card(
    request: PageRequest, movable_deal: Movable, form: MoveForm, refusal: Refusal
) -> HttpResponse:
    """Draw the card in the deal's present stage, with the reason why it was not moved."""
    card = boards.card(request.person, movable_deal.deal.pk, timezone.now())
    stage_id = form.typed("pipeline_stage_id")
    if card and not (card.note and card.note.how == "refused"):
        is_offered = any(stage.id == stage_id for stage in movable_deal.stages)
        note = Note("refused", refusal.words, "exclamation-circle-fill", stage=stage_id if is_offered else "")
        card = replace(card, note=note)
    announcement = board_words.NOT_REFUSED.format(name=movable_deal.deal.name, why=refusal.words)
    context = {
        "card": card,
        "announcement": announcement,
        "refused": True,
        "gone": "" if card else movable_deal.deal.pk,
    }
    return render(request, "opportunities/partials/moved.html", context, status=refusal.status)


def _show_gone(request: PageRequest, deal: Opportunity) -> HttpResponse:
    """Slant no longer has the deal: its card leaves the board, and its page says so."""
    announcement = deal_words.GONE_NOT_SENT.format(name=deal.name)
    if request.htmx:
        context = {"card": None, "announcement": announcement, "refused": True, "gone": deal.pk}
        return render(request, "opportunities/partials/moved.html", context, status=422)
    messages.warning(request, announcement)
    return see_other(reverse("opportunities:opportunity", args=[deal.pk]))


def _draw(
    request: PageRequest,
    movable_deal: Movable,
    form: MoveForm,
    *,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """Draw the form, as a page or for the board's dialog, with all typed values and a new token."""
    stage_id = form.typed("pipeline_stage_id")
    picked = next((stage for stage in movable_deal.stages if stage.id == stage_id), None)
    # On the board the place where the card was dropped decides the stage. On a page the person can still
    # change it.
    chosen = picked if request.htmx else None
    problems = form.problems if form.is_bound else []
    if refusal:
        problems = [(refusal.field, refusal.words)]
    context: dict[str, Any] = {
        "movable": movable_deal,
        "deal": movable_deal.deal,
        "errors": {name: [message for at, message in problems if at == name] for name, _ in problems},
        "picked": picked or movable_deal.at,
        "chosen": chosen,
        "refusal": refusal,
        "problems": [(f"id_{name}", words) for name, words in problems],
        "seen": form.seen_stage or movable_deal.at.id,
        "seen_probability": form.typed_seen_probability(movable_deal.probability),
        "lost_reason": form.typed("lost_reason"),
        "probability": form.typed("probability"),
        "offers_certainty": chosen is not None and movable_deal.offers_certainty(chosen),
        "reasons": board_words.REASONS,
        "next": _previous_page(request, form),
        "form_token": form_tokens.issue_token(request.person),
    }
    name = "partials/move_form.html" if request.htmx else "move.html"
    return render(request, f"opportunities/{name}", context, status=status)


def _slants_refusal(movable_deal: Movable, submission: Submission) -> Refusal:
    why = refusal_words(submission.reason_code, submission.reason_text, submission.field_errors)
    if submission.reason_code == RECORD_GONE:
        return Refusal(why)
    return Refusal(board_words.NOT_MOVED.format(stage=movable_deal.at.name, why=why))


def _conflict_refusal(
    movable_deal: Movable, form: MoveForm, question: submissions.ConflictQuestion
) -> Refusal:
    if stage_id := question.current.get("pipeline_stage_id"):
        stage = _stage_name(movable_deal, stage_id)
        words = board_words.MOVED_MEANWHILE.format(stage=stage, aim=form.stage.name)
    else:
        words = board_words.CHANGED_MEANWHILE
    return Refusal(words, question=True)


def _stage_before(submission: Submission) -> str:
    return str(submission.seen.get("pipeline_stage_id", ""))


def _stage_name(movable_deal: Movable, id: Any) -> str:
    return next((stage.name for stage in movable_deal.stages if stage.id == id), str(id or ""))


def _previous_page(request: PageRequest, form: MoveForm) -> str:
    """The page the form names, else the board the browser came from. Never another site's."""
    named = form.typed("next")
    if named or request.method != "GET":
        return own_path(request, named)
    came_from = own_path(request, request.headers.get("Referer", ""))
    is_board = came_from.partition("?")[0] == reverse("opportunities:board")
    return came_from if is_board else ""
