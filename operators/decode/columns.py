"""Messages whose columns were already read."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress
from typing import Any

import numpy as np

from engine.domain.batch import Bools
from engine.domain.format import Columns
from engine.domain.path import Path


class Table:
    """Stands for a list of messages where all that is read of them is in columns.

    Attributes:
        columns: by path.
    """

    def __init__(self, columns: Columns, count: int) -> None:
        self.columns = columns
        self._count = count

    def __len__(self) -> int:
        return self._count

    def only(self, kept: Bools) -> Table:
        """Return some of the messages."""
        return Table({path: _only(c, kept) for path, c in self.columns.items()}, int(kept.sum()))


def listed(column: Any) -> list[Any]:
    """Return a column as a list, its numbers as Python has them."""
    items: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column
    return items


def _only(column: Any, kept: Bools) -> Any:
    return column[kept] if isinstance(column, np.ndarray) else list(compress(column, kept))


def can_be_columns(paths: Iterable[Path]) -> bool:
    """Whether all of some paths lead through names alone, none of them through another."""
    paths = list(paths)
    names = all(isinstance(step, str) for path in paths for step in path)
    starts = {path[:length] for path in paths for length in range(len(path))}
    return names and not starts & set(paths)
