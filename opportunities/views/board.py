"""The board: the page, its windows, what changed since, its filters and saved views."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from opportunities.actions import form_tokens
from opportunities.actions import saved_views as actions
from opportunities.forms.parameters import BoardChangesForm, MovedForm
from opportunities.forms.selection import SelectionForm, WindowForm
from opportunities.forms.views import DeleteViewForm, SaveViewForm
from opportunities.selection import LIST, Selection
from opportunities.selectors import filters
from opportunities.selectors.board import page as boards
from opportunities.selectors.board.changes import changes
from opportunities.selectors.board.parts import Board
from opportunities.selectors.board.totals import hidden_by_filters
from opportunities.selectors.bookmarks import lost_from_address
from opportunities.selectors.moving import recent_move
from opportunities.views import listing
from opportunities.views.access_marks import poll
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.wording import board as board_words

# Remembered for the next visit: the filters of the person's work, not of a search.
REMEMBERED = ("pipeline", "book", "owner", "view")


@require_http_methods(["GET", "HEAD", "POST"])
def board(request: PageRequest) -> HttpResponse:
    """The board with the filters of its address; without any, with the person's last filters.

    A POST sets filters and remembers them.
    """
    if request.method == "POST":
        return _apply(request)
    form = _form(request)
    selection = form.selection
    if selection.view == LIST:
        return listing.page(request, selection, problems=form.problems)
    now = timezone.now()
    drawn_board = boards.board(request.person, selection, now)
    context = _page_context(request, drawn_board, form) | {
        "moved": recent_move(request.person, MovedForm(request.GET).text("moved"), now),
    }
    return render(request, "opportunities/board.html", context)


@require_safe
def board_lane(request: PageRequest, pipeline: str, stage: str) -> HttpResponse:
    """One column: a window of it, from its top or `after` a card. A part for scripts, a page without."""
    person, now = request.person, timezone.now()
    selection = replace(SelectionForm(request.GET).selection, pipeline=pipeline)
    after, card_count = WindowForm(request.GET).window
    lane = boards.lane(
        person,
        selection,
        stage,
        now,
        after=after,
        card_count=boards.WINDOW if card_count is None else card_count,
    )
    if lane is None:
        raise Http404
    context = {"lane": lane, "selection": selection, "query": selection.query()}
    name = "partials/board_lane.html" if request.htmx else "board_lane.html"
    return render(request, f"opportunities/{name}", context)


@poll
@require_safe
def board_changes(request: PageRequest) -> HttpResponse:
    """204, or which columns changed since the token `since`, with the page's head as it is now."""
    person, selection = request.person, SelectionForm(request.GET).selection
    changes_form = BoardChangesForm(request.GET)
    since = changes_form.text("since")
    column_changes = changes(person, selection, since)
    if column_changes is None and not changes_form.wants_head:
        return HttpResponse(status=204)
    head = boards.head(person, selection, timezone.now())
    if head is None:
        # The pipeline of this open board is gone. The page says so when it is drawn again.
        return render(
            request, "opportunities/partials/board_gone.html", {"changes": column_changes, "since": since}
        )
    context = {
        "changes": column_changes,
        "since": since,
        "board": head,
        "query": head.selection.query(),
    }
    return render(request, "opportunities/partials/board_changes.html", context)


@require_safe
def board_filters(request: PageRequest) -> HttpResponse:
    """All filters as one form: opened over the board, or a page without scripts."""
    person, form = request.person, _form(request)
    context = {
        "form": form,
        "selection": form.selection,
        "options": filters.options(person),
        "household": filters.household_name(person, form.selection.household),
        "closes": board_words.CLOSES,
        "missings": board_words.MISSINGS,
    }
    name = "partials/board_filters.html" if request.htmx else "board_filters.html"
    return render(request, f"opportunities/{name}", context)


@require_http_methods(["GET", "HEAD", "POST"])
def board_views(request: PageRequest) -> HttpResponse:
    """The person's saved views: open, save, delete."""
    if request.method == "POST":
        return _delete(request) if DeleteViewForm(request.POST).is_asked else _save(request)
    return _draw_views(request, query=_form(request).selection.query())


def _form(request: PageRequest) -> SelectionForm:
    """The filters of the address; for an address without any, this person's last ones."""
    person = request.person
    form = SelectionForm(request.GET)
    if form.narrows:
        return form
    if not person.board_query and person.is_sales and person.member_id:
        return SelectionForm(QueryDict("owner=me"))
    return SelectionForm(QueryDict(person.board_query))


def _apply(request: PageRequest) -> HttpResponse:
    form = SelectionForm(request.POST)
    selection = form.selection
    if form.problems:
        # The problems are shown at the filters, and the typed values stay in the address.
        return see_other(f"{reverse('opportunities:board')}?{form.typed_query()}")
    match form.cleared:
        case "all":
            selection = Selection(pipeline=selection.pipeline, view=selection.view)
        case name if name in form.fields:
            selection = replace(selection, **{name: getattr(Selection(), name)})
    kept_fields = {name: getattr(selection, name) for name in REMEMBERED}
    actions.remember(person=request.person, query=Selection(**kept_fields).query() or "view=board")
    return see_other(_board_url(selection))


def _save(request: PageRequest) -> HttpResponse:
    form = SaveViewForm(request.POST)
    selection = form.selection
    query = selection.query()
    problem = "" if form.is_valid() else form.problem
    if not problem and len(query) > 1000:
        problem = board_words.VIEW_TOO_LONG
    if not problem:
        try:
            actions.save(person=request.person, name=form.cleaned_data["name"], query=query)
        except actions.TooManyViews:
            problem = board_words.MOST_VIEWS.format(most=actions.VIEW_LIMIT)
    if problem:
        return _draw_views(request, query=query, typed=form.typed_name, problem=problem, status=422)
    messages.success(request, board_words.VIEW_SAVED.format(name=form.cleaned_data["name"]))
    return see_other(_board_url(selection))


def _delete(request: PageRequest) -> HttpResponse:
    form = DeleteViewForm(request.POST)
    chosen = form.chosen
    name = actions.delete(person=request.person, id=chosen) if chosen else ""
    if name:
        messages.success(request, board_words.VIEW_DELETED.format(name=name))
    return see_other(_board_url(form.selection))


def _draw_views(
    request: PageRequest, *, query: str, typed: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "views": filters.saved_views(request.person),
        "query": query,
        "problem": problem,
        "typed": typed,
    }
    name = "partials/board_views.html" if request.htmx else "board_views.html"
    return render(request, f"opportunities/{name}", context, status=status)


def _page_context(request: PageRequest, drawn_board: Board, form: SelectionForm) -> dict[str, Any]:
    """The template context besides the board itself."""
    person, selection = request.person, drawn_board.selection
    names = drawn_board.names
    named_filters = {"book", "owner", "household"} & set(selection.narrowed_by)
    if named_filters - set(names):
        names = boards.lookup_names(person, selection) | names
    return {
        "board": drawn_board,
        "selection": selection,
        "query": selection.query(),
        "chips": filters.chips(selection, names),
        "problems": form.problems,
        "lost": lost_from_address(person, form.selection, drawn_board.pipeline),
        "form_token": form_tokens.issue_token(person),
        "hidden": hidden_by_filters(person, selection)
        if drawn_board.is_empty and selection.narrowed_by
        else 0,
    }


def _board_url(selection: Selection) -> str:
    return f"{reverse('opportunities:board')}?{selection.query() or 'view=board'}"
