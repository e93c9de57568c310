"""decode: raw batches become columns of events, and rejects with their reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from engine.application.ports import Decode, RunContext
from engine.domain.batch import NO_TIME, Bools, EventBatch, Floats, Int64s, Objects, RawBatch
from engine.domain.mapping import Constant, EventMapping, MessageKey
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject, RejectReason
from operators.decode.diagnosis import Diagnosis
from operators.decode.entity_keys import joined, message_key_texts, names
from operators.decode.log import DecodeLog
from operators.decode.message_type import MessageType
from operators.decode.reading import Column, reader
from operators.decode.timestamps import UNREADABLE, time_reader

NUMBERS = {int, float, bool}
BOM = b"\xef\xbb\xbf"


def decode_step(pipeline: Pipeline, context: RunContext) -> Decode:
    """Return the step from raw batches to at most one batch of events, and lists of rejects.

    A list is of one partition: whatever becomes of it depends on nothing else.
    """
    decoder = Decoder(pipeline.mapping)
    log = DecodeLog(pipeline.mapping)

    def decode(raw: list[RawBatch]) -> list[EventBatch | list[Reject]]:
        events, rejects = decoder.decode(raw)
        for reject in rejects:
            context.telemetry.rejects.labels(reject.reason.value).inc()
        log.note(events, rejects)
        found: list[EventBatch | list[Reject]] = [events] if len(events) else []
        return found + [list(part) for _, part in groupby(rejects, attrgetter("partition"))]

    return decode


class Decoder:
    """Decodes batches by one mapping; every message becomes one event or one reject.

    Args of its constructor: the mapping; and a clock, ns since 1970, that times are held against.
    """

    def __init__(self, mapping: EventMapping, clock: Callable[[], int] = time.time_ns) -> None:
        self._mapping = mapping
        self._clock = clock
        kind = MessageType(mapping)
        self._decoder = kind.decoder
        self._key_parts = [
            reader(part, kind.attributes(part)) if isinstance(part, tuple) else part
            for part in mapping.key_parts
        ]
        paths = [value.path for value in mapping.values]
        self._read_values = [reader(path, kind.attributes(path)) for path in paths]
        path = mapping.time.path
        self._read_time = None if path is None else reader(path, kind.attributes(path))
        self._to_ns = time_reader(mapping.time)
        self._diagnosis = Diagnosis(mapping)

    def decode(self, raw: Sequence[RawBatch]) -> tuple[EventBatch, list[Reject]]:
        """Decode batches of one topic, in their order."""
        payloads = list(chain.from_iterable(batch.values for batch in raw))
        messages, rows = self._messages(payloads)
        positions = [_positions(batch) for batch in raw]
        partitions, offsets, stamps = (
            np.concatenate(column)[rows] for column in zip(*positions, strict=True)
        )
        now = self._clock()
        keys, known = self._keys(raw, messages, rows)
        values, finite = self._values(messages)
        times, timely = self._times(messages, stamps, now)
        good = known & finite & timely
        # A message without a timestamp of its own counts as sent when it happened.
        stamps = np.where(stamps == NO_TIME, times, stamps)
        events = EventBatch(raw[0].topic, keys, times, values, partitions, offsets, stamps)
        if not good.all():
            events, rows = events.take(np.flatnonzero(good)), rows[good]
        return events, self._rejects(raw, len(payloads), rows, now)

    def _messages(self, payloads: list[bytes | None]) -> tuple[list[Any], Int64s]:
        """Decode all payloads at once, or, if one is bad, each for itself; return which fit."""
        try:
            lines = b"\n".join(payloads)  # type: ignore[arg-type]
            if lines.count(b"\n") == len(payloads) - 1 and self._sizes_fit(payloads):
                messages = self._decoder.decode_lines(lines)
                if len(messages) == len(payloads):
                    return messages, np.arange(len(payloads))
        except (msgspec.DecodeError, RecursionError, TypeError, UnicodeDecodeError):
            pass
        found = [(row, m) for row, p in enumerate(payloads) if (m := self._message(p)) is not None]
        return [message for _, message in found], np.array([row for row, _ in found], np.int64)

    def _sizes_fit(self, payloads: list[bytes | None]) -> bool:
        return max(map(len, payloads)) <= self._mapping.max_bytes  # type: ignore[arg-type]

    def _message(self, payload: bytes | None) -> Any:
        if payload is None or len(payload) > self._mapping.max_bytes:
            return None
        try:
            return self._decoder.decode(payload.removeprefix(BOM))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
        try:
            return self._decoder.decode(without_nan(payload))
        except (ValueError, RecursionError):
            return None

    def _keys(
        self, raw: Sequence[RawBatch], messages: list[Any], rows: Int64s
    ) -> tuple[Objects, Bools]:
        columns = []
        for part in self._key_parts:
            if isinstance(part, MessageKey):
                columns.append(message_key_texts(_given_keys(raw, rows), part.format))
            elif isinstance(part, Constant):
                columns.append([part.text] * len(messages))
            else:
                columns.append(part(messages))
        return names(joined(columns))

    def _times(self, messages: list[Any], stamps: Int64s, now: int) -> tuple[Int64s, Bools]:
        """Return the event times, and which are near enough to the clocks they are held against."""
        times, clocks = stamps, np.full(1, now)
        if self._read_time is not None:
            times = self._to_ns(self._read_time(messages))
            clocks = np.where(stamps == NO_TIME, now, np.minimum(stamps, now))
        good = (times != UNREADABLE) & (times <= clocks + self._mapping.max_future)
        if self._mapping.max_past is not None:
            good &= times >= clocks - self._mapping.max_past
        return times, good

    def _values(self, messages: list[Any]) -> tuple[Floats, Bools]:
        values = np.empty((len(messages), len(self._read_values)))
        good = np.ones(len(messages), np.bool_)
        for column, (read, field) in enumerate(
            zip(self._read_values, self._mapping.values, strict=True)
        ):
            found = read(messages)
            if not set(map(type, found)) <= NUMBERS:
                found = _numbers(found, good, optional=field.optional)
            values[:, column] = _floats(found)
            if not field.optional:
                good &= np.isfinite(values[:, column])
            else:
                good &= ~np.isinf(values[:, column])
        return values, good

    def _rejects(self, raw: Sequence[RawBatch], total: int, rows: Int64s, now: int) -> list[Reject]:
        """Diagnose all rows that did not become events."""
        if len(rows) == total:
            return []
        bad = np.ones(total, np.bool_)
        bad[rows] = False
        rejects: list[Reject] = []
        first = 0
        for batch in raw:
            found = np.flatnonzero(bad[first : first + len(batch)]).tolist()
            rejects += [self._reject(batch, row, now) for row in found]
            first += len(batch)
        return rejects

    def _reject(self, batch: RawBatch, row: int, now: int) -> Reject:
        key = batch.keys[row] if batch.keys is not None else None
        value, timestamp = batch.values[row], int(batch.timestamps[row])
        finding = self._diagnosis.of(value, key, timestamp, now)
        reason, detail = finding or (RejectReason.NOT_JSON, "the payload is not strict JSON")
        place = batch.topic, batch.partition, int(batch.offsets[row]), timestamp
        return Reject(reason, detail, *place, key, value, batch.headers(row))


def _given_keys(raw: Sequence[RawBatch], rows: Int64s) -> list[bytes | None]:
    given = list(chain.from_iterable(batch.keys or [None] * len(batch) for batch in raw))
    return given if len(rows) == len(given) else [given[row] for row in rows.tolist()]


def without_nan(payload: bytes) -> bytes:
    """Return a payload with null for each bare NaN, which JSON has no word for.

    Raises:
        ValueError: it has none, or is not JSON otherwise.
    """
    if b"NaN" not in payload:
        raise ValueError("not a number is not what is wrong")
    document = json.loads(payload.removeprefix(BOM), parse_constant=_constant)
    return json.dumps(document).encode()


def _constant(name: str) -> str | None:
    """An infinity is no gap: as a text it is judged where it stands."""
    return None if name == "NaN" else name


def _positions(batch: RawBatch) -> tuple[Any, Int64s, Int64s]:
    partitions = np.full(len(batch), batch.partition, np.int32)
    return partitions, batch.offsets, batch.timestamps


def _numbers(found: Column, good: Bools, *, optional: bool) -> Column:
    """Return the column with NaN where no number stands, marking the rows where one had to."""
    numbers: Column = []
    for row, number in enumerate(found):
        fits = type(number) in NUMBERS
        numbers.append(number if fits else np.nan)
        if not fits and not (optional and number is None):
            good[row] = False
    return numbers


def _floats(numbers: Column) -> Floats:
    try:
        return np.array(numbers, np.float64)
    except OverflowError:
        return np.array([_float(number) for number in numbers])


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return np.inf
