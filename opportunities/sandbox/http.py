"""The API as django-ninja describes it: addresses, OpenAPI document, control and ledger.

Every Slant operation is declared here with the shapes and statuses it answers, so that `/v1/openapi.json`
tells the truth (it is served without a token and counted nowhere). What is answered comes from `rules.py`:
one function, `slant`, stands behind all operations, unknown paths and wrong methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path, re_path
from ninja import NinjaAPI, Query, Schema
from ninja.openapi.schema import OpenAPISchema
from ninja.params.functions import Path
from pydantic import Field

from opportunities.sandbox import describe
from opportunities.sandbox.answers import Answer, encode, error
from opportunities.sandbox.checks import parse_json
from opportunities.sandbox.control import NotUnderstood
from opportunities.sandbox.routes import ROUTES, Endpoint
from opportunities.sandbox.rules import Exchange
from opportunities.sandbox.world import World


class SlantAPI(NinjaAPI):
    """The API with its sign-in written into the document; the rules check it, ninja does not."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        return document


slant_api = SlantAPI(
    title="Slant sandbox",
    version="1",
    description="A local stand-in for the Slant public API, as it answers under the default switches.",
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="slant",
)
own_api = NinjaAPI(docs_url=None, openapi_url=None, urls_namespace="own")


def slant(request: HttpRequest, **_ids: str) -> HttpResponse:
    """Answer any request to Slant by the rules."""
    exchange = _exchange(request)
    if exchange is None:
        raise AssertionError("server.py gives every request to Slant its exchange")
    return _http(_world(request).work(exchange))


def _http(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
    for name, value in answer.headers:
        response[name] = value
    return response


def _declare(method: str, pattern: str, endpoint: Endpoint) -> None:
    """One operation. ninja wants a function of its own for each, naming the ids in its path."""
    text = describe.operation(method, pattern, endpoint)

    def view(request: HttpRequest, **_ids: str) -> HttpResponse:
        return slant(request)

    ids = [part[1:-1] for part in pattern.split("/") if part.startswith("{")]
    view._ninja_contribute_args = [(name, str, Path(...)) for name in ids]  # type: ignore[attr-defined]
    slant_api.api_operation(
        [method],
        pattern.removeprefix("/v1"),
        response=text.responses,
        summary=text.summary,
        operation_id=text.operation_id,
        url_name=text.operation_id,
        openapi_extra=text.extra,
    )(view)


for _route in ROUTES:
    _declare(*_route)


def method_not_allowed(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Replaces ninja's answer to a wrong method by the one that the switches prescribe."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and _exchange(request) is not None:
            return slant(request)
        return response

    return middleware


class LedgerQuery(Schema):
    """`GET /_ledger`: entries after a number, by kind, by the method and path of the request behind them."""

    after: int = Field(0, ge=0)
    limit: int = Field(1000, ge=1, le=1000)
    kind: Literal["request", "write"] | None = None
    method: str | None = None
    path: str | None = None


@own_api.get("/_ledger")
def ledger(request: HttpRequest, query: Query[LedgerQuery]) -> HttpResponse:
    return _json(_world(request).show_ledger(**query.dict()))


@own_api.get("/_control")
def show_control(request: HttpRequest) -> HttpResponse:
    return _json(_world(request).show_control())


@own_api.post("/_control")
def change_control(request: HttpRequest) -> HttpResponse:
    try:
        changes = parse_json(request.body)
    except ValueError:
        return _http(error(400, "invalid_json", "The body is not JSON.", {}, "nested"))
    try:
        return _json(_world(request).change_control(changes))
    except NotUnderstood as wrong:
        return _http(error(422, "not_understood", str(wrong), {}, "nested"))


def _world(request: HttpRequest) -> World:
    world: World = request.META["sandbox.world"]
    return world


def _exchange(request: HttpRequest) -> Exchange | None:
    exchange: Exchange | None = request.META["sandbox.exchange"]
    return exchange


def _json(data: Any) -> HttpResponse:
    return HttpResponse(encode(data), content_type="application/json")


def nothing_here(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Any other address: Slant's own 404 (after its 401) below `/v1`, a plain one elsewhere."""
    if _exchange(request) is not None:
        return slant(request)
    return _http(error(404, "not_found", "Page not found.", {}, "nested"))


def broken(request: HttpRequest) -> HttpResponse:
    """A mistake in the sandbox itself."""
    return _http(error(500, "sandbox_broken", "The sandbox made a mistake; see its output.", {}, "nested"))


handler404 = nothing_here
handler500 = broken

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", slant_api.urls),
    path("", own_api.urls),
    re_path(r"", nothing_here),
]
