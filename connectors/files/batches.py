"""Messages of files as batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from connectors.files.unreadable import Message
from engine.domain.batch import RawBatch

BATCH_LINES = 5_000
BATCH_BYTES = 8 * 2**20


def next_messages(file: Iterable[Message], at_most: int) -> list[Message]:
    """Return the next messages of a file, no more bytes together than a batch may have."""
    found: list[Message] = []
    size = 0
    for message in file:
        found.append(message)
        size += len(message[1])
        if len(found) >= at_most or size >= BATCH_BYTES:
            break
    return found


def raw_batch(
    topic: str, number: int, messages: Sequence[Message], now: int, hint: str = ""
) -> RawBatch:
    """Put numbered messages into columns; `now`, ns since 1970, is when they were read."""
    offsets = np.array([place for place, _, _ in messages], np.int64)
    stamps = np.full(len(messages), now, np.int64)
    values = [payload for _, payload, _ in messages]
    found = {row: finding for row, (_, _, finding) in enumerate(messages) if finding is not None}
    errors = found or None
    return RawBatch(topic, number, offsets, stamps, values, errors=errors, hint=hint)
