"""The targets of each person, as managers set them."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from opportunities.access import Action, may
from opportunities.actions.targets import set_targets
from opportunities.clock import SystemClock
from opportunities.forms.problems import problems_of
from opportunities.forms.reports import TargetsForm
from opportunities.selectors.reports.scope import fetch_scope
from opportunities.selectors.reports.targets import TargetRow, fetch_targets, target_quarters
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.wording import reports as reports_words

CLOCK = SystemClock()


@require_http_methods(["GET", "HEAD", "POST"])
def targets(request: PageRequest) -> HttpResponse:
    """For managers: the targets of each owner in this fiscal quarter and the three after it."""
    person = request.person
    if not may(person, Action.OVERSEE):
        raise PermissionDenied
    scope = fetch_scope(person)
    quarters = target_quarters(timezone.localdate())
    firsts = [quarter.first for quarter in quarters]
    form = TargetsForm(
        request.POST if request.method == "POST" else None, members=list(scope.members), quarters=firsts
    )
    if form.is_valid():
        count = set_targets(amounts=form.amounts, by=actor_of(request), clock=CLOCK)
        announcement = reports_words.TARGETS_KEPT.format(count=count) if count else reports_words.TARGETS_SAME
        messages.success(request, announcement)
        return see_other(reverse("opportunities:targets"))
    context = {
        "quarters": [reports_words.quarter(first, settings.FISCAL_YEAR_START_MONTH) for first in firsts],
        "rows": [_target_row(row, form) for row in fetch_targets(scope, quarters)],
        "problems": problems_of(form),
    }
    return render(request, "reports/targets.html", context, status=422 if form.is_bound else 200)


def _target_row(row: TargetRow, form: TargetsForm) -> dict[str, Any]:
    cells = []
    for first, amount in row.amounts:
        name = form.named(row.member, first)
        typed = form.data.get(name) if form.is_bound else None
        cells.append(
            {
                "name": name,
                "value": typed if typed is not None else f"{amount:,}" if amount is not None else "",
                "label": f"{row.name}, {reports_words.quarter(first, settings.FISCAL_YEAR_START_MONTH)}",
                "error": next(iter(form.errors.get(name, [])), ""),
            }
        )
    return {"name": row.name, "cells": cells}
