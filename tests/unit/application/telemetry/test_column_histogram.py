from __future__ import annotations

import numpy as np
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from engine.application.telemetry.column_histogram import ColumnHistogram

BUCKETS = (0.001, 0.5, 1, 60)


def test_shows_what_a_histogram_of_the_client_shows() -> None:
    values = np.array([0.0, 0.001, 0.25, 0.5, 0.75, 1.0, 59.5, 60.0, 1e6])
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    whole = ColumnHistogram("pynomaly_x_seconds", "Help", BUCKETS, ours)
    single = Histogram("pynomaly_x_seconds", "Help", buckets=BUCKETS, registry=theirs)

    whole.observe(values[:4])
    whole.observe(values[4:])
    for value in values:
        single.observe(value)

    expected = [line for line in lines(theirs) if "_created" not in line]

    assert lines(ours) == expected


def test_shows_all_buckets_before_the_first_value() -> None:
    registry = CollectorRegistry()
    ColumnHistogram("pynomaly_x_seconds", "Help", BUCKETS, registry)

    assert 'pynomaly_x_seconds_bucket{le="+Inf"} 0.0' in lines(registry)


def lines(registry: CollectorRegistry) -> list[str]:
    return generate_latest(registry).decode().splitlines()
