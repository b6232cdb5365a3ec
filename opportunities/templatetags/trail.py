"""What an entry of the trail is made of: its sentence, and the way to all that its actor did."""

from collections.abc import Iterable
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from opportunities.models import AuditEvent
from opportunities.selectors.audit.parts import Part

register = template.Library()

CLASSES = {"good": "is-good", "warn": "is-warn-text", "bad": "is-bad-text"}


@register.simple_tag
def sentence(parts: Iterable[Part]) -> SafeString:
    """The parts of a sentence, one right after the other, each in its tone."""
    html = escape("")
    for part in parts:
        html = format_html("{}{}", html, _tone_html(part))
    return html


def _tone_html(part: Part) -> SafeString:
    if part.tone in CLASSES:
        return format_html('<b class="{}">{}</b>', CLASSES[part.tone], part.text)
    return format_html("<b>{}</b>", part.text) if part.tone == "name" else escape(part.text)


@register.simple_tag
def address_of_all_done_by(event: AuditEvent) -> str:
    """The trail of everything the person did who did this."""
    actor_key = quote(f"{event.actor_iss} {event.actor_sub}", safe="")
    return f"{reverse('opportunities:audit')}?who={actor_key}"
