from __future__ import annotations

import numpy as np
import pytest
from opentelemetry.sdk.trace import SpanProcessor

from engine.application.tracing.tracer import BURST_BATCHES, Tracer
from engine.domain.batch import RawBatch

SAMPLED = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
BATCHES = 20_000


def traced(sample: float, *traceparents: bytes) -> int:
    """Return how many of BATCHES batches are traced."""
    tracer = Tracer(SpanProcessor(), sample, "p", "v", 0)
    one = np.zeros(1, np.int64)
    batch = RawBatch("t", 0, one, one, [b"{}"], traceparents=lambda: traceparents)
    return sum(tracer.polled(batch, 0).trace is not None for _ in range(BATCHES))


@pytest.mark.parametrize("sample", [0.0, 0.01, 0.5])
def test_producers_cannot_have_more_traced_than_the_sample(sample: float) -> None:
    burst = BURST_BATCHES if sample else 0

    found = traced(sample, SAMPLED)

    assert found == pytest.approx(sample * BATCHES + burst, abs=1)


def test_a_sample_of_all_traces_all() -> None:
    assert traced(1.0, SAMPLED) == BATCHES
    assert traced(1.0) == BATCHES
