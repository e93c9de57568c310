"""A record: what leaves through a sink."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.batch import Headers


@dataclass(frozen=True, slots=True)
class Record:
    """One outgoing message.

    Attributes:
        key: the entity, for anomalies and scores; the original key for rejects.
        value: the payload.
        headers: name and bytes.
        timestamp: ns since 1970.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int


Parcel = tuple[str, list[Record]]
"""What a sink is handed: the key that routes it, and records in their order."""
