"""The run of a pipeline that a runner has started."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RunState(StrEnum):
    """The state of a run."""

    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a version of a pipeline.

    Attributes:
        pipeline: its name.
        number: of the version.
        digest: of the version.
        state: of the run.
        started: ns since 1970.
        process: id of its supervisor.
        exit_code: None while it runs, and where nobody saw it end.
    """

    pipeline: str
    number: int
    digest: str
    state: RunState
    started: int
    process: int
    exit_code: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing runs any more."""
        return self.state in (RunState.ENDED, RunState.FAILED)
