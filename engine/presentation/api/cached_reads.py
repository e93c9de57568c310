"""Middleware: a page that was rendered is given again while the store stays as it is."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.application.control.caller import Caller
from engine.presentation.api.credentials import count_request
from engine.presentation.api.page_route import PageRoute
from engine.presentation.api.problems import TooManyRequestsError, refused
from engine.presentation.api.read_cache import READING, Page, Reading, Variant
from engine.presentation.api.services import Services

PREFIX = "/api/v1/"
ENCODED = (b"content-length", b"etag", b"cache-control", b"vary")


class CachedReads:
    """Middleware in front of the endpoints.

    Whoever sends a request is looked up once while users, tokens and sessions stay as they are, and
    a page is rendered once while the store stays as it is, for all who may see the same.

    Args:
        app: the application behind it.
        quick: the lists that may be read here, by their paths.
    """

    def __init__(self, app: ASGIApp, quick: Mapping[str, PageRoute]) -> None:
        self._app = app
        self._quick = quick

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reply with what is kept."""
        if scope["type"] != "http" or scope["method"] != "GET" or _is_other(scope):
            await self._app(scope, receive, send)
            return
        services: Services = scope["app"].state.services
        shown = _shown(scope)
        generation = await services.generations.current() if shown else None
        if generation is None:
            await self._app(scope, receive, send)
            return
        reading = Reading(generation, shown)
        known = services.reads.identities.get(generation.identities, shown)
        if known is not None and services.now() < known.until:
            reading.caller = known.caller
            if await self._replied(services, scope, receive, send, reading, known.caller):
                return
        scope.setdefault("state", {})[READING] = reading
        await self._app(scope, receive, _Keeping(services, scope, send, reading).send)

    async def _replied(
        self,
        services: Services,
        scope: Scope,
        receive: Receive,
        send: Send,
        reading: Reading,
        caller: Caller,
    ) -> bool:
        """Reply with a page that is kept, or found at once; return whether there is one."""
        pages, key = services.reads.pages, _key(scope, caller)
        page, quick = pages.get(reading.generation.data, key), self._quick.get(scope["path"])
        if page is None and quick is None:
            return False
        try:
            await count_request(services, caller)
        except TooManyRequestsError as error:
            await refused(error)(scope, receive, send)
            return True
        reading.is_counted = True
        if page is None:
            assert quick is not None
            page = quick.page_at_once(services, caller, scope)
            if page is None:
                return False
            pages.put(reading.generation.data, key, page)
        scope["route"] = page.route
        await _reply(scope, send, page)
        return True


class _Keeping:
    """The reply to one request, kept if its endpoint says so."""

    def __init__(self, services: Services, scope: Scope, send: Send, reading: Reading) -> None:
        self._services = services
        self._scope = scope
        self._send = send
        self._reading = reading
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Forward a part of the reply."""
        begins = message["type"] == "http.response.start"
        if begins and self._reading.is_kept and message["status"] == 200:
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            await self._keep(self._start, message["body"])

    async def _keep(self, start: Message, body: bytes) -> None:
        headers = [one for one in start["headers"] if one[0] not in ENCODED]
        page = Page(headers, body, self._scope.get("route"))
        reading = self._reading
        if reading.caller is not None:
            key = _key(self._scope, reading.caller)
            self._services.reads.pages.put(reading.generation.data, key, page)
        await _reply(self._scope, self._send, page)


async def _reply(scope: Scope, send: Send, page: Page) -> None:
    variant = page.compressed if _accepts_gzip(scope) else page.plain
    status, headers, body = 200, variant.headers, variant.body
    if _has_it(scope, variant):
        status, headers, body = 304, variant.unchanged, b""
    # A copy, as other middleware adds to it.
    start = {"type": "http.response.start", "status": status, "headers": list(headers)}
    await send(start)
    await send({"type": "http.response.body", "body": body})


def _is_other(scope: Scope) -> bool:
    return not scope["path"].startswith(PREFIX)


def _shown(scope: Scope) -> tuple[bytes, ...]:
    return tuple(
        value
        for pair in scope["headers"]
        if pair[0] in (b"authorization", b"cookie")
        for value in pair
    )


def _key(scope: Scope, caller: Caller) -> tuple[object, ...]:
    """Return what decides a page: what the caller may see, and what is asked."""
    grants = frozenset(caller.grants.items())
    return caller.role, grants, scope["path"], scope["query_string"]


def _values(scope: Scope, name: bytes) -> str:
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _accepts_gzip(scope: Scope) -> bool:
    """Return whether the client accepts gzip, and not with the weight 0."""
    for part in _values(scope, b"accept-encoding").lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _has_it(scope: Scope, variant: Variant) -> bool:
    """Return whether the client has this reply already: If-None-Match compares weakly."""
    tags = [tag.strip() for tag in _values(scope, b"if-none-match").split(",")]
    return "*" in tags or any(tag.removeprefix("W/") == variant.etag for tag in tags)
