"""Protobuf in columns: the next field of all payloads at a time, if all are of one type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from connectors.formats.cursor import LONGEST, Cursor, OneByOneError, Row
from connectors.formats.protobuf_scalars import BYTES, FIXED32, FIXED64, VARINT, WIRES, converter
from connectors.formats.wanted import Pieces, Wanted
from engine.domain.format import Columns
from engine.domain.path import Path

F = FieldDescriptor
MOST_LEVELS = 50
MOST_STEPS = 2_000
"""Fields of a payload that are looked through; what has more is decoded by itself."""
LARGEST_TAG, LONGEST_TAG = 2**32, 5


class UnsuitableError(Exception):
    """Payloads of a type cannot be read in columns, whatever they hold."""


@dataclass
class Node:
    """A message type, with what is read of it.

    Attributes:
        path: the way here.
        wires: wire types of its fields, by number.
        texts: numbers of those that are texts.
        reads: paths of those that are wanted, and from what is written to what it means.
        absent: the values at these paths if a field is missing.
        packed: wire types of the elements of arrays of numbers, by number.
        inner: the types of fields that are messages, by number.
    """

    path: Path
    wires: dict[int, int] = field(default_factory=dict)
    texts: set[int] = field(default_factory=set)
    reads: dict[int, tuple[Path, Callable[[Any], Any]]] = field(default_factory=dict)
    absent: dict[Path, Any] = field(default_factory=dict)
    packed: dict[int, int] = field(default_factory=dict)
    inner: dict[int, Node] = field(default_factory=dict)


class ProtobufColumns:
    """Reads columns of payloads of one type.

    Args:
        kind: the type.
        wanted: the paths that are read.

    Raises:
        UnsuitableError: they cannot be read in columns.
    """

    def __init__(self, kind: Descriptor, wanted: Wanted) -> None:
        self._wanted = wanted
        self._unwanted: dict[str, Node] = {}
        self._root = self._node(kind, wanted)

    def read(self, payloads: Sequence[bytes], start: int) -> Columns:
        """Return the values at each path that is wanted.

        Raises:
            OneByOneError: it takes a closer look at each payload.
        """
        count = len(payloads)
        reading = _Reading(Cursor(payloads, start), count)
        rows = np.arange(count)
        reading.cursor.check(rows)
        reading.message(self._root, rows, reading.cursor.end, 0)
        return reading.pieces.columns(self._wanted)

    def _node(self, kind: Descriptor, wanted: Wanted | None) -> Node:
        if wanted is None and kind.full_name in self._unwanted:
            return self._unwanted[kind.full_name]
        node = Node(() if wanted is None else wanted.path)
        if wanted is None:
            self._unwanted[kind.full_name] = node
        for one in kind.fields:
            self._field(node, one, None if wanted is None else wanted.below(one.name))
        return node

    def _field(self, node: Node, one: FieldDescriptor, wanted: Wanted | None) -> None:
        if one.type == F.TYPE_GROUP or one.is_required:
            raise UnsuitableError
        number = one.number
        if wanted is not None:
            _check_wanted(one, wanted)
        if one.message_type is not None:
            node.wires[number] = BYTES
            node.inner[number] = self._node(one.message_type, wanted)
            return
        node.wires[number] = WIRES.get(one.type, VARINT)
        if one.is_repeated and node.wires[number] != BYTES:
            node.packed[number] = node.wires[number]
        if one.type == F.TYPE_STRING:
            node.texts.add(number)
        if wanted is not None:
            node.reads[number] = wanted.path, converter(one)
            node.absent[wanted.path] = None if one.has_presence else one.default_value


class _Reading:
    """Columns on their way."""

    def __init__(self, cursor: Cursor, count: int) -> None:
        self.cursor = cursor
        self._count = count
        self.pieces = Pieces(count)
        self._seen: dict[Path, Any] = {}

    def message(self, node: Node, rows: Row, ends: Any, level: int) -> None:
        """Read a message of some payloads, up to where it ends in each of them."""
        if level > MOST_LEVELS:
            raise OneByOneError
        self._absent(node, rows)
        cursor, most = self.cursor, 0
        while len(rows):
            most += 1
            if most > MOST_STEPS:
                raise OneByOneError
            places = cursor.place[rows]
            if (places > ends[rows]).any():
                raise OneByOneError
            rows = rows[places < ends[rows]]
            if not len(rows):
                return
            before = cursor.place[rows]
            tags = cursor.varints(rows)
            if (tags >= LARGEST_TAG).any() or (cursor.place[rows] - before > LONGEST_TAG).any():
                raise OneByOneError
            first = tags[0]
            if (tags == first).all():
                self._one(node, int(first), rows, level)
            else:
                for tag in np.unique(tags).tolist():
                    self._one(node, tag, rows[tags == tag], level)

    def _absent(self, node: Node, rows: Row) -> None:
        """Put in place the default of a field that does not come: a message was there itself."""
        for path, default in node.absent.items():
            if default is not None:
                self.pieces.add(path, rows, [default] * len(rows))

    def _one(self, node: Node, tag: int, rows: Row, level: int) -> None:
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise OneByOneError
        known = node.wires.get(number)
        if wire == BYTES and number in node.packed:
            self._pass_over_packed(node.packed[number], rows)
            return
        if known is not None and known != wire:
            # Another type than the schema's.
            raise OneByOneError
        if number in node.inner:
            self._inner(node.inner[number], rows, level)
            return
        found = self._value(wire, rows, number in node.texts, number in node.reads)
        if number in node.reads:
            path, convert = node.reads[number]
            self.pieces.add(path, rows, convert(found))

    def _inner(self, node: Node, rows: Row, level: int) -> None:
        cursor = self.cursor
        sizes = cursor.varints(rows).astype(np.int64)
        ends = np.zeros(self._count, np.int64)
        ends[rows] = cursor.place[rows] + sizes
        if ((sizes < 0) | (sizes > LONGEST) | (ends[rows] > cursor.end[rows])).any():
            raise OneByOneError
        if node.absent:
            # What comes twice is merged, which is rare.
            seen = self._seen.setdefault(node.path, np.zeros(self._count, np.bool_))
            if seen[rows].any():
                raise OneByOneError
            seen[rows] = True
        self.message(node, rows, ends, level + 1)

    def _pass_over_packed(self, wire: int, rows: Row) -> None:
        """Pass over an array of numbers in one piece."""
        cursor = self.cursor
        sizes = cursor.varints(rows).astype(np.int64)
        ends = np.zeros(self._count, np.int64)
        ends[rows] = cursor.place[rows] + sizes
        if wire != VARINT:
            if (sizes % (8 if wire == FIXED64 else 4)).any():
                raise OneByOneError
            cursor.skip(rows, sizes)
            return
        for _ in range(MOST_STEPS):
            places = cursor.place[rows]
            if (places > ends[rows]).any():
                break
            rows = rows[places < ends[rows]]
            if not len(rows):
                return
            cursor.varints(rows)
        raise OneByOneError

    def _value(self, wire: int, rows: Row, is_text: bool, wanted: bool) -> Any:
        cursor = self.cursor
        if wire == VARINT:
            return cursor.varints(rows)
        if wire == FIXED64:
            return cursor.words(rows)
        if wire == FIXED32:
            found = cursor.bytes[cursor.place[rows][:, None] + np.arange(4)]
            cursor.skip(rows, 4)
            return np.ascontiguousarray(found).view("<u4")[:, 0]
        if wire != BYTES:
            raise OneByOneError
        sizes = cursor.varints(rows).astype(np.int64)
        if is_text:
            return cursor.texts(rows, sizes, wanted)
        cursor.skip(rows, sizes)
        return None


def _check_wanted(one: FieldDescriptor, wanted: Wanted) -> None:
    """Raise UnsuitableError if a field is not a number or text that may be read in a column."""
    siblings = one.containing_oneof
    several = siblings is not None and len(siblings.fields) > 1
    scalar = one.message_type is None and one.enum_type is None and one.type != F.TYPE_BYTES
    if one.is_repeated or several or wanted.is_leaf != scalar:
        raise UnsuitableError
