"""A record as one line of JSON, for files and the standard output."""

from __future__ import annotations

import base64

import orjson

from engine.domain.batch import Headers
from engine.domain.names import (
    DEAD_LETTER_HEADERS,
    HEADER_PREFIX,
    REASON_HEADER,
    SCHEMA_HEADER,
)
from engine.domain.record import Record


def json_line(record: Record) -> bytes:
    """Return one line: an anomaly or score as it is, a dead letter in an envelope.

    The envelope has our headers as fields, `key` and `value` of the message, and the headers of its
    sender under `headers`. What is not UTF-8 is in base64 under a name that ends in _base64.
    """
    headers = dict(record.headers)
    if SCHEMA_HEADER in headers and REASON_HEADER not in headers and record.value is not None:
        return record.value + b"\n"
    ours, theirs = _split(record.headers)
    envelope: dict[str, object] = {}
    for name, value in ours.items():
        envelope.update(_readable(name, value))
    envelope.update(_readable("key", record.key))
    envelope.update(_readable("value", record.value))
    envelope["headers"] = _together(theirs)
    return orjson.dumps(envelope) + b"\n"


def _split(headers: Headers) -> tuple[dict[str, bytes | None], list[tuple[str, bytes | None]]]:
    """Return our headers by name, and those of the sender, which all precede ours."""
    ours: dict[str, bytes | None] = {}
    theirs = []
    for name, value in reversed(headers):
        own = name.removeprefix(HEADER_PREFIX)
        is_ours = name.startswith(HEADER_PREFIX) and own in DEAD_LETTER_HEADERS
        if is_ours and own not in ours and DEAD_LETTER_HEADERS[0] not in ours:
            ours[own] = value
        else:
            theirs.append((name, value))
    return {name: ours[name] for name in DEAD_LETTER_HEADERS if name in ours}, theirs[::-1]


def _together(headers: list[tuple[str, bytes | None]]) -> dict[str, object]:
    """Return headers as JSON has them; one that was given several times is a list."""
    found: dict[str, list[object]] = {}
    for given, value in headers:
        for name, text in _readable(given, value).items():
            found.setdefault(name, []).append(text)
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}


def _readable(name: str, value: bytes | None) -> dict[str, object]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}
