"""Correlation: the ids of the request that a thread or task works on, for logs and replies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from secrets import token_hex

from engine.domain.trace import trace_id_of

REQUEST_VARIABLE, TRACE_VARIABLE = "PYNOMALY_REQUEST_ID", "PYNOMALY_TRACE_ID"
"""Tell the processes of a pipeline which request started them."""
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


def variables_of_correlation() -> dict[str, str]:
    """Return the environment that names the request which is worked on here to processes."""
    found = current_correlation()
    if found is None:
        return {}
    return {REQUEST_VARIABLE: found.request} | (
        {TRACE_VARIABLE: found.trace} if found.trace else {}
    )


def correlation_in(environment: Mapping[str, str]) -> Correlation | None:
    """Return the request that started a process, if one did."""
    request = environment.get(REQUEST_VARIABLE, "")
    if REQUEST_ID.fullmatch(request) is None:
        return None
    trace = environment.get(TRACE_VARIABLE, "")
    return Correlation(request, trace if REQUEST_ID.fullmatch(trace) else None)


@contextmanager
def correlated(request: str, traceparent: str) -> Iterator[Correlation]:
    """Work on a request.

    Args:
        request: the client's id of it; a new one is made unless it fits REQUEST_ID.
        traceparent: header of W3C Trace Context; "" for none.
    """
    known = REQUEST_ID.fullmatch(request) is not None
    found = Correlation(
        request if known else token_hex(16),
        trace_id_of(traceparent.encode("ascii", "replace")),
    )
    token = _current.set(found)
    try:
        yield found
    finally:
        _current.reset(token)


@contextmanager
def resumed(request: str, trace: str) -> Iterator[None]:
    """Go on with the work of a request, after its reply.

    Args:
        request, trace: ids that were stored with the work; "" where there are none.
    """
    token = _current.set(Correlation(request, trace or None) if request else None)
    try:
        yield
    finally:
        _current.reset(token)
