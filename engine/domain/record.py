"""A record: one message for a sink."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.batch import Headers
from engine.domain.trace import Trace


@dataclass(frozen=True, slots=True)
class Record:
    """One outgoing message.

    Attributes:
        key: the entity, for anomalies and scores; the original key for rejects.
        value: the payload.
        headers: name and bytes.
        timestamp: ns since 1970.
        id: deterministic: the same input gives the same one again.
        trace: span that made it, or None if its batch is not traced.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int
    id: str
    trace: Trace | None = None
