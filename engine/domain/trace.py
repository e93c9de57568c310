"""The trace: the position of a batch in the spans of a tracing system."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MOST_LINKS = 32
"""Traces that a span names beside its parent; further ones are left out."""
HEADER = "traceparent"
_FORM = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """A span of a sampled trace: what comes next is its child.

    Attributes:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
    """

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> bytes:
        """The W3C Trace Context header that stands for it."""
        return f"00-{self.trace_id}-{self.span_id}-01".encode()

    @property
    def exemplar(self) -> dict[str, str]:
        """The labels by which a sample of a metric names it, as OpenMetrics has them."""
        return {"trace_id": self.trace_id, "span_id": self.span_id}


def read_traceparent(header: bytes) -> Trace | None:
    """Return the span that a W3C traceparent header names; None unless it is valid and sampled.

    A header of a later version is read as the specification asks: by its first four fields.
    """
    found = _fields(header)
    if found is None:
        return None
    trace_id, span_id, flags = found
    return Trace(trace_id, span_id) if flags & _SAMPLED else None


def trace_id_of(header: bytes) -> str | None:
    """Return the trace id of a W3C traceparent header, sampled or not; None unless it is valid."""
    found = _fields(header)
    return None if found is None else found[0]


def _fields(header: bytes) -> tuple[str, str, int] | None:
    found = _FORM.fullmatch(header)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    known = version != b"ff" and not (version == b"00" and more)
    if not known or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return trace_id.decode(), span_id.decode(), int(flags, 16)


def distinct_traces(traces: Iterable[Trace | None]) -> list[Trace]:
    """Return the distinct traces of what is worked on together: a parent, and links after it."""
    found: dict[Trace, None] = {}
    for trace in traces:
        if trace is not None:
            found[trace] = None
            if len(found) > MOST_LINKS:
                break
    return list(found)
