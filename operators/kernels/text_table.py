"""A table of texts that come again and again; compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.domain.batch import Int64s
from operators.kernels.record_bank import kernel

Bytes = NDArray[np.uint8]
MOST_TEXTS = 65_536
"""Known at once; others are not kept."""
LONGEST = 64
"""Bytes of a text that is kept."""
PLACES = 4 * MOST_TEXTS
MOST_PROBES = 32
"""Places that are looked at for a text. Names that somebody made to have one hash are not kept
beyond it, so they cannot make each message slow."""
_FNV_BASIS, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_SHIFT, _MASK = np.uint64(32), np.uint64(PLACES - 1)


def number_texts(  # noqa: C901 - passing the table to functions takes as long again
    lines: Bytes,
    spans: Int64s,
    places: NDArray[np.int32],
    kept: Bytes,
    sizes: NDArray[np.int32],
    known: int,
    numbers: Int64s,
) -> int:
    """Give each text its number, and new ones the next; return how many are known now.

    Args:
        lines: what the texts are in.
        spans: int64 [n, 2], where each begins and ends.
        places: int32 [PLACES], number + 1 of a text where its hash leads; zero is free.
        kept: uint8 [MOST_TEXTS, LONGEST], the bytes of known texts.
        sizes: int32 [MOST_TEXTS], their lengths.
        known: how many are known.
        numbers: int64 [n], takes the number of each; -1 where it is not kept.
    """
    for row in range(len(spans)):
        begin, end = spans[row, 0], spans[row, 1]
        size = end - begin
        numbers[row] = -1
        if size > LONGEST:
            continue
        mixed = _FNV_BASIS
        for at in range(begin, end):
            mixed = (mixed ^ np.uint64(lines[at])) * _FNV_PRIME
        place = np.int64((mixed ^ mixed >> _SHIFT) & _MASK)
        for _ in range(MOST_PROBES):
            number = places[place] - 1
            if number < 0:
                if known == MOST_TEXTS:
                    break
                number, known = known, known + 1
                places[place], sizes[number] = known, size
                for at in range(size):
                    kept[number, at] = lines[begin + at]
            same = sizes[number] == size
            at = 0
            while same and at < size:
                same = kept[number, at] == lines[begin + at]
                at += 1
            if same:
                numbers[row] = number
                break
            place = (place + 1) % PLACES
    return known


number_compiled = kernel(number_texts)
