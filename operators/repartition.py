"""repartition: messages that become events leave as they came, keyed by their entities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from engine.domain.batch import EventBatch, Headers, Int32s, Int64s, RawBatch
from engine.domain.index_ranges import ranges_text
from engine.domain.names import INDICES_HEADER, ORIGIN_HEADER, ORIGINAL_KEY_HEADER
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject
from operators.decode.step import decode_step
from pynomaly.plugins import RunContext


class RepartitionStep:
    """Re-keys batches; what is not an event becomes rejects, or is passed over, as in `decode`.

    A message's record has its payload, its headers and its timestamp; its headers end with its
    place, and the key that it had. A message of several entities becomes a record of each, which
    says which of its events are meant.

    Args:
        pipeline: all settings of the steps.
        context: of this process.
    """

    def __init__(self, pipeline: Pipeline, context: RunContext) -> None:
        self._decode = decode_step(pipeline, context)

    def __call__(self, raw: list[RawBatch]) -> list[list[Record] | list[Reject]]:
        """Return the records of some batches of one topic, and their rejects."""
        return [
            _records(raw, part) if isinstance(part, EventBatch) else part
            for part in self._decode(raw)
        ]


def _records(raw: Sequence[RawBatch], events: EventBatch) -> list[Record]:
    """Return the records of events, of all partitions by event time, as far as it is known.

    Within a partition the order is that of its messages.
    """
    batches = _batches(raw, events)
    order = np.argsort(_progress(events), kind="stable").tolist()
    keys, stamps = events.keys, events.timestamps.tolist()
    if events.indices is None:
        return [_record(batches[row], keys[row], stamps[row]) for row in order]
    return [
        _record(batches[rows[0]], keys[rows[0]], stamps[rows[0]], events.indices[rows])
        for rows in _by_message_and_entity(events, order)
    ]


def _by_message_and_entity(events: EventBatch, order: list[int]) -> Iterable[list[int]]:
    """Return the rows of events that leave in one record: of a message, and of an entity."""
    found: dict[tuple[int, int, str], list[int]] = {}
    places = list(zip(events.partitions.tolist(), events.offsets.tolist(), strict=True))
    for row in order:
        found.setdefault((*places[row], events.keys[row]), []).append(row)
    return found.values()


def _record(
    message: tuple[RawBatch, int], key: str, stamp: int, indices: Int32s | None = None
) -> Record:
    batch, row = message
    place = f"{batch.topic}/{batch.partition}/{batch.offsets[row]}"
    ours: Headers = ((ORIGIN_HEADER, place.encode()),)
    if indices is not None:
        chosen = ranges_text(indices)
        ours = ((INDICES_HEADER, chosen.encode()), *ours)
        place = f"{place}/{chosen}"
    given = None if batch.keys is None else batch.keys[row]
    if given is not None:
        ours = ((ORIGINAL_KEY_HEADER, given), *ours)
    headers = (*batch.headers(row), *ours)
    return Record(key.encode(), batch.values[row], headers, stamp, place)


def _batches(raw: Sequence[RawBatch], events: EventBatch) -> list[tuple[RawBatch, int]]:
    """Return for each event its batch, and its row there."""
    found: list[tuple[RawBatch, int]] = [(raw[0], 0)] * len(events)
    rows = [(batch, row) for batch in raw for row in range(len(batch))]
    partitions = np.repeat([batch.partition for batch in raw], [len(batch) for batch in raw])
    offsets = np.fromiter(chain.from_iterable(batch.offsets for batch in raw), np.int64, len(rows))
    for partition in np.unique(events.partitions).tolist():
        mine = np.flatnonzero(partitions == partition)
        wanted = np.flatnonzero(events.partitions == partition)
        places = mine[np.searchsorted(offsets[mine], events.offsets[wanted])]
        for event, place in zip(wanted.tolist(), places.tolist(), strict=True):
            found[event] = rows[place]
    return found


def _progress(events: EventBatch) -> Int64s:
    """Return how far event time had come in the partition of each event."""
    found = np.empty(len(events), np.int64)
    for partition in np.unique(events.partitions).tolist():
        mine = events.partitions == partition
        found[mine] = np.maximum.accumulate(events.times[mine])
    return found
