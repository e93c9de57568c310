"""The dataflow: the way of an event, from source to sinks, as Bytewax steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.operators import KeyedStream

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.plugin_choice import PluginChoice
from engine.application.dataflow.paced_source import PacedSource
from engine.application.ports import KeyedRecordStream, RunContext, SinkPlugin, SourcePlugin
from engine.application.tracing.sink import traced_sink
from engine.application.tracing.source import traced_source
from engine.application.tracing.start import start_tracing
from engine.application.tracing.steps import traced_logic, traced_step
from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch, RawBatch, ScoredBatch
from engine.domain.pipeline import Pipeline
from engine.domain.reject import Reject

if TYPE_CHECKING:
    from engine.application.tracing.tracer import Tracer


@dataclass(frozen=True)
class Flow:
    """A dataflow that is ready to run, and the source it reads."""

    dataflow: Dataflow
    source: SourcePlugin
    tracer: Tracer | None

    def finish(self) -> None:
        """Called once after a clean end."""
        self.source.finish()
        if self.tracer is not None:
            self.tracer.finish()


def prepare(file: PipelineFile) -> None:
    """Import and compile what a pipeline's processes need: once, before they are made.

    The step `detect` compiles its kernels as it is made. It gets none of the libraries' models
    here: they may start threads, which a process that is forked must not have.
    """
    pipeline = file.pipeline()
    for name in registry.names("steps"):
        registry.step(name)
    native = tuple(one for one in pipeline.detectors if one.snapshot == "bytes")
    if native:
        registry.step("detect")(replace(pipeline, detectors=native), RunContext(""))


def build(file: PipelineFile, context: RunContext) -> Flow:
    """Assemble the dataflow of a pipeline file; everything in it comes from the registry.

    The names of the steps are part of the stored state's format: a renamed step starts afresh.
    """
    pipeline = file.pipeline()
    context.telemetry.state_limit.set(pipeline.memory_bytes)
    plugin = cast("SourcePlugin", file.source.plugin(file.source.settings, context))
    flow = Dataflow(file.name)
    tracer = start_tracing(file, context)
    traced = partial(traced_step, tracer)
    step = partial(_step, pipeline, context)
    source = PacedSource(plugin.source(), context)
    raw: Stream[RawBatch] = op.input("source", flow, traced_source(tracer, source))
    decoded = op.flat_map_batch("decode", raw, traced("decode", step("decode")))
    kinds = op.branch("decoded", decoded, _is_events)
    events = cast("Stream[EventBatch]", kinds.trues)
    routed = cast(
        "KeyedStream[EventBatch]",
        op.flat_map_batch("route", events, traced("route", step("route"))),
    )
    seen = partial(traced_logic, tracer)
    scored = op.stateful_batch("detect", routed, seen("detect", step("detect")))
    alerts = op.stateful_batch("alert", scored, seen("alert", step("alert")))
    rejects = cast("Stream[list[Reject]]", kinds.falses)
    _publish(alerts, scored, rejects, file, pipeline, context, tracer)
    return Flow(flow, plugin, tracer)


def _publish(
    alerts: KeyedStream[list[Anomaly]],
    scored: KeyedStream[ScoredBatch],
    rejects: Stream[list[Reject]],
    file: PipelineFile,
    pipeline: Pipeline,
    context: RunContext,
    tracer: Tracer | None,
) -> None:
    timed = op.map("latency", alerts, partial(_observe_latency, context))
    outputs: list[tuple[str, str, Stream[Any], PluginChoice | None]] = [
        ("anomalies", "publish_anomalies", timed, file.sinks.anomalies),
        ("scores", "publish_scores", scored, file.sinks.scores),
        ("dead_letters", "publish_rejects", rejects, file.sinks.dead_letters),
    ]
    for role, name, stream, choice in outputs:
        if choice is not None:
            parcels: KeyedRecordStream = op.map(name, stream, _step(pipeline, context, name))
            sink = cast("SinkPlugin", choice.plugin(choice.settings, context, role))
            op.output(role, parcels, traced_sink(tracer, role, sink.sink()))


def _step(pipeline: Pipeline, context: RunContext, name: str) -> Callable[..., Any]:
    return registry.step(name)(pipeline, context)


def _is_events(item: EventBatch | list[Reject]) -> bool:
    return isinstance(item, EventBatch)


def _observe_latency(
    context: RunContext, item: tuple[str, list[Anomaly]]
) -> tuple[str, list[Anomaly]]:
    now = time.time_ns()
    for anomaly in item[1]:
        seconds = max(0, now - anomaly.timestamp) / 1e9
        exemplar = None if anomaly.trace is None else anomaly.trace.exemplar
        context.telemetry.latency.observe(seconds, exemplar)
    return item
