"""What the signals of OTLP have in common: requests, resources, attributes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from engine.domain.format import FormatError

FEWEST_BYTES = 8
"""Bytes of a reading: a time alone has 8, and a value too."""
FIRST_FIELD = 0x0A
"""What a request begins with: its field 1, of a length."""


def request(payload: bytes, kind: Any) -> Any:
    """Return a request, as JSON or Protobuf; of several, each behind its length, their sum.

    Raises:
        FormatError: it is none.
    """
    if payload.lstrip()[:1] == b"{":
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise FormatError(f"not JSON at byte {error.pos}: {error.msg}") from None
    try:
        message = kind.FromString(_without_lengths(payload))
        return MessageToDict(message, use_integers_for_enums=True)
    except (DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"the payload is not OTLP: {error}") from None


def _without_lengths(payload: bytes) -> bytes:
    """Return requests that follow their lengths, as Amazon's metric streams write them.

    Requests hold repeated fields alone: one behind the other they are one request.
    """
    parts, at = [], 0
    while at < len(payload):
        length, at = _varint(payload, at)
        if not 0 < length <= len(payload) - at or payload[at] != FIRST_FIELD:
            return payload
        parts.append(payload[at : at + length])
        at += length
    return b"".join(parts)


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    """Return a number of up to five bytes, and what follows it; 0 if it has more."""
    number = 0
    for place, byte in enumerate(payload[at : at + 5]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    return 0, len(payload)


def scopes(document: Any, word: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the attributes of the resource, and each scope of a signal such as Spans.

    Raises:
        FormatError: the request is of another signal.
    """
    if not isinstance(document, dict) or f"resource{word}" not in document:
        raise FormatError(f"the payload is not OTLP: it has no field resource{word}")
    for part in objects(document, f"resource{word}"):
        resource = part.get("resource")
        of_resource = attributes(resource if isinstance(resource, dict) else {})
        for scope in objects(part, f"scope{word}"):
            yield of_resource, scope


def no_empty_ones(readings: Iterator[Any], size: int, what: str) -> list[Any]:
    """Return the readings of a payload.

    Args:
        readings: points, records or spans.
        size: bytes of the payload.
        what: they are, for people.

    Raises:
        FormatError: they are too many to hold anything: each would be work for no event.
    """
    most = size // FEWEST_BYTES
    found = list(islice(readings, most + 1))
    if len(found) > most:
        raise FormatError(
            f"the payload has more than {most} {what} in {size} bytes: most are empty"
        )
    return found


def attributes(found: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of something as an object."""
    return {str(a.get("key")): any_value(a.get("value")) for a in objects(found, "attributes")}


def any_value(value: Any) -> Any:
    """Return a value of any type."""
    if not isinstance(value, dict):
        return value
    for name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
        if name in value:
            return value[name]
    if "intValue" in value:
        return integer(value["intValue"])
    if isinstance(value.get("kvlistValue"), dict):
        inner = objects(value["kvlistValue"], "values")
        return {str(one.get("key")): any_value(one.get("value")) for one in inner}
    if isinstance(value.get("arrayValue"), dict):
        found = value["arrayValue"].get("values")
        return [any_value(one) for one in found] if isinstance(found, list) else []
    return None


def integer(found: Any) -> Any:
    """Return a 64-bit integer, which JSON of OTLP writes as text."""
    try:
        return int(found) if isinstance(found, str) and len(found) < 30 else found
    except ValueError:
        return found


def objects(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the objects in an array; none if there is no such array."""
    inner = found.get(name)
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []
