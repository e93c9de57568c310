"""publish: turns anomalies, scores and rejects into records for the sinks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
import orjson

from engine.domain.anomaly import SCHEMA_VERSION, Anomaly, Origin, anomaly_id, anomaly_score
from engine.domain.batch import EventBatch, Headers, ScoredBatch
from engine.domain.index_ranges import runs_text
from engine.domain.names import HEADER_PREFIX, ID_HEADER, SCHEMA_HEADER
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject
from engine.domain.trace import HEADER, Trace
from pynomaly.plugins import RunContext

logger = logging.getLogger("pynomaly.rejects")

PIPELINE = "pynomaly-pipeline"
"""Header of a dead letter that names who rejected it."""
VALUE_FIELDS = ("name", "value", "expected", "low", "high")
"""Of each value in the record of a score."""
_VERSION = str(SCHEMA_VERSION).encode()


def anomaly_step(
    _pipeline: Pipeline, _context: RunContext
) -> Callable[[list[Anomaly]], list[Record]]:
    """Return the step from anomalies to their records: JSON, keyed by entity."""

    def publish(anomalies: list[Anomaly]) -> list[Record]:
        return [anomaly_record(anomaly) for anomaly in anomalies]

    return publish


def anomaly_record(anomaly: Anomaly) -> Record:
    """Return an anomaly as it is published; `engine.domain.anomaly_schema` describes it."""
    document: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "id": anomaly.id,
        "entity": anomaly.entity,
        "time": iso_time(anomaly.time),
        "time_ns": anomaly.time,
        "score": anomaly.score,
        "p_value": anomaly.p_value,
        "threshold": anomaly.threshold,
        "kind": anomaly.kind,
        "summary": anomaly.summary,
        "severity": anomaly.severity.value,
        "incident": anomaly.incident,
        "late": anomaly.late,
        "values": anomaly.values,
        "detectors": anomaly.detectors,
        "origin": anomaly.origin.document(),
        "pipeline": anomaly.pipeline,
        "pipeline_version": anomaly.pipeline_version,
    }
    if anomaly.suppressed_by is not None:
        document["suppressed_by"] = anomaly.suppressed_by
    if anomaly.feedback is not None:
        document["feedback"] = anomaly.feedback
    if anomaly.rule is not None:
        document["rule"] = anomaly.rule
    if anomaly.context is not None:
        document["context"] = anomaly.context
    if anomaly.trace is not None:
        document["trace_id"] = anomaly.trace.trace_id
    return _record(anomaly.entity, anomaly.id, document, anomaly.time, anomaly.trace)


def score_step(pipeline: Pipeline, _context: RunContext) -> Callable[[ScoredBatch], list[Record]]:
    """Return the step from scored events to a record each, with the ids of their anomalies."""
    names = pipeline.detector_names, pipeline.mapping.value_names

    def publish(batch: ScoredBatch) -> list[Record]:
        trace = batch.events.trace
        return [_score_record(pipeline, *names, trace, *row) for row in _rows(batch)]

    return publish


def _rows(batch: ScoredBatch) -> Any:
    events = batch.events
    origins = _origins(events)
    places = [None] * len(events) if events.indices is None else events.indices.tolist()
    columns = (events.keys, events.times, batch.p_value)
    centers, widths = batch.expected()
    ranges = (centers, centers - widths, centers + widths)
    tables = (batch.scores, batch.p_values, events.values, *ranges)
    return zip(origins, places, *(column.tolist() for column in columns + tables), strict=True)


def _origins(events: EventBatch) -> Iterable[tuple[str, int, int]]:
    """Return topic, partition and offset of each event."""
    if events.origins is not None:
        return map(events.origin, range(len(events)))
    topics = [events.topic] * len(events)
    return zip(topics, events.partitions.tolist(), events.offsets.tolist(), strict=True)


def _score_record(
    pipeline: Pipeline,
    names: tuple[str, ...],
    value_names: tuple[str, ...],
    trace: Trace | None,
    place: tuple[str, int, int],
    index: int | None,
    entity: str,
    time: int,
    p_value: float,
    scores: list[float],
    p_values: list[float],
    values: list[float],
    *ranges: list[float],
) -> Record:
    origin = Origin(*place, index)
    own_id = anomaly_id(pipeline.name, pipeline.version, origin)
    parts = zip(names, scores, p_values, strict=True)
    held = zip(value_names, values, *ranges, strict=True)
    document = {
        "schema_version": SCHEMA_VERSION,
        "id": own_id,
        "entity": entity,
        "time_ns": time,
        # NaN, a warm-up, stays NaN, and orjson writes it as null.
        "score": anomaly_score(p_value),
        "p_value": p_value,
        "values": [dict(zip(VALUE_FIELDS, one, strict=True)) for one in held],
        "detectors": [{"detector": d, "score": s, "p_value": p} for d, s, p in parts],
        "origin": origin.document(),
        "pipeline": pipeline.name,
        "pipeline_version": pipeline.version,
    }
    return _record(entity, own_id, document, time, trace)


def _record(
    entity: str, own_id: str, document: dict[str, object], time: int, trace: Trace | None
) -> Record:
    headers: Headers = (
        (ID_HEADER, own_id.encode()),
        (SCHEMA_HEADER, _VERSION),
    )
    if trace is not None:
        headers += ((HEADER, trace.traceparent),)
    return Record(entity.encode(), orjson.dumps(document), headers, time, own_id, trace)


def reject_step(pipeline: Pipeline, _context: RunContext) -> Callable[[list[Reject]], list[Record]]:
    """Return the step from rejects to dead letters: the message as it came, the reason added."""

    def publish(rejects: list[Reject]) -> list[Record]:
        new = [reject for reject in rejects if not _came_back(pipeline.name, reject)]
        if len(new) < len(rejects):
            _warn_of_loop(rejects[0].topic)
        return [dead_letter(pipeline.name, reject) for reject in new]

    return publish


def _came_back(pipeline: str, reject: Reject) -> bool:
    """Return whether a reject is a dead letter of this pipeline: it would come back forever."""
    return any(name == PIPELINE and value == pipeline.encode() for name, value in reject.headers)


@cache
def _warn_of_loop(topic: str) -> None:
    logger.warning(
        "dead letters of this pipeline come back in its source %s, and are dropped there: is the "
        "sink of dead letters the source under another name?",
        topic,
    )


def dead_letter(pipeline: str, reject: Reject) -> Record:
    """Return a reject as it is published: original bytes, key and headers, and why and where."""
    origin = Origin(reject.topic, reject.partition, reject.offset, reject.index)
    own_id = anomaly_id(pipeline, "", origin)
    added = {
        "id": own_id,
        "reason": reject.reason.value,
        "detail": reject.detail,
        "topic": reject.topic,
        "partition": reject.partition,
        "offset": reject.offset,
        "timestamp": reject.timestamp,
        "pipeline": pipeline,
    }
    if reject.index is not None:
        added["index"] = reject.index
    if reject.elements > 1:
        added["elements"] = reject.elements
    if reject.samples:
        added["samples"] = runs_text(reject.samples)
    headers = tuple(
        (f"{HEADER_PREFIX}{name}", str(value).encode("utf-8", "replace"))
        for name, value in added.items()
    )
    return Record(reject.key, reject.value, reject.headers + headers, reject.timestamp, own_id)


def iso_time(ns: int) -> str:
    """Write ns since 1970 as ISO 8601 in UTC, to the nanosecond."""
    return f"{np.datetime64(ns, 'ns')}Z"
