"""Where the pipeline file sends traces to."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from pydantic import Field, model_validator

from engine.application.config.issues import misfit
from engine.application.config.secret import Secret
from engine.application.ports import Settings

EXPORTER = "opentelemetry.exporter.otlp.proto.http"


class TracingSpec(Settings):
    """Spans of batches, from poll to sink, for whatever takes OTLP over HTTP."""

    endpoint: str = Field(
        default="http://localhost:4318/v1/traces", pattern=r"^https?://[^/\s@]+/\S+$"
    )
    """Where to POST spans: http://host:4318/v1/traces, without user or password."""
    sample: float = Field(default=0.01, ge=0, le=1)
    """Share of batches to trace, 0 to 1; those whose messages are being traced always are."""
    headers: dict[str, Secret] = Field(default_factory=dict)
    """Headers of each request, such as authorization: ${NAME} or ${file:/path}."""

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, data: Any) -> Any:
        if not _is_installed():
            raise misfit("tracing needs OpenTelemetry: pip install 'pynomaly-engine[otel]'")
        return data


def _is_installed() -> bool:
    try:
        return find_spec(EXPORTER) is not None
    except ModuleNotFoundError:
        return False
