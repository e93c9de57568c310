from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.detectors.auto import shape
from tests.unit.operators.detectors.auto.streams import one_of

SIZE = 16
BLOCK = shape.BLOCK_EVENTS
COURSE = BLOCK * shape.BLOCKS


def fed(state: Any, deviations: Floats) -> Floats:
    """Return the log distances that were due, each learned after it."""
    found = np.zeros(shape.BLOCKS, np.float32)
    distances = []
    for deviation in deviations.tolist():
        if shape.is_due(state):
            shape.course(state, deviation, found)
            distances.append(shape.distance_log(state, found))
        shape.learn(state, deviation, found)
    return np.array(distances)


def wave(n: int) -> Floats:
    noise = np.random.default_rng(0).normal(scale=0.05, size=n)
    result: Floats = 2 * np.sin(2 * np.pi * np.arange(n) / COURSE) + noise
    return result


def test_a_course_is_due_once_a_block() -> None:
    n = 10 * COURSE

    distances = fed(one_of(shape.fields(SIZE)), wave(n))

    assert len(distances) == n // BLOCK - shape.BLOCKS + 1


def test_a_course_is_the_means_of_the_last_blocks() -> None:
    state = one_of(shape.fields(SIZE))
    steps = np.repeat(np.arange(shape.BLOCKS, dtype=float), BLOCK)
    found = np.zeros(shape.BLOCKS, np.float32)

    fed(state, steps[:-1])
    shape.course(state, float(steps[-1]), found)

    np.testing.assert_array_equal(found, shape.PER_UNIT * np.arange(shape.BLOCKS))


def test_a_course_out_of_phase_is_far_from_the_usual_ones() -> None:
    state = one_of(shape.fields(8 * SIZE))
    values = wave(40 * COURSE)
    usual = fed(state, values)

    reversed_course = fed(state, -values[:COURSE])

    assert np.max(reversed_course) > np.max(usual[-30:]) + np.log(3)


def test_says_nothing_until_the_sample_is_full() -> None:
    distances = fed(one_of(shape.fields(SIZE)), wave(10 * COURSE))

    assert np.isnan(distances[:SIZE]).all()
    assert np.isfinite(distances[SIZE:]).all()


def test_after_a_gap_no_course_joins_both_sides_of_it() -> None:
    state = one_of(shape.fields(SIZE))
    fed(state, wave(10 * COURSE))

    shape.restart(state)
    after = fed(state, wave(COURSE - 1))

    assert len(after) == 0


@pytest.mark.parametrize("deviation", [1e30, -1e30])
def test_a_value_far_out_stays_within_a_byte(deviation: float) -> None:
    state = one_of(shape.fields(SIZE))

    fed(state, np.full(10 * COURSE, deviation))

    assert set(np.unique(state["sample"])) == {np.sign(deviation) * shape.MOST}
