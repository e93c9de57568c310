"""Messages of a client in columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any, cast

import numpy as np
from confluent_kafka import Message

from engine.domain.batch import Headers, Int64s, RawBatch, stamps_of_ms
from engine.domain.trace import HEADER

HeaderList = list[tuple[str, bytes | None]]


def raw_batch(topic: str, partition: int, messages: list[Message], *, with_keys: bool) -> RawBatch:
    """Put messages of one partition into columns, so that the messages themselves can go."""
    n = len(messages)
    stamps = np.fromiter(map(itemgetter(1), map(Message.timestamp, messages)), np.int64, n)
    batch = RawBatch(
        topic=topic,
        partition=partition,
        offsets=_offsets(messages),
        timestamps=stamps_of_ms(stamps),
        values=list(map(Message.value, messages)),
        keys=list(map(Message.key, messages)) if with_keys else None,
        epoch=messages[0].leader_epoch(),
    )
    headers = list(map(Message.headers, messages))
    return _with_headers(batch, headers) if any(headers) else batch


def _offsets(messages: list[Message]) -> Int64s:
    """Return the offsets of messages; where none is left out, the first and the last say all."""
    first, last = cast("int", messages[0].offset()), cast("int", messages[-1].offset())
    if last - first == len(messages) - 1:
        return np.arange(first, last + 1)
    return np.fromiter(map(Message.offset, messages), np.int64, len(messages))


def _with_headers(batch: RawBatch, found: list[Any]) -> RawBatch:
    """Return a batch with the headers of its messages, lists or None."""

    def headers(row: int) -> Headers:
        return tuple(found[row] or ())

    def traceparents() -> Iterator[bytes]:
        for whole in filter(None, found):
            for name, value in whole:
                if name == HEADER and value:
                    yield value

    return replace(batch, headers=headers, traceparents=traceparents)
