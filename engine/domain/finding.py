"""Findings: why an input is rejected."""

from __future__ import annotations

from enum import StrEnum


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
    BAD_ROW = "bad_row"
    BAD_FORMAT = "bad_format"
    UNREADABLE = "unreadable"
    UNKNOWN_SCHEMA = "unknown_schema"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    BAD_TIME = "bad_time"
    TIME_IN_FUTURE = "time_in_future"
    TIME_IN_PAST = "time_in_past"


Finding = tuple[RejectReason, str]
"""Why something is rejected: the kind, and a sentence for people."""
