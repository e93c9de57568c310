"""Builds the dataflow of a pipeline file from the plug-ins in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

from engine.application import registry
from engine.application.config.pipeline_file import PipelineFile
from engine.application.dataflow.checkpoints import Checkpoints
from engine.application.dataflow.delivery import Delivery, Output
from engine.application.dataflow.failure import Failure
from engine.application.dataflow.live_tasks import LiveTasks
from engine.application.dataflow.membership import FixedShare, Membership
from engine.application.dataflow.sink import DeliveryPart, DeliverySink
from engine.application.dataflow.source import Item, SourceTurns, TaskSource
from engine.application.dataflow.steps import KeyedSteps
from engine.application.dataflow.tasks import Meet, Tasks
from engine.application.live_control.follower import ControlFollower
from engine.application.live_control.log_of import fetcher_of, log_of
from engine.application.ports import (
    Decode,
    MakeTaskStep,
    Rereadable,
    RunContext,
    SinkPlugin,
    SourcePlugin,
)
from engine.application.state.memory import MemoryStore
from engine.application.state.store import Json, StateStore
from engine.application.tracing.sink import traced_sink
from engine.application.tracing.source import traced_source
from engine.application.tracing.start import start_tracing
from engine.application.tracing.steps import traced_step
from engine.domain.batch import EventBatch, RawBatch, ScoredBatch
from engine.domain.names import ANOMALIES, DEAD_LETTERS, INCIDENTS, SCORES, role_of
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject

if TYPE_CHECKING:
    from engine.application.tracing.tracer import Tracer

PUBLISH = {
    ANOMALIES: "publish_anomalies",
    INCIDENTS: "publish_incidents",
    SCORES: "publish_scores",
    DEAD_LETTERS: "publish_rejects",
}
"""The step that makes the records of each sink."""


@dataclass(frozen=True)
class Flow:
    """A dataflow that is ready to run, and the source it reads."""

    dataflow: Dataflow
    source: SourcePlugin
    tracer: Tracer | None
    failure: Failure

    def run(self) -> None:
        """Run until the source ends or the context's `draining` asks for it.

        Raises: what ended it, unless that was in order.
        """
        # One epoch forever: checkpoints are ours.
        cli_main(self.dataflow, epoch_interval=timedelta(days=36_500))
        self.failure.raise_it()

    def finish(self) -> None:
        """Called once after a clean end."""
        self.source.finish()
        if self.tracer is not None:
            self.tracer.finish()


@dataclass(frozen=True)
class Origin:
    """What stored state is compared with, and marked with.

    Attributes:
        identity: of the pipeline.
        meet: says what changed since stored state was made, or refuses it.
    """

    identity: Mapping[str, Json]
    meet: Meet


def _anything(_identity: Mapping[str, Json]) -> list[str]:
    return []


ANY_ORIGIN = Origin({}, _anything)


def prepare(file: PipelineFile) -> None:
    """Import and compile what a pipeline's processes need: once, before they are made.

    The steps `decode` and `detect` compile their kernels as they are made. They get neither formats
    nor libraries' models here: these may start threads, which a process that is forked must not
    have.
    """
    pipeline = file.pipeline()
    for name in registry.names("steps"):
        registry.step(name)
    if pipeline.mapping.format is None:
        registry.step("decode")(pipeline, RunContext(""))
    native = tuple(one for one in pipeline.detectors if one.snapshot == "bytes")
    if native:
        registry.step("detect")(replace(pipeline, detectors=native), RunContext(""))


def build(
    file: PipelineFile,
    context: RunContext,
    store: StateStore | None = None,
    origin: Origin = ANY_ORIGIN,
    *,
    by_group: bool = False,
    live: LiveTasks | None = None,
) -> Flow:
    """Assemble the dataflow of a pipeline file; everything in it comes from the registry.

    Args:
        file: the pipeline file.
        context: of this process.
        store: where checkpoints live; None keeps nothing.
        origin: what the state in it is compared with.
        by_group: whether the source's group says which partitions are ours; else a fixed share is.
        live: answers questions about the tasks; None if nobody asks.
    """
    plugin = cast("SourcePlugin", file.task_source.plugin(file.task_source.settings, context))
    pipeline = replace(file.pipeline(), stamped=_gives_again(plugin) == "exactly")
    context.telemetry.state_limit.set(pipeline.memory_bytes)
    tracer = start_tracing(file, context)
    failure = Failure()
    delivery = Delivery([*sink_outputs(file, pipeline, context, tracer)], context)
    source = traced_source(tracer, plugin.source())
    keep = _must_keep(plugin, pipeline)
    kept = store or MemoryStore()
    tasks = Tasks(plugin, source, kept, delivery, origin.meet, context, keep=keep)
    checkpoints = Checkpoints(tasks, delivery, origin.identity, context)
    membership = partial(_membership, plugin, source.list_parts, context, by_group=by_group)

    def turns() -> SourceTurns:
        log = log_of(file, context)
        control = None
        if log is not None:
            control = ControlFollower(log, context, fetcher_of(file, context))
        return SourceTurns(tasks, membership, checkpoints, context, failure, control, live)

    flow = Dataflow(file.name)
    stream = op.input("source", flow, TaskSource(turns))
    decode = traced_step(tracer, "decode", _step(pipeline, context, "decode"))
    stream = op.flat_map_batch("decode", stream, partial(decode_items, failure, decode))
    for name, takes, pass_on in (("detect", EventBatch, False), ("alert", ScoredBatch, True)):
        make = cast("MakeTaskStep", _step(pipeline, context, name))
        step_live = live if name == "detect" else None
        parts = (name, takes, make, context, failure, tracer)
        steps = KeyedSteps(*parts, pass_on=pass_on, live=step_live)
        stream = op.stateful_batch(name, stream, steps.build)
    end = DeliverySink(lambda: DeliveryPart(delivery, checkpoints, failure))
    op.output("deliver", stream, end)
    return Flow(flow, plugin, tracer, failure)


def _membership(
    plugin: SourcePlugin,
    partitions: Callable[[], list[str]],
    context: RunContext,
    *,
    by_group: bool,
) -> Membership:
    if by_group:
        membership: Membership = cast("Any", plugin).membership()
        return membership
    return FixedShare(partitions, context.process, context.processes)


def _must_keep(plugin: SourcePlugin, pipeline: Pipeline) -> bool:
    """Whether the source does not give again what was read, as it was."""
    rereadable = _gives_again(plugin)
    own_time = pipeline.mapping.time.path is not None
    return not (rereadable == "exactly" or (rereadable == "at_other_times" and own_time))


def _gives_again(plugin: SourcePlugin) -> Rereadable:
    """Return whether the source gives messages again as they were."""
    found: Rereadable = getattr(plugin, "rereadable", "never")
    return found


def sink_outputs(
    file: PipelineFile, pipeline: Pipeline, context: RunContext, tracer: Tracer | None
) -> Iterator[Output]:
    """Yield the sinks of a pipeline file."""
    for chosen in file.sinks.chosen():
        name, choice = chosen.name, chosen.choice
        sink = cast("SinkPlugin", choice.plugin(choice.settings, context, name))
        publish = _step(pipeline, context, PUBLISH[role_of(name)])
        yield Output(name, publish, traced_sink(tracer, name, sink.sink()))


def _step(pipeline: Pipeline, context: RunContext, name: str) -> Callable[..., Any]:
    return registry.step(name)(pipeline, context)


def decode_items(failure: Failure, decode: Decode, items: list[Item]) -> list[tuple[str, Any]]:
    """Decode what comes between signals at once; return it by task."""
    found: list[tuple[str, Any]] = []
    with failure.noted():
        for are_raw, run in groupby(items, lambda item: isinstance(item[1], RawBatch)):
            together = [*run]
            found += _decode_run(decode, cast("Any", together)) if are_raw else together
    return found


def _decode_run(decode: Decode, run: list[tuple[str, RawBatch]]) -> Iterator[tuple[str, Any]]:
    names = {batch.partition: name for name, batch in run}
    for item in decode([batch for _, batch in run]):
        if isinstance(item, EventBatch):
            yield from ((names[int(part.partitions[0])], part) for part in _partitions(item))
        elif isinstance(item[0], Record):
            # Of several tasks; all of them are stored together.
            yield run[0][0], item
        else:
            rejects: list[Reject] = item
            yield names[rejects[0].partition], rejects


def _partitions(events: EventBatch) -> Iterator[EventBatch]:
    """Yield a batch a partition; each partition's events lie together."""
    edges = np.flatnonzero(np.diff(events.partitions)) + 1
    if not len(edges):
        yield events
        return
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(events)], strict=True):
        yield events.take(slice(start, end))
