"""Order, absence, idle entities, silences, context and incidents together, over restarts."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from math import inf
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain.absence import AbsenceRule
from engine.domain.alert_policy import Budget
from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch
from engine.domain.pipeline import Pipeline
from engine.domain.silence import Silence, Weekly
from engine.domain.value_rule import ValueRule
from operators.alert.step import alert_step
from operators.detect.memory_share import entity_bytes
from operators.detect.step import detect_step
from tests.unit.operators.pipelines import SECOND, START, cut, events, pipeline

MINUTE, COUNT = 60 * SECOND, 900


def spec(capacity: int) -> Pipeline:
    """All that has to do with time, in a pipeline with room for so many entities."""
    nightly = Weekly(frozenset(range(7)), time(0), time(1), "Europe/Berlin")
    zscore = registry.detector_family("zscore").create("zscore", {"warm_up": 20}, ["a", "b"])
    plain = pipeline(
        detectors=(zscore,),
        partitions=1,
        lateness=5 * MINUTE,
        alert=Budget(500.0),
        absence=AbsenceRule(20 * MINUTE),
        rules=(ValueRule(low=0.0, high=100.0), None),
        silences=(Silence("night", weekly=nightly, publish=True),),
        idle_after=90 * MINUTE,
        incident_events=True,
        context=4,
    )
    mapping = replace(plain.mapping, order="event_time", timezone="Europe/Berlin")
    ordered = replace(plain, mapping=mapping)
    return replace(ordered, memory_bytes=8 * capacity * entity_bytes(ordered) // 7 + 8)


def stream(seed: int) -> EventBatch:
    """Phases of other entities, out of order, with faults and wrong clocks."""
    draw = np.random.default_rng(seed)
    phases = [draw.choice(7, size=4, replace=False) for _ in range(6)]
    keys = [f"e{draw.choice(phase)}" for phase in phases for _ in range(COUNT // 6)]
    values = draw.normal(50, 3, (COUNT, 2))
    values[draw.random(COUNT) < 0.02, 0] = 150.0
    values[draw.random(COUNT) < 0.02, 1] += 40.0
    seconds = np.arange(COUNT) * 40
    arrival = np.argsort(seconds + draw.uniform(0, 400, COUNT), kind="stable")
    seconds[draw.random(COUNT) < 0.005] += 10**7
    times = START + seconds[arrival] * SECOND
    return events([keys[k] for k in arrival], values[arrival], times)


class Steps:
    """The steps of one task, with what comes out of them."""

    def __init__(self, chosen: Pipeline, stored: tuple[bytes, bytes] | None = None) -> None:
        context = RunContext("plant")
        self._detect: Any = detect_step(chosen, context)(1)
        self._alert: Any = alert_step(chosen, context)(1)
        if stored is not None:
            self._detect.restore(stored[0])
            self._alert.restore(stored[1])
        self.alerts: list[Any] = []

    def put(self, *batches: EventBatch) -> Steps:
        for batch in batches:
            self._tell(self._detect.process([batch]))
        return self

    def end(self) -> list[Any]:
        """Return all that was published, once the source has ended."""
        self._tell(self._detect.quiet(inf))
        self.alerts += [one for some in self._alert.quiet(inf) for one in some]
        return self.alerts

    def dump(self) -> tuple[bytes, bytes]:
        return self._detect.dump(), self._alert.dump()

    def _tell(self, scored: Any) -> None:
        self.alerts += [one for some in self._alert.process(scored) for one in some]


def by_kind(published: list[Any]) -> tuple[list[Anomaly], list[Any]]:
    """Anomalies and what befell incidents: the two sinks."""
    anomalies = [one for one in published if isinstance(one, Anomaly)]
    return anomalies, [one for one in published if not isinstance(one, Anomaly)]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, COUNT), max_size=5),
    restarts=st.lists(st.integers(1, COUNT - 1), min_size=1, max_size=3, unique=True),
    capacity=st.integers(3, 8),
)
def test_neither_cuts_nor_restarts_change_anything(
    seed: int, cuts: list[int], restarts: list[int], capacity: int
) -> None:
    batch, chosen = stream(seed), spec(capacity)

    whole = by_kind(Steps(chosen).put(batch).end())
    in_parts = by_kind(Steps(chosen).put(*cut(batch, cuts)).end())
    steps, published = Steps(chosen), []
    for part in cut(batch, restarts):
        published += steps.put(part).alerts
        steps = Steps(chosen, steps.dump())
    restarted = by_kind(published + steps.end())

    assert "out_of_range" in {one.kind for one in whole[0]}
    assert in_parts == whole
    assert restarted == whole
