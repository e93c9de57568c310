"""Formats that messages of JSON show by the names of their fields."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from engine.domain.batch import RawBatch

BY_FIELD = {
    "resourceMetrics": "otlp_metrics",
    "resourceLogs": "otlp_logs",
    "resourceSpans": "otlp_traces",
}
"""The only field of a message, and its format."""


def known_format(batches: Sequence[RawBatch]) -> str | None:
    """Return the format of messages that have a plug-in of their own; None: plain JSON."""
    first = next((value for batch in batches for value in batch.values if value), b"")
    try:
        document = orjson.loads(first)
    except orjson.JSONDecodeError:
        return None
    found = BY_FIELD.items() if isinstance(document, dict) else ()
    return next((name for field, name in found if field in document), None)
