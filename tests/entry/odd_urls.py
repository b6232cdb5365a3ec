"""The application's addresses and a few that go wrong on purpose, each in one way."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from opportunities.views.access_marks import open_to_all, poll
from slantweb.urls import handler400, handler403, handler404, handler500

SECRET = "slnt_pat_canary_in_an_exception"


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a page")


@poll
def polled(request: HttpRequest) -> HttpResponse:
    return HttpResponse("a poll")


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(f"Authorization: Bearer {SECRET}")


@open_to_all
def breaks_for_all(request: HttpRequest) -> HttpResponse:
    return breaks(request)


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("words for developers")


def missing(request: HttpRequest) -> HttpResponse:
    raise Http404("words for developers")


@open_to_all
def missing_for_all(request: HttpRequest) -> HttpResponse:
    raise Http404("words for developers")


def unreadable(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("words for developers")


urlpatterns = [
    path("odd/page/", page),
    path("odd/polled/", polled),
    path("odd/breaks/", breaks),
    path("odd/breaks-for-all/", breaks_for_all),
    path("odd/forbidden/", forbidden),
    path("odd/missing/", missing),
    path("odd/missing-for-all/", missing_for_all),
    path("odd/unreadable/", unreadable),
    path("", include("slantweb.urls")),
]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
