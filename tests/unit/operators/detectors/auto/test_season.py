"""The season, beside one in plain Python that has all the memory it wants."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.detectors.auto import season, single

HOUR = 3_600
GAP = 600


def errors(values: Floats) -> list[float]:
    """The errors of values that come every ten minutes, each told before it is learned."""
    (state,), found = np.zeros(1, single.RECORD), []
    for i, value in enumerate(values.tolist()):
        hour = season.hour_of(i * GAP * 10**9)
        found.append(season.error(state, value, hour, 1.0))
        season.learn(state, value, hour)
    return found


def plain_errors(values: Floats) -> list[float]:
    means: dict[int, float] = defaultdict(float)
    counts: dict[int, int] = defaultdict(int)
    mean_error, told, lately, found = 0.0, 0, 0.0, []
    for i, value in enumerate(values.tolist()):
        hour = i * GAP // HOUR % 168
        days = [day * 24 + hour % 24 for day in range(7)]
        visits = sum(counts[k] for k in days)
        if counts[hour] >= 3:
            expected = means[hour]
        elif visits:
            expected = sum(counts[k] * means[k] for k in days) / visits
        else:
            expected = np.nan
        off = value - expected
        error = abs(off - 0.6 * lately)
        found.append(error / max(mean_error, 0.01) if told else np.nan)
        if visits:
            if mean_error > 0:
                error = min(error, 8 * mean_error)
                off = float(np.clip(off, -8 * mean_error, 8 * mean_error))
            told += 1
            mean_error += max(1 / told, 0.001) * (error - mean_error)
            lately += 0.3 * (off - lately)
        counts[hour] = min(counts[hour] + 1, 255)
        means[hour] += max(1 / counts[hour], 0.03) * (value - means[hour])
    return found


@pytest.mark.parametrize("seed", range(3))
def test_it_is_what_it_says(seed: int) -> None:
    draw, n = np.random.default_rng(seed), 6 * 24 * 30
    values = 5 * np.sin(np.arange(n) / 144 * 2 * np.pi) + draw.standard_t(3, n)
    np.testing.assert_allclose(errors(values), plain_errors(values), rtol=1e-3, atol=1e-3)


def test_a_level_that_lies_off_is_old_news() -> None:
    n, shift = 6 * 24 * 21, 6 * 24 * 20
    values = np.random.default_rng(1).normal(0, 1, n)
    values[shift:] += 10.0
    found = errors(values)
    assert found[shift] > 8.0
    assert np.mean(found[shift + 10 : shift + 20]) < 0.6 * found[shift]
