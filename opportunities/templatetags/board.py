"""Cards of the board, drawn once: a card is a value, so equal cards share their markup."""

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from opportunities.selectors.board import Card

register = template.Library()

# About 6 MB at the most; a board of a hundred cards is then mostly put together, not drawn.
KEPT = 4096


@register.simple_tag
@lru_cache(maxsize=KEPT)
def deal_card(card: Card) -> SafeString:
    return render_to_string("opportunities/partials/card.html", {"card": card})
