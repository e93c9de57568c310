from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import neighbours
from tests.unit.operators.detectors.auto.streams import one_of

WIDTH, SIZE = 3, 16


def filled(vectors: Floats) -> Any:
    state = one_of(neighbours.fields(vectors.shape[1], SIZE))
    for i, vector in enumerate(vectors.astype(np.float32)):
        neighbours.learn(state, vector, np.uint32(i))
    return state


def test_distance_is_that_of_the_third_nearest() -> None:
    rng = np.random.default_rng(0)
    state = filled(rng.normal(size=(SIZE, WIDTH)))
    points = rng.normal(size=(200, WIDTH)).astype(np.float32)

    distances = [neighbours.distance(state, point, SIZE) for point in points]

    apart = points[:, None, :] - state["sample"][None, :, :]
    expected = np.sort(np.sqrt(np.mean(apart**2, axis=2)), axis=1)[:, 2]
    np.testing.assert_allclose(distances, expected, rtol=1e-5)


def test_says_nothing_until_the_sample_is_full() -> None:
    vectors = np.random.default_rng(0).normal(size=(SIZE, WIDTH))
    state = filled(vectors)
    point = vectors[0].astype(np.float32)

    before = neighbours.distance(state, point, SIZE - 1)
    full = neighbours.distance(state, point, SIZE)

    assert np.isnan(before)
    assert np.isfinite(full)


def test_an_event_far_from_all_earlier_ones_is_distant() -> None:
    state = filled(np.random.default_rng(0).normal(size=(500, WIDTH)))

    near = neighbours.distance(state, np.zeros(WIDTH, np.float32), 500)
    far = neighbours.distance(state, np.full(WIDTH, 20, np.float32), 500)

    assert far > 10 * near


def test_samples_the_whole_past_evenly() -> None:
    n = 2_000

    state = filled(np.arange(n, dtype=float)[:, None])

    places = state["sample"][:, 0]

    assert np.unique(places).size == SIZE
    assert 0.25 * n < np.mean(places) < 0.75 * n


def test_events_of_long_ago_give_way() -> None:
    n = 10 * neighbours.MEMORY_EVENTS

    state = filled(np.arange(n, dtype=float)[:, None])

    assert np.median(state["sample"]) > n - 4 * neighbours.MEMORY_EVENTS
