"""Events in columns: what flows between the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.domain.absence import Absence
from engine.domain.explanation import Explanation
from engine.domain.finding import Finding
from engine.domain.origins import Origins
from engine.domain.trace import Trace

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Objects = NDArray[np.object_]

NO_TIME = -(2**63)
"""A time that is not known, in a column of times."""
_MOST_MS = (2**63 - 1) // 1_000_000

Headers = tuple[tuple[str, bytes | None], ...]
Known = TypeVar("Known")


def no_headers(_row: int) -> Headers:
    """Headers of a message from a source that has none."""
    return ()


def no_traceparents() -> Iterable[bytes]:
    """Trace contexts of messages from a source that has none."""
    return ()


def stamps_of_ms(milliseconds: Int64s) -> Int64s:
    """Return message timestamps in ns; NO_TIME if a message has none, or none that fits."""
    fits = (milliseconds >= 0) & (milliseconds <= _MOST_MS)
    stamps: Int64s = np.where(fits, milliseconds, 0) * 1_000_000
    stamps[~fits] = NO_TIME
    return stamps


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Undecoded messages of one partition, in their order.

    Attributes:
        topic: where they come from: a topic, a file, "stdin".
        partition: number of the partition.
        offsets: int64 [n], each message's position in its partition.
        timestamps: int64 [n], ns since 1970: the broker's or the source's time of each message;
            NO_TIME if there is none.
        values: n payloads; None is a tombstone.
        keys: n message keys, or None when the mapping does not need them.
        headers: gives the headers of row i; called for rejects only.
        traceparents: gives the W3C traceparent headers of the messages, in their order; called
            only while tracing is on.
        trace: the span it belongs to; None unless it is traced.
        errors: what the source found wrong with some messages, by row: they are rejects.
        hint: what to do if a field is missing, for rejects.
        origins: where the messages stood before, if they were re-keyed through a topic.
        elements: by row, int32, which elements of an exploded message belong to this one; all of
            them where the row is not named. A message of several entities is re-keyed once for
            each.
        epoch: of the broker that took the messages as the partition's leader, all of them; it
            grows with each change of leader. None if the source has none.
    """

    topic: str
    partition: int
    offsets: Int64s
    timestamps: Int64s
    values: Sequence[bytes | None]
    keys: Sequence[bytes | None] | None = None
    headers: Callable[[int], Headers] = no_headers
    traceparents: Callable[[], Iterable[bytes]] = no_traceparents
    trace: Trace | None = None
    errors: Mapping[int, Finding] | None = None
    hint: str = ""
    origins: Origins | None = None
    elements: Mapping[int, Int32s] | None = None
    epoch: int | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice) -> RawBatch:
        """Return some of the messages."""
        if rows == slice(0, len(self)):
            return self
        first = rows.start
        return replace(
            self,
            offsets=self.offsets[rows],
            timestamps=self.timestamps[rows],
            values=self.values[rows],
            keys=None if self.keys is None else self.keys[rows],
            headers=lambda row: self.headers(first + row),
            errors=_by_row(self.errors, rows),
            origins=None if self.origins is None else self.origins.take(rows),
            elements=_by_row(self.elements, rows),
        )

    def origin(self, row: int) -> tuple[str, int, int]:
        """Return topic, partition and offset of a message: where its producer put it."""
        before = None if self.origins is None else self.origins.of(row)
        return before or (self.topic, self.partition, int(self.offsets[row]))


def _by_row(known: Mapping[int, Known] | None, rows: slice) -> Mapping[int, Known] | None:
    """Return what is known of some rows, by their new numbers; None if nothing is."""
    first, stop = rows.start, rows.stop
    found = {row - first: one for row, one in (known or {}).items() if first <= row < stop}
    return found or None


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Decoded events in columns; all of one topic.

    Attributes:
        topic: where they come from.
        keys: object [n] of str, the entity of each event.
        times: int64 [n], event time in ns since 1970.
        values: float64 [n, d], C-contiguous; NaN is a gap in an optional value.
        partitions: int32 [n].
        offsets: int64 [n].
        timestamps: int64 [n], ns since 1970: the broker's time, for latency.
        trace: the span it belongs to; None unless it is traced.
        indices: int32 [n], place of each event in its message; None if a message is an event.
        late: bool [n], events that came too late to be put in order; None if none was.
        origins: where the messages stood before, if they were re-keyed through a topic.
    """

    topic: str
    keys: Objects
    times: Int64s
    values: Floats
    partitions: Int32s
    offsets: Int64s
    timestamps: Int64s
    trace: Trace | None = None
    indices: Int32s | None = None
    late: Bools | None = None
    origins: Origins | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def origin(self, row: int) -> tuple[str, int, int]:
        """Return topic, partition and offset of an event: where its producer put it."""
        before = None if self.origins is None else self.origins.of(row)
        return before or (self.topic, int(self.partitions[row]), int(self.offsets[row]))

    def take(self, rows: NDArray[np.intp] | slice) -> EventBatch:
        """Return the given rows, in the given order."""
        indices = None if self.indices is None else self.indices[rows]
        late = None if self.late is None else self.late[rows]
        origins = None if self.origins is None else self.origins.take(rows)
        columns = (column[rows] for column in self.columns())
        taken: list[Any] = [*columns, self.trace, indices, late, origins]
        return EventBatch(self.topic, *taken)

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Return the columns that every batch has, in the order of the fields."""
        return tuple(getattr(self, field.name) for field in fields(self)[1:-4])

    @staticmethod
    def concatenate(batches: Sequence[EventBatch]) -> EventBatch:
        """Join batches of one topic, in their order; several together belong to no span yet."""
        if len(batches) == 1:
            return batches[0]
        parts = zip(*(batch.columns() for batch in batches), strict=True)
        columns: list[Any] = [np.concatenate(part) for part in parts]
        origins = Origins.concatenate([(batch.origins, len(batch)) for batch in batches])
        joined = replace(EventBatch(batches[0].topic, *columns), origins=origins)
        places = [batch.indices for batch in batches if batch.indices is not None]
        if len(places) < len(batches):
            return joined
        return replace(joined, indices=np.concatenate(places))


EXPECTED_SCALES = 3.0
"""Scales on either side of the center in which a normal value is expected: 99.7 % of them."""


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Events with the results of the detectors, by the state before each event.

    Attributes:
        events: the n events, d values each.
        centers: float64 [n, d], the expected value of each value; NaN while unknown.
        scales: float64 [n, d], the robust standard deviation around it; NaN while unknown.
        scores: float64 [n, k], raw score of each of k detectors; NaN during its warm-up.
        p_values: float64 [n, k], each raw score's p-value; NaN during warm-up.
        p_value: float64 [n], the detectors combined; NaN while none is warm.
        rates: float64 [n], events per day of the event's entity, estimated before the event;
            NaN until two events were seen.
        late: bool [n], older than the allowed lateness: scored, not learned.
        weights: float64 [n, k], the weight of each p-value in the combined one; NaN during the
            detector's warm-up. None if no weights are learned.
        pipeline_rates: float64 [n], events per day of all entities of the task, estimated before
            the event; None if nobody asked.
        explanations: what the detectors that explain themselves say, by their number.
        progress: int64 [n], ns that event time has come on in the task so far, never less than
            before; None if nobody asked.
        absences: who has stopped sending, and who is back, in the order of the events.
        contexts: by row, the values before the events that may become anomalies: float64
            [length, d], the oldest first; empty if nobody asked.
    """

    events: EventBatch
    centers: Floats
    scales: Floats
    scores: Floats
    p_values: Floats
    p_value: Floats
    rates: Floats
    late: Bools
    weights: Floats | None = None
    pipeline_rates: Floats | None = None
    explanations: Mapping[int, Explanation] = field(default_factory=dict)
    progress: Int64s | None = None
    absences: Sequence[Absence] = ()
    contexts: Mapping[int, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.events)

    def expected(self) -> tuple[Floats, Floats]:
        """Return the centers of the expected ranges and half of their widths: float64 [n, d] each.

        They are those of the first detector that explains itself, else three scales around the
        level.
        """
        for explanation in self.explanations.values():
            return explanation.centers, explanation.widths
        return self.centers, EXPECTED_SCALES * self.scales
