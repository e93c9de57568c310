from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.batch import Floats
from engine.domain.errors import ParameterError
from operators.detectors.half_space_trees import (
    HalfSpaceTrees,
    HalfSpaceTreesDetector,
    draw_trees,
    node_places,
    params_of,
)
from tests.unit.operators.detectors.streams import assert_bank_laws, stream

ADBENCH = Path(__file__).parents[5] / "shared/data/adbench"


def detector(d: int = 1, **parameters: object) -> HalfSpaceTreesDetector:
    names = [f"v{j}" for j in range(d)]
    return HalfSpaceTrees().create("half_space_trees", parameters, names)


def scores_of(made: HalfSpaceTreesDetector, values: Floats) -> Floats:
    n = len(values)
    return made.bank(1).score(np.zeros(n, np.int32), values, np.ones(n, bool))


def test_equals_river_on_the_same_trees() -> None:
    anomaly = pytest.importorskip("river.anomaly")
    values = np.random.default_rng(1).beta(2, 5, (1_500, 3))
    values[::97] = 0.99
    model = anomaly.HalfSpaceTrees(n_trees=7, height=6, window_size=100, seed=3)
    expected = np.empty(len(values))
    for i, row in enumerate(values):
        x = dict(enumerate(row))
        expected[i] = model.score_one(x)
        model.learn_one(x)
    # Ranges of exactly [0, 1] make the learned range the one that river assumes.
    ranges = np.array([[0.0] * 3, [1.0] * 3])
    ours = HalfSpaceTreesDetector(params_of(*_trees_of(model), 100, 2, 0.0), 3)
    scores = scores_of(ours, np.concatenate([ranges, values]))[2:]

    assert np.isnan(scores[:100]).all()
    np.testing.assert_allclose(1 - 2 ** -scores[100:], expected[100:], rtol=0, atol=1e-14)
    assert len(np.unique(expected)) > 100


def _trees_of(model: Any) -> tuple[Any, Any]:
    inner = 2**model.height - 1
    features = np.zeros((model.n_trees, inner), np.uint16)
    thresholds = np.zeros((model.n_trees, inner))

    def walk(node: Any, tree: int, number: int) -> None:
        if number < inner:
            features[tree, number], thresholds[tree, number] = node.feature, node.threshold
            for side, child in enumerate(node.children):
                walk(child, tree, 2 * number + 1 + side)

    for tree, root in enumerate(model.trees):
        walk(root, tree, 0)
    return features, thresholds


@pytest.mark.parametrize(("name", "least"), [("32_shuttle", 0.95), ("16_http", 0.95)])
def test_finds_the_anomalies_of_the_paper(name: str, least: float) -> None:
    # Shuffled: this copy of http has attacks of 1,000 events in a row, which four windows learn
    # (0.24 in its order, and 0.37 with river's trees and the true ranges).
    file = ADBENCH / f"{name}.npz"
    if not file.exists():
        pytest.skip(f"needs {file.name} of the shared data")
    with np.load(file) as data:
        values, labels = data["X"].astype(float), data["y"]
    order = np.random.default_rng(1).permutation(len(values))
    values, labels = values[order], labels[order]
    scores = scores_of(detector(values.shape[1]), values)
    warm = ~np.isnan(scores)

    assert _roc_auc(scores[warm], labels[warm]) > least


def _roc_auc(scores: Floats, labels: Any) -> float:
    """Chance that an anomaly scores above a normal event; ties count half."""
    _, ranks, counts = np.unique(scores, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    rank = (below + (counts - 1) / 2)[ranks]
    positive = labels == 1
    pairs = positive.sum() * (~positive).sum()
    return float((rank[positive].sum() - positive.sum() * (positive.sum() - 1) / 2) / pairs)


@pytest.mark.parametrize("height", range(1, 16))
def test_every_node_has_its_own_place(height: int) -> None:
    np.testing.assert_array_equal(np.sort(node_places(height)), np.arange(2 ** (height + 1) - 1))


def test_a_walk_stays_in_two_pieces() -> None:
    places = node_places(8)

    assert places[:31].max() == 30
    node = 31
    subtree = [node]
    for _ in range(3):
        node = 2 * node + 2
        subtree.append(node)
    assert np.ptp(places[subtree]) < 15


def test_trees_split_what_is_left_in_the_middle() -> None:
    features, thresholds = draw_trees(50, 2, 1, seed=1)

    assert (features == 0).all()
    root, left, right = thresholds.T
    assert ((root > 0) & (root < 1)).all()
    np.testing.assert_allclose(root - left, np.maximum(root, 1 - root))
    np.testing.assert_allclose(right - root, root - left)
    again = draw_trees(50, 2, 1, seed=1)[1]
    np.testing.assert_array_equal(thresholds, again)
    assert (draw_trees(50, 2, 1, seed=2)[1][:, 0] != root).all()


def test_warm_up_is_the_ranges_and_one_window() -> None:
    values = np.random.default_rng(2).normal(size=(400, 2))
    scores = scores_of(detector(2, range_events=40, window=60), values)

    assert np.isnan(scores[:100]).all()
    assert np.isfinite(scores[100:]).all()


@pytest.mark.parametrize("constant", [0.0, 5.0, -3e9])
def test_a_constant_and_what_follows(constant: float) -> None:
    values = np.full((1_000, 1), constant)
    values[-2] = constant + 1e-5 * max(abs(constant), 1)
    values[-1] = constant * 10 + 50
    scores = scores_of(detector(), values)

    assert scores[-2] < 2, "a tiny change is not an emergency"
    assert scores[-1] > 4


def test_ranges_are_those_of_the_first_events_and_a_margin() -> None:
    bank = detector(2, range_events=4, margin=0.5).bank(1)
    values = np.array([[-8.0, 7], [-4, 7], [-6, 7], [-5, 7], [99, 99]])
    bank.score(np.zeros(5, np.int32), values, np.ones(5, bool))
    np.testing.assert_allclose(bank.records["low"][0], [-10, 7 - 0.007])
    np.testing.assert_allclose(bank.records["high"][0], [-2, 7 + 0.007])


def test_many_windows_do_not_wear_an_entity_out() -> None:
    values = np.random.default_rng(3).normal(size=(20_000, 1))
    scores = scores_of(detector(window=10, range_events=5), values)

    assert np.isfinite(scores[15:]).all()


@pytest.mark.parametrize("window", [255, 256])
def test_masses_hold_a_full_window(window: int) -> None:
    made = detector(window=window, range_events=2)
    bank = made.bank(1)
    n = window + 2
    bank.score(np.zeros(n, np.int32), np.zeros((n, 1)), np.ones(n, bool))

    assert (bank.records["masses"][0, :, 0, 0] == window).all()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 600), max_size=6),
    at=st.integers(1, 599),
)
def test_bank_laws(seed: int, cuts: list[int], at: int) -> None:
    made = detector(2, trees=3, height=4, window=20, range_events=10)
    assert_bank_laws(lambda: made.bank(4), stream(seed, 600, 4, 2), cuts, at)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=40, max_size=60))
def test_scores_are_never_infinite(values: list[float]) -> None:
    scores = scores_of(detector(window=10, range_events=5), np.array(values)[:, None])

    assert np.isfinite(scores[15:]).all()


def test_it_says_what_it_is() -> None:
    (declared,) = HalfSpaceTrees().declarations()

    assert declared.bytes_per_entity == detector(1).bytes_per_entity
    assert detector(3).bytes_per_entity <= 20_000
    with pytest.raises(ParameterError, match="height must be an integer from 1 to 15, not 16"):
        detector(height=16)


def test_scoring_without_learning_leaves_no_trace() -> None:
    bank = detector(window=20, range_events=5).bank(1)
    slots, values = np.zeros(50, np.int32), np.random.default_rng(6).normal(size=(50, 1))

    for start, end in ((0, 3), (3, 10), (10, 50)):  # in the ranges, in the window, warm
        bank.score(slots[start:end], values[start:end], np.ones(end - start, bool))
        before = bank.dump(slots[:1])["state"]
        bank.score(slots, values * 5, np.zeros(50, bool))
        np.testing.assert_array_equal(before, bank.dump(slots[:1])["state"])
