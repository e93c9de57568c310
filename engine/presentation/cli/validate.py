"""`pynomaly validate`: check a pipeline file, and what it points to, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.application.config.pipeline_file import PipelineFile
from engine.application.use_cases.check_pipeline import (
    PipelineDescription,
    Sample,
    describe_pipeline,
    reach_all,
)
from engine.domain.alert_promise import AlertPromise
from engine.domain.errors import FatalError
from engine.presentation.cli.pipeline import open_pipeline

FIRST_REJECTS = 5


def validate(
    file: Annotated[Path, typer.Argument(help="The pipeline file.")],
    connect: Annotated[
        bool, typer.Option("--connect", help="Also connect to the source and the sinks.")
    ] = False,
    samples: Annotated[
        int, typer.Option(help="Real messages to decode with --connect.", min=1)
    ] = 100,
) -> None:
    """Check a pipeline file; with --connect also brokers, topics and a sample of messages.

    Ends with exit code 2 if the file cannot be used, if something cannot be reached, or if none of
    the sampled messages can be decoded.
    """
    found = open_pipeline(file)
    description = describe_pipeline(found)
    print(f"{file}: valid")
    _print_description(description)
    if connect:
        _connect(found, description.promise, samples)
    else:
        _print_unknown_threshold(description.promise)


def _print_description(found: PipelineDescription) -> None:
    print(f"pipeline      {found.name}, version {found.version}")
    print(f"source        {found.source}")
    print(f"values        {', '.join(found.values)}")
    print(f"detectors     {', '.join(found.detectors)}, combined by {found.combine}")
    entity = f"about {found.entity_bytes:,} an entity for its detectors"
    print(f"memory        {found.memory_bytes:,} bytes, {entity}")
    print(f"alerts        {found.promise.known()}")
    if caveat := found.promise.caveat():
        print(f"warning       {caveat}")
    print(f"state         {found.state}")
    for sink in found.sinks:
        print(f"{sink.name:<14}{sink.kind}{f' {sink.path}' if sink.path else ''}")
    for warning in found.warnings:
        print(f"warning       {warning}")


def _print_unknown_threshold(promise: AlertPromise) -> None:
    if unknown := promise.unknown_yet():
        print(f"threshold     not known yet: {unknown}")


def _connect(file: PipelineFile, promise: AlertPromise, samples: int) -> None:
    errors = []
    for found in reach_all(file, samples):
        if found.sample is not None:
            _print_sample(found.sample, promise)
        if found.error:
            errors.append(f"{found.name}: {found.error}")
        else:
            print(f"{found.name:<14}reached")
    if errors:
        raise FatalError("\n".join(errors))


def _print_sample(sample: Sample, promise: AlertPromise) -> None:
    if not sample.messages:
        print("messages      none to sample")
        _print_unknown_threshold(promise)
        return
    fitting = sample.messages - len(sample.rejects)
    print(f"messages      {fitting} of {sample.messages} sampled decode")
    for warning in sample.warnings:
        print(f"warning       {warning}")
    if sample.events_per_day > 0:
        met = promise.in_force(sample.entities, sample.events_per_day)
        print(f"threshold     in the sample: {met}")
    else:
        _print_unknown_threshold(promise)
    for reject in sample.rejects[:FIRST_REJECTS]:
        position = f"{reject.topic}[{reject.partition}]@{reject.offset}"
        print(f"  rejected {position}: {reject.reason.value}: {reject.detail}")
