"""Payloads that are read in columns, but for those that are broken: a batch is cut around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.domain.batch import Int64s
from engine.domain.format import ColumnFormat, Columns
from engine.domain.path import Path
from operators.decode.columns import listed

FEWEST = 16
"""Payloads that are worth to be read in columns."""
PROBE = 2 * FEWEST
"""Payloads at each end of a batch: if neither can be read in columns, none of it is tried."""
MOST_FAILURES = 48
"""Sections of a batch that may fail; what remains then is read one by one."""


class Section(NamedTuple):
    """Payloads that follow each other.

    Attributes:
        first: the first of them.
        end: the one after the last.
        columns: their values; None: they are to be read one by one.
    """

    first: int
    end: int
    columns: Columns | None = None


class ColumnSections:
    """Cuts batches into sections with columns, and some payloads without.

    Args:
        read: the format.
        paths: what is read.
    """

    def __init__(self, read: ColumnFormat, paths: frozenset[Path]) -> None:
        self._read = read
        self._paths = paths
        self._failures = 0

    def of(self, payloads: Sequence[bytes]) -> list[Section]:
        """Return the sections of a batch, in their order."""
        count = len(payloads)
        self._failures = 0
        whole = self._columns(payloads, 0, count)
        if whole is not None:
            return [Section(0, count, whole)]
        ends = ((0, min(PROBE, count)), (max(0, count - PROBE), count))
        if all(self._columns(payloads, *end) is None for end in ends):
            return [Section(0, count)]
        return list(self._halves(payloads, 0, count))

    def _sections(self, payloads: Sequence[bytes], first: int, end: int) -> Iterator[Section]:
        if end - first < FEWEST or self._failures >= MOST_FAILURES:
            yield Section(first, end)
            return
        columns = self._columns(payloads, first, end)
        if columns is not None:
            yield Section(first, end, columns)
        else:
            yield from self._halves(payloads, first, end)

    def _halves(self, payloads: Sequence[bytes], first: int, end: int) -> Iterator[Section]:
        middle = (first + end) // 2
        yield from self._sections(payloads, first, middle)
        yield from self._sections(payloads, middle, end)

    def _columns(self, payloads: Sequence[bytes], first: int, end: int) -> Columns | None:
        columns = self._read.columns(payloads[first:end], self._paths)
        self._failures += columns is None
        return columns


def joined(parts: Sequence[Columns]) -> Columns:
    """Return the columns of sections as those of all of them."""
    return {path: _column([part[path] for part in parts]) for path in parts[0]}


def _column(parts: Sequence[Any]) -> Any:
    kinds = {part.dtype if isinstance(part, np.ndarray) else None for part in parts}
    if len(kinds) == 1 and None not in kinds:
        return np.concatenate(parts)
    return [item for part in parts for item in listed(part)]


def in_order(column: Any, order: Int64s) -> Any:
    """Return a column in another order."""
    if isinstance(column, np.ndarray):
        return column[order]
    return [column[row] for row in order.tolist()]


def rows_of(sections: Sequence[Section]) -> Int64s:
    """Return the payloads that are in columns."""
    ranges = [np.arange(first, end) for first, end, columns in sections if columns is not None]
    return np.concatenate([np.empty(0, np.int64), *ranges])
