from uuid import UUID

from django.http import HttpRequest, HttpResponse


def submissions(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def submission(request: HttpRequest, id: UUID) -> HttpResponse:
    return HttpResponse()


def withdraw(request: HttpRequest, id: UUID) -> HttpResponse:
    return HttpResponse()
