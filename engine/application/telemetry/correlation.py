"""Correlation: the ids of the request that a thread or task works on, for logs and replies."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from engine.domain.trace import trace_id_of

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Correlation:
    """What ties log lines of one request together.

    Attributes:
        request: id of the request.
        trace: id of the trace that it belongs to; None if the client names none.
    """

    request: str
    trace: str | None


_current: ContextVar[Correlation | None] = ContextVar("correlation", default=None)


def current_correlation() -> Correlation | None:
    """Return the ids of the request that is worked on here; None outside of requests."""
    return _current.get()


@contextmanager
def correlated(request: str, traceparent: str) -> Iterator[Correlation]:
    """Work on a request.

    Args:
        request: the client's id of it; a new one is made unless it fits REQUEST_ID.
        traceparent: header of W3C Trace Context; "" for none.
    """
    known = REQUEST_ID.fullmatch(request) is not None
    found = Correlation(
        request if known else uuid.uuid4().hex,
        trace_id_of(traceparent.encode("ascii", "replace")),
    )
    token = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(token)
