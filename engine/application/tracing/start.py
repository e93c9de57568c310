"""Start tracing; OpenTelemetry is imported only if the pipeline file has `tracing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RunContext

if TYPE_CHECKING:
    from engine.application.tracing.tracer import Tracer


def start_tracing(file: PipelineFile, context: RunContext) -> Tracer | None:
    """Return the tracer of this process, or None while tracing is off."""
    if file.tracing is None:
        return None
    from engine.application.tracing.delivery import Delivery
    from engine.application.tracing.tracer import Tracer

    delivery = Delivery(file.tracing, context.telemetry.trace_errors, context.redactor)
    return Tracer(delivery, file.tracing.sample, file.name, file.version, context.process)
