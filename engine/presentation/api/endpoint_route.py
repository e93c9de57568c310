"""The route of an endpoint: who asks comes first, then whether they may, and then what they ask."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from engine.domain.control.errors import InvalidRequestError
from engine.presentation.api.credentials import BEARER, COOKIE, caller_of
from engine.presentation.api.permits import permit_of
from engine.presentation.api.services import services_of

FOREIGN = "/session/oidc/callback"
"""Providers add parameters of their own here, which OAuth 2.0 says to ignore."""


class EndpointRoute(APIRoute):
    """Answers 401 before 403, and 403 before anything that is wrong with the request itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handle = self.get_handler()
        permits = {method: permit_of(method, self.path) for method in self.methods or ()}
        is_foreign = self.path.endswith(FOREIGN)
        known = None if is_foreign else frozenset(_parameters(self.dependant))
        takes_json = bool(self.dependant.body_params)
        takes_none = not takes_json and "requestBody" not in (self.openapi_extra or {})

        async def answer(request: Request) -> Response:
            permit = permits[request.method]
            if permit is not None:
                shown = await BEARER(request), await COOKIE(request)
                caller = await caller_of(request, await services_of(request), *shown)
                permit.check(caller, request.path_params)
            if known is not None and request.query_params:
                _require_known(request, known)
            if _has_body(request):
                if takes_json:
                    _require_json(request)
                elif takes_none:
                    await _require_empty(request)
            return await handle(request)

        return answer

    def get_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request of somebody who may use the endpoint."""
        return super().get_route_handler()


def _parameters(dependant: Dependant) -> Iterator[str]:
    """Yield the names of the parameters of the query."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (one.alias or name for name, one in model.model_fields.items())
        else:
            yield field.alias
    for part in dependant.dependencies:
        yield from _parameters(part)


def _has_body(request: Request) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _require_json(request: Request) -> None:
    """Refuse a body that is declared as anything else: FastAPI would call it no object."""
    given = request.headers.get("content-type", "application/json")
    kind = given.partition(";")[0].strip().lower()
    if not kind.startswith("application/") or kind.rpartition("/")[2].split("+")[-1] != "json":
        raise InvalidRequestError(
            "header/Content-Type", f'found "{given[:100]}", expected application/json'
        )


async def _require_empty(request: Request) -> None:
    """Refuse a body where none is read: what it asks for would not be done."""
    try:
        body = await request.body()
    except ClientDisconnect:
        raise HTTPException(400, "the body ended early") from None
    if body.strip() not in (b"", b"{}", b"null"):
        raise InvalidRequestError(
            "body", "expected no body: all that this request takes is in its path and query"
        )


def _require_known(request: Request, known: frozenset[str]) -> None:
    """Refuse parameters that an endpoint does not have: a misspelled one would change nothing."""
    foreign = [name for name in request.query_params if name not in known]
    if foreign:
        text = "Extra inputs are not permitted"
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("query", name), "msg": text} for name in foreign]
        )
