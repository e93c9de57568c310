"""Columns of events: entity, time and values of decoded messages, and which of them are good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from engine.domain.batch import NO_TIME, Bools, EventBatch, Floats, Int64s, Objects, RawBatch
from engine.domain.mapping import Constant, EventMapping, MessageKey
from engine.domain.origins import Origins
from engine.domain.path import Path
from operators.decode.columns import Table, listed
from operators.decode.decoded import Decoded
from operators.decode.document_keys import KeyReader
from operators.decode.entity_keys import joined, names
from operators.decode.numbers import NumberReader
from operators.decode.reading import Read
from operators.decode.sample_times import SampleTimes
from operators.decode.timestamps import UNREADABLE, TimeReader, together


class EventColumns:
    """Reads the columns of events out of decoded messages.

    Args:
        mapping: how a message becomes an event.
        reader: returns what reads a path of messages.
    """

    def __init__(self, mapping: EventMapping, reader: Callable[[Path], Read]) -> None:
        self._mapping = mapping
        self._key_parts = [
            reader(part) if isinstance(part, tuple) else part for part in mapping.key_parts
        ]
        self._key_readers = {
            part: KeyReader(part) for part in mapping.key_parts if isinstance(part, MessageKey)
        }
        self._values = [(reader(v.path), NumberReader(v)) for v in mapping.values]
        self._read_times = [reader(path) for path in mapping.time.paths]
        self._times = TimeReader(mapping.time)
        step = mapping.time.step
        self._samples = None if step is None else SampleTimes(step, reader)

    @property
    def ambiguous(self) -> str:
        """The first local time that came in an hour that comes twice; or an empty text."""
        return self._times.ambiguous

    @property
    def steps(self) -> Int64s | None:
        """How many steps behind the time of its message each one of the last call is."""
        return None if self._samples is None else self._samples.steps

    def of(
        self, raw: Sequence[RawBatch], found: Decoded, now: int, before: Int64s | int = 0
    ) -> tuple[EventBatch, Bools]:
        """Return events of messages, and which of them are good.

        Args:
            raw: the batches.
            found: their messages.
            now: the clock of this machine, ns since 1970.
            before: how many steps of time were before each of the messages; see `SampleTimes`.
        """
        positions = [_positions(batch) for batch in raw]
        partitions, offsets, stamps = (
            np.concatenate(column)[found.rows] for column in zip(*positions, strict=True)
        )
        keys, known = self._keys(raw, found)
        values, finite = self._numbers(found.messages)
        times, timely = self._moments(found, keys, stamps, (now, before))
        good = known & finite & timely
        # A message without a timestamp of its own counts as sent when it happened.
        if NO_TIME in stamps:
            stamps = np.where(stamps == NO_TIME, times, stamps)
        columns = keys, times, values, partitions, offsets, stamps
        origins = Origins.concatenate([(batch.origins, len(batch)) for batch in raw])
        if origins is not None:
            origins = origins.take(found.rows)
        events = EventBatch(raw[0].topic, *columns, indices=found.indices, origins=origins)
        return events, good

    def _keys(self, raw: Sequence[RawBatch], found: Decoded) -> tuple[Objects, Bools]:
        columns = []
        for part in self._key_parts:
            if isinstance(part, MessageKey):
                columns.append(self._key_readers[part].texts(_given_keys(raw, found.rows)))
            elif isinstance(part, Constant):
                columns.append([part.text] * len(found.messages))
            else:
                columns.append(_texts_or_items(part(found.messages)))
        return names(joined(columns))

    def _moments(
        self, found: Decoded, keys: Objects, stamps: Int64s, given: tuple[int, Int64s | int]
    ) -> tuple[Int64s, Bools]:
        """Return the event times, and which are near enough to the clocks they are held against."""
        now, before = given
        times, clocks = stamps, np.full(1, now)
        if self._read_times:
            written = together([read(found.messages) for read in self._read_times])
            times = self._times.column(written, keys, self._known(stamps, now))
            if self._samples is not None and found.indices is not None and len(times):
                origins = found.rows, found.indices
                times = self._samples.of(found.messages, keys, origins, times, before)
            clocks = np.minimum(stamps, now)
            clocks[stamps == NO_TIME] = now
        good = (times != UNREADABLE) & (times <= clocks + self._mapping.max_future)
        if self._mapping.max_past is not None:
            good &= times >= clocks - self._mapping.max_past
        return times, good

    def _known(self, stamps: Int64s, now: int) -> Int64s:
        """Return the timestamps of messages; times without a year are held against now as well."""
        if self._mapping.time.names_year:
            return stamps
        return np.where(stamps == NO_TIME, now, stamps)

    def _numbers(self, messages: list[Any] | Table) -> tuple[Floats, Bools]:
        values = np.empty((len(messages), len(self._values)))
        good = np.ones(len(messages), np.bool_)
        for column, (read, numbers) in enumerate(self._values):
            values[:, column] = numbers.column(read(messages), good)
        return values, good


def _positions(batch: RawBatch) -> tuple[Any, Int64s, Int64s]:
    partitions = np.full(len(batch), batch.partition, np.int32)
    return partitions, batch.offsets, batch.timestamps


def _texts_or_items(column: Any) -> Any:
    """Return a column of texts as it is, any other as a list."""
    if isinstance(column, np.ndarray) and column.dtype == object:
        return column
    return listed(column)


def _given_keys(raw: Sequence[RawBatch], rows: Int64s) -> list[bytes | None]:
    given = list(chain.from_iterable(batch.keys or [None] * len(batch) for batch in raw))
    return [given[row] for row in rows.tolist()]
