"""`pynomaly validate`: check a pipeline file, and what it points to, without running it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from engine.application import registry
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext
from engine.application.state.identity import state_place
from engine.domain.batch import EventBatch, Int64s
from engine.domain.errors import FatalError, PynomalyError
from engine.domain.pipeline import Pipeline
from engine.domain.time_units import doubt

FIRST_REJECTS = 5
DAY_NS = 86_400_000_000_000


def validate(
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
    connect: Annotated[
        bool, typer.Option("--connect", help="Also reach the source and the sinks.")
    ] = False,
    samples: Annotated[
        int, typer.Option(help="Real messages to decode with --connect.", min=1)
    ] = 100,
) -> None:
    """Check a pipeline file; with --connect also brokers, topics and a sample of messages.

    Ends with exit code 2 where the file cannot be used, where something cannot be reached, or
    where not one of the sampled messages decodes.
    """
    found = load(file)
    pipeline = found.pipeline()
    print(f"{file}: valid")
    _describe(found, pipeline)
    if connect:
        _connect(found, pipeline, samples)


def _describe(file: PipelineFile, pipeline: Pipeline) -> None:
    bytes_per_entity = sum(detector.bytes_per_entity for detector in pipeline.detectors)
    print(f"pipeline      {pipeline.name}, version {pipeline.version}")
    print(f"source        {file.source.kind}")
    print(f"values        {', '.join(pipeline.mapping.value_names)}")
    print(f"detectors     {', '.join(pipeline.detector_names)}, combined by {pipeline.combine}")
    print(f"memory        {pipeline.memory_bytes:,} bytes, about {bytes_per_entity:,} an entity")
    promise = file.alert_promise()
    print(f"alerts        {promise.known()}")
    if unknown := promise.unknown_yet():
        print(f"threshold     not known yet: {unknown}")
    if caveat := promise.caveat():
        print(f"warning       {caveat}")
    print(f"state         {state_place(file)}")
    for sink in file.sinks.chosen():
        path = getattr(sink.choice.settings, "path", None)
        print(f"{sink.name:<14}{sink.choice.kind}{f' {path}' if path else ''}")


def _connect(file: PipelineFile, pipeline: Pipeline, samples: int) -> None:
    mapping = pipeline.mapping
    context = RunContext(
        pipeline.name,
        fields=mapping.fields,
        text_fields=mapping.text_fields,
        max_bytes=mapping.max_bytes,
        state=file.state.directory,
        exactly_once=file.delivery == "exactly_once",
    )
    checks: list[tuple[str, Callable[[], None]]] = [
        (sink.name, sink.choice.plugin(sink.choice.settings, context, sink.name).check)
        for sink in file.sinks.chosen()
    ]
    if file.state.kafka is not None:
        store = file.state.kafka
        checks.append(("state", store.plugin(store.settings, context).check))
    checks.append(("source", lambda: _sample(file, pipeline, context, samples)))
    troubles = [trouble for role, check in checks if (trouble := _trouble(role, check))]
    if troubles:
        raise FatalError("\n".join(troubles))


def _trouble(role: str, check: Callable[[], None]) -> str:
    try:
        check()
    except PynomalyError as error:
        return f"{role}: {error}"
    print(f"{role:<14}reached")
    return ""


def events_per_day(events: list[EventBatch]) -> float:
    """Return the rate of a sample by event time, summed over its partitions; 0 where unknown."""
    times: dict[int, list[Int64s]] = {}
    for batch in events:
        for partition in np.unique(batch.partitions).tolist():
            own = batch.times[batch.partitions == partition]
            times.setdefault(partition, []).append(own)
    joined = [np.concatenate(parts) for parts in times.values()]
    spans = [(len(one) - 1, int(np.ptp(one))) for one in joined]
    return sum(count * DAY_NS / span for count, span in spans if span > 0)


def _sample(file: PipelineFile, pipeline: Pipeline, context: RunContext, samples: int) -> None:
    batches = file.source.plugin(file.source.settings, context).check(samples)
    if not any(map(len, batches)):
        print("messages      none to sample")
        return
    decoded = registry.step("decode")(pipeline, context)(batches)
    rejects = [reject for part in decoded if isinstance(part, list) for reject in part]
    messages = sum(len(batch) for batch in batches)
    print(f"messages      {messages - len(rejects)} of {messages} sampled decode")
    events = [part for part in decoded if isinstance(part, EventBatch)]
    doubts = [doubt(pipeline.mapping.time, part.times) for part in events]
    for found in filter(None, doubts):
        print(f"warning       {found}")
    if (rate := events_per_day(events)) > 0 and not any(doubts):
        entities = len({key for part in events for key in part.keys.tolist()})
        print(f"threshold     in the sample: {file.alert_promise().in_force(entities, rate)}")
    for reject in rejects[:FIRST_REJECTS]:
        position = f"{reject.topic}[{reject.partition}]@{reject.offset}"
        print(f"  rejected {position}: {reject.reason.value}: {reject.detail}")
    if len(rejects) == messages:
        raise FatalError(
            "not one sampled message fits the event mapping; the first was rejected for: "
            + rejects[0].detail
        )
