from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from engine.domain.batch import Bools, Floats, Int32s
from operators.calibrators.onsets import Onsets
from operators.combine.probes import ScoringRequest
from operators.combine.weighted import CLAIM_P, MIN_ODDS_SHARE, Weights

NAN = np.nan
NONE = np.empty((0, 2))


def combine(
    weights: Weights,
    p_values: Floats,
    planted: Floats = NONE,
    before: Any = (),
    slots: Int32s | None = None,
    learn: Bools | None = None,
) -> tuple[Floats, Floats]:
    """Combine p-values [n, k] of events, with those [m, k] of what is planted before some."""
    n = len(p_values)
    rows = np.sort(np.concatenate([np.arange(n), np.asarray(before, np.intp)]), kind="stable")
    is_planted = np.diff(rows, append=n) == 0
    table = np.empty((len(rows), p_values.shape[1]))
    table[is_planted], table[~is_planted] = planted, p_values
    all_learn = np.ones(n, bool) if learn is None else learn
    empty = np.empty((len(rows), 0))
    asked = ScoringRequest(rows, is_planted, empty, empty, all_learn[rows] & ~is_planted)
    at = np.zeros(n, np.int32) if slots is None else slots
    return weights.combine(at, asked, table, all_learn)


class Plain:
    """The same in plain Python: one entity, lists, nothing compiled."""

    def __init__(self, k: int) -> None:
        self.heard = [{"asked": 0.0, "found": 0.0, "events": 0.0, "claims": 0.0} for _ in range(k)]

    def odds(self, j: int) -> float:
        one = self.heard[j]
        power = (1 + one["found"]) / (2 + one["asked"])
        rate = (1 + one["claims"]) / (1_000 + one["events"])
        return power / max(rate, 0.001)

    def combined(self, p_values: list[float]) -> tuple[float, list[float]]:
        warm = {j: self.odds(j) for j, p in enumerate(p_values) if p == p}
        paying = {j: odds for j, odds in warm.items() if odds >= max(warm.values()) / 2}
        weights = [NAN if p != p else 0.0 for p in p_values]
        for j, odds in paying.items():
            weights[j] = odds / sum(paying.values())
        candidates = [min(p_values[j] / weights[j], 1.0) for j in paying]
        return min(candidates, default=NAN), weights

    def learn(self, p_values: list[float], memory: int, seen: str, hit: str) -> None:
        for one, p in zip(self.heard, p_values, strict=True):
            if p == p:
                one[seen] = one[seen] * (1 - 1 / memory) + 1
                one[hit] = one[hit] * (1 - 1 / memory) + (p <= 0.001)


def random_stream(seed: int, n: int) -> tuple[Floats, Floats, Any, Int32s, Bools]:
    rng = np.random.default_rng(seed)
    p_values = rng.random((n, 3)) ** np.array([1.0, 2.0, 4.0])
    p_values[rng.random((n, 3)) < 0.1] = NAN
    p_values[: n // 10] = NAN
    before = np.sort(rng.choice(n, n // 20, replace=False))
    planted = rng.random((len(before), 3)) ** np.array([20.0, 40.0, 2.0])
    planted[rng.random(planted.shape) < 0.1] = NAN
    return p_values, planted, before, rng.integers(2, size=n).astype(np.int32), rng.random(n) < 0.9


def test_matches_a_plain_python_reference() -> None:
    p_values, planted, before, slots, learn = random_stream(1, 6_000)
    ours, weights = combine(Weights(2, 3), p_values, planted, before, slots, learn)
    plain = [Plain(3), Plain(3)]
    expected, expected_weights = [], []
    made = dict(zip(before.tolist(), planted.tolist(), strict=True))
    for i, row in enumerate(p_values.tolist()):
        one = plain[slots[i]]
        p_value, shares = one.combined(row)
        expected.append(p_value)
        expected_weights.append(shares)
        if learn[i]:
            one.learn(row, 4_096, "events", "claims")
        if i in made:
            one.learn(made[i], 128, "asked", "found")
    np.testing.assert_allclose(weights, expected_weights, rtol=1e-4)

    assert (weights == 0).any()
    assert np.isnan(expected).any()
    again = Onsets(2).p_values(slots, -np.log10(expected), learn)
    # Single precision moves a bar by a hair: next to it an event may be an onset, or not.
    assert np.mean(~np.isclose(ours, again, rtol=1e-3, equal_nan=True)) < 0.002


def test_new_detectors_have_equal_weights() -> None:
    p_values = np.array([[0.2, 0.5], [0.9, 0.3], [NAN, 0.25], [NAN, NAN]])
    combined, weights = combine(Weights(4, 2), p_values, slots=np.arange(4, dtype=np.int32))
    np.testing.assert_array_equal(weights[:2], 0.5)
    np.testing.assert_array_equal(weights[2:], [[NAN, 1.0], [NAN, NAN]])
    bonferroni = np.array([0.4, 0.6, 0.25, NAN])
    once = np.arange(4, dtype=np.int32)
    again = Onsets(4).p_values(once, -np.log10(bonferroni), np.ones(4, bool))
    np.testing.assert_array_equal(combined, again)


def test_weights_are_those_before_the_event() -> None:
    calm = np.full((300, 2), 0.5)
    storm = calm.copy()
    storm[150:153, 0] = 1e-9
    planted = np.full((9, 2), 1e-9)
    before = np.arange(9) * 30 + 15
    before[5] = 150
    _, reference = combine(Weights(1, 2), calm, planted, before)
    _, weights = combine(Weights(1, 2), storm, planted, before)
    np.testing.assert_array_equal(weights[:151], reference[:151])

    assert weights[153, 0] < reference[153, 0] == 0.5
    asked_otherwise = planted.copy()
    asked_otherwise[5, 0] = 0.5
    _, weights = combine(Weights(1, 2), calm, asked_otherwise, before)
    np.testing.assert_array_equal(weights[:151], reference[:151])
    assert weights[151, 0] < reference[151, 0]


def test_detection_of_probes_raises_the_weight() -> None:
    p_values = np.full((640, 2), 0.5)
    planted = np.tile([CLAIM_P, 2 * CLAIM_P], (20, 1))
    combined, weights = combine(Weights(1, 2), p_values, planted, np.arange(20) * 32)

    assert (np.diff(weights[:, 0]) >= 0).all()
    assert weights[0, 0] == 0.5
    assert weights[-1].tolist() == [1.0, 0.0]
    # The last one paid as long as it had half of the best's odds.
    assert weights[weights[:, 1] > 0, 1].min() > MIN_ODDS_SHARE / (1 + MIN_ODDS_SHARE) - 0.05
    assert combined[-1] < 0.6


def test_excessive_claims_lower_the_weight_until_they_stop() -> None:
    rng = np.random.default_rng(3)
    n = 30_000
    p_values = rng.random((n, 2))
    p_values[1_000:2_000:20, 1] = 1e-5
    before = np.arange(0, n, 32)
    planted = np.full((len(before), 2), 1e-6)
    _, weights = combine(Weights(1, 2), p_values, planted, before)

    assert weights[2_000].tolist() == [1.0, 0.0]
    assert weights[-1] == pytest.approx([0.5, 0.5], abs=0.2), "what is long ago has faded"


def test_claiming_nothing_does_not_raise_the_weight() -> None:
    silent = np.column_stack([np.full(5_000, 1.0), np.tile([CLAIM_P, *np.full(999, 0.5)], 5)])
    before = np.arange(0, 5_000, 32)
    planted = np.tile([1.0, 1e-6], (len(before), 1))
    _, weights = combine(Weights(1, 2), silent, planted, before)

    assert weights[-1].tolist() == [0.0, 1.0]


def test_onsets_are_as_frequent_as_p_despite_excessive_claims() -> None:
    rng = np.random.default_rng(4)
    n, entities = 200_000, 10
    p_values = rng.random((n, 2))
    p_values[:, 1] **= 2.0
    slots = np.tile(np.arange(entities, dtype=np.int32), n // entities)

    for planted in (1e-6, 0.5):
        before = np.arange(0, n, 32)
        made = np.tile([1e-6, planted], (len(before), 1))
        combined, _ = combine(Weights(entities, 2), p_values, made, before, slots)
        late = combined[n // 10 :]
        assert np.mean(late <= 1e-3) == pytest.approx(1e-3, rel=0.2)
        assert np.mean(late <= 1e-2) == pytest.approx(1e-2, rel=0.2)


def test_results_do_not_depend_on_cuts_or_snapshots() -> None:
    p_values, planted, before, slots, learn = random_stream(2, 3_000)
    whole = combine(Weights(2, 3), p_values, planted, before, slots, learn)
    names = ["a", "b", "c"]
    weights = Weights(2, 3)
    parts = []
    for start, stop in pairwise([0, 1, 900, 2_500, 3_000]):
        inside = (before >= start) & (before < stop)
        part = slice(start, stop)
        some = (p_values[part], planted[inside], before[inside] - start, slots[part], learn[part])
        parts.append(combine(weights, *some))
        after = Weights(2, 3)
        for name, keeper in weights.keepers(names).items():
            after.keepers(names)[name].load(keeper.dump(np.arange(2, dtype=np.int32)))
        weights = after

    for ours, theirs in zip(zip(*parts, strict=True), whole, strict=True):
        np.testing.assert_array_equal(np.concatenate(ours), theirs)


def test_reset_slot_starts_again_and_others_are_kept() -> None:
    p_values, planted, before, slots, learn = random_stream(5, 2_000)
    weights = Weights(2, 3)
    combine(weights, p_values, planted, before, slots, learn)
    both = np.arange(2, dtype=np.int32)
    kept = weights.total(both[1:])
    for keeper in weights.keepers(["a", "b", "c"]).values():
        keeper.reset(both[:1])
    np.testing.assert_allclose(weights.total(both[:1]), 1 / 3)
    np.testing.assert_array_equal(weights.total(both[1:]), kept)
    np.testing.assert_allclose(weights.total(both), kept + 1 / 3)

    assert weights.bytes_per_entity == sum(
        keeper.records.dtype.itemsize for keeper in weights.keepers(["a", "b", "c"]).values()
    )
