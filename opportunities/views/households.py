from django.http import HttpRequest, HttpResponse


def households(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
