"""Texts of JSON messages as Python's: one object for all that are the same, as far as they fit."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import Int64s, Objects
from operators.kernels.text_table import (
    LONGEST,
    MOST_TEXTS,
    PLACES,
    Bytes,
    number_compiled,
)


class Texts:
    """The bytes of messages, and texts in them.

    Args:
        lines: all messages.

    Raises:
        UnicodeDecodeError: they are not UTF-8.
    """

    def __init__(self, lines: bytes) -> None:
        self.content = np.frombuffer(lines, np.uint8)
        self.lines = lines
        whole = lines.decode()
        # Of ASCII alone, each byte is a letter.
        self._whole = whole if len(whole) == len(lines) else None

    def of(self, spans: Int64s) -> list[str]:
        """Return texts by where they begin and end: int64 [n, 2]."""
        places = zip(spans[:, 0].tolist(), spans[:, 1].tolist(), strict=True)
        if (whole := self._whole) is not None:
            return [whole[begin:end] for begin, end in places]
        return [self.lines[begin:end].decode() for begin, end in places]


class KnownTexts:
    """Texts that were seen: names of entities, which come again and again."""

    def __init__(self) -> None:
        self._objects: Objects = np.empty(MOST_TEXTS, object)
        self._places = np.zeros(PLACES, np.int32)
        self._kept: Bytes = np.empty((MOST_TEXTS, LONGEST), np.uint8)
        self._sizes = np.zeros(MOST_TEXTS, np.int32)
        self._count = 0

    def column(self, texts: Texts, spans: Int64s) -> Objects | list[str]:
        """Return texts by where they begin and end; a list if some are not kept."""
        numbers = np.empty(len(spans), np.int64)
        count = self._number(texts, spans, numbers)
        if count > self._count:
            first = np.searchsorted(np.maximum.accumulate(numbers), np.arange(self._count, count))
            self._objects[self._count : count] = texts.of(spans[first])
            self._count = count
        return texts.of(spans) if numbers.min() < 0 else self._objects[numbers]

    def compile(self) -> None:
        """Compile what it needs."""
        self._number(Texts(b""), np.empty((0, 2), np.int64), np.empty(0, np.int64))

    def _number(self, texts: Texts, spans: Int64s, numbers: Int64s) -> int:
        table = self._places, self._kept, self._sizes, self._count
        count: int = number_compiled(texts.content, spans, *table, numbers)
        return count
