"""Replies that are kept for requests with an Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a request.

    Attributes:
        user: who sent it.
        key: the Idempotency-Key.
        request: digest of what was asked.
        status: of HTTP.
        body: of the reply.
        etag: of what the reply shows; None if it has none.
        created: ns since 1970.
    """

    user: str
    key: str
    request: str
    status: int
    body: bytes
    etag: str | None
    created: int
