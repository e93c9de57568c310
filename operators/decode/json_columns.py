"""JSON objects whose fields are read straight into columns, if they are plain.

This takes less than half of the time of making an object of each message and then a column of each
attribute. What is not plain (an escape, a missing field, a value of another type) is left to the
decoder, which also says what is wrong with it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from engine.domain.batch import Int64s
from engine.domain.format import Columns
from engine.domain.mapping import EXCEL_FORMATS, EventMapping
from engine.domain.path import Path
from operators.decode.columns import Table
from operators.decode.known_texts import KnownTexts, Texts
from operators.decode.message_type import is_nameable
from operators.kernels.json_fields import (
    NUMBER,
    OPTIONAL,
    TEXT,
    WHOLE,
    Fields,
    Found,
    read_compiled,
)

SPACE, ESCAPE = ord(" "), ord("\\")
END = b'"\n'
"""Comes after the messages: the compiled loop does not read beyond it."""
MOST_FIELDS = 60
"""A bit each says which of them a message has."""
LONGEST_PAUSE = 63
"""Batches for which it is not tried again after some that were not plain."""
LEAST_PLAIN = 0.5
"""Share of a batch: where fewer messages are plain, to try costs more than it saves."""
_GAP = float("nan")
_FLOATS = msgspec.json.Decoder(list[float])


class JsonColumns:
    """Reads batches of plain messages.

    Args:
        fields: how each path is read.
        keys: paths whose texts come again and again.
        max_bytes: a larger message is not read.

    Attributes:
        paths: what is read.
    """

    def __init__(self, fields: dict[Path, int], keys: set[Path], max_bytes: int) -> None:
        self.paths = list(fields)
        self._kinds = fields
        names = [str(path[0]).encode() for path in fields]
        self._fields = Fields(
            np.frombuffer(b"".join(names), np.uint8),
            np.cumsum([0, *map(len, names)]),
            np.array([*fields.values()]),
        )
        self._known = {path: KnownTexts() for path in keys}
        self._max_bytes = max_bytes
        self._failed = self._pause = 0

    def read(self, payloads: Sequence[bytes | None]) -> tuple[Table, Int64s] | None:
        """Return the columns of the messages that are plain, and which those are.

        None if they are too few.
        """
        if self._pause:
            self._pause -= 1
            return None
        read = self._read(payloads)
        # Where few of a batch are plain, few of the next are.
        self._failed = 0 if read is not None else self._failed + 1
        self._pause = min(2**self._failed - 1, LONGEST_PAUSE)
        return read

    def column(self, path: Path, values: list[Any]) -> Any:
        """Return values that were read otherwise as they are in columns, if they can be."""
        kind = self._kinds[path]
        try:
            if kind == WHOLE and {*map(type, values)} == {int}:
                return np.array(values, np.int64)
            if kind >= NUMBER:
                return np.frombuffer(array("d", [_GAP if v is None else v for v in values]))
        except (TypeError, OverflowError):
            pass
        return values

    def compile(self) -> None:
        """Compile what it needs."""
        no_bounds = np.zeros(1, np.int64)
        read_compiled(np.frombuffer(END, np.uint8), no_bounds, self._fields, self._room(0))
        for known in self._known.values():
            known.compile()

    def _read(self, payloads: Sequence[bytes | None]) -> tuple[Table, Int64s] | None:
        try:
            texts = Texts(_joined(payloads))
        except (TypeError, UnicodeDecodeError):
            payloads = [p if p is not None and _is_utf8(p) else b"" for p in payloads]
            texts = Texts(_joined(payloads))
        bounds = np.cumsum([0, *map(len, payloads)])  # type: ignore[arg-type]
        bounds += np.arange(len(bounds))
        found = self._room(len(payloads))
        found.is_read[np.diff(bounds) > self._max_bytes + 1] = False
        found.is_read[_unusual(texts, bounds)] = False
        read_compiled(texts.content, bounds, self._fields, found)
        _read_inexact(texts.lines, found)
        rows = np.flatnonzero(found.is_read)
        if len(rows) == 0 or len(rows) < LEAST_PLAIN * len(payloads):
            return None
        return self._table(texts, found, rows), rows

    def _room(self, count: int) -> Found:
        shape = len(self.paths), count
        return Found(
            spans=np.empty((*shape, 2), np.int64),
            integers=np.empty(shape, np.int64),
            numbers=np.empty(shape),
            inexact=np.empty(1 + len(self.paths) * count, np.int64),
            is_read=np.ones(count, np.bool_),
        )

    def _table(self, texts: Texts, found: Found, rows: Int64s) -> Table:
        columns: Columns = {}
        is_whole = len(rows) == len(found.is_read)
        for path, *columns_of in zip(self.paths, *found[:3], strict=True):
            spans, integers, numbers = columns_of if is_whole else (c[rows] for c in columns_of)
            kind = self._kinds[path]
            if kind != TEXT:
                columns[path] = integers if kind == WHOLE else numbers
            elif (known := self._known.get(path)) is not None:
                columns[path] = known.column(texts, spans)
            else:
                columns[path] = texts.of(spans)
        return Table(columns, len(rows))


def json_columns(mapping: EventMapping) -> JsonColumns | None:
    """Return what reads messages of a mapping into columns; None if they need more than that."""
    if mapping.where is not None or mapping.explode is not None or mapping.format is not None:
        return None
    fields: dict[Path, int] = {}
    for path, kind in _kinds(mapping):
        if kind is None or not _is_name(path) or fields.setdefault(path, kind) != kind:
            return None
    if not 0 < len(fields) <= MOST_FIELDS:
        return None
    keys = {part for part in mapping.key_parts if isinstance(part, tuple)}
    return JsonColumns(fields, keys, mapping.max_bytes)


def _kinds(mapping: EventMapping) -> Iterator[tuple[Path, int | None]]:
    """Yield how each field is read; None where that needs more than a column."""
    for part in mapping.key_parts:
        if isinstance(part, tuple):
            yield part, TEXT
    time = mapping.time
    for path in time.paths:
        kind = TEXT if time.unit is None else WHOLE
        yield path, None if time.format in EXCEL_FORMATS else kind
    for value in mapping.values:
        number = OPTIONAL if value.optional else NUMBER
        yield value.path, None if value.takes_text else number


def _is_name(path: Path) -> bool:
    return len(path) == 1 and isinstance(path[0], str) and is_nameable(path[0])


def _joined(payloads: Sequence[bytes | None]) -> bytes:
    return b"\n".join([*payloads, END])  # type: ignore[list-item]


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _unusual(texts: Texts, bounds: Int64s) -> Int64s:
    """Return the messages with escapes or control characters, some of them more than once."""
    content = texts.content
    is_control = content < SPACE
    if b"\\" not in texts.lines and np.count_nonzero(is_control) == len(bounds):
        return np.empty(0, np.int64)
    is_control[bounds[1:] - 1] = is_control[-1] = False
    places = np.flatnonzero(is_control | (content == ESCAPE))
    return np.searchsorted(bounds, places, "right") - 1


def _read_inexact(lines: bytes, found: Found) -> None:
    """Read the numbers that take more than one multiplication."""
    count = found.inexact[0]
    if count == 0:
        return
    rows, fields = np.divmod(found.inexact[1 : 1 + count], len(found.numbers))
    spans = found.spans[fields, rows]
    places = zip(spans[:, 0].tolist(), spans[:, 1].tolist(), strict=True)
    array_text = b"[" + b",".join([lines[begin:end] for begin, end in places]) + b"]"
    try:
        found.numbers[fields, rows] = _FLOATS.decode(array_text)
    except msgspec.DecodeError:
        # One of them is not finite.
        found.is_read[rows] = False
