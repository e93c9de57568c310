"""The wire format of Protobuf, for the few messages whose types never change."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from engine.domain.format import FormatError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = int | bytes


def fields(data: bytes) -> Iterator[tuple[int, int, Value]]:
    """Yield number, wire type and value of each field; fixed ones as their bytes.

    Raises:
        FormatError: it is cut off, or no Protobuf.
    """
    place, end = 0, len(data)
    while place < end:
        tag, place = varint(data, place)
        number, kind = tag >> 3, tag & 7
        value: Value
        if kind == VARINT:
            value, place = varint(data, place)
        elif kind in (FIXED64, FIXED32, BYTES):
            size = 8 if kind == FIXED64 else 4
            if kind == BYTES:
                size, place = varint(data, place)
            value = data[place : place + size]
            place += size
            if place > end:
                raise FormatError("the payload is cut off")
        else:
            raise FormatError(f"the payload is not Protobuf: wire type {kind}")
        yield number, kind, value


def varint(data: bytes, place: int) -> tuple[int, int]:
    """Return a number, and where it ends."""
    number = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & (2**64 - 1), place
        shift += 7
    raise FormatError("the payload is cut off")


def signed(number: Value) -> int:
    """Return a varint as a signed 64-bit number."""
    if not isinstance(number, int):
        raise FormatError("the payload has a field of another type")
    return number - 2**64 if number >= 2**63 else number


def double(value: Value) -> float:
    """Return a 64-bit field as a number."""
    if not isinstance(value, bytes) or len(value) != 8:
        raise FormatError("the payload has a field of another type")
    found: float = struct.unpack("<d", value)[0]
    return found


def single(value: Value) -> float:
    """Return a 32-bit field as a number."""
    if not isinstance(value, bytes) or len(value) != 4:
        raise FormatError("the payload has a field of another type")
    found: float = struct.unpack("<f", value)[0]
    return found


def inner(value: Value) -> bytes:
    """Return the bytes of a message or text in a field."""
    if not isinstance(value, bytes):
        raise FormatError("the payload has a field of another type")
    return value


def text(value: Value) -> str:
    """Return the text in a field."""
    return inner(value).decode("utf-8", "replace")
