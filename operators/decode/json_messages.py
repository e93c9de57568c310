"""JSON payloads as messages: all of a batch at once, or each for itself where one is bad."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from engine.domain.batch import Int64s
from engine.domain.mapping import EventMapping
from engine.domain.path import Path
from operators.decode.column_sections import in_order, joined
from operators.decode.columns import Table
from operators.decode.json_columns import json_columns
from operators.decode.message_type import MessageType, field_name
from operators.decode.reading import reader

BOM = b"\xef\xbb\xbf"
NEWLINE = ord("\n")
_ERRORS = (msgspec.DecodeError, RecursionError, TypeError, UnicodeDecodeError)


class JsonMessages:
    """Decodes payloads into as much of them as the mapping reads."""

    def __init__(self, mapping: EventMapping) -> None:
        self._type = MessageType(mapping)
        self._decoder = self._type.decoder
        self._max_bytes = mapping.max_bytes
        self._plain = mapping.explode is not None and not self._type.is_whole
        self._fields = [(name, field_name(name)) for name in self._type.names]
        self._explodes = mapping.explode is not None
        self._columns = json_columns(mapping)
        paths = () if self._columns is None else self._columns.paths
        self._readers = [(path, reader(path, self._type.attributes(path))) for path in paths]
        self._whole: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

    def attributes(self, path: Path) -> int:
        """Return how many steps of a path are attributes of a message; see `reader`."""
        return 0 if self._explodes else self._type.attributes(path)

    def compile(self) -> None:
        """Compile what it needs."""
        if self._columns is not None:
            self._columns.compile()

    def decode(self, payloads: Sequence[bytes | None]) -> tuple[list[Any] | Table, Int64s]:
        """Return the messages that fit, and which payloads they are."""
        columns = None if self._columns is None else self._columns.read(payloads)
        if columns is not None:
            return self._with_others(payloads, *columns)
        messages, rows = self._decode(payloads)
        return [self._dictionary(m) for m in messages] if self._plain else messages, rows

    def _with_others(
        self, payloads: Sequence[bytes | None], table: Table, rows: Int64s
    ) -> tuple[Table, Int64s]:
        """Return the columns of plain messages, and of those among the others that fit."""
        if len(rows) == len(payloads):
            return table, rows
        assert self._columns is not None
        others = np.delete(np.arange(len(payloads)), rows)
        messages, fitting = self._decode([payloads[row] for row in others.tolist()])
        if not messages:
            return table, rows
        rows = np.concatenate([rows, others[fitting]])
        order = np.argsort(rows)
        more = {path: self._columns.column(path, read(messages)) for path, read in self._readers}
        columns = joined([table.columns, more])
        columns = {path: in_order(column, order) for path, column in columns.items()}
        return Table(columns, len(rows)), rows[order]

    def _decode(self, payloads: Sequence[bytes | None]) -> tuple[list[Any], Int64s]:
        whole = decode_all(self._decoder, payloads, self._max_bytes)
        if whole is not None:
            return whole, np.arange(len(payloads))
        rows, messages = [], []
        for row, payload in enumerate(payloads):
            if payload is not None and len(payload) <= self._max_bytes:
                try:
                    messages.append(self._one(payload))
                    rows.append(row)
                except (*_ERRORS, ValueError):
                    pass
        return messages, np.array(rows, np.int64)

    def _one(self, payload: bytes) -> Any:
        try:
            return self._decoder.decode(payload.removeprefix(BOM))
        except _ERRORS:
            if self._explodes and payload.lstrip()[:1] == b"[":
                # An array of messages: each is exploded.
                return self._whole.decode(payload)
            if b"NaN" not in payload:
                raise
            return self._decoder.decode(without_nan(payload))

    def _dictionary(self, message: Any) -> Any:
        """Return what was read of a message, as exploding takes it."""
        if type(message) is list:
            return message
        found = ((name, getattr(message, attribute)) for name, attribute in self._fields)
        return {name: value for name, value in found if value is not None}


def decode_all(
    decoder: msgspec.json.Decoder[Any], payloads: Sequence[bytes | None], max_bytes: int
) -> list[Any] | None:
    """Return the messages of all payloads; None if one of them does not fit."""
    try:
        lines = b"\n".join(payloads)  # type: ignore[arg-type]
        # Most batches are smaller than one message may be.
        if len(lines) > max_bytes and max(map(len, payloads)) > max_bytes:  # type: ignore[arg-type]
            return None
        # This takes a fifth of the time of bytes.count.
        if np.count_nonzero(np.frombuffer(lines, np.uint8) == NEWLINE) != len(payloads) - 1:
            return None
        messages: list[Any] = decoder.decode_lines(lines)
    except _ERRORS:
        return None
    return messages if len(messages) == len(payloads) else None


def without_nan(payload: bytes) -> bytes:
    """Return a payload with null for each bare NaN, which JSON has no word for.

    Raises:
        ValueError: it is not JSON otherwise.
    """
    document = json.loads(payload.removeprefix(BOM), parse_constant=_constant)
    return json.dumps(document).encode()


def _constant(name: str) -> str | None:
    """An infinity is not a gap: as a text it is judged in its place."""
    return None if name == "NaN" else name
