"""Indices of elements as text, ranges where they follow each other: 0-3,7."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np

from engine.domain.batch import Int32s


def ranges_text(indices: Int32s) -> str:
    """Return indices as text, in their order of size."""
    return runs_text(sorted(indices.tolist()))


def runs_text(indices: Iterable[int]) -> str:
    """Return indices as text, in the order in which they are."""
    numbered = enumerate(indices)
    runs = [[index for _, index in run] for _, run in groupby(numbered, lambda n: n[1] - n[0])]
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def read_ranges(text: str, most: int) -> Int32s:
    """Return the indices that a text stands for.

    Args:
        text: a text from `ranges_text`, or from elsewhere.
        most: how many there can be.

    Raises:
        ValueError: it is not such a text, or stands for more.
    """
    found: list[range] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        found.append(range(int(first), int(last if dash else first) + 1))
        if sum(map(len, found)) > most or found[-1].start < 0 or found[-1].stop > 2**31:
            raise ValueError(text)
    return np.array([index for run in found for index in run], np.int32)
