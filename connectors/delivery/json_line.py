"""A record as one line of JSON, for files and the standard output."""

from __future__ import annotations

import base64

import orjson

from engine.domain.record import Record

SELF_TOLD = "pynomaly-schema-version"
"""Records with this header are JSON that tells all by itself, unless they are dead letters."""
REASON = "pynomaly-reason"
"""What each dead letter has; beside it are the headers of its sender, whatever they say."""


def json_line(record: Record) -> bytes:
    """Return one line: an anomaly or score as it is, a dead letter in an envelope.

    What is not UTF-8 stands in base64 under a name that ends in _base64.
    """
    headers = dict(record.headers)
    if SELF_TOLD in headers and REASON not in headers and record.value is not None:
        return record.value + b"\n"
    envelope: dict[str, object] = {}
    for name, value in headers.items():
        envelope.update(_readable(name.removeprefix("pynomaly-"), value))
    envelope.update(_readable("key", record.key))
    envelope.update(_readable("value", record.value))
    return orjson.dumps(envelope) + b"\n"


def _readable(name: str, value: bytes | None) -> dict[str, object]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}
