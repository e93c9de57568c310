"""The dataflow: the way of an event, from source to sinks, as Bytewax steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.operators import KeyedStream

from engine.application import registry
from engine.application.ports import Parcels, RunContext, SinkPlugin, SourcePlugin
from engine.application.spec.pipeline_file import PipelineFile
from engine.application.spec.plugin_choice import PluginChoice
from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch, RawBatch, ScoredBatch
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject


@dataclass(frozen=True)
class Flow:
    """A dataflow that is ready to run, and the source it reads."""

    dataflow: Dataflow
    source: SourcePlugin


def build(file: PipelineFile, context: RunContext) -> Flow:
    """Assemble the dataflow of a pipeline file; everything in it comes from the registry.

    The names of the steps are part of the stored state's format: a renamed step starts afresh.
    """
    pipeline = file.pipeline()
    context.telemetry.state_limit.set(pipeline.memory_bytes)
    plugin = cast("SourcePlugin", file.source.plugin(file.source.settings, context))
    flow = Dataflow(file.name)
    step = partial(_step, pipeline, context)
    raw: Stream[RawBatch] = op.input("source", flow, plugin.source())
    decoded = op.flat_map_batch("decode", raw, step("decode"))
    kinds = op.branch("decoded", decoded, _is_events)
    events = cast("Stream[EventBatch]", kinds.trues)
    routed = cast("KeyedStream[EventBatch]", op.flat_map_batch("route", events, step("route")))
    scored = op.stateful_batch("detect", routed, step("detect"))
    alerts = op.stateful_batch("alert", scored, step("alert"))
    _publish(alerts, scored, cast("Stream[list[Reject]]", kinds.falses), file, pipeline, context)
    return Flow(flow, plugin)


def _publish(
    alerts: KeyedStream[list[Anomaly]],
    scored: KeyedStream[ScoredBatch],
    rejects: Stream[list[Reject]],
    file: PipelineFile,
    pipeline: Pipeline,
    context: RunContext,
) -> None:
    timed = op.map("latency", alerts, partial(_observe_latency, context))
    outputs: list[tuple[str, str, Stream[Any], PluginChoice | None]] = [
        ("anomalies", "publish_anomalies", timed, file.sinks.anomalies),
        ("scores", "publish_scores", scored, file.sinks.scores),
        ("dead_letters", "publish_rejects", rejects, file.sinks.dead_letters),
    ]
    for role, name, stream, choice in outputs:
        if choice is not None:
            parcels: Parcels = op.map(name, stream, _step(pipeline, context, name))
            sink = cast("SinkPlugin", choice.plugin(choice.settings, context, role))
            op.output(role, parcels, sink.sink())


def _step(pipeline: Pipeline, context: RunContext, name: str) -> Callable[..., Any]:
    return registry.step(name)(pipeline, context)


def _is_events(item: EventBatch | list[Reject]) -> bool:
    return isinstance(item, EventBatch)


def _observe_latency(
    context: RunContext, item: tuple[str, list[Anomaly]]
) -> tuple[str, list[Anomaly]]:
    now = time.time_ns()
    for anomaly in item[1]:
        context.telemetry.latency.observe(max(0, now - anomaly.timestamp) / 1e9)
    return item
