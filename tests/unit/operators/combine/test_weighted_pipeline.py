"""Pipelines that learn the weights of their detectors, through the real steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain import snapshot
from engine.domain.batch import Bools, EventBatch, Floats, Int32s, ScoredBatch
from engine.domain.detector import Detector, SnapshotForm, State
from engine.domain.pipeline import Combination, Pipeline
from operators.alert.step import alert_step
from operators.combine.weighted import Weights
from operators.detect.entity_group import EntityGroup
from operators.detect.memory_share import entity_bytes
from operators.publish import anomaly_record
from tests.unit.operators.pipelines import SECOND, START, cut, events, joined, noise, pipeline

COLUMNS = ("scores", "p_values", "p_value", "weights")
ENTITIES, WARM, N = 40, 1_000, 1_500


class Broken:
    """A detector that sees nothing: its scores are drawn from the events' values and number."""

    bytes_per_entity = 8
    handles_gaps = False
    resolution = 1e-9
    snapshot: SnapshotForm = "bytes"
    warm_up = 0

    def __init__(self, name: str, draw: Callable[[float, int], float]) -> None:
        self.name = name
        self._draw = draw

    def bank(self, capacity: int) -> BrokenBank:
        return BrokenBank(capacity, self._draw)


class BrokenBank:
    def __init__(self, capacity: int, draw: Callable[[float, int], float]) -> None:
        self._seen = np.zeros(capacity, np.int64)
        self._draw = draw

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        scores = np.empty(len(slots))
        for i, slot in enumerate(slots):
            # The last digits of a value have nothing to do with how far it lies off.
            chance = abs(np.sin(values[i, 0] * 12.9898) * 43_758.5453) % 1
            scores[i] = self._draw(chance, int(self._seen[slot]))
            self._seen[slot] += learn[i]
        return scores

    def reset(self, slots: Int32s) -> None:
        self._seen[slots] = 0

    def dump(self, slots: Int32s) -> State:
        return {"seen": self._seen[slots]}

    def load(self, state: State) -> None:
        seen = np.asarray(state["seen"], np.int64)
        self._seen[: len(seen)] = seen

    def failures(self) -> Mapping[str, int]:
        return {}


BROKEN = {
    "random": Broken("random", lambda chance, _seen: chance),
    "constant": Broken("constant", lambda _chance, _seen: 1e6),
    "storm": Broken("storm", lambda chance, seen: chance * (10 if seen % 500 >= 450 else 1)),
}


def good(values: Sequence[str] = ("a",)) -> Detector:
    return registry.detector_family("zscore").create("zscore", {}, values)


def spec(*detectors: Detector, how: Combination = "weighted", **changes: Any) -> Pipeline:
    names = changes.pop("values", ("a",))
    return pipeline(
        values=names, detectors=detectors, combine=how, **{"memory_bytes": 2**24, **changes}
    )


def spiked(seed: int, size: float) -> tuple[EventBatch, Bools, Bools]:
    """Noise with one spike in each entity; which events are spikes, and which are judged."""
    rng = np.random.default_rng(seed)
    rows = np.arange(N * ENTITIES)
    values = rng.normal(20, 2, (len(rows), 1))
    judged = rows // ENTITIES >= WARM
    spikes = np.zeros(len(rows), bool)
    spikes[rng.integers(WARM, N, ENTITIES) * ENTITIES + np.arange(ENTITIES)] = True
    values[spikes, 0] += 2 * size * rng.choice([-1, 1], spikes.sum())
    return events([f"e{row % ENTITIES}" for row in rows], values), spikes, judged


def run(rules: Pipeline, batch: EventBatch) -> ScoredBatch:
    (scored,) = EntityGroup(rules).score(batch)
    return scored


@pytest.mark.parametrize("broken", [["random"], ["constant"], ["storm"], list(BROKEN)])
def test_weight_goes_to_the_detector_that_sees_the_anomalies(broken: list[str]) -> None:
    batch, spikes, judged = spiked(1, size=5.0)
    detectors = (good(), *(BROKEN[name] for name in broken))
    found: dict[str, float] = {}
    false: dict[str, float] = {}
    ways: tuple[Combination, ...] = ("any", "cauchy", "weighted")
    for how in ways:
        scored = run(spec(*detectors, how=how), batch)
        normal = scored.p_value[judged & ~spikes]
        # At the threshold, or below it until no more is false than it promises.
        threshold = min(1e-4, np.quantile(normal, 1e-4))
        found[how] = float(np.mean(scored.p_value[spikes] <= threshold))
        false[how] = float(np.mean(normal <= 1e-3))

    assert scored.weights is not None
    assert scored.weights[-1].tolist() == [1.0] + [0.0] * len(broken)
    assert found["weighted"] >= max(found["any"], found["cauchy"]) + 0.1
    assert found["weighted"] > 0.5
    assert false["weighted"] <= 1e-3
    if "storm" in broken:
        assert min(false["any"], false["cauchy"]) > 0.05, "others alert all through the storms"


@pytest.mark.parametrize("d", [1, 3])
def test_alerts_on_noise_stay_within_the_budget(d: int) -> None:
    names = ("a", "b", "c")[:d]
    chosen = [
        registry.detector_family(name).create(name, {}, names)
        for name in ("auto", "zscore", "half_space_trees")
    ]
    scored = run(spec(*chosen, values=names), noise(7, 60_000, entities=6, d=d))
    later = scored.p_value[12_000:]

    assert 0.5e-2 < np.mean(later <= 1e-2) < 1.2e-2
    assert np.mean(later <= 1e-3) < 1.5e-3
    assert scored.weights is not None
    assert joined([scored], "weights")[-1].sum() == pytest.approx(1)


def three() -> tuple[Detector, ...]:
    zscore = registry.detector_family("zscore").create("zscore", {"warm_up": 5}, ["a", "b"])
    return zscore, BROKEN["random"], BROKEN["storm"]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 900), max_size=5),
    at=st.integers(0, 900),
    capacity=st.integers(1, 4),
)
def test_results_do_not_depend_on_cuts_or_snapshots(
    seed: int, cuts: list[int], at: int, capacity: int
) -> None:
    rng = np.random.default_rng(seed)
    rules = spec(*three(), values=("a", "b"))
    mapping = replace(rules.mapping, lateness=3 * SECOND)
    memory = rules.partitions * capacity * entity_bytes(rules)
    rules = replace(rules, mapping=mapping, memory_bytes=memory)
    # Long turns of each entity, so that some get warm before they are evicted.
    keys = np.repeat([f"e{number}" for number in rng.integers(4, size=3)], 300)
    values = rng.normal(5, 1, (900, 2))
    values[rng.random((900, 2)) < 0.1] = np.nan
    times = START + (np.arange(900) + rng.integers(0, 6, 900)) * SECOND
    batch = events(keys.tolist(), values, times)
    whole = EntityGroup(rules).score(batch)

    assert np.isfinite(joined(whole, "p_value")).sum() > 300
    group = EntityGroup(rules)
    assert_same([part for some in cut(batch, cuts) for part in group.score(some)], whole)
    first, second = EntityGroup(rules), EntityGroup(rules)
    head = [part for some in cut(batch, [at])[: 1 if at else 0] for part in first.score(some)]
    second.restore(first.dump())
    assert second.dump() == first.dump()
    rest = batch.take(slice(at, None))
    assert_same(head + (second.score(rest) if at < 900 else []), whole)


def assert_same(ours: list[ScoredBatch], theirs: list[ScoredBatch]) -> None:
    for column in COLUMNS:
        np.testing.assert_array_equal(joined(ours, column), joined(theirs, column), column)


def test_probes_change_no_score() -> None:
    batch = noise(3, 3_000)
    plain = run(spec(*three(), how="any", values=("a", "b")), batch)
    asked = run(spec(*three(), values=("a", "b")), batch)
    np.testing.assert_array_equal(plain.scores, asked.scores)
    np.testing.assert_array_equal(plain.p_values, asked.p_values)

    assert plain.weights is None


def test_state_without_weights_starts_them_equal_and_keeps_the_rest() -> None:
    before, after = spec(*three(), how="any", values=("a", "b")), spec(*three(), values=("a", "b"))
    old = EntityGroup(before)
    old.score(noise(4, 3_000))
    group = EntityGroup(after)
    group.restore(old.dump())
    (scored,) = group.score(noise(5, 300))

    assert joined([scored], "weights")[0].tolist() == pytest.approx([1 / 3] * 3)
    (same,) = old.score(noise(5, 300))
    np.testing.assert_array_equal(scored.p_values, same.p_values, "detectors went on")
    blob = snapshot.decode("detect", old.dump())
    assert not [name for name in blob if "weight" in name or "planted" in name]


def test_new_detector_joins_stored_ones() -> None:
    one, two, other = three()
    group = EntityGroup(spec(one, two, values=("a", "b")))
    group.score(noise(6, 9_000))
    joining = EntityGroup(spec(two, one, other, values=("a", "b")))
    joining.restore(group.dump())
    (scored,) = joining.score(noise(7, 1))
    weights = joined([scored], "weights")[0]

    assert weights[:2].tolist() == [0.0, 1.0], "they keep what was learned of them"
    assert np.isnan(weights[2]), "the new one has to warm up first"
    (scored,) = joining.score(noise(8, 9_000))
    assert joined([scored], "weights")[-1].tolist() == [0.0, 1.0, 0.0]


def test_memory_counts_the_weights_and_one_detector_has_none() -> None:
    rules = spec(*three(), values=("a", "b"))
    more = entity_bytes(rules) - entity_bytes(replace(rules, combine="any"))

    assert more == Weights(1, 3).bytes_per_entity > 0
    alone = spec(good())
    assert entity_bytes(alone) == entity_bytes(replace(alone, combine="any"))
    scored = run(alone, events(["e"] * 500, np.random.default_rng(1).normal(size=500)))
    assert scored.weights is None


def gauge(context: RunContext, detector: str) -> float | None:
    labels = {"detector": detector}
    return context.telemetry.registry.get_sample_value("pynomaly_detector_weight", labels)


def test_the_gauge_is_the_mean_over_the_entities_of_a_process() -> None:
    rules, context = spec(*three(), values=("a", "b")), RunContext("plant")
    groups = EntityGroup(rules), EntityGroup(rules)
    for group in groups:
        group.report_to(context.telemetry)
    for some in cut(noise(9, 6_000, entities=2), [1, 900, 4_000]):
        groups[0].score(some)

    assert gauge(context, "zscore") == pytest.approx(1.0)
    assert gauge(context, "storm") == pytest.approx(0.0)
    groups[1].score(noise(10, 60, entities=6))
    expected = (2 * 1.0 + 6 / 3) / 8
    assert gauge(context, "zscore") == pytest.approx(expected, abs=0.02)
    resumed, fresh = EntityGroup(rules), RunContext("plant")
    resumed.restore(groups[0].dump())
    resumed.report_to(fresh.telemetry)
    assert gauge(fresh, "zscore") == pytest.approx(1.0)


def test_evicted_entity_restarts_with_equal_weights() -> None:
    rules = spec(*three(), values=("a", "b"))
    rules = replace(rules, memory_bytes=rules.partitions * entity_bytes(rules))
    group, context = EntityGroup(rules), RunContext("plant")
    group.report_to(context.telemetry)
    group.score(noise(11, 3_000, entities=1))

    assert gauge(context, "random") == pytest.approx(0.0)
    parts = group.score(events(["other"] * 200, np.random.default_rng(1).normal(size=(200, 2))))
    weights = joined(parts, "weights")
    warm = ~np.isnan(weights).any(axis=1)
    assert weights[warm][0].tolist() == pytest.approx([1 / 3] * 3)
    assert gauge(context, "random") == pytest.approx(1 / 3)


def test_anomaly_holds_the_weight_of_each_detector() -> None:
    batch, spikes, _ = spiked(2, size=12.0)
    rules = spec(good(), BROKEN["random"])
    context = RunContext("plant")
    step = alert_step(rules, context)(1)
    step.report_to(context.telemetry)
    found = step.process([run(rules, batch)])
    (last,) = [anomaly for some in found for anomaly in some][-1:]

    assert spikes[last.origin.offset]
    document = orjson.loads(anomaly_record(last).value or b"")
    assert [part["weight"] for part in document["detectors"]] == [1.0, 0.0]
    counted = context.telemetry.registry.get_sample_value
    labels = {"severity": last.severity.value}
    assert counted("pynomaly_anomalies_total", {"detector": "zscore", **labels})
