"""Requests that may be sent again: an Idempotency-Key, and the reply that is kept with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson
from fastapi import Request, Response
from pydantic import BaseModel

from engine.application.control.caller import Caller
from engine.application.control_ports import UnitOfWork
from engine.domain.control.errors import ConflictError
from engine.domain.control.reply import Reply
from engine.presentation.api.requests import etag_of
from engine.presentation.api.services import Services

SHOWN_ONCE = 409
"""Status of a reply that is not stored: a repeat of the request is a conflict."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a change.

    Attributes:
        status: of HTTP.
        body: of the reply.
        revision: of what was changed; None if it has none.
        shown_once: why a repeat of the request is a conflict, where the body is shown once.
    """

    status: int
    body: BaseModel
    revision: int | None = None
    shown_once: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that may be sent again.

    Attributes:
        services: of the application.
        caller: the user who asks.
        request: the HTTP request.
        key: the Idempotency-Key; None makes the change each time.
        asked: the body of the request, and the condition.
        allowed: raises if the caller may not; also called before a reply is repeated.
    """

    services: Services
    caller: Caller
    request: Request
    key: str | None
    asked: object
    allowed: Callable[[UnitOfWork], object]

    def once(self, change: Callable[[UnitOfWork], Result]) -> Response:
        """Make a change, and store the reply for retries of the same request.

        Raises:
            ForbiddenError: the caller may not.
            ConflictError: another request has used this key, or its reply is shown once.
        """
        with self.services.store.writing() as work:
            found = self._known(work)
            if found is None:
                made = change(work)
                found = self._reply(made)
                if self.key is not None:
                    work.replies.add(_kept(found, made))
        return _response(found)

    def repeated(self) -> Response | None:
        """Return the reply to this request if it was made before.

        Raises:
            ForbiddenError: the caller may not.
            ConflictError: another request has used this key, or its reply is shown once.
        """
        with self.services.store.reading() as work:
            found = self._known(work)
        return None if found is None else _response(found)

    def _known(self, work: UnitOfWork) -> Reply | None:
        self.allowed(work)
        found = None if self.key is None else work.replies.get(self.caller.name, self.key)
        if found is not None and found.request != self._digest():
            raise ConflictError("another request has this Idempotency-Key: take a new one")
        if found is not None and found.status == SHOWN_ONCE:
            raise ConflictError(found.body.decode())
        return found

    def _digest(self) -> str:
        asked = [self.request.method, self.request.url.path, str(self.asked)]
        return hashlib.sha256(orjson.dumps(asked)).hexdigest()

    def _reply(self, made: Result) -> Reply:
        etag = None if made.revision is None else etag_of(made.revision)
        body = made.body.model_dump_json().encode()
        who, now = (self.caller.name, self.key or ""), self.services.now()
        return Reply(*who, self._digest(), made.status, body, etag, now)


def once(
    services: Services,
    caller: Caller,
    request: Request,
    key: str | None,
    asked: object,
    change: Callable[[UnitOfWork], Result],
    allowed: Callable[[UnitOfWork], object],
) -> Response:
    """Make a change, and store the reply for retries of the same request: see `Attempt`."""
    return Attempt(services, caller, request, key, asked, allowed).once(change)


def _kept(reply: Reply, made: Result) -> Reply:
    """Return what is stored of a reply: no secret."""
    if made.shown_once is None:
        return reply
    return replace(reply, status=SHOWN_ONCE, body=made.shown_once.encode(), etag=None)


def _response(found: Reply) -> Response:
    headers = {} if found.etag is None else {"ETag": found.etag}
    return Response(found.body, found.status, headers, "application/json")
