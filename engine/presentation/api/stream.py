"""Server-sent events: anomalies and incidents as they arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from engine.application.control.caller import Caller
from engine.application.control.permissions import Action, may_see, require, require_somewhere
from engine.domain.control.errors import UnauthenticatedError
from engine.domain.control.feed import FeedEntry
from engine.domain.errors import RetryableError
from engine.presentation.api.credentials import WithCaller, identified, shown_by
from engine.presentation.api.endpoint_route import EndpointRoute
from engine.presentation.api.problems import RETRY_SECONDS
from engine.presentation.api.requests import Wanted
from engine.presentation.api.services import Services, WithServices

router = APIRouter(tags=["stream"], route_class=EndpointRoute)
MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE_SECONDS = 15.0
"""Interval of keep-alives: proxies close connections that are idle for a minute."""
CHECK_SECONDS = 60.0
"""Interval at which the token of a stream is checked."""
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        pattern="^[0-9]{1,18}$",
        description="Of the last event that was seen: the stream goes on behind it.",
    ),
]


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def stream(
    services: WithServices,
    caller: WithCaller,
    request: Request,
    pipeline: Wanted = None,
    kind: Literal["anomaly", "incident"] | None = None,
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Send anomalies and incidents as they arrive, and changes of incidents.

    Server-sent events: `anomaly`, `incident`, and `gap` with how many events were missed.
    """
    require_somewhere(caller, Action.READ)
    if pipeline is not None:
        require(caller, Action.READ, pipeline)
    live = services.live
    if live.is_full:
        detail = "as many watch this server as it serves: try another one, or later"
        raise HTTPException(503, detail, {"Retry-After": str(RETRY_SECONDS)})
    watch = _Watch(services, caller, shown_by(request), pipeline, kind)
    after = await live.last(services.store) if last_event_id is None else int(last_event_id)
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(watch.events(after), media_type=MEDIA_TYPE, headers=headers)


class _Watch:
    """The stream of one client.

    Args:
        services: of the application.
        caller: the user of the client.
        token: the token of the request.
        pipeline, kind: filters; None: all.
    """

    def __init__(
        self,
        services: Services,
        caller: Caller,
        token: str,
        pipeline: str | None,
        kind: str | None,
    ) -> None:
        self._services = services
        self._caller = caller
        self._token = token
        self._pipeline = pipeline
        self._kind = kind

    async def events(self, position: int) -> AsyncIterator[bytes]:
        """Yield events after a number, until the token expires or the server stops."""
        live, store = self._services.live, self._services.store
        with live.watching(store):
            yield f"retry: 3000\nid: {position}\n\n".encode()
            checked = time.monotonic()
            while await self._allowed(checked):
                if time.monotonic() - checked >= CHECK_SECONDS:
                    checked = time.monotonic()
                news = live.news
                page = await live.page(store, self._caller, position)
                if page.missed:
                    yield _gap(page.missed)
                if page.entries:
                    position = page.entries[-1].number
                    # Only the number if nothing matches, so that the client skips these entries.
                    found = b"".join(map(_event, filter(self._fits, page.entries)))
                    yield found or f"id: {position}\n\n".encode()
                elif live.closing:
                    return
                elif not await _comes(news):
                    yield b":\n\n"

    def _fits(self, entry: FeedEntry) -> bool:
        change = entry.change
        if not may_see(self._caller, change.pipeline):
            return False
        return self._pipeline in (None, change.pipeline) and self._kind in (None, change.kind)

    async def _allowed(self, checked: float) -> bool:
        """Return whether the token is valid; checked periodically."""
        if time.monotonic() - checked < CHECK_SECONDS:
            return True
        try:
            await run_in_threadpool(self._authenticate)
        except UnauthenticatedError:
            return False
        except RetryableError:
            return True
        return True

    def _authenticate(self) -> None:
        # Their rights may have changed as well.
        shown = identified(self._services, self._token, self._caller.address)
        self._caller = shown.caller


async def _comes(news: asyncio.Event) -> bool:
    """Return whether entries arrive before the next keep-alive is due."""
    try:
        await asyncio.wait_for(news.wait(), KEEP_ALIVE_SECONDS)
    except TimeoutError:
        return False
    return True


def _event(entry: FeedEntry) -> bytes:
    return f"id: {entry.number}\nevent: {entry.change.kind}\ndata: {entry.change.data}\n\n".encode()


def _gap(missed: int) -> bytes:
    return f'event: gap\ndata: {{"missed":{missed}}}\n\n'.encode()
