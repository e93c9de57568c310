"""The id of the schema that a payload was written with, as Confluent's clients send it."""

from __future__ import annotations

from engine.domain.batch import Headers
from engine.domain.format import FormatError

MAGIC_ID, MAGIC_GUID = 0, 1
ID_HEADER = "__value_schema_id"
"""Where newer clients of Confluent put the schema's id instead of before the payload."""


def schema_id(payload: bytes, headers: Headers) -> tuple[int | str, int]:
    """Return the id of a payload's schema, and where its data begin.

    Raises:
        FormatError: it names no schema.
    """
    if payload[:1] == b"\0" and len(payload) >= 5:
        return int.from_bytes(payload[1:5], "big"), 5
    return _of_headers(headers) or _of_guid(payload)


def _of_headers(headers: Headers) -> tuple[int | str, int] | None:
    for name, value in headers:
        if name == ID_HEADER and value:
            if value[0] == MAGIC_ID and len(value) >= 5:
                return int.from_bytes(value[1:5], "big"), 0
            return _of_guid(value)[0], 0
    return None


def _of_guid(payload: bytes) -> tuple[str, int]:
    if payload[:1] != bytes([MAGIC_GUID]) or len(payload) < 17:
        text = payload[:12].decode("ascii", "replace")
        shown = repr(text) if text.isascii() and text.isprintable() else f"0x{payload[:5].hex()}"
        is_json = payload.lstrip()[:1] in (b"{", b"[")
        hint = "is it JSON? leave out event.format" if is_json else "is it written without one?"
        raise FormatError(
            f"the payload begins with {shown}, expected 0x00 and four bytes of the id of a "
            f"schema in the registry: {hint}"
        )
    text = payload[1:17].hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])), 17
