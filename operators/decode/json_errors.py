"""Explains why a payload is not JSON, in words for its sender."""

from __future__ import annotations

import json
from typing import Any

import orjson

from engine.domain.reject import Finding, RejectReason
from operators.decode.json_messages import BOM

STARTS = {
    b"\x1f\x8b": "gzip: compress with the producer's compression.type instead",
    b"\x28\xb5\x2f\xfd": "zstd: compress with the producer's compression.type instead",
    b"PK\x03\x04": "zip, as spreadsheets are: export CSV",
    b"PAR1": "Parquet: read it as a file of that format",
    b"\xff\xfe": "UTF-16: send UTF-8",
    b"\xfe\xff": "UTF-16: send UTF-8",
}
"""What payloads begin with that are not text, and what to do."""
OTHER_FORMAT = "set event.format where the messages are not JSON"


class RejectedError(Exception):
    """A payload holds no document.

    Attributes:
        finding: why.
    """

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.finding: Finding = reason, detail


def payload_error(value: bytes | None, max_bytes: int) -> Finding | None:
    """Return why a payload can hold no document, whatever its format; None if it may."""
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
        hint = _packed(value) or _registered(value)
        hint = hint or f", it begins {_beginning(value)}: {OTHER_FORMAT}"
        detail = f"byte {error.start} of the payload is not UTF-8{hint}"
        raise RejectedError(RejectReason.BAD_UTF8, detail) from None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        document = _lenient(value)
        if document is None:
            raise RejectedError(*_finding(value, error)) from None
        return document


def _finding(value: bytes, error: orjson.JSONDecodeError) -> Finding:
    message = error.msg.lower()
    if "depth" in message or "recursion" in message:
        return RejectReason.TOO_DEEP, "the payload nests too deeply"
    if "infinity" in message or any(word in value for word in (b"NaN", b"Infinity")):
        return RejectReason.NOT_FINITE, f"a number at byte {error.pos} is not finite"
    text = f"not JSON at byte {error.pos}: {error.msg}{_packed(value)}"
    if not _packed(value) and value[:1] not in b'{["\0':
        text += f", it begins {_beginning(value)}: {OTHER_FORMAT}"
    text += _registered(value)
    if "after document" in message and (b"\n" in value.strip() or b"}{" in value):
        text += ": where a message has several documents, set event.format: json_lines"
    if "end of data" in message and value.strip()[-1:] in (b"{", b"[", b","):
        text += ": a document must be on one line, as `jq -c` writes it"
    return RejectReason.NOT_JSON, text


def _registered(value: bytes) -> str:
    """Return the schema of a registry that a payload begins with, if it does."""
    if value[:1] != b"\0" or len(value) <= 5:
        return ""
    schema = int.from_bytes(value[1:5], "big")
    hint = f"it begins like Avro or Protobuf with schema {schema} of a registry"
    return f"; {hint}: set event.format, such as avro: {{registry: {{url: ...}}}}"


def _beginning(value: bytes) -> str:
    return repr(value[:12].decode("utf-8", "backslashreplace"))


def _packed(value: bytes) -> str:
    """Return what a binary payload is, if its first bytes show it."""
    names = (name for start, name in STARTS.items() if value.startswith(start))
    return "".join(f": it begins like {name}" for name in names)


def _lenient(value: bytes) -> Any:
    """Return a document that holds NaN or infinities, which JSON has no words for; None if none."""
    if b"NaN" not in value and b"Infinity" not in value:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
