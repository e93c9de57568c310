from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from operators.detectors.auto import story
from operators.detectors.auto.evidence import DRIFT, KINDS, SHIFT, SPIKE
from tests.unit.operators.detectors.auto.streams import autoregressive, explained, one_of


def empty() -> Any:
    return one_of(story.fields(len(KINDS)))


def evidence_of(state: Any, *events: tuple[float, int]) -> list[float]:
    return [story.begins(state, p, kind, True, True) for p, kind in events]


def test_an_anomaly_begins_once() -> None:
    found = evidence_of(empty(), *[(1e-6, SPIKE)] * 40)

    assert found == [1e-6] + [story.REPORTED] * 39


def test_evidence_of_another_kind_is_news() -> None:
    found = evidence_of(empty(), (1e-9, SPIKE), (1e-4, SHIFT), (1e-4, SHIFT), (1e-3, DRIFT))

    assert found == [1e-9, 1e-4, story.REPORTED, 1e-3]


def test_evidence_rarer_by_a_decimal_power_is_news() -> None:
    found = evidence_of(empty(), (1e-4, SPIKE), (3e-5, SPIKE), (1e-6, SPIKE))

    assert found == [1e-4, story.REPORTED, 1e-6]


def test_a_spike_that_returns_begins_another_story() -> None:
    found = evidence_of(empty(), (1e-6, SPIKE), (0.5, SPIKE), (1e-6, SPIKE))

    assert found == [1e-6, 0.5, 1e-6]


def test_an_event_at_which_not_all_was_looked_at_ends_no_story() -> None:
    state = empty()

    found = [story.begins(state, p, SHIFT, True, p < 1.0) for p in (1e-6, 1.0, 1e-6)]

    assert found == [1e-6, 1.0, story.REPORTED]


def test_a_story_is_reported_again_each_time_it_has_doubled() -> None:
    found = evidence_of(empty(), *[(1e-5, SHIFT)] * 300)

    news = [length + 1 for length, p in enumerate(found) if p < story.REPORTED]

    assert news == [1, story.LONG, 2 * story.LONG, 4 * story.LONG]


def test_ordinary_events_keep_their_p_values() -> None:
    found = evidence_of(empty(), (0.3, SPIKE), (1.0, SPIKE), (0.11, SPIKE))

    assert found == [0.3, 1.0, 0.11]


def test_reports_without_learning() -> None:
    state = empty()
    evidence_of(state, (1e-6, SPIKE))
    before = state.copy()

    again = story.begins(state, 1e-6, SPIKE, False, True)

    assert again == story.REPORTED
    assert state == before


@pytest.mark.parametrize("carried", [0.0, 0.9, 0.99])
def test_on_dependent_noise_anomalies_begin_as_rarely_as_they_claim(carried: float) -> None:
    series = [autoregressive(20_000, carried, seed=seed)[:, None] for seed in range(4)]

    begun = np.concatenate([explained(one).onset_p_values[2_000:] for one in series])

    assert np.mean(begun <= 1e-3) <= 1.5e-3
