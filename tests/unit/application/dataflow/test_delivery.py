"""The end of the flow: what it reports of the events that pass it, and how it ends."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from prometheus_client import CollectorRegistry

from engine.application.dataflow.delivery import Delivery, Output
from engine.application.dataflow.task import Task
from engine.application.ports import RunContext
from engine.domain.batch import EventBatch, ScoredBatch

MINUTE_NS = 60 * 10**9
DAY_NS = 1_440 * MINUTE_NS


def scored(ages_ns: list[int], event_ages_ns: list[int]) -> ScoredBatch:
    """Return events that the source has for so long, and whose event times are so old."""
    n, now = len(ages_ns), time.time_ns()
    known = np.ones((n, 1))
    events = EventBatch(
        "t",
        np.full(n, "a", object),
        now - np.array(event_ages_ns, np.int64),
        known,
        np.zeros(n, np.int32),
        np.arange(n, dtype=np.int64),
        now - np.array(ages_ns, np.int64),
    )
    return ScoredBatch(
        events, known, known, known, known, known[:, 0], known[:, 0], np.zeros(n, bool)
    )


@pytest.fixture
def context() -> RunContext:
    return RunContext("p")


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"pynomaly_{name}", labels)


def test_the_latency_of_every_event_is_counted(context: RunContext) -> None:
    delivery = Delivery([], context)
    delivery.start_task(Task("0", 1))

    delivery.process([("0", scored([2 * MINUTE_NS, DAY_NS], [0, 0]))])

    shown = context.telemetry.registry

    assert value(shown, "event_latency_seconds_count") == 2
    assert value(shown, "event_latency_seconds_bucket", le="60.0") == 0
    assert value(shown, "event_latency_seconds_bucket", le="180.0") == 1


def test_the_age_of_the_newest_event_is_shown_by_partition(context: RunContext) -> None:
    delivery = Delivery([], context)
    delivery.start_task(Task("0", 1))
    delivery.process([("0", scored([0, 0], [5 * DAY_NS, 3 * DAY_NS]))])

    delivery.process([("0", scored([0], [9 * DAY_NS]))])

    age = value(context.telemetry.registry, "event_time_lag_seconds", partition="0")

    assert age is not None
    assert int(age / 86_400) == 3


def test_a_partition_that_is_let_go_is_not_shown(context: RunContext) -> None:
    delivery = Delivery([], context)
    delivery.start_task(Task("0", 1))
    delivery.process([("0", scored([0], [0]))])

    delivery.release(["0"])

    assert value(context.telemetry.registry, "event_time_lag_seconds", partition="0") is None


def test_events_that_come_for_the_second_time_are_not_counted(context: RunContext) -> None:
    delivery = Delivery([], context)
    delivery.start_task(Task("0", 1, live=False))

    delivery.process([("0", scored([0], [0]))])

    assert value(context.telemetry.registry, "event_latency_seconds_count") == 0


class Breaking(FixedPartitionedSink[Any, Any], StatefulSinkPartition[Any, Any]):
    """A sink that fails again as it is closed, as one does whose receiver refuses it."""

    def list_parts(self) -> list[str]:
        return ["0"]

    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> Breaking:
        return self

    def write_batch(self, items: Any) -> None:
        raise PermissionError("refused")

    def snapshot(self) -> Any:
        return None

    def close(self) -> None:
        raise PermissionError("refused again")


def test_a_sink_that_fails_as_it_is_closed_hides_nothing_and_keeps_no_other_open(
    context: RunContext, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = [Output(name, list, Breaking()) for name in ("anomalies", "scores")]
    delivery = Delivery(outputs, context)
    delivery.open([])

    delivery.close()

    assert caplog.messages == [
        "sink anomalies: refused again",
        "sink scores: refused again",
    ]
