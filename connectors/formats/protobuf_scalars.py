"""Scalar types of Protobuf: how they are written, and what the written means, in columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

from connectors.formats.cursor import UInts, unzigzag

F = FieldDescriptor
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""
_MODULUS = np.uint64(2**32 - 1)


def converter(one: FieldDescriptor) -> Callable[[Any], Any]:
    """Return the function from what is written of a scalar field to what it means."""
    return CONVERT.get(one.type, _same)


def _same(found: Any) -> Any:
    return found


def _int64(found: UInts) -> Any:
    return found.astype(np.int64)


def _int32(found: UInts) -> Any:
    return (found & _MODULUS).astype(np.uint32).astype(np.int32).astype(np.int64)


def _uint32(found: UInts) -> Any:
    return (found & _MODULUS).astype(np.int64)


def _sint32(found: UInts) -> Any:
    return unzigzag(found & _MODULUS)


def _bool(found: UInts) -> Any:
    return found != 0


def _double(found: UInts) -> Any:
    return found.view(np.float64)


def _float(found: Any) -> Any:
    return found.view(np.float32).astype(np.float64)


def _sfixed32(found: Any) -> Any:
    return found.view(np.int32).astype(np.int64)


def _fixed32(found: Any) -> Any:
    return found.astype(np.int64)


WIRES = {
    F.TYPE_DOUBLE: FIXED64,
    F.TYPE_FIXED64: FIXED64,
    F.TYPE_SFIXED64: FIXED64,
    F.TYPE_FLOAT: FIXED32,
    F.TYPE_FIXED32: FIXED32,
    F.TYPE_SFIXED32: FIXED32,
    F.TYPE_STRING: BYTES,
    F.TYPE_BYTES: BYTES,
}
"""The wire type of a type; VARINT of those that are not here."""
CONVERT: dict[int, Callable[[Any], Any]] = {
    F.TYPE_DOUBLE: _double,
    F.TYPE_FLOAT: _float,
    F.TYPE_INT64: _int64,
    F.TYPE_INT32: _int32,
    F.TYPE_UINT32: _uint32,
    F.TYPE_SINT64: unzigzag,
    F.TYPE_SINT32: _sint32,
    F.TYPE_BOOL: _bool,
    F.TYPE_SFIXED64: _int64,
    F.TYPE_FIXED32: _fixed32,
    F.TYPE_SFIXED32: _sfixed32,
}
"""From what is written to what it means, by type."""
