"""The ports of the steps of the dataflow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from engine.application.ports.context import RunContext
from engine.application.telemetry.metrics import Telemetry
from engine.domain.batch import EventBatch, RawBatch
from engine.domain.entity_report import EntityReport, RarestEvents
from engine.domain.pipeline import Pipeline
from engine.domain.record import Record
from engine.domain.reject import Reject


class TaskStep(Protocol):
    """A step that keeps state for each task."""

    def process(self, batches: list[Any]) -> list[Any]:
        """Return what becomes of some batches of the task, in their order."""
        ...

    def dump(self) -> bytes:
        """Return the whole state as versioned bytes."""
        ...

    def restore(self, blob: bytes) -> None:
        """Restore what `dump` returned; called before anything is processed.

        Raises:
            SnapshotError: it is corrupt, or does not fit.
        """
        ...

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on; until then, events are replayed."""
        ...

    def leave(self) -> None:
        """Remove this task from the metrics: the process gives it up."""
        ...


class EntityReports(Protocol):
    """What the step `detect` also offers: what its task knows of each entity."""

    def entities(self) -> Sequence[str]:
        """Return the keys of all entities."""
        ...

    def report(self, entity: str) -> EntityReport | None:
        """Return what is known of an entity, and learn nothing; None if it is unknown."""
        ...

    def rarest(self) -> RarestEvents:
        """Return how rare the rarest event of each entity was."""
        ...

    def waiting(self, entity: str) -> int:
        """Return how many events of an entity wait for their turn in the order of event time."""
        ...


Decode = Callable[[list[RawBatch]], list["EventBatch | list[Reject]"]]
MakeTaskStep = Callable[[int], TaskStep]
"""Makes a step for one task, given the number of partitions that share the alert budgets."""
Publish = Callable[[Any], list[Record]]


class StepPlugin(Protocol):
    """A function from the pipeline to a step that an entry point in `pynomaly.steps` names."""

    def __call__(self, pipeline: Pipeline, context: RunContext) -> Callable[..., Any]:
        """Return what the dataflow calls: `Decode`, `MakeTaskStep` or `Publish`."""
        ...
