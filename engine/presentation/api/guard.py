"""The guard around all endpoints: the maximum size of requests, and headers for browsers."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.presentation.api.problems import problem

MOST_BYTES = 2**20
ARCHIVES = "/state/import"
MOST_ARCHIVE_BYTES = 2**30
"""Of an archive of state, which goes to a file."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    # Browsers respect it only over TLS, through the proxy.
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ENCODED = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class Guard:
    """Middleware that refuses large bodies and adds headers.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                given = {name for name, _ in headers}
                message["headers"] = [*headers, *(one for one in ENCODED if one[0] not in given)]
            await send(message)

        most = MOST_ARCHIVE_BYTES if scope["path"].endswith(ARCHIVES) else MOST_BYTES
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > most:
            await problem(413, _too_large(most))(scope, receive, guarded)
            return
        await self._app(scope, _bounded(receive, most), guarded)


def _too_large(most: int) -> str:
    return f"a request may have {most} bytes at most"


def _bounded(receive: Receive, most: int) -> Receive:
    total = 0

    async def take() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > most:
            raise HTTPException(413, _too_large(most))
        return message

    return take
