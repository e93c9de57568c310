"""Values of Parquet and Avro files that JSON has no words for."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal


def plain(found: object) -> object:
    """Return spans of time in seconds, decimals as numbers, and all else as text."""
    if isinstance(found, timedelta):
        return found.total_seconds()
    if isinstance(found, Decimal):
        return float(found)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
