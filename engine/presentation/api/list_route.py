"""The route of a list: its parameters are read by one model, in one step."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from engine.presentation.api.credentials import admitted
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.services import services_of


class ListRoute(EndpointRoute):
    """Calls an endpoint with the services, the caller, the request, its query, and its path.

    FastAPI looks at each parameter alone, which takes longer than finding a page. It still
    describes the endpoint: one of its arguments is the model of the query, the others are of the
    path.
    """

    def get_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request of somebody who may use the endpoint."""
        query, endpoint, path = self.query, self.endpoint, self.dependant.path_params

        async def answer(request: Request) -> Response:
            services, caller = await services_of(request), admitted(request)
            place = _place(path, request)
            wanted = read_query(query, request)
            found: Response = await run_in_threadpool(
                endpoint, services, caller, request, wanted, *place
            )
            return found

        return answer

    @property
    def query(self) -> type[BaseModel]:
        """The model of the query."""
        [field] = self.dependant.query_params
        return field.field_info.annotation  # type: ignore[return-value]


def read_query(query: type[BaseModel], request: Request) -> BaseModel:
    """Return the query of a request.

    Raises:
        RequestValidationError: it does not fit.
    """
    try:
        return query.model_validate(dict(request.query_params))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise RequestValidationError(
            [{**one, "loc": ("query", *one["loc"])} for one in found]
        ) from None


def _place(path: Sequence[Any], request: Request) -> list[Any]:
    """Return the parameters of the path."""
    found = []
    for field in path:
        value, errors = field.validate(
            request.path_params[field.name], {}, loc=("path", field.name)
        )
        if errors:
            raise RequestValidationError(errors)
        found.append(value)
    return found
