"""The traced sink: one span for each write, and one that ends with the delivery."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from engine.domain.record import Record
from engine.domain.trace import Trace

if TYPE_CHECKING:
    from engine.application.tracing.tracer import Attributes, Tracer

Sink = FixedPartitionedSink[list[Record], Any]


def traced_sink(tracer: Tracer | None, role: str, sink: Sink) -> Sink:
    """Return a sink that records spans, or the sink itself while tracing is off."""
    return sink if tracer is None else TracedSink(sink, role, tracer)


class TracedSink(FixedPartitionedSink[list[Record], Any]):
    """A sink that records spans."""

    def __init__(self, sink: Sink, role: str, tracer: Tracer) -> None:
        self._sink = sink
        self._role = role
        self._tracer = tracer

    def list_parts(self) -> list[str]:
        """Return the sink's parts."""
        return self._sink.list_parts()

    def part_fn(self, item_key: str) -> int:
        """Return the hash that assigns a key to a part."""
        return self._sink.part_fn(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> TracedPart:
        """Open a part."""
        part = self._sink.build_part(step_id, for_part, resume_state)
        return TracedPart(part, self._role, self._tracer)


class TracedPart(StatefulSinkPartition[list[Record], Any]):
    """A part of the sink that records spans.

    The span of a delivery ends with the checkpoint that waits for it, not with the acknowledgement.
    """

    def __init__(
        self, part: StatefulSinkPartition[list[Record], Any], role: str, tracer: Tracer
    ) -> None:
        self._part = part
        self._role = role
        self._tracer = tracer
        self._written: list[tuple[Trace, int, Attributes]] = []

    def write_batch(self, values: list[list[Record]]) -> None:
        """Write records."""
        began = time.time_ns()
        self._part.write_batch(values)
        for written in _by_trace(values):
            attributes: dict[str, str | int] = {
                "pynomaly.sink": self._role,
                "messaging.batch.message_count": sum(map(len, written)),
            }
            traces = [records[0].trace for records in written]
            trace = self._tracer.span("write", traces, began, attributes)
            if trace is not None:
                self._written.append((trace, time.time_ns(), attributes))

    def snapshot(self) -> Any:
        """Return the state of the part, and end the spans: all records are delivered."""
        stored = self._part.snapshot()
        self._delivered()
        return stored

    def close(self) -> None:
        """Close the part."""
        self._part.close()
        self._delivered()

    def _delivered(self) -> None:
        for trace, began, attributes in self._written:
            self._tracer.span("deliver", [trace], began, attributes)
        self._written.clear()


def _by_trace(values: list[list[Record]]) -> Iterable[list[list[Record]]]:
    """Group the traced lists of records by trace; each list is of one batch."""
    found: dict[str, list[list[Record]]] = {}
    for records in values:
        if records and records[0].trace:
            found.setdefault(records[0].trace.trace_id, []).append(records)
    return found.values()
