"""Template tags for icons, money and times. Values are escaped; no text of Slant is marked safe."""

from datetime import UTC, date, datetime
from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from opportunities import dates
from opportunities.wording import formats

register = template.Library()


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, classes: str = "") -> SafeString:
    """A symbol of static/img/icons.svg; decoration only, so the words beside it must say the same."""
    return format_html(
        '<svg class="icon{}{}" aria-hidden="true"><use href="{}#{}"/></svg>',
        " " if classes else "",
        classes,
        static("img/icons.svg"),
        name,
    )


@register.filter
def money(value: int | None) -> str:
    return "" if value is None else formats.money(value)


@register.filter
def day(value: date | None) -> str:
    """A calendar day, never moved between time zones: `Nov 30`, with the year when it is not this one."""
    return "" if value is None else formats.day(value, timezone.localdate())


@register.filter
def clock(value: datetime | None) -> str:
    """A time in the firm's zone: `10:44 AM` today, else `Nov 23, 10:44 AM`."""
    return "" if value is None else formats.moment(value, timezone.now())


@register.filter
def time_of_day(value: datetime) -> str:
    """A time in the firm's zone, where its day stands above."""
    return dates.time(timezone.localtime(value))


@register.filter
def clock_seconds(value: datetime | None) -> str:
    return "" if value is None else dates.time_with_seconds(timezone.localtime(value))


@register.filter
def utc(value: datetime | None) -> str:
    """A moment for scripts, the same in every zone: `2026-11-30T15:44:00Z`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value else ""


@register.filter
def shade(name: str) -> str:
    """One of four background colors of an avatar, the same for a person on every page."""
    return "abcd"[sum(map(ord, name)) % 4]


@register.filter
def initials(name: str) -> str:
    """Of a name or an e-mail address, for an avatar."""
    return "".join(word[0] for word in name.replace("@", " ").replace(".", " ").split()[:2]).upper()


@register.filter
def grouped(value: int) -> str:
    """`18,206`."""
    return f"{value:,}"
