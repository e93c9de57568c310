"""The traced source: each batch that is to be traced gets a span for its poll."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from engine.domain.batch import RawBatch

if TYPE_CHECKING:
    from engine.application.tracing.tracer import Tracer

Source = FixedPartitionedSource[RawBatch, Any]


def traced_source(tracer: Tracer | None, source: Source) -> Source:
    """Return a source whose polls are seen; the source itself while tracing is off."""
    return source if tracer is None else TracedSource(source, tracer)


class TracedSource(FixedPartitionedSource[RawBatch, Any]):
    """A source whose polls are seen."""

    def __init__(self, source: Source, tracer: Tracer) -> None:
        self._source = source
        self._tracer = tracer

    def list_parts(self) -> list[str]:
        """Return the source's partitions."""
        return self._source.list_parts()

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> TracedPartition:
        """Open a partition."""
        part = self._source.build_part(step_id, for_part, resume_state)
        return TracedPartition(part, self._tracer)


class TracedPartition(StatefulSourcePartition[RawBatch, Any]):
    """A partition whose polls are seen."""

    def __init__(self, part: StatefulSourcePartition[RawBatch, Any], tracer: Tracer) -> None:
        self._part = part
        self._tracer = tracer

    def next_batch(self) -> list[RawBatch]:
        """Return what the partition returns."""
        began = time.time_ns()
        return [self._tracer.polled(batch, began) for batch in self._part.next_batch()]

    def next_awake(self) -> datetime | None:
        """Return when to ask again."""
        return self._part.next_awake()

    def snapshot(self) -> Any:
        """Return the position."""
        return self._part.snapshot()

    def close(self) -> None:
        """Close the partition."""
        self._part.close()
