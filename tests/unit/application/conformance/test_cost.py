"""What a detector costs, by a clock that the detector itself drives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from engine.application.conformance import cost as detector_cost
from engine.application.conformance.cost import LIGHT, ROUNDS, TOTAL_SECONDS, costs_of, measure
from engine.domain.batch import Bools, Floats, Int32s


@dataclass
class Clocked:
    """A detector each event of which takes so long, and the first one a second more."""

    seconds: float
    width: int = 1
    warm_up: int = 10
    light: bool = True
    now: float = 0.0

    def bank(self, capacity: int) -> Clocked:
        assert capacity == LIGHT[0]
        return self

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        assert values.shape == (len(slots), self.width)
        self.now = (self.now or 1.0) + self.seconds * len(slots)
        return np.zeros(len(slots))


def cost_of(detector: Clocked, monkeypatch: pytest.MonkeyPatch) -> detector_cost.Cost:
    monkeypatch.setattr(detector_cost, "process_time", lambda: detector.now)
    return measure(detector)  # type: ignore[arg-type]


def test_cost_excludes_one_time_work(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = cost_of(Clocked(1e-6), monkeypatch)

    assert cost.ns == pytest.approx(1_000)
    assert cost.rounds == ROUNDS
    assert cost.events >= ROUNDS * 100_000
    assert cost.warm


def test_slow_detector_is_measured_until_the_time_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    detector = Clocked(0.01)
    cost = cost_of(detector, monkeypatch)

    assert cost.ns == pytest.approx(1e7)
    assert not cost.warm
    assert cost.rounds == 1
    assert detector.now < TOTAL_SECONDS + 2 * LIGHT[1] * detector.seconds + 1.0


def test_native_detectors_are_measured_with_one_and_three_values(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detector_cost, "ROUND_SECONDS", 0.001)
    found = costs_of("zscore")

    assert list(found) == [1, 3]
    assert all(cost.ns > 0 and cost.warm for cost in found.values())
