"""The product: a stream through the steps that production runs, as a pipeline file asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf, log10
from time import process_time

import numpy as np

from bench.everyday.message import Message
from bench.everyday.stream import Stream
from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext
from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.pipeline import Pipeline

BUDGETS: dict[str, Mapping[str, object]] = {
    "1/week": {"budget": "1/week", "per": "pipeline"},
    "10/day": {"budget": "10/day", "per": "pipeline"},
    "2/day per entity": {"budget": "2/day", "per": "entity"},
}
A_DAY = {"1/week": 1 / 7, "10/day": 10.0, "2/day per entity": 2.0}
"""How many false alarms a day each of them accepts, of the pipeline or of an entity."""
DEFAULT = "10/day"
"""The budget of all figures that name none."""
BATCH = 50_000
WHOLE_STREAM = -1
"""Stands for the entity of an absence of all entities together."""


@dataclass(frozen=True)
class Scored:
    """A stream after the step `detect`.

    Attributes:
        batches: what the step gave.
        seconds: CPU time of the step.
    """

    batches: list[ScoredBatch]
    seconds: float


@cache
def pipeline(names: tuple[str, ...], budget: str) -> Pipeline:
    """Return the pipeline of a file with one of the `BUDGETS` and all else as it is by default."""
    file = PipelineFile.model_validate(
        {
            "name": "everyday",
            "source": {"stdin": {}},
            "event": {"key": "entity", "values": list(names)},
            "detectors": [{"auto": {}}],
            "alert": dict(BUDGETS[budget]),
            "sinks": {"anomalies": {"stdout": {}}},
            "state": {"directory": "unused", "memory_limit": "512MiB"},
        }
    )
    return file.pipeline()


def score(stream: Stream) -> Scored:
    """Run a stream through `detect`: each event scored, then learned."""
    detect = registry.step("detect")(pipeline(stream.names, DEFAULT), RunContext("everyday"))(1)
    scored: list[ScoredBatch] = []
    began = process_time()
    for start in range(0, len(stream.keys), BATCH):
        rows = slice(start, min(start + BATCH, len(stream.keys)))
        scored += detect.process([events_of(stream, rows)])
    return Scored(scored, process_time() - began)


def send(stream: Stream, scored: Scored, budget: str = DEFAULT) -> list[Message]:
    """Return what `alert` sends of a scored stream under one of the `BUDGETS`."""
    rules = pipeline(stream.names, budget)
    alert = registry.step("alert")(rules, RunContext("everyday"))(1)
    found = alert.process(scored.batches)
    messages = [_message(anomaly) for anomalies in found for anomaly in anomalies]
    return sorted(messages, key=lambda message: message.time)


def accepted(stream: Stream, budget: str, few: int) -> float:
    """Return the false alarms that a budget accepts of a stream.

    Args:
        stream: with its days and its entities.
        budget: one of the `BUDGETS`.
        few: at most so many entities are looked at, to which their share is due.
    """
    entities = len(np.unique(stream.keys))
    per_entity = A_DAY[budget]
    if BUDGETS[budget]["per"] == "pipeline":
        per_entity /= entities
    return per_entity * min(few, entities) * stream.days


def events_of(stream: Stream, rows: slice) -> EventBatch:
    """Return rows of a stream as events, whose offsets are their rows."""
    offsets = np.arange(rows.start, rows.stop)
    keys = np.array([str(key) for key in range(int(stream.keys.max()) + 1)], object)
    times = stream.times[rows]
    partitions = np.zeros(len(offsets), np.int32)
    values = np.ascontiguousarray(stream.values[rows])
    return EventBatch(
        "everyday", keys[stream.keys[rows]], times, values, partitions, offsets, times
    )


def _message(anomaly: Anomaly) -> Message:
    shares = [part.contribution for part in anomaly.values]
    return Message(
        int(anomaly.entity) if anomaly.entity.isdigit() else WHOLE_STREAM,
        anomaly.time,
        anomaly.incident,
        -log10(anomaly.p_value) if anomaly.p_value > 0 else inf,
        int(np.argmax(shares)),
        kind_of(anomaly),
        anomaly,
    )


def kind_of(anomaly: Anomaly) -> str | None:
    """Return the kind of fault that an anomaly names, if any."""
    kind = getattr(anomaly, "kind", None)
    return None if kind is None else str(getattr(kind, "value", kind))
