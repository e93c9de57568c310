"""The application: all endpoints below /api/v1, and its description in OpenAPI."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from engine import __version__
from engine.application.control.memory_store import MemoryStore
from engine.presentation.api import (
    anomalies,
    audit,
    backtests,
    catalogue,
    control,
    datasets,
    dead_letters,
    entities,
    identity,
    incidents,
    oidc,
    one_time_codes,
    pipelines,
    runs,
    series,
    sessions,
    state,
    stream,
)
from engine.presentation.api.cached_reads import CachedReads
from engine.presentation.api.guard import Guard
from engine.presentation.api.index import DESCRIPTION, index_of
from engine.presentation.api.observed import Observed
from engine.presentation.api.page_route import PageRoute
from engine.presentation.api.permits import PREFIX
from engine.presentation.api.problems import MEDIA_TYPE, Problem, add_problems
from engine.presentation.api.services import Services, WithServices


def create_app(services: Services) -> FastAPI:
    """Return the application.

    Args:
        services: the services that the endpoints use.
    """
    app = FastAPI(
        title="Pynomaly",
        version=__version__,
        description="The control plane: anomalies and incidents, and who may do what with them.",
        openapi_url=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        # The Location header would contain the host that the client sent.
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses={"default": _problem_response()},
    )
    app.state.services = services
    lists: list[BaseRoute] = []
    # Those asked for most first: requests are compared with one route after the other.
    for part in (
        anomalies,
        incidents,
        entities,
        series,
        stream,
        pipelines,
        runs,
        control,
        backtests,
        datasets,
        dead_letters,
        state,
        catalogue,
        sessions,
        oidc,
        one_time_codes,
        identity,
        audit,
    ):
        app.include_router(part.router, prefix=PREFIX)
        lists += part.router.routes
    app.include_router(index_of(lists))
    app.include_router(_health)
    add_problems(app)
    quick = {PREFIX + route.path: route for route in lists if isinstance(route, PageRoute)}
    app.add_middleware(CachedReads, quick=quick)
    app.add_middleware(Guard)
    app.add_middleware(Observed)
    return app


_health = APIRouter(tags=["health"])


# Load balancers ask by HEAD, too.
@_health.head("/healthz", include_in_schema=False)
@_health.get("/healthz")
def live() -> dict[str, str]:
    """Report that the server is alive."""
    return {"status": "ok"}


@_health.head("/readyz", include_in_schema=False)
@_health.get("/readyz")
def ready(services: WithServices, response: Response) -> dict[str, str]:
    """Report that the store answers, too; 503 if it does not."""
    with services.store.reading() as work:
        work.users.get("")
    response.status_code = 200
    return {"status": "ok"}


def _operation_id(route: APIRoute) -> str:
    return route.name


def _problem_response() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema["$defs"] = schema.get("$defs", {})
    inlined = dict(schema)
    fields = inlined.pop("$defs").get("FieldProblem", {})
    inlined["properties"]["errors"] = {"type": "array", "items": fields}
    return {
        "description": "A problem, as RFC 9457 says",
        "content": {MEDIA_TYPE: {"schema": inlined}},
    }


def openapi() -> dict[str, Any]:
    """Return the description of the API: docs/openapi.json."""
    return create_app(Services(MemoryStore())).openapi()
