"""The runner of a server that runs no pipelines: others run them."""

from __future__ import annotations

from pathlib import Path

from engine.domain.control.errors import ConflictError
from engine.domain.control.pipeline_version import PipelineVersion
from engine.domain.control.run import Run

REFUSAL = "this server runs no pipelines (--stateless)"


class NoRunner:
    """Knows of no runs, and refuses to start one."""

    server = ""
    """It has no claim on any pipeline."""

    def start(self, version: PipelineVersion) -> Run:  # noqa: ARG002 - of the port
        """Refuse.

        Raises:
            ConflictError: always.
        """
        raise ConflictError(REFUSAL)

    def get(self, name: str) -> Run | None:  # noqa: ARG002 - of the port
        """Return None."""
        return None

    def stop(self, name: str, *, drain: bool) -> Run:  # noqa: ARG002 - of the port
        """Refuse.

        Raises:
            ConflictError: always.
        """
        raise ConflictError(REFUSAL)

    def log(self, name: str, lines: int) -> list[str]:  # noqa: ARG002 - of the port
        """Return nothing."""
        return []

    def file(self, name: str) -> Path | None:  # noqa: ARG002 - of the port
        """Return None."""
        return None
