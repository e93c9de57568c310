"""How many entities fit: filled for real, resident memory read from the system, not computed.

Method: one key group with the whole memory budget and `half_space_trees` on 3 values; every entity
gets EVENTS events, enough to touch all pages of its record; then the process's own resident size is
read, and a snapshot's size beside it. `python -m bench.entities [ENTITIES]`
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from engine.application import registry
from engine.application.telemetry.metrics import Telemetry
from engine.domain.alert_policy import Budget
from engine.domain.batch import EventBatch
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.pipeline import Calibration, Pipeline
from operators.detect.entity_group import EntityGroup
from operators.detect.memory_share import entity_bytes

EVENTS = 120
BLOCK = 10_000
NAMES = ("temperature", "pressure", "vibration")


def pipeline(memory: int) -> Pipeline:
    detector = registry.detector_family("half_space_trees").create("half_space_trees", {}, NAMES)
    mapping = EventMapping(
        (("sensor",),), TimeField(), tuple(ValueField(name, (name,)) for name in NAMES)
    )
    return Pipeline(
        name="entities",
        version="v1",
        mapping=mapping,
        detectors=(detector,),
        combine="any",
        calibration=Calibration(),
        alert=Budget(2),
        incident_gap=600,
        memory_bytes=memory,
    )


def resident() -> int:
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def run(entities: int = 300_000, memory: int = 8 * 2**30) -> dict[str, float]:
    """Fill, print and return the figures, in bytes and events per second."""
    rules, telemetry = pipeline(memory), Telemetry()
    group = EntityGroup(rules)
    group.report_to(telemetry)
    draw, began = np.random.default_rng(1), time.perf_counter()
    before = resident()
    for first in range(0, entities, BLOCK):
        keys = np.array([f"sensor-{n:07d}" for n in range(first, first + BLOCK)], object)
        rows = np.arange(BLOCK)
        for event in range(EVENTS):
            values = draw.normal((20.0, 5.0, 100.0), (1.0, 0.2, 7.0), (BLOCK, 3))
            times = np.full(BLOCK, event * 10**9)
            places = np.zeros(BLOCK, np.int32)
            group.score(EventBatch("t", keys, times, values, places, rows, times))
    seconds = time.perf_counter() - began
    held = telemetry.registry.get_sample_value("pynomaly_entities") or 0
    evicted = telemetry.registry.get_sample_value("pynomaly_evictions_total") or 0
    result = {
        "entities": held,
        "evicted": evicted,
        "resident": resident(),
        "resident_per_entity": (resident() - before) / held,
        "counted_per_entity": entity_bytes(rules),
        "fit_in_budget": memory // entity_bytes(rules),
        "events_per_second": entities * EVENTS / seconds,
    }
    print(json.dumps(result, indent=2))
    return result


if __name__ == "__main__":
    run(*(int(argument) for argument in sys.argv[1:]))
