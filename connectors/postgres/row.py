"""A record as a row of PostgreSQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from connectors.delivery.json_line import json_line
from engine.domain.record import Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

Row = tuple[str, str | None, datetime, str]
"""Id, key, time and JSON."""


def row(record: Record) -> Row:
    """Return the row of a record; NUL, which PostgreSQL's texts cannot hold, becomes U+FFFD."""
    key = None if record.key is None else record.key.decode("utf-8", "replace")
    time = EPOCH + timedelta(microseconds=record.timestamp // 1_000)
    text = json_line(record).rstrip(b"\n").decode("utf-8", "replace")
    return (
        record.id,
        key and key.replace("\0", "\ufffd"),
        time,
        NUL.sub(r"\1\\ufffd", text),
    )
