"""Rejects: inputs that could not be decoded, kept whole with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.domain.batch import Headers


class RejectReason(StrEnum):
    """Why an input was rejected; the value is the metric's label and the record's field."""

    TOMBSTONE = "tombstone"
    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    BAD_UTF8 = "bad_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_KEY = "missing_key"
    BINARY_KEY = "binary_key"
    MISSING_TIME = "missing_time"
    MISSING_VALUE = "missing_value"
    NULL_VALUE = "null_value"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    BAD_TIME = "bad_time"
    TIME_IN_FUTURE = "time_in_future"
    TIME_IN_PAST = "time_in_past"


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
