"""Responses that several views use."""

from django.http import HttpResponseRedirect


def see_other(url: str) -> HttpResponseRedirect:
    """A 303: the browser loads `url` with GET after the POST."""
    return HttpResponseRedirect(url, status=303)
