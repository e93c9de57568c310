"""The dataflow, whole, in this process: real steps and detectors between memory and memory."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import memory
from engine.application.config.load import load
from engine.application.dataflow.build import build
from engine.application.ports import RunContext

FILE = """
name: whole
source: {memory: {store: in, batch: BATCH}}
event:
  key: id
  time: {path: ts, unit: s}
  max_future: 36500d
  values: {v: v, w: {path: w, optional: true}}
detectors: [zscore, half_space_trees, {river.GaussianScorer: {window_size: 50}}]
sinks:
  anomalies: {memory: {store: anomalies}}
  incidents: {memory: {store: incidents}}
  scores: {memory: {store: scores}}
  dead_letters: {memory: {store: dead_letters}}
"""
START = 1_767_225_600
GARBAGE_EVERY, SPIKE_EVERY = 301, 997


def stream(parts: int, count: int) -> list[list[bytes | None]]:
    draw = np.random.default_rng(5)
    found: list[list[bytes | None]] = []
    for part in range(parts):
        values = draw.normal(10, 1, (count, 2)).tolist()
        events: list[bytes | None] = []
        for n, (v, w) in enumerate(values):
            spike = 40.0 * (n % SPIKE_EVERY == SPIKE_EVERY - 1)
            event: dict[str, Any] = {"id": f"{part}-{n % 7}", "ts": START + n * 60, "v": v + spike}
            event |= {"w": w} if n % 5 else {}
            events.append(None if n % GARBAGE_EVERY == 13 else orjson.dumps(event))
        found.append(events)
    return found


def run(folder: Path, batch: int = 1_000, changed: str = FILE) -> RunContext:
    file = folder / "whole.yaml"
    file.write_text(changed.replace("BATCH", str(batch)))
    loaded = load(file)
    context = RunContext(loaded.name)
    memory.records.clear()
    build(loaded, context).run()
    return context


def published() -> dict[str, list[bytes]]:
    """Return what each sink was given, in an order that does not depend on the turns."""
    return {
        store: sorted(record.id.encode() + (record.value or b"") for record in records)
        for store, records in memory.records.items()
    }


def test_each_sink_of_a_role_gets_all_of_it(tmp_path: Path) -> None:
    memory.messages["in"] = stream(1, 3_000)
    one, two = "{memory: {store: anomalies}}", "{memory: {store: copy}}"

    run(tmp_path, changed=FILE.replace(f"anomalies: {one}", f"anomalies: [{one}, {two}]"))

    assert memory.records["anomalies"]
    assert memory.records["copy"] == memory.records["anomalies"]


def test_every_event_is_accounted_for_and_spikes_are_found(tmp_path: Path) -> None:
    memory.messages["in"] = stream(3, 3_000)
    context = run(tmp_path)
    letters, scores = memory.records["dead_letters"], memory.records["scores"]

    assert len(letters) == 3 * len(range(13, 3_000, GARBAGE_EVERY))
    assert len(letters) + len(scores) == 3 * 3_000
    assert all(dict(letter.headers)["pynomaly-reason"] == b"tombstone" for letter in letters)
    found = [orjson.loads(record.value or b"") for record in memory.records["anomalies"]]
    offsets = Counter((a["origin"]["partition"], a["origin"]["offset"]) for a in found)
    assert {(part, n) for part in range(3) for n in (996, 1_993, 2_990)} <= offsets.keys()
    assert set(offsets.values()) == {1}
    sample = context.telemetry.registry.get_sample_value
    assert sample("pynomaly_events_total") == 9_000
    assert sample("pynomaly_rejects_total", {"reason": "tombstone"}) == len(letters)


def test_incidents_close_when_the_source_ends(tmp_path: Path) -> None:
    memory.messages["in"] = stream(2, 1_000)

    run(tmp_path)

    last: dict[bytes | None, dict[str, Any]] = {}
    for record in memory.records["incidents"]:
        last[record.key] = orjson.loads(record.value or b"")

    assert len(last) >= 2
    assert {document["state"] for document in last.values()} == {"closed"}
    found = [orjson.loads(record.value or b"") for record in memory.records["anomalies"]]
    assert {anomaly["incident"] for anomaly in found} == set(map(bytes.decode, filter(None, last)))


@settings(max_examples=8, deadline=None)
@given(batch=st.integers(1, 700))
def test_what_comes_out_does_not_depend_on_the_batches(
    batch: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    memory.messages["in"] = stream(2, 1_200)
    run(folder)
    whole = published()
    run(folder, batch)

    assert published() == whole


@pytest.mark.parametrize(
    ("gives_again", "is_moved"), [("exactly", False), ("at_other_times", True)]
)
def test_timestamps_bound_wrong_clocks_only_if_they_are_the_same_in_a_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gives_again: str, is_moved: bool
) -> None:
    """Seven of ten sensors, those of a gateway, are three hours ahead from the middle on."""
    monkeypatch.setattr(memory.MemorySource, "rereadable", gives_again)
    wrong = [n >= 2_000 and n % 10 < 7 for n in range(4_000)]
    whens = [START + n + 10_800 * ahead for n, ahead in enumerate(wrong)]
    one_part = [{"id": str(n % 10), "ts": when, "v": n % 3} for n, when in enumerate(whens)]
    memory.messages["in"] = [[orjson.dumps(event) for event in one_part]]

    run(tmp_path, changed=FILE.replace("sinks:", "absence: {after: 1h}\nsinks:"))

    kinds = [orjson.loads(one.value or b"")["kind"] for one in memory.records["anomalies"]]
    assert ("absence" in kinds) == is_moved
