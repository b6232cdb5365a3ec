"""How several views answer."""

from django.http import HttpResponseRedirect


def see_other(url: str) -> HttpResponseRedirect:
    """303: whatever was posted, read this next."""
    return HttpResponseRedirect(url, status=303)
