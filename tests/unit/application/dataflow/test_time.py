"""All that has to do with time, in one flow: order, absence, idle entities, silences, time zone."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import memory
from tests.unit.application.dataflow.test_build import START, published, run

FILE = """
name: time
source: {memory: {store: in, batch: BATCH}}
event:
  key: [site, id]
  time: {path: ts, unit: s}
  max_future: 36500d
  values: {v: {path: v, valid_range: [0, 100]}, w: {path: w, optional: true}}
  lateness: 5m
  order: event_time
  timezone: Europe/Berlin
detectors: [auto, zscore]
alert: {budget: 50/day, context: 8, group_by: site, incident_gap: 10m}
absence: {after: 20m}
silences:
  - {weekly: {from: "03:00", until: "04:30"}, publish: true}
state: {idle_after: 4h}
sinks:
  anomalies: {memory: {store: anomalies}}
  incidents: {memory: {store: incidents}}
  scores: {memory: {store: scores}}
"""


def messages(seed: int, count: int) -> list[bytes | None]:
    """Entities out of order, some of which fall silent for good, or for a while."""
    draw = np.random.default_rng(seed)
    found: list[tuple[float, bytes]] = []
    for n in range(count):
        entity = int(draw.integers(5))
        second = n * 30
        gone = entity == 4 and n > count // 4
        away = entity == 3 and count // 3 < n < count // 2
        if gone or away:
            continue
        v = 150.0 if n % 397 == 396 else draw.normal(50, 3)
        wrong = 10**7 if n % 501 == 500 else 0
        event: dict[str, Any] = {"site": "s", "id": entity, "ts": START + second + wrong, "v": v}
        event |= {"w": draw.normal()} if n % 5 else {}
        found.append((second + draw.uniform(0, 360), orjson.dumps(event)))
    return [event for _, event in sorted(found)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("time")


def test_each_feature_shows_in_what_comes_out(folder: Any) -> None:
    memory.messages["in"] = [messages(1, 2_400)]

    context = run(folder, changed=FILE)

    anomalies = [orjson.loads(record.value or b"") for record in memory.records["anomalies"]]
    scores = [orjson.loads(record.value or b"") for record in memory.records["scores"]]
    sample = context.telemetry.registry.get_sample_value
    assert len(scores) == len(memory.messages["in"][0]), "what waits goes on when a file ends"
    assert sample("pynomaly_waiting_events") == 0
    assert 0 < (sample("pynomaly_late_events_total") or 0) < len(scores) / 10
    assert sample("pynomaly_forgotten_entities_total") == 1
    kinds = {anomaly["kind"] for anomaly in anomalies}
    assert {"absence", "out_of_range"} <= kinds
    assert all(len(one["context"]) <= 8 for one in anomalies if one["kind"] != "absence")
    assert any("suppressed_by" in anomaly for anomaly in anomalies)


@settings(max_examples=3, deadline=None)
@given(batch=st.integers(1, 900), seed=st.integers(0, 100))
def test_what_comes_out_does_not_depend_on_the_batches(batch: int, seed: int, folder: Any) -> None:
    memory.messages["in"] = [messages(seed, 1_000), messages(seed + 1, 1_000)]

    run(folder, changed=FILE)
    whole = published()
    run(folder, batch, changed=FILE)

    assert published() == whole
