"""decode: raw batches become columns of events, and rejects with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, cast

import msgspec
import numpy as np

from engine.domain.batch import Bools, EventBatch, Floats, Int64s, Objects, RawBatch
from engine.domain.mapping import LONGEST_KEY, EventMapping
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject, RejectReason
from operators.decode.diagnosis import Diagnosis
from operators.decode.message_type import Column, MessageType, reader
from operators.decode.timestamps import UNREADABLE, time_reader
from pynomaly.plugins import Decode, RunContext

NUMBERS = {int, float}
TEXTS = {str, int}


def decode_step(pipeline: Pipeline, context: RunContext) -> Decode:
    """Return the step from raw batches to at most one batch of events, and lists of rejects.

    A list is of one partition: whatever becomes of it depends on nothing else.
    """
    decoder = Decoder(pipeline.mapping)

    def decode(raw: list[RawBatch]) -> list[EventBatch | list[Reject]]:
        events, rejects = decoder.decode(raw)
        for reject in rejects:
            context.telemetry.rejects.labels(reject.reason.value).inc()
        found: list[EventBatch | list[Reject]] = [events] if len(events) else []
        return found + [list(part) for _, part in groupby(rejects, attrgetter("partition"))]

    return decode


class Decoder:
    """Decodes batches by one mapping; every message becomes one event or one reject."""

    def __init__(self, mapping: EventMapping) -> None:
        self._mapping = mapping
        self._decoder = MessageType(mapping).decoder
        self._read_keys = [reader(path) for path in mapping.key]
        self._read_values = [reader(value.path) for value in mapping.values]
        self._read_time = reader(mapping.time.path) if mapping.time.path is not None else None
        self._to_ns = time_reader(mapping.time)
        self._diagnosis = Diagnosis(mapping)

    def decode(self, raw: Sequence[RawBatch]) -> tuple[EventBatch, list[Reject]]:
        """Decode batches of one topic, in their order."""
        payloads = list(chain.from_iterable(batch.values for batch in raw))
        messages, rows = self._messages(payloads)
        positions = [_positions(batch) for batch in raw]
        partitions, offsets, timestamps = (
            np.concatenate(column)[rows] for column in zip(*positions, strict=True)
        )
        keys, known = self._keys(raw, messages, rows)
        values, finite = self._values(messages)
        times = timestamps
        good = known & finite
        if self._read_time is not None:
            times = self._to_ns(self._read_time(messages))
            good &= times != UNREADABLE
            good &= times <= np.maximum(timestamps, 0) + self._mapping.max_future
        events = EventBatch(raw[0].topic, keys, times, values, partitions, offsets, timestamps)
        if not good.all():
            events, rows = events.take(np.flatnonzero(good)), rows[good]
        return events, self._rejects(raw, len(payloads), rows)

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
            return self._decoder.decode(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None

    def _keys(
        self, raw: Sequence[RawBatch], messages: list[Any], rows: Int64s
    ) -> tuple[Objects, Bools]:
        if not self._read_keys:
            given = list(chain.from_iterable(batch.keys or [None] * len(batch) for batch in raw))
            texts = [_text(given[row]) for row in rows.tolist()]
        elif len(self._read_keys) == 1:
            texts = self._read_keys[0](messages)
        else:
            columns = zip(*(read(messages) for read in self._read_keys), strict=True)
            texts = [_join(parts) for parts in columns]
        if set(map(type, texts)) != {str}:
            texts = [str(text) if type(text) in TEXTS else None for text in texts]
            known = np.array([text is not None for text in texts], np.bool_)
            texts = [text or "" for text in texts]
        else:
            known = np.ones(len(texts), np.bool_)
        names = cast("list[str]", texts)
        if max(map(len, names), default=0) > LONGEST_KEY:
            known &= np.array([len(name) <= LONGEST_KEY for name in names])
        keys = np.empty(len(texts), object)
        keys[:] = texts
        return keys, known

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

    def _rejects(self, raw: Sequence[RawBatch], total: int, rows: Int64s) -> list[Reject]:
        """Diagnose all rows that did not become events."""
        if len(rows) == total:
            return []
        bad = np.ones(total, np.bool_)
        bad[rows] = False
        rejects: list[Reject] = []
        first = 0
        for batch in raw:
            found = np.flatnonzero(bad[first : first + len(batch)]).tolist()
            rejects += [self._reject(batch, row) for row in found]
            first += len(batch)
        return rejects

    def _reject(self, batch: RawBatch, row: int) -> Reject:
        key = batch.keys[row] if batch.keys is not None else None
        value, timestamp = batch.values[row], int(batch.timestamps[row])
        finding = self._diagnosis.of(value, key, max(timestamp, 0))
        reason, detail = finding or (RejectReason.NOT_JSON, "the payload is not strict JSON")
        place = batch.topic, batch.partition, int(batch.offsets[row]), timestamp
        return Reject(reason, detail, *place, key, value, batch.headers(row))


def _positions(batch: RawBatch) -> tuple[Any, Int64s, Int64s]:
    partitions = np.full(len(batch), batch.partition, np.int32)
    return partitions, batch.offsets, batch.timestamps


def _text(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None


def _join(parts: tuple[Any, ...]) -> str | None:
    fitting = all(type(part) in TEXTS for part in parts)
    return "/".join(map(str, parts)) if fitting else None


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
