"""The traced source: one span for the poll of each traced batch."""

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
    """Return a source that records spans, or the source itself while tracing is off."""
    return source if tracer is None else TracedSource(source, tracer)


class TracedSource(FixedPartitionedSource[RawBatch, Any]):
    """A source that records spans of its polls."""

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
    """A partition that records spans of its polls."""

    def __init__(self, part: StatefulSourcePartition[RawBatch, Any], tracer: Tracer) -> None:
        self._part = part
        self._tracer = tracer

    def next_batch(self) -> list[RawBatch]:
        """Return the batches of the partition, traced ones in their trace."""
        began = time.time_ns()
        return [self._tracer.polled(batch, began) for batch in self._part.next_batch()]

    def next_awake(self) -> datetime | None:
        """Return when to poll again."""
        return self._part.next_awake()

    def snapshot(self) -> Any:
        """Return the position."""
        return self._part.snapshot()

    def close(self) -> None:
        """Close the partition."""
        self._part.close()
