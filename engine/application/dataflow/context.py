"""The run context of plug-ins, made from the pipeline file."""

from __future__ import annotations

from typing import Any

from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext


def context_of(file: PipelineFile, **of_process: Any) -> RunContext:
    """Return the context of a process that runs a pipeline, or looks at it.

    Args:
        file: the pipeline file.
        of_process: further attributes of `RunContext`: what the file does not say.
    """
    mapping = file.event.mapping()
    return RunContext(
        file.name,
        fields=mapping.fields,
        text_fields=mapping.text_fields,
        format=None if mapping.format is None else mapping.format.name,
        max_bytes=mapping.max_bytes,
        state=None if file.state.kafka else file.state.directory,
        exactly_once=file.delivery == "exactly_once",
        checkpoint_interval=file.state.checkpoint_interval,
        snapshot_interval=file.state.snapshot_interval,
        redactor=file.redactor,
        **of_process,
    )
