"""A cursor over many payloads at once: each step reads the same kind of field of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
UInts = NDArray[np.uint64]
Row = NDArray[Any]
PADDING = b"\0" * 32
LONGEST = 2**31
_HIGH = np.uint64(0x8080808080808080)
_ONE, _SEVEN, _EIGHT = np.uint64(1), np.uint64(7), np.uint64(8)
_SPREAD = (
    (0x007F007F007F007F, 0x7F007F007F007F00, 1),
    (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
    (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
)
"""Closes the gaps between the seven bits of each byte, two neighbours at a time."""


class OneByOneError(Exception):
    """These payloads have to be decoded one by one: one may be broken, or is of a rare form."""


class Cursor:
    """Payloads in one buffer, and how far each of them is read.

    Attributes:
        place: the next byte of each payload.
        end: where each ends.
    """

    def __init__(self, payloads: Sequence[bytes], start: int) -> None:
        sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
        self.end: Ints = np.cumsum(sizes)
        self.place: Ints = self.end - sizes + start
        self._joined = b"".join(payloads)
        padded = self._joined + PADDING
        self.bytes = np.frombuffer(padded, np.uint8)
        windows = len(padded) - 8
        self._words = np.ndarray((windows,), "<u8", padded, strides=(1,))
        self._doubles = np.ndarray((windows,), "<f8", padded, strides=(1,))
        self._singles = np.ndarray((windows,), "<f4", padded, strides=(1,))
        self._high: Ints | None = None

    def check(self, rows: Row) -> None:
        """Raise OneByOneError if a payload was read beyond its end."""
        if (self.place[rows] > self.end[rows]).any():
            raise OneByOneError

    def skip(self, rows: Row, sizes: Ints | int) -> None:
        """Advance by a number of bytes."""
        if not isinstance(sizes, int) and ((sizes < 0) | (sizes > LONGEST)).any():
            raise OneByOneError
        self.place[rows] += sizes
        self.check(rows)

    def varints(self, rows: Row) -> UInts:
        """Read a variable-length number of each of some payloads."""
        self.check(rows)
        places = self.place[rows]
        words = self._words[places]
        stops = ~words & _HIGH
        # All bits up to the highest of the last byte, which is the first without its high bit.
        mask = stops ^ (stops - _ONE)
        sizes = (np.bitwise_count(mask) >> np.uint8(3)).astype(np.int64)
        found = words & mask & ~_HIGH
        for kept, moved, by in _SPREAD:
            found = (found & np.uint64(kept)) | ((found & np.uint64(moved)) >> np.uint64(by))
        long = np.flatnonzero(stops == 0)
        if len(long):
            found[long] = self._long(words[long], places[long], sizes, long)
        self.place[rows] = places + sizes
        self.check(rows)
        return found

    def _long(self, words: UInts, places: Ints, sizes: Ints, long: Ints) -> UInts:
        """Read numbers of nine and ten bytes."""
        found = words & ~_HIGH
        for kept, moved, by in _SPREAD:
            found = (found & np.uint64(kept)) | ((found & np.uint64(moved)) >> np.uint64(by))
        ninth = self.bytes[places + 8].astype(np.uint64)
        tenth = self.bytes[places + 9].astype(np.uint64)
        is_ten = ninth >= 128
        if (is_ten & (tenth > 1)).any():
            raise OneByOneError
        sizes[long] = np.where(is_ten, 10, 9)
        found |= (ninth & np.uint64(127)) << np.uint64(56)
        return found | np.where(is_ten, tenth << np.uint64(63), np.uint64(0))

    def zigzags(self, rows: Row) -> Ints:
        """Read signed numbers as Avro writes them."""
        return unzigzag(self.varints(rows))

    def doubles(self, rows: Row) -> NDArray[np.float64]:
        """Read 64-bit numbers with a point."""
        found = self._doubles[self.place[rows]]
        self.skip(rows, 8)
        return found

    def singles(self, rows: Row) -> NDArray[np.float64]:
        """Read 32-bit numbers with a point."""
        found = self._singles[self.place[rows]].astype(np.float64)
        self.skip(rows, 4)
        return found

    def words(self, rows: Row) -> UInts:
        """Read eight bytes as a number."""
        found = self._words[self.place[rows]]
        self.skip(rows, 8)
        return found

    def texts(self, rows: Row, sizes: Ints, wanted: bool) -> list[str] | None:
        """Read texts of these sizes; what is not wanted has to be UTF-8 as well."""
        starts = self.place[rows]
        self.skip(rows, sizes)
        ends = self.place[rows]
        try:
            if not wanted:
                self._check_texts(starts, ends)
                return None
            joined = self._joined
            pairs = zip(starts.tolist(), ends.tolist(), strict=True)
            return [joined[start:end].decode() for start, end in pairs]
        except UnicodeDecodeError:
            raise OneByOneError from None

    def _check_texts(self, starts: Ints, ends: Ints) -> None:
        if self._joined.isascii():
            return
        if self._high is None:
            self._high = np.concatenate([[0], np.cumsum(self.bytes >= 128)])
        for row in np.flatnonzero(self._high[ends] > self._high[starts]).tolist():
            self._joined[starts[row] : ends[row]].decode()


def unzigzag(numbers: UInts) -> Ints:
    """Return signed numbers: 0, -1, 1, -2 are written as 0, 1, 2, 3."""
    return (numbers >> _ONE).astype(np.int64) ^ -(numbers & _ONE).astype(np.int64)
