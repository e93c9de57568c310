"""The index of the API: links to what it has, for whoever has its address alone."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import BaseRoute

from engine import __version__
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.permits import PREFIX

DESCRIPTION = f"{PREFIX}/openapi.json"
LINK = f'<{DESCRIPTION}>; rel="service-desc"; type="application/json"'
"""RFC 8631."""


class IndexLink(BaseModel):
    """What can be read."""

    href: str
    """Its path; a URI template (RFC 6570) if `templated`."""
    title: str
    operation: str
    """Its operationId in the description."""
    templated: bool


class Index(BaseModel):
    """What the API has."""

    version: str
    """Release of the server."""
    description: str
    """Path of the description of all endpoints: OpenAPI 3.1."""
    links: list[IndexLink]
    """All that can be read; most of it needs a token."""


def index_of(routes: Iterable[BaseRoute]) -> APIRouter:
    """Return the endpoint of the index.

    Args:
        routes: of the API, without its prefix.
    """
    router = APIRouter(tags=["index"], route_class=EndpointRoute)
    links = [
        IndexLink(
            href=f"{PREFIX}{route.path}",
            title=(route.description or route.name).partition("\n")[0].rstrip("."),
            operation=route.name,
            templated="{" in route.path,
        )
        for route in routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    ]
    links.sort(key=lambda one: one.href)
    found = Index(version=__version__, description=DESCRIPTION, links=links)

    def read_index(response: Response) -> Index:
        """List what can be read, with links; it needs no token."""
        response.headers["Link"] = LINK
        return found

    router.add_api_route(PREFIX, read_index)
    return router
