"""Sample a source: what its messages become by a mapping, and a mapping suggested for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.context import context_of
from engine.domain.batch import NO_TIME, EventBatch, Headers, RawBatch
from engine.domain.errors import ConnectorError, PynomalyError
from engine.domain.format import Format
from engine.domain.reject import Reject
from engine.domain.suggestion.mapping import suggested_mapping
from engine.domain.suggestion.one_kind import SuggestedMapping, what_is_missing

MOST_SAMPLED = 1_000
PROBE = {"key": {"const": "all"}, "values": {"each": "*"}}
"""A mapping to read messages with: it names no field."""


@dataclass(frozen=True, slots=True)
class SampledEvent:
    """An event.

    Attributes:
        entity: the key of its entity.
        time: ns since 1970.
        values: the values by name; None for a gap.
    """

    entity: str
    time: int
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class SourceSample:
    """Some messages of a source.

    Attributes:
        messages: the number of messages read.
        events: the events.
        rejects: the reason and sentence of each reject.
    """

    messages: int
    events: Sequence[SampledEvent]
    rejects: Sequence[tuple[str, str]]

    def rejects_by_reason(self) -> list[tuple[int, str, str]]:
        """Return how many rejects there are of each reason, most first, with one sentence."""
        counts = Counter(reason for reason, _ in self.rejects)
        first = dict(reversed(self.rejects))
        return [(count, reason, first[reason]) for reason, count in counts.most_common()]


def read_messages(file: PipelineFile, messages: int) -> list[RawBatch]:
    """Return messages of each partition or file of the source.

    Raises:
        ConnectorError: it cannot be read.
    """
    source = file.source.plugin(file.source.settings, context_of(file))
    found: list[RawBatch] = source.check(messages)
    return found


def sample_of(file: PipelineFile, batches: Sequence[RawBatch]) -> SourceSample:
    """Return what messages become by the mapping of a pipeline file.

    Raises:
        PynomalyError: they cannot be decoded now, such as that a schema registry is down.
    """
    pipeline = file.pipeline()
    decode = registry.step("decode")(pipeline, replace(context_of(file), trial=True))
    decoded = decode(list(batches)) if any(map(len, batches)) else []
    names = pipeline.mapping.value_names
    events: list[SampledEvent] = []
    rejects: list[Reject] = []
    for part in decoded:
        if isinstance(part, EventBatch):
            rows = zip(part.keys.tolist(), part.times.tolist(), part.values.tolist(), strict=True)
            events += [SampledEvent(key, time, _values(names, row)) for key, time, row in rows]
        else:
            rejects += part
    return SourceSample(
        sum(map(len, batches)), events, [(one.reason.value, one.detail) for one in rejects]
    )


def suggest_for(probe: PipelineFile, batches: Sequence[RawBatch]) -> SuggestedMapping:
    """Suggest a mapping for messages.

    Args:
        probe: a pipeline file with their format; the rest of its mapping does not matter.
        batches: the messages.

    Raises:
        ConnectorError: they are of no use for it.
    """
    read = probe.pipeline().mapping.format
    found = [(document, key) for batch in batches for document, key in _documents(batch, read)]
    # A file has no times of messages: what it gives is when it was changed.
    has_times = probe.source.kind == "kafka" and all(
        (batch.timestamps != NO_TIME).all() for batch in batches
    )
    suggested = suggested_mapping([one for one, _ in found], [key for _, key in found], has_times)
    count = sum(map(len, batches))
    if suggested is not None:
        return _with_tombstones(suggested, batches)
    if not found:
        raise ConnectorError(f"{count} messages were read, and none is {_expected(batches, read)}")
    missing = what_is_missing([one for one, _ in found])
    raise ConnectorError(
        f"{len(found)} messages that can be read were found, and {missing}: write the mapping by "
        f"hand{'' if has_times else '; messages of a topic have a time of their own'}"
    )


def _with_tombstones(found: SuggestedMapping, batches: Sequence[RawBatch]) -> SuggestedMapping:
    """Return a mapping that passes over messages without a payload, if there are some."""
    count = sum(value is None for batch in batches for value in batch.values)
    if not count:
        return found
    note = f"{count} messages have no payload, as where a key is deleted: passed over"
    return SuggestedMapping({"tombstones": "skip", **found.event}, [note, *found.notes])


def _documents(batch: RawBatch, read: Format | None) -> Iterator[tuple[Any, str | None]]:
    keys = batch.keys or [None] * len(batch)
    for row, (payload, key) in enumerate(zip(batch.values, keys, strict=True)):
        document = None if payload is None else _document(payload, batch.headers(row), read)
        is_many = read is not None and read.many
        for one in document if is_many and isinstance(document, list) else [document]:
            if isinstance(one, (dict, list)):
                yield one, _text(key)


def _document(payload: bytes, headers: Headers, read: Format | None) -> Any:
    """Return what a payload holds; None if it is not of its format."""
    try:
        return orjson.loads(payload) if read is None else read.decode(payload, headers)
    except PynomalyError:
        raise
    except Exception:  # noqa: BLE001 - libraries raise anything on crafted bytes
        return None


def _text(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None


def _expected(batches: Sequence[RawBatch], read: Format | None) -> str:
    if read is not None:
        return f"of the format {read.name}"
    first = next((value for batch in batches for value in batch.values if value), b"")
    if first[:1] in (b"\0", b"\1"):
        return (
            "JSON: they begin as messages with a schema registry do: set the format, such as "
            "avro: {registry: {url: ...}}"
        )
    if not first:
        return "JSON or a row of CSV: set the format, if they are of another (docs/formats.md)"
    return f"JSON, the first begins with {first[:40]!r}: set the format (docs/formats.md)"


def _values(names: Sequence[str], row: Sequence[float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in zip(names, row, strict=True)}
