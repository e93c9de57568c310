"""The route of a list: its parameters are read by one model, in one step."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from engine.presentation.api.credentials import BEARER, COOKIE, caller_of
from engine.presentation.api.services import services_of


class ListRoute(APIRoute):
    """Calls an endpoint with the services, the caller, the request, and its query.

    FastAPI looks at each parameter alone, which takes longer than finding a page. It still
    describes the endpoint, whose last argument is the model of the query.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        [field] = self.dependant.query_params
        query: type[BaseModel] = field.field_info.annotation  # type: ignore[assignment]
        endpoint = self.endpoint

        async def answer(request: Request) -> Response:
            services = await services_of(request)
            shown = await BEARER(request), await COOKIE(request)
            caller = await caller_of(request, services, *shown)
            wanted = _read(query, request)
            found: Response = await run_in_threadpool(endpoint, services, caller, request, wanted)
            return found

        return answer


def _read(query: type[BaseModel], request: Request) -> BaseModel:
    try:
        return query.model_validate(dict(request.query_params))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError(
            [{**one, "loc": ("query", *one["loc"])} for one in found]
        ) from None
