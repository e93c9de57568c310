"""Delivery: the end of the flow, where results become records and go to the sinks."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from prometheus_client import Gauge

from engine.application.dataflow.task import Live, Task
from engine.application.ports import Publish, RunContext
from engine.application.state.store import Json
from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch, ScoredBatch
from engine.domain.incident import IncidentEvent
from engine.domain.names import ANOMALIES, DEAD_LETTERS, INCIDENTS, REPARTITION, SCORES, role_of
from engine.domain.record import Record

logger = logging.getLogger("pynomaly.delivery")

UNKNOWN = 2.0
"""Stands for a p-value that is not known: not every NaN has the same bits."""


@dataclass(frozen=True, slots=True)
class Output:
    """One of the sinks.

    Attributes:
        name: of the sink: anomalies, incidents, scores or dead_letters, or such as anomalies.kafka.
        publish: makes records of what it is given.
        sink: takes them.
    """

    name: str
    publish: Publish
    sink: FixedPartitionedSink[list[Record], Any]


class Delivery:
    """Hands results to the sinks of this process.

    Args:
        outputs: the sinks, and what makes their records.
        context: of this process.
    """

    def __init__(self, outputs: Sequence[Output], context: RunContext) -> None:
        self._outputs = {output.name: output for output in outputs}
        self._names: dict[str, list[str]] = defaultdict(list)
        for name in self._outputs:
            self._names[role_of(name)].append(name)
        self._context = context
        self._parts: dict[str, StatefulSinkPartition[list[Record], Any]] = {}
        self._tasks: dict[str, Task] = {}
        self._silent: set[str] = set()
        self._event_times = EventTimes(context.telemetry.event_time_lag)

    def open(self, stored: Sequence[Mapping[str, Json]]) -> None:
        """Open the sinks.

        Args:
            stored: where the outputs stood at the last checkpoint of each task.
        """
        process = str(self._context.process)
        for name, output in self._outputs.items():
            states = [outputs[name] for outputs in stored if outputs.get(name) is not None]
            self._parts[name] = output.sink.build_part(name, process, states)

    def process(self, items: Sequence[tuple[str, Any]]) -> None:
        """Deliver what tasks have found; what they had found before a restart is left out."""
        found: dict[str, list[list[Record]]] = defaultdict(list)
        for key, item in items:
            if isinstance(item, ScoredBatch):
                self._digest(self._tasks[key], item)
            if key in self._silent:
                continue
            if isinstance(item, ScoredBatch):
                self._observe(key, item.events)
            if names := self._names.get(self._role(item)):
                found[names[0]].append(self._outputs[names[0]].publish(item))
        for first, records in found.items():
            for name in self._names[role_of(first)]:
                self._parts[name].write_batch(records)

    def start_task(self, task: Task) -> None:
        """Called when a task begins."""
        self._tasks[task.name] = task
        self._silent.discard(task.name)
        if not task.live:
            self._silent.add(task.name)

    def live(self, live: Live) -> None:
        """Called when a task resumes from its last checkpoint."""
        task = live.task
        self._silent.discard(task.name)
        if live.expected is not None and task.results != live.expected:
            self._context.telemetry.replay_differences.inc()
            logger.error(
                "partition %s: replaying the messages since the last snapshot gave other scores "
                "than before. The program, a library or the machine has changed, a model of River "
                "or PyOD is random, or the source is compacted. Delivered records stay as they are",
                task.name,
            )

    def release(self, names: Iterable[str]) -> None:
        """Called when tasks are released."""
        for name in names:
            self._tasks.pop(name, None)
            self._silent.discard(name)
            self._event_times.forget(name)

    def outputs(self) -> dict[str, Json]:
        """Return the position of each output, once all that was written belongs there."""
        return {name: part.snapshot() for name, part in self._parts.items()}

    def close(self) -> None:
        """Close the sinks; never raises."""
        for name, part in self._parts.items():
            try:
                part.close()
            except Exception as error:  # noqa: BLE001 - raised here, it would hide what happened
                logger.error("sink %s: %s", name, error)
        self._parts = {}

    def _digest(self, task: Task, batch: ScoredBatch) -> None:
        known = np.where(np.isnan(batch.p_value), UNKNOWN, batch.p_value)
        task.results = crc32(known.tobytes(), task.results)

    def _role(self, item: Any) -> str:
        if isinstance(item, ScoredBatch):
            return SCORES
        if isinstance(item[0], Anomaly):
            self._observe_latency(item)
            return ANOMALIES
        if isinstance(item[0], IncidentEvent):
            return INCIDENTS
        if isinstance(item[0], Record):
            return REPARTITION
        return DEAD_LETTERS

    def _observe(self, partition: str, events: EventBatch) -> None:
        waited = np.maximum(time.time_ns() - events.timestamps, 0) / 1e9
        self._context.telemetry.event_latency.observe(waited)
        self._event_times.observe(partition, int(events.times.max()))

    def _observe_latency(self, anomalies: Sequence[Anomaly]) -> None:
        now = time.time_ns()
        for anomaly in anomalies:
            seconds = max(0, now - anomaly.timestamp) / 1e9
            exemplar = None if anomaly.trace is None else anomaly.trace.exemplar
            self._context.telemetry.latency.observe(seconds, exemplar)


class EventTimes:
    """Shows how far the newest event time of each partition is behind the wall clock.

    Args:
        gauge: by partition.
    """

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._newest: dict[str, int] = {}

    def observe(self, partition: str, time_ns: int) -> None:
        """Record an event time."""
        if partition not in self._newest:
            self._gauge.labels(partition).set_function(partial(self._lag, partition))
            self._newest[partition] = time_ns
        self._newest[partition] = max(time_ns, self._newest[partition])

    def forget(self, partition: str) -> None:
        """Show a partition no longer."""
        if self._newest.pop(partition, None) is not None:
            self._gauge.remove(partition)

    def _lag(self, partition: str) -> float:
        return (time.time_ns() - self._newest.get(partition, 0)) / 1e9
