"""What many views ask of a request, and answer."""

from django.http import HttpRequest, HttpResponseRedirect


def see_other(url: str) -> HttpResponseRedirect:
    """303: whatever was posted, read this next."""
    return HttpResponseRedirect(url, status=303)


def is_part(request: HttpRequest) -> bool:
    """Whether scripts ask for a piece of the page, and not the browser for the whole of it."""
    return request.headers.get("HX-Request") == "true"
