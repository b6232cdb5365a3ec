from django.http import HttpRequest, HttpResponse


def new(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def new_fields(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
