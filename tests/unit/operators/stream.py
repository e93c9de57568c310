"""Small pipelines and streams for the tests of the steps."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from engine.application import registry
from engine.domain.alert_policy import Budget
from engine.domain.batch import EventBatch
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.pipeline import Calibration, Pipeline

MAPPING = EventMapping(
    key=(("sensor",),),
    time=TimeField(("ts",), "ms"),
    values=(ValueField("a", ("a",)), ValueField("b", ("b",), optional=True)),
)
DETECTORS: dict[str, dict[str, object]] = {
    "zscore": {"half_life": 50, "warm_up": 10},
    "half_space_trees": {"trees": 3, "height": 3, "window": 30, "range_events": 20},
}


def pipeline(**changes: Any) -> Pipeline:
    mapping = changes.pop("mapping", MAPPING)
    names = changes.pop("detectors", ("zscore",))
    detectors = tuple(
        registry.detector_family(name).create(name, DETECTORS[name], mapping.value_names)
        for name in names
    )
    return dataclasses.replace(
        Pipeline(
            name="test",
            version="v1",
            mapping=mapping,
            detectors=detectors,
            combine="any",
            calibration=Calibration(window=64),
            alert=Budget(2),
            incident_gap=600_000_000_000,
            memory_bytes=2**26,
            partitions=4,
        ),
        **changes,
    )


def events(n: int, entities: int = 5, seed: int = 0, gaps: float = 0.1) -> EventBatch:
    draw = np.random.default_rng(seed)
    values = draw.normal(10, 1, (n, 2))
    values[draw.random(n) < gaps, 1] = np.nan
    keys = np.array([f"k{i}" for i in draw.integers(0, entities, n)], object)
    rows = np.arange(n)
    return EventBatch(
        "t", keys, rows * 1_000_000_000, values, np.zeros(n, np.int32), rows, rows + 7
    )
