"""Avro in columns: one field of all payloads at a time, if all are of one schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from connectors.formats.cursor import Cursor, OneByOneError, Row
from connectors.formats.wanted import Pieces, Wanted
from engine.domain.format import Columns

MOST_LEVELS = 50
MOST_ELEMENTS = 1_000
"""Of an array that is passed over; what has more is decoded by itself."""


class AvroColumns:
    """Reads columns of payloads of one schema.

    Args:
        schema: the schema, parsed, without logical types of numbers.
        named: the schemas that its names mean.
        wanted: the paths that are read.
    """

    def __init__(self, schema: Any, named: Mapping[str, Any], wanted: Wanted) -> None:
        self._schema = schema
        self._named = named
        self._wanted = wanted

    def read(self, payloads: Sequence[bytes], start: int) -> Columns:
        """Return the values at each path that is wanted.

        Raises:
            OneByOneError: it takes a closer look at each payload.
        """
        cursor, pieces = Cursor(payloads, start), Pieces(len(payloads))
        rows = np.arange(len(payloads))
        cursor.check(rows)
        self._read(self._schema, rows, self._wanted, (cursor, pieces), 0)
        return pieces.columns(self._wanted)

    def _read(
        self, schema: Any, rows: Row, wanted: Wanted | None, at: tuple[Cursor, Pieces], level: int
    ) -> None:
        if not len(rows):
            return
        if level > MOST_LEVELS:
            raise OneByOneError
        if isinstance(schema, str):
            schema = self._named.get(schema, schema)
        if isinstance(schema, list):
            self._union(schema, rows, wanted, at, level)
            return
        kind = schema["type"] if isinstance(schema, dict) else schema
        if isinstance(kind, (dict, list)):
            self._read(kind, rows, wanted, at, level + 1)
        elif kind in ("record", "error"):
            self._record(schema, rows, wanted, at, level)
        elif kind in ("array", "map"):
            if wanted is not None:
                raise OneByOneError
            self._blocks(schema, rows, at, level)
        else:
            _leaf(schema, kind, rows, wanted, at)

    def _record(
        self, schema: Any, rows: Row, wanted: Wanted | None, at: tuple[Cursor, Pieces], level: int
    ) -> None:
        if wanted is not None and wanted.is_leaf:
            raise OneByOneError
        for field in schema["fields"]:
            inner = None if wanted is None else wanted.below(field["name"])
            self._read(field["type"], rows, inner, at, level + 1)

    def _union(
        self,
        branches: list[Any],
        rows: Row,
        wanted: Wanted | None,
        at: tuple[Cursor, Pieces],
        level: int,
    ) -> None:
        chosen = at[0].zigzags(rows)
        if ((chosen < 0) | (chosen >= len(branches))).any():
            raise OneByOneError
        for number, branch in enumerate(branches):
            is_this = chosen == number
            self._read(branch, rows if is_this.all() else rows[is_this], wanted, at, level + 1)

    def _blocks(self, schema: Any, rows: Row, at: tuple[Cursor, Pieces], level: int) -> None:
        """Pass over the elements of arrays and maps."""
        cursor = at[0]
        while len(rows):
            counts = cursor.zigzags(rows)
            sized = counts < 0
            if sized.any():
                cursor.skip(rows[sized], cursor.zigzags(rows[sized]))
                # A block with its size was passed over; whether it is what it should be is not
                # known, and a decoder that reads it would fail.
                raise OneByOneError
            rows, counts = rows[counts > 0], counts[counts > 0]
            if len(counts) and counts.max() > MOST_ELEMENTS:
                raise OneByOneError
            for number in range(int(counts.max()) if len(counts) else 0):
                some = rows[counts > number]
                if schema["type"] == "map":
                    cursor.texts(some, cursor.zigzags(some), False)
                inner = schema["values" if schema["type"] == "map" else "items"]
                self._read(inner, some, None, at, level + 1)


def _leaf(
    schema: Any, kind: str, rows: Row, wanted: Wanted | None, at: tuple[Cursor, Pieces]
) -> None:
    if kind == "null":
        return
    cursor, pieces = at
    if wanted is None:
        _pass_over(schema, kind, rows, cursor)
        return
    plain = not isinstance(schema, dict) or "logicalType" not in schema
    if kind not in READ or not plain or not wanted.is_leaf:
        # A form that is not a number or text; or the path goes on below something without fields.
        raise OneByOneError
    pieces.add(wanted.path, rows, READ[kind](cursor, rows, schema))


def _pass_over(schema: Any, kind: str, rows: Row, cursor: Cursor) -> None:
    if kind == "string":
        cursor.texts(rows, cursor.zigzags(rows), False)
    elif kind == "bytes":
        cursor.skip(rows, cursor.zigzags(rows))
    elif kind == "fixed":
        cursor.skip(rows, int(schema["size"]))
    elif kind in READ:
        READ[kind](cursor, rows, schema)
    else:
        raise OneByOneError


def _longs(cursor: Cursor, rows: Row, _schema: Any) -> Any:
    return cursor.zigzags(rows)


def _doubles(cursor: Cursor, rows: Row, _schema: Any) -> Any:
    return cursor.doubles(rows)


def _floats(cursor: Cursor, rows: Row, _schema: Any) -> Any:
    return cursor.singles(rows)


def _booleans(cursor: Cursor, rows: Row, _schema: Any) -> Any:
    found = cursor.bytes[cursor.place[rows]] != 0
    cursor.skip(rows, 1)
    return found


def _texts(cursor: Cursor, rows: Row, _schema: Any) -> Any:
    return cursor.texts(rows, cursor.zigzags(rows), True)


def _symbols(cursor: Cursor, rows: Row, schema: Any) -> Any:
    symbols, numbers = schema["symbols"], cursor.zigzags(rows)
    if ((numbers < 0) | (numbers >= len(symbols))).any():
        raise OneByOneError
    return [symbols[number] for number in numbers.tolist()]


READ = {
    "int": _longs,
    "long": _longs,
    "double": _doubles,
    "float": _floats,
    "boolean": _booleans,
    "string": _texts,
    "enum": _symbols,
}
"""What reads a column, by its type."""
