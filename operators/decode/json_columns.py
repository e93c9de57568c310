"""JSON objects whose fields are read straight into columns, where all of a batch are plain.

This takes less than half of the time of making an object of each message and then a column of each
attribute. What is not plain (an escape, a missing field, a value of another type) is left to the
decoder, which also says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

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

SPACE = ord(" ")
END = b'"\n'
"""Comes after the messages: the compiled loop does not read beyond it."""
MOST_FIELDS = 60
"""A bit each says which of them a message has."""
LONGEST_PAUSE = 63
"""Batches for which it is not tried again after some that were not plain."""
_FLOATS = msgspec.json.Decoder(list[float])


class JsonColumns:
    """Reads batches of plain messages.

    Args:
        fields: how each path is read.
        keys: paths whose texts come again and again.
        max_bytes: a larger message is not read.
    """

    def __init__(self, fields: dict[Path, int], keys: set[Path], max_bytes: int) -> None:
        self._paths = list(fields)
        names = [str(path[0]).encode() for path in fields]
        self._fields = Fields(
            np.frombuffer(b"".join(names), np.uint8),
            np.cumsum([0, *map(len, names)]),
            np.array([*fields.values()]),
        )
        self._known = {path: KnownTexts() for path in keys}
        self._max_bytes = max_bytes
        self._failed = self._pause = 0

    def read(self, payloads: Sequence[bytes | None]) -> Table | None:
        """Return the columns of messages; None if one of them is not plain."""
        if self._pause:
            self._pause -= 1
            return None
        table = self._read(payloads)
        # Where one batch is not plain, the next is seldom.
        self._failed = 0 if table is not None else self._failed + 1
        self._pause = min(2**self._failed - 1, LONGEST_PAUSE)
        return table

    def compile(self) -> None:
        """Compile what it needs."""
        read_compiled(np.frombuffer(END, np.uint8), self._fields, self._room(0))
        for known in self._known.values():
            known.compile()

    def _read(self, payloads: Sequence[bytes | None]) -> Table | None:
        count = len(payloads)
        try:
            lines = b"\n".join([*payloads, END])  # type: ignore[list-item]
            large = len(lines) > self._max_bytes
            if large and max(map(len, payloads)) > self._max_bytes:  # type: ignore[arg-type]
                return None
            texts = Texts(lines)
        except (TypeError, UnicodeDecodeError):
            return None
        if b"\\" in lines or np.count_nonzero(texts.content < SPACE) != count + 1:
            return None
        found = self._room(count)
        if read_compiled(texts.content, self._fields, found) < count:
            return None
        return self._table(texts, found) if _read_inexact(lines, found) else None

    def _room(self, count: int) -> Found:
        shape = len(self._paths), count
        return Found(
            spans=np.empty((*shape, 2), np.int64),
            integers=np.empty(shape, np.int64),
            numbers=np.empty(shape),
            inexact=np.empty(1 + len(self._paths) * count, np.int64),
        )

    def _table(self, texts: Texts, found: Found) -> Table:
        columns = {}
        kinds = self._fields.kinds.tolist()
        for path, kind, *columns_of in zip(self._paths, kinds, *found[:3], strict=True):
            spans, integers, numbers = columns_of
            if kind != TEXT:
                columns[path] = integers if kind == WHOLE else numbers
            elif (known := self._known.get(path)) is not None:
                columns[path] = known.column(texts, spans)
            else:
                columns[path] = texts.of(spans)
        return Table(columns, found.numbers.shape[1])


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


def _read_inexact(lines: bytes, found: Found) -> bool:
    """Read the numbers that take more than one multiplication; return whether all are finite."""
    count = found.inexact[0]
    if count == 0:
        return True
    rows, fields = np.divmod(found.inexact[1 : 1 + count], len(found.numbers))
    spans = found.spans[fields, rows]
    places = zip(spans[:, 0].tolist(), spans[:, 1].tolist(), strict=True)
    array = b"[" + b",".join([lines[begin:end] for begin, end in places]) + b"]"
    try:
        found.numbers[fields, rows] = _FLOATS.decode(array)
    except msgspec.DecodeError:
        return False
    return True
