"""The shell of each page, and a person's preferences for it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from opportunities.access import Action, may
from opportunities.actions import people
from opportunities.forms import PreferencesForm
from opportunities.forms.preferences import THEMES
from opportunities.models import Person
from opportunities.selectors.shell import ShellStatus, shell_status
from opportunities.views.answers import see_other
from opportunities.views.own_addresses import is_own_address
from opportunities.views.requests import PageRequest
from opportunities.wording import shell as shell_words


@dataclass(frozen=True)
class Link:
    """One entry of the navigation; `current` when it is the page one is on or a page below it."""

    url: str
    label: str
    icon: str
    current: bool


class Shell:
    """Computed only when a template uses it, so that fragments, bare pages and error pages cost no query."""

    def __init__(self, request: PageRequest) -> None:
        self._request = request

    @cached_property
    def person(self) -> Person | None:
        user = getattr(self._request, "user", None)
        return user if isinstance(user, Person) else None

    @cached_property
    def theme(self) -> str:
        """The person's theme; before sign-in the cookie's, so that no page flashes white."""
        chosen = (
            self.person.theme
            if self.person
            else self._request.COOKIES.get(settings.THEME_COOKIE_NAME, "auto")
        )
        return chosen if chosen in THEMES else "auto"

    @cached_property
    def status(self) -> ShellStatus | None:
        return shell_status(self.person, timezone.now()) if self.person else None

    @cached_property
    def may_create(self) -> bool:
        """Whether to show the button: to managers and sales, even if the form then says why they cannot
        write.
        """
        return bool(self.person and may(self.person, Action.CHANGE))

    @cached_property
    def work(self) -> list[Link]:
        return self._links(
            ("board", "Pipeline", "kanban"),
            ("submissions", "Submissions", "send"),
            ("reports", "Reports", "bar-chart-line"),
        )

    @cached_property
    def oversight(self) -> list[Link]:
        if not self.person:
            return []
        links = []
        if may(self.person, Action.REVIEW):
            links += self._links(("submissions_review", "Review queue", "patch-question"))
        if may(self.person, Action.READ_TRAIL):
            links += self._links(("audit", "Audit trail", "journal-text"))
        if may(self.person, Action.OVERSEE):
            links += self._links(
                ("sending", "Sending", "sliders"),
                ("targets", "Targets", "trophy"),
                ("stages", "Stages", "kanban"),
                ("people", "People", "people"),
            )
        return links

    @cached_property
    def demo(self) -> list[Link]:
        return self._links(("demo_misbehave", "Make Slant misbehave", "lightning")) if settings.DEMO else []

    @property
    def trouble(self) -> dict[str, str]:
        return shell_words.TROUBLE

    def _links(self, *entries: tuple[str, str, str]) -> list[Link]:
        """The page `name`, its label and its icon, each as an entry."""
        current_path = self._request.path
        links = []
        for name, label, icon in entries:
            url = reverse(f"opportunities:{name}")
            links.append(Link(url=url, label=label, icon=icon, current=current_path.startswith(url)))
        return links


def shell(request: PageRequest) -> dict[str, Any]:
    """Context processor: `shell`."""
    return {"shell": Shell(request)}


@require_safe
def freshness(request: PageRequest) -> HttpResponse:
    """What surrounds an open page, as it stands now. Open pages ask every few seconds."""
    return render(request, "opportunities/partials/freshness.html")


@require_POST
def preferences(request: PageRequest) -> HttpResponse:
    """Appearance and single-key shortcuts of the person signed in; back to the page they were on."""
    person = request.person
    form = PreferencesForm(request.POST)
    if form.is_valid():
        people.set_preferences(person=person, **form.cleaned_data)
    back = request.headers.get("Referer", "")
    response = see_other(back if is_own_address(request, back) else "/")
    response.set_cookie(
        settings.THEME_COOKIE_NAME,
        person.theme,
        max_age=365 * 24 * 3600,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
