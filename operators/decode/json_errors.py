"""Payloads that are no JSON: why not, in words for their sender."""

from __future__ import annotations

import json
from typing import Any

import orjson

from engine.domain.reject import Finding, RejectReason
from operators.decode.json_messages import BOM


class RejectedError(Exception):
    """A payload holds no document.

    Attributes:
        finding: why.
    """

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.finding: Finding = reason, detail


def payload_error(value: bytes | None, max_bytes: int) -> Finding | None:
    """Return why a payload can hold no document, whatever its format; None where it may."""
    if value is None:
        return RejectReason.TOMBSTONE, "the message has no payload: set event.tombstones: skip?"
    if not value.strip():
        return RejectReason.EMPTY, "the payload is empty"
    if len(value) > max_bytes:
        found = f"the payload has {len(value)} bytes, at most {max_bytes} allowed"
        return RejectReason.TOO_LARGE, f"{found}: raise event.max_bytes?"
    return None


def document_of(value: bytes) -> Any:
    """Return the document that a payload holds; NaN and infinities are numbers in it.

    Raises:
        RejectedError: it holds none.
    """
    value = value.removeprefix(BOM)
    try:
        value.decode()
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} of the payload is not UTF-8"
        raise RejectedError(RejectReason.BAD_UTF8, detail) from None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        document = _lenient(value)
        if document is None:
            raise RejectedError(*_finding(value, error)) from None
        return document


def _finding(value: bytes, error: orjson.JSONDecodeError) -> Finding:
    said = error.msg.lower()
    if "depth" in said or "recursion" in said:
        return RejectReason.TOO_DEEP, "the payload nests too deeply"
    if "infinity" in said or any(word in value for word in (b"NaN", b"Infinity")):
        return RejectReason.NOT_FINITE, f"a number at byte {error.pos} is not finite"
    text = f"not JSON at byte {error.pos}: {error.msg}"
    if value[:1] == b"\0" and len(value) > 5:
        schema = int.from_bytes(value[1:5], "big")
        hint = f"it begins like Avro or Protobuf with schema {schema} of a registry"
        return RejectReason.NOT_JSON, f"{text}; {hint}: set event.format"
    return RejectReason.NOT_JSON, text


def _lenient(value: bytes) -> Any:
    """Return a document that holds NaN or infinities, which JSON has no words for; None if none."""
    if b"NaN" not in value and b"Infinity" not in value:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
