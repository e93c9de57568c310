"""The metrics page of the pipeline file."""

from __future__ import annotations

from pydantic import Field

from engine.application.ports import Settings


class MetricsSpec(Settings):
    """Where Prometheus finds the metrics: process i listens on port + i."""

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on."""
    port: int = Field(default=9464, ge=1, le=65_535)
    """Port of the first process."""
