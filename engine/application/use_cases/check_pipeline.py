"""Check a pipeline without running it: its settings, and whether its source and sinks work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from engine.application import registry
from engine.application.cluster.exposure import exposure
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.context import context_of
from engine.application.ports import RunContext
from engine.application.state.identity import state_place
from engine.domain.alert_promise import AlertPromise
from engine.domain.batch import EventBatch, Int64s
from engine.domain.errors import PynomalyError
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject
from engine.domain.time_doubts import doubt
from engine.domain.time_units import NS_PER_DAY


@dataclass(frozen=True, slots=True)
class SinkDescription:
    """A sink of a pipeline.

    Attributes:
        name: its role, and its name if the role has several.
        kind: of plug-in.
        path: of the file that it writes; None of other kinds.
    """

    name: str
    kind: str
    path: str | None


@dataclass(frozen=True, slots=True)
class PipelineDescription:
    """What a pipeline is.

    Attributes:
        name: of the pipeline.
        version: changes with all that decides scores and ids.
        source: kind of its source.
        values: names of the values.
        detectors: names of the detectors.
        combine: how their p-values become one.
        memory_bytes: limit for the state of all entities.
        entity_bytes: what the detectors of an entity take, about.
        promise: of the alert policy.
        state: where the state lies.
        sinks: where results go.
        warnings: of connections that are not protected.
    """

    name: str
    version: str
    source: str
    values: Sequence[str]
    detectors: Sequence[str]
    combine: str
    memory_bytes: int
    entity_bytes: int
    promise: AlertPromise
    state: str
    sinks: Sequence[SinkDescription]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """Some real messages, decoded.

    Attributes:
        messages: how many were read.
        rejects: those that do not fit the event mapping.
        warnings: what looks wrong in those that do.
        entities: how many they are of.
        events_per_day: by event time; 0 if it is unknown.
    """

    messages: int
    rejects: Sequence[Reject]
    warnings: Sequence[str]
    entities: int
    events_per_day: float


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of reaching a source, a sink or a state store.

    Attributes:
        name: "source", "repartition", "state", "control", or the name of a sink.
        error: why it cannot be used; "" if it can.
        sample: of a source, some of its messages.
    """

    name: str
    error: str = ""
    sample: Sample | None = None


def describe_pipeline(file: PipelineFile) -> PipelineDescription:
    """Return what a pipeline file describes.

    Raises:
        PynomalyError: a detector cannot be made.
    """
    pipeline = file.pipeline()
    sinks = []
    for sink in file.sinks.chosen():
        path = getattr(sink.choice.settings, "path", None)
        sinks.append(
            SinkDescription(sink.name, sink.choice.kind, None if path is None else str(path))
        )
    return PipelineDescription(
        pipeline.name,
        pipeline.version,
        file.source.kind,
        pipeline.mapping.value_names,
        pipeline.detector_names,
        pipeline.combine,
        pipeline.memory_bytes,
        sum(detector.bytes_per_entity for detector in pipeline.detectors),
        file.alert_promise(),
        state_place(file),
        sinks,
        [notice.text for notice in exposure(file) if notice.level >= logging.WARNING],
    )


def reach_all(file: PipelineFile, samples: int) -> Iterator[Reached]:
    """Reach the sinks, the state store, and the source of a pipeline, side by side.

    Each may wait ten seconds for its brokers. What came of it is returned in this order.

    Args:
        file: the pipeline file.
        samples: messages to read from the source, at most.
    """
    context = context_of(file)
    checks = [*_checks(file, context), partial(_reach_source, file, context, samples)]
    with ThreadPoolExecutor(len(checks)) as pool:
        yield from pool.map(lambda check: check(), checks)


def _checks(file: PipelineFile, context: RunContext) -> Iterator[Callable[[], Reached]]:
    """Yield what reaches all but the source."""
    for sink in file.sinks.chosen():
        plugin = sink.choice.plugin(sink.choice.settings, context, sink.name)
        yield partial(_reach, sink.name, plugin.check)
    if file.state.kafka is not None:
        store = file.state.kafka
        yield partial(_reach, "state", store.plugin(store.settings, context).check)
    if file.control.kafka is not None:
        log = file.control.kafka
        yield partial(_reach, "control", log.plugin(log.settings, context).check)
    if (chosen := file.event.repartition) is not None:
        repartition = chosen.plugin(chosen.settings, file.source.settings, context)
        yield partial(_reach, "repartition", repartition.check)


def _reach(name: str, check: Callable[[], None]) -> Reached:
    try:
        check()
    except PynomalyError as error:
        return Reached(name, str(error))
    return Reached(name)


def _reach_source(file: PipelineFile, context: RunContext, samples: int) -> Reached:
    pipeline = file.pipeline()
    try:
        batches = file.source.plugin(file.source.settings, context).check(samples)
        decode = registry.step("decode")(pipeline, replace(context, trial=True))
        decoded = decode(batches) if any(map(len, batches)) else []
    except PynomalyError as error:
        return Reached("source", str(error))
    sample = _sample(pipeline, sum(map(len, batches)), decoded)
    return Reached("source", _why_unfit(sample), sample)


def _sample(pipeline: Pipeline, messages: int, decoded: list[EventBatch | list[Reject]]) -> Sample:
    rejects = [reject for part in decoded if isinstance(part, list) for reject in part]
    events = [part for part in decoded if isinstance(part, EventBatch)]
    doubts = [doubt(pipeline.mapping.time, part.times) for part in events]
    warnings = [found for found in doubts if found]
    entities = len({key for part in events for key in part.keys.tolist()})
    return Sample(messages, rejects, warnings, entities, 0 if warnings else events_per_day(events))


def events_per_day(events: list[EventBatch]) -> float:
    """Return the rate of a sample by event time, summed over its partitions; 0 if unknown."""
    times: dict[int, list[Int64s]] = {}
    for batch in events:
        for partition in np.unique(batch.partitions).tolist():
            own = batch.times[batch.partitions == partition]
            times.setdefault(partition, []).append(own)
    joined = [np.concatenate(parts) for parts in times.values()]
    spans = [(len(one) - 1, int(np.ptp(one))) for one in joined]
    return sum(count * NS_PER_DAY / span for count, span in spans if span > 0)


def _why_unfit(sample: Sample) -> str:
    """Return why the event mapping cannot be right; "" if it fits some message."""
    if not sample.rejects or len(sample.rejects) < sample.messages:
        return ""
    return (
        "not one sampled message fits the event mapping; the first was rejected for: "
        + sample.rejects[0].detail
    )
