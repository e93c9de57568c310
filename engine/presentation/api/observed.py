"""Gives each request an id for logs and the reply, counts it, and answers failures."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.application.telemetry.correlation import correlated
from engine.application.telemetry.server_metrics import ServerMetrics
from engine.presentation.api.guard import HEADERS
from engine.presentation.api.problems import problem

logger = logging.getLogger("pynomaly.api")
REQUEST_ID = "X-Request-ID"
METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
STREAM = "text/event-stream"
FAILED = "the server has failed: its log says why"


class Observed:
    """Middleware around all others.

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
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, ""), headers.get("traceparent", "")
        with correlated(*given) as found:
            reply = _Reply(scope, send, found.request)
            metrics = reply.metrics
            with metrics.in_progress.track_inprogress():
                try:
                    await self._app(scope, receive, reply.send)
                except Exception:
                    logger.exception("%s %s failed", scope["method"], scope["path"])
                    if reply.status:
                        raise
                    await problem(500, FAILED, (), **HEADERS)(scope, receive, reply.send)
                finally:
                    reply.count()


class _Reply:
    """The reply to one request: adds the id, and collects what is counted."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self.status = 0
        self.metrics: ServerMetrics = scope["app"].state.services.metrics
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self._began = time.perf_counter()
        self._seconds: float | None = None

    async def send(self, message: Message) -> None:
        """Forward a part of the reply."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self._request_id
            if headers.get("content-type", "").startswith(STREAM):
                self._seconds = time.perf_counter() - self._began
        await self._send(message)

    def count(self) -> None:
        """Count the request; the status is "none" if the client left before the reply."""
        seconds = self._seconds or time.perf_counter() - self._began
        method = self._scope["method"] if self._scope["method"] in METHODS else "other"
        route = getattr(self._scope.get("route"), "path", "none")
        status = str(self.status or "none")
        self.metrics.requests.labels(method, route, status).inc()
        self.metrics.request_seconds.labels(method, route).observe(seconds)
        logger.debug("%s %s: %s after %.0f ms", method, route, status, seconds * 1_000)
