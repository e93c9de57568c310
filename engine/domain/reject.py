"""Rejects: inputs that could not be decoded, kept whole with the reason."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.batch import Headers
from engine.domain.finding import Finding, RejectReason

__all__ = ["Finding", "Reject", "RejectReason"]


@dataclass(frozen=True, slots=True)
class Reject:
    """One input that could not be decoded.

    Attributes:
        reason: what kind of bad input it is.
        detail: one sentence for people: the field and what was found there.
        topic, partition, offset: its position.
        timestamp: ns since 1970, the source's time.
        key, value, headers: the message as it came; of an exploded one the element alone, with
            what is read of its parents, as JSON.
        index: place of the element in its message; None for a whole message.
        elements: number of elements in the value; more than one are an array.
        samples: of each of these, how many steps it is behind the time of its message; empty if
            `event.time.step` is not set.
    """

    reason: RejectReason
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    index: int | None = None
    elements: int = 1
    samples: tuple[int, ...] = ()
