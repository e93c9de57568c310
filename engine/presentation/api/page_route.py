"""The route of a list that is found by an index: so fast that no thread is needed for it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from engine.application.control.caller import Caller
from engine.application.control_ports import NotAtOnceError, UnitOfWork
from engine.domain.control.errors import RequestError
from engine.presentation.api.credentials import admitted
from engine.presentation.api.list_route import ListRoute, read_query
from engine.presentation.api.read_cache import Page
from engine.presentation.api.requests import link_to_next, page_reply
from engine.presentation.api.services import Services, services_of


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page of a list.

    Attributes:
        body: as JSON; a model that looks at it again would take longer than all else.
        next: cursor of the next page; None at the end.
    """

    body: bytes
    next: str | None


async def _work() -> None:
    """Describe the argument alone: the route gives it."""


WithReading = Annotated[UnitOfWork, Depends(_work)]


class PageRoute(ListRoute):
    """Calls an endpoint with a unit of work, the caller, and the query, for a `FoundPage`.

    `page_at_once` does so where other requests wait: handing a page to a thread takes several times
    as long as finding it. What it cannot do takes the usual way, through all of FastAPI.
    """

    def get_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request of somebody who may use the endpoint."""
        self._query: type[BaseModel] = self.query

        async def answer(request: Request) -> Response:
            services, caller = await services_of(request), admitted(request)
            wanted = read_query(self._query, request)
            found = await run_in_threadpool(self._found, services, caller, wanted)
            return page_reply(request, found.body, found.next)

        return answer

    def _found(self, services: Services, caller: Caller, wanted: BaseModel) -> FoundPage:
        with services.store.reading() as work:
            found: FoundPage = self.endpoint(work, caller, wanted)
        return found

    def page_at_once(self, services: Services, caller: Caller, scope: Scope) -> Page | None:
        """Return a page; None where that takes too long, or the request is refused."""
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        try:
            wanted = self._query.model_validate(dict(given))
            with services.store.reading_at_once() as work:
                found: FoundPage = self.endpoint(work, caller, wanted)
        except (NotAtOnceError, ValidationError, RequestError):
            return None
        headers = [(b"content-type", b"application/json")]
        if found.next is not None:
            link = link_to_next(scope["path"], given, found.next)
            headers.append((b"link", link.encode("latin-1")))
        return Page(headers, found.body, self)
