"""The fields that are read from payloads that are decoded in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.domain.format import Columns
from engine.domain.path import Path


class Wanted:
    """The paths that are read, as a tree.

    Attributes:
        path: the way here.
        is_leaf: whether it is read itself, not something below.
    """

    def __init__(self, paths: Iterable[Path], path: Path = ()) -> None:
        below: dict[Any, list[Path]] = {}
        self.path = path
        self.is_leaf = False
        for one in paths:
            if len(one) == len(path):
                self.is_leaf = True
            else:
                below.setdefault(one[len(path)], []).append(one)
        self._below = {step: Wanted(some, (*path, step)) for step, some in below.items()}

    def below(self, name: str) -> Wanted | None:
        """Return what is read below a field; None for nothing."""
        return self._below.get(name)

    def leaves(self) -> Iterator[Path]:
        """Yield the paths."""
        if self.is_leaf:
            yield self.path
        for inner in self._below.values():
            yield from inner.leaves()


class Pieces:
    """Columns that come in pieces: each for some of the rows."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._found: dict[Path, list[tuple[NDArray[np.int64], Any]]] = {}

    def add(self, path: Path, rows: NDArray[np.int64], found: Any) -> None:
        """Add what some rows have; what comes later counts."""
        if len(rows) == self._count:
            self._found.pop(path, None)
        self._found.setdefault(path, []).append((rows, found))

    def columns(self, wanted: Wanted) -> Columns:
        """Return the whole columns."""
        return {path: self._column(self._found.get(path, [])) for path in wanted.leaves()}

    def _column(self, pieces: list[tuple[NDArray[np.int64], Any]]) -> Any:
        if len(pieces) == 1 and len(pieces[0][0]) == self._count:
            return pieces[0][1]
        column: list[Any] = [None] * self._count
        for rows, found in pieces:
            items = found.tolist() if isinstance(found, np.ndarray) else found
            for row, item in zip(rows.tolist(), items, strict=True):
                column[row] = item
        return column
