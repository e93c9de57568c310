"""Anomalies blame the corrupted value, of eight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain.alert_policy import PValueThreshold
from engine.domain.anomaly import Anomaly
from engine.domain.batch import EventBatch
from operators.alert.step import alert_step
from operators.detect.step import detect_step
from tests.unit.operators.pipelines import events, pipeline

NAMES = tuple("abcdefgh")
EVENTS, FIRST, EVERY = 6_000, 2_000, 100


def corrupted(seed: int) -> tuple[EventBatch, dict[int, str]]:
    """Correlated events in eight units, and which value is corrupted at which time."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(0, 0.5, (8, 8)) + np.eye(8)
    values = 50 + rng.normal(0, 1, (EVENTS, 8)) @ mix.T * np.geomspace(0.1, 100, 8)
    spreads = values.std(axis=0)
    rows = np.arange(FIRST, EVENTS, EVERY)
    columns = rng.integers(8, size=len(rows))
    values[rows, columns] += 12 * spreads[columns] * rng.choice([-1, 1], len(rows))
    batch = events(["press"] * EVENTS, values)
    return batch, {int(batch.times[r]): NAMES[c] for r, c in zip(rows, columns, strict=True)}


def anomalies(detector: str, batch: EventBatch) -> list[Anomaly]:
    made = registry.detector_family(detector).create(detector, {}, NAMES)
    spec = pipeline(NAMES, detectors=(made,), alert=PValueThreshold(1e-2), partitions=1)
    spec = replace(spec, memory_bytes=2**26)
    scored = detect_step(spec, RunContext("plant"))(1).process([batch])
    found = alert_step(spec, RunContext("plant"))(1).process(scored)
    return [one for items in found for one in items if isinstance(one, Anomaly)]


@pytest.mark.parametrize("detector", ["auto", "half_space_trees", "zscore"])
def test_the_corrupted_value_has_the_greatest_contribution(detector: str) -> None:
    blamed: list[bool] = []
    for seed in (1, 2, 3):
        batch, corrupt = corrupted(seed)
        for anomaly in anomalies(detector, batch):
            assert sum(one.contribution for one in anomaly.values) == pytest.approx(1.0)
            if anomaly.time in corrupt:
                top = max(anomaly.values, key=lambda one: one.contribution)
                blamed.append(top.name == corrupt[anomaly.time])

    assert len(blamed) >= 12
    assert np.mean(blamed) >= 0.95
