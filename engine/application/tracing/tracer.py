"""The tracer: selects the batches to trace and creates their spans."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from random import Random

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)

from engine import __version__
from engine.domain.batch import RawBatch
from engine.domain.trace import Trace, distinct_traces, read_traceparent

Attributes = Mapping[str, "str | int"]
KINDS = {"poll": SpanKind.CONSUMER, "deliver": SpanKind.PRODUCER}
"""Spans on the border to other systems."""
BURST_BATCHES = 100.0
"""Batches that may be traced in a row, before the share of them is bounded."""


class OwnIds(IdGenerator):
    """Random ids that leave Python's shared generator, which models may draw from, as it is."""

    def __init__(self) -> None:
        self._draw = Random()

    def generate_trace_id(self) -> int:
        """Return 128 bits, not all zero."""
        return self._draw.randrange(1, 2**128)

    def generate_span_id(self) -> int:
        """Return 64 bits, not all zero."""
        return self._draw.randrange(1, 2**64)


class Tracer:
    """Creates the spans of one process.

    Args:
        processor: takes each span that ends.
        sample: share of batches to trace, 0..1.
        pipeline: name of the pipeline, the service name of the spans.
        version: version of the pipeline file.
        process: number of this process.
    """

    def __init__(
        self, processor: SpanProcessor, sample: float, pipeline: str, version: str, process: int
    ) -> None:
        resource = Resource.create(
            {
                "service.name": pipeline,
                "service.namespace": "pynomaly",
                "service.version": __version__,
                "service.instance.id": str(process),
                "pynomaly.pipeline.version": version,
            }
        )
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=OwnIds(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._spans = self._provider.get_tracer("pynomaly", __version__)
        self._sample = sample
        self._allowance = BURST_BATCHES if sample else 0.0
        self._draw = Random()

    def polled(self, batch: RawBatch, began: int) -> RawBatch:
        """Return a batch that has just been read, in its trace if it is to be traced.

        It is traced if one of its messages is in a sampled trace, or if sampling selects it; but
        no more than the share of `sample` is, whatever producers ask for.

        Args:
            batch: as the source read it.
            began: start of the poll, ns since 1970.
        """
        met = distinct_traces(map(read_traceparent, batch.traceparents()))
        if not self._selects(bool(met)):
            return batch
        attributes: dict[str, str | int] = {
            "messaging.operation.type": "receive",
            "messaging.destination.name": batch.topic,
            "messaging.destination.partition.id": str(batch.partition),
            "messaging.batch.message_count": len(batch),
            "pynomaly.first_offset": int(batch.offsets[0]),
        }
        return replace(batch, trace=self._span("poll", met, began, attributes))

    def _selects(self, asked_for: bool) -> bool:
        """Whether to trace a batch: a producer asks for it, or chance does."""
        self._allowance = min(self._allowance + self._sample, BURST_BATCHES)
        wanted = asked_for or self._draw.random() < self._sample
        if not wanted or self._allowance < 1.0:
            return False
        self._allowance -= 1.0
        return True

    def span(
        self,
        name: str,
        traces: Iterable[Trace | None],
        began: int,
        attributes: Attributes,
    ) -> Trace | None:
        """Record a span that ends now.

        Args:
            name: of the span: a step, "write" or "deliver".
            traces: those of the items processed; the first is the parent, others are linked.
            began: start of the span, ns since 1970.
            attributes: of the span.

        Returns:
            The trace with the new span, or None if no item is traced.
        """
        met = distinct_traces(traces)
        return self._span(name, met, began, attributes) if met else None

    def finish(self) -> None:
        """Deliver queued spans; later ones are dropped."""
        self._provider.shutdown()

    def _span(self, name: str, met: list[Trace], began: int, attributes: Attributes) -> Trace:
        parent, *others = map(_context, met) if met else [None]
        span = self._spans.start_span(
            name,
            set_span_in_context(NonRecordingSpan(parent)) if parent else None,
            KINDS.get(name, SpanKind.INTERNAL),
            attributes,
            [Link(other) for other in others if other],
            start_time=began,
        )
        span.end(time.time_ns())
        own = span.get_span_context()
        return Trace(format_trace_id(own.trace_id), format_span_id(own.span_id))


def _context(trace: Trace) -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), True, sampled)
