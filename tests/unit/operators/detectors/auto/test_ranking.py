from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.domain.batch import Floats
from operators.detectors.auto import ranking
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import explained, one

N = 3_000


def scores(
    evidence: Floats, errors: Floats, distances: Floats, ordered: bool = True
) -> tuple[Any, Floats]:
    """Return the record after all events, and their scores."""
    state = one(ranking.RECORD)
    rows = zip(evidence.tolist(), errors.tolist(), distances.tolist(), strict=True)
    return state, np.array([ranking.score(state, *row, ordered, True) for row in rows])


def usual() -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(0)
    return np.zeros(N), rng.normal(size=N) ** 2, rng.normal(size=N)


def test_evidence_of_an_event_raises_its_score_most() -> None:
    evidence, errors, _ = usual()
    evidence[2_000] = 4.0

    _, found = scores(evidence, errors, np.zeros(N))

    assert np.argmax(found) == 2_000


def test_an_anomaly_that_lasts_ranks_above_the_normal_as_a_whole() -> None:
    evidence, errors, _ = usual()
    evidence[2_000:2_100:2] = 5.0

    _, found = scores(evidence, errors, np.zeros(N))

    pauses = found[2_011:2_100:2]

    assert np.median(pauses) > np.quantile(found[100:1_900], 0.99)


@pytest.mark.parametrize("place", [1, 2], ids=["errors", "distances"])
def test_large_errors_or_distances_rank_high_without_other_evidence(place: int) -> None:
    columns = usual()
    columns[place][2_000:2_050] += 20.0

    _, found = scores(*columns)

    assert np.min(found[2_010:2_050]) > np.max(found[100:2_000])


def test_between_two_courses_the_last_distance_holds() -> None:
    evidence, _, distances = usual()
    state, _ = scores(evidence, np.ones(N), distances)

    at = ranking.score(state, 0.0, 1.0, 20.0, True, True)
    after = ranking.score(state, 0.0, 1.0, np.nan, True, True)

    assert after == pytest.approx(at, abs=0.05)


def test_where_events_come_in_no_order_the_last_ones_do_not_count() -> None:
    evidence, errors, distances = usual()
    state, _ = scores(evidence, errors, distances, ordered=False)
    before = ranking.score(state.copy(), 0.0, 1.0, 0.0, False, True)

    ranking.score(state, 5.0, 1e6, 10.0, False, True)
    after = ranking.score(state, 0.0, 1.0, 0.0, False, True)

    assert after == pytest.approx(before, abs=0.1)


def test_where_neighbouring_events_agree_the_last_ones_count() -> None:
    evidence, errors, _ = usual()
    runs = np.repeat(np.random.default_rng(1).normal(size=N // 20), 20)
    state, _ = scores(evidence, errors, runs, ordered=False)
    before = ranking.score(state.copy(), 0.0, 1.0, 0.0, False, True)

    ranking.score(state, 5.0, 1e6, 10.0, False, True)
    after = ranking.score(state, 0.0, 1.0, 0.0, False, True)

    assert after > before + 1.0


def test_scores_without_learning() -> None:
    state, _ = scores(*usual())
    before = state.copy()

    first = ranking.score(state, 3.0, 4.0, 5.0, True, False)
    second = ranking.score(state, 3.0, 4.0, 5.0, True, False)

    assert first == second
    assert state == before


def test_a_broken_cycle_ranks_first_where_each_value_is_ordinary() -> None:
    n, period = 6_000, 60
    noise = np.random.default_rng(0).normal(scale=0.05, size=n)
    phase = 2 * np.pi * np.arange(n) / period
    values = (np.sin(phase) + 0.5 * np.sin(2 * phase) + noise)[:, None]
    values[5_000:5_060, 0] = values[5_000:5_060, 0][::-1]

    found = explained(values).scores

    assert 5_000 <= np.nanargmax(found) < 5_000 + period + 20


def test_one_value_takes_no_more_than_it_did() -> None:
    assert AutoDetector(1).bytes_per_entity <= 3_050
