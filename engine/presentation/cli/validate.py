"""`pynomaly validate`: check a pipeline file, and what it points to, without running it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from engine.application import registry
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.application.config.plugin_choice import PluginChoice
from engine.application.ports import RunContext
from engine.application.state.identity import state_place
from engine.domain.batch import EventBatch
from engine.domain.errors import PynomalyError
from engine.domain.pipeline import Pipeline
from engine.domain.time_units import doubt

FIRST_REJECTS = 5


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
    print(f"state         {state_place(file)}")
    for role, choice in _sinks(file):
        path = getattr(choice.settings, "path", None)
        print(f"{role:<14}{choice.kind}{f' {path}' if path else ''}")


def _sinks(file: PipelineFile) -> list[tuple[str, PluginChoice]]:
    return [(role, choice) for role, choice in file.sinks if choice is not None]


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
        (role, choice.plugin(choice.settings, context, role).check) for role, choice in _sinks(file)
    ]
    if file.state.kafka is not None:
        store = file.state.kafka
        checks.append(("state", store.plugin(store.settings, context).check))
    checks.append(("source", lambda: _sample(file.source, pipeline, context, samples)))
    troubles = [trouble for role, check in checks if (trouble := _trouble(role, check))]
    if troubles:
        raise PynomalyError("\n".join(troubles))


def _trouble(role: str, check: Callable[[], None]) -> str:
    try:
        check()
    except PynomalyError as error:
        return f"{role}: {error}"
    print(f"{role:<14}reached")
    return ""


def _sample(choice: PluginChoice, pipeline: Pipeline, context: RunContext, samples: int) -> None:
    batches = choice.plugin(choice.settings, context).check(samples)
    if not any(map(len, batches)):
        print("messages      none to sample")
        return
    decoded = registry.step("decode")(pipeline, context)(batches)
    rejects = [reject for part in decoded if isinstance(part, list) for reject in part]
    messages = sum(len(batch) for batch in batches)
    print(f"messages      {messages - len(rejects)} of {messages} sampled decode")
    times = [part.times for part in decoded if isinstance(part, EventBatch)]
    for found in filter(None, [doubt(pipeline.mapping.time, some) for some in times]):
        print(f"warning       {found}")
    for reject in rejects[:FIRST_REJECTS]:
        position = f"{reject.topic}[{reject.partition}]@{reject.offset}"
        print(f"  rejected {position}: {reject.reason.value}: {reject.detail}")
    if len(rejects) == messages:
        raise PynomalyError(
            "not one sampled message fits the event mapping; the first was rejected for: "
            + rejects[0].detail
        )
