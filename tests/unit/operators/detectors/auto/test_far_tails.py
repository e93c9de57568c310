"""Far tails: how often p-values that call for an alert occur while nothing is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from bench.everyday.noise import NOISES
from engine.domain.batch import Floats
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import minutes

MILLIONTH = 1e-6
MOST = 3.0 * MILLIONTH
"""Share of the events of normal life that may have a p-value of a millionth or less."""


def p_values(kind: str, entities: int, events: int, seed: int = 8) -> Floats:
    """Return p-values of a kind of normal life, an event a minute: float64 [events, entities]."""
    values = NOISES[kind](np.random.default_rng(seed), entities)(events)
    bank = AutoDetector(1).bank(entities)
    slots = np.tile(np.arange(entities, dtype=np.int32), events)
    times = np.repeat(minutes(events), entities)
    column = np.ascontiguousarray(values, np.float64).reshape(-1, 1)
    learn = np.ones(len(column), bool)
    return bank.score_and_explain(slots, column, learn, times).p_values.reshape(values.shape)


@pytest.mark.parametrize("kind", ["pareto", "t3", "walk", "seasonal"])
def test_a_millionth_is_as_rare_as_it_says(kind: str) -> None:
    p = p_values(kind, entities=150, events=2_880)

    allowed = MOST * p.size
    assert np.sum(p <= MILLIONTH) <= allowed + 3 * allowed**0.5
