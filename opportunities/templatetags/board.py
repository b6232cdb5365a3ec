"""Cards and lanes of the board, drawn once: they are values, so equal ones share their markup.

Whatever the markup depends on is in the arguments: a person, a request or a token must never be.
"""

from functools import lru_cache
from urllib.parse import quote, urlencode

from django import template
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from opportunities.selection import Selection
from opportunities.selectors.board.parts import Card, Lane

register = template.Library()

# About 6 MB of cards and 6 MB of lanes at the most; an unchanged board is then mostly put together, not
# drawn.
CARDS, LANES = 4096, 256


@register.simple_tag
@lru_cache(maxsize=CARDS)
def deal_card(card: Card) -> SafeString:
    return render_to_string("opportunities/partials/card.html", {"card": card})


@register.simple_tag(takes_context=True)
def deal_lane(context: Context, lane: Lane, selection: Selection, is_alone: bool = False) -> SafeString:
    return _lane(lane, selection, bool(context["shell"].may_create), is_alone)


@lru_cache(maxsize=LANES)
def _lane(lane: Lane, selection: Selection, may_create: bool, is_alone: bool) -> SafeString:
    context = {
        "lane": lane,
        "selection": selection,
        "query": selection.query(),
        "may_create": may_create,
        "is_alone": is_alone,
    }
    return render_to_string("opportunities/partials/lane.html", context)


@register.simple_tag
def new_deal_address(lane: Lane, selection: Selection) -> str:
    """The form for a deal in this lane, and in the book that was selected."""
    chosen = {"pipeline_id": lane.pipeline, "pipeline_stage_id": lane.stage.id}
    if selection.book:
        chosen["book_id"] = selection.book
    return f"{reverse('opportunities:new')}?{urlencode(chosen, quote_via=quote, safe='')}"
