"""Decodes raw messages, for tests."""

from __future__ import annotations

import numpy as np

from engine.domain.batch import RawBatch

NOW = 2_000_000_000


def raw(*values: bytes | None, first: int = 0, keys: list[bytes | None] | None = None) -> RawBatch:
    n = len(values)
    stamps = np.full(n, NOW, np.int64)
    offsets = np.arange(first, first + n)
    return RawBatch("t", 3, offsets, stamps, list(values), keys, lambda row: (("h", b"%d" % row),))
