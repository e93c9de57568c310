"""Cycles that no calendar knows: found, followed, and told from noise."""

from __future__ import annotations

import numpy as np
import pytest

from bench.calibration import KINDS
from engine.domain.batch import Floats, Int64s
from operators.detectors.auto import cycle
from operators.detectors.auto.detector import AutoBank
from tests.unit.operators.detectors.auto.test_behaviour import alerts

SECOND = 10**9


def learned(values: Floats, times: Int64s) -> AutoBank:
    bank = AutoBank(1, 1)
    column = np.ascontiguousarray(values, np.float64)[:, None]
    bank.score_at(np.zeros(len(values), np.int32), column, np.ones(len(values), bool), times)
    return bank


def period(bank: AutoBank) -> float:
    """The length of the cycle that is followed, in s; 0 if none is."""
    (state,) = bank.records
    followed = state["cycle_followed"]
    return float(state["cycle_length"][followed - 1] / SECOND) if followed else 0.0


def told(bank: AutoBank) -> bool:
    """Whether the cycle found says what is expected."""
    state = bank.records[0]
    scale = np.sqrt(state["variance"])
    return bool(period(bank)) and not np.isnan(cycle.error(state, 0.0, 0, scale))


def sine(turns: Floats) -> Floats:
    return np.sin(2 * np.pi * turns)


def saw(turns: Floats) -> Floats:
    return 2 * (turns % 1.0) - 1


def heartbeat(turns: Floats) -> Floats:
    return np.where(turns % 1.0 < 0.2, 2.0, 0.0)


@pytest.mark.parametrize("shape", [sine, saw, heartbeat])
@pytest.mark.parametrize("length", [9.0, 37.3, 288.0])
def test_the_period_is_found(shape, length: float) -> None:
    n = int(40 * length)
    values = shape(np.arange(n) / length) + np.random.default_rng(1).normal(0, 0.1, n)
    bank = learned(values, np.arange(n) * SECOND)
    assert period(bank) == pytest.approx(length, rel=0.02)
    assert told(bank)


def test_it_is_found_in_time_and_not_in_events() -> None:
    random = np.random.default_rng(2)
    seconds = np.cumsum(random.exponential(7.0, 6_000))
    values = sine(seconds / 400.0) + random.normal(0, 0.1, 6_000)
    bank = learned(values, (seconds * SECOND).astype(np.int64))
    assert period(bank) == pytest.approx(400, rel=0.02)
    assert told(bank)


def test_another_period_is_found_when_it_changes() -> None:
    turns = np.concatenate([np.arange(4_000) / 40.0, 100 + np.arange(6_000) / 97.0])
    values = sine(turns) + np.random.default_rng(3).normal(0, 0.1, 10_000)
    times = np.arange(10_000) * SECOND
    assert period(learned(values[:4_000], times[:4_000])) == pytest.approx(40, rel=0.02)
    assert period(learned(values, times)) == pytest.approx(97, rel=0.02)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"seasonal"}))
def test_noise_has_none(kind: str) -> None:
    for seed in range(5):
        values = KINDS[kind](np.random.default_rng(seed), 8_000)
        assert not told(learned(values, np.arange(8_000) * SECOND))


@pytest.mark.parametrize("seed", range(3))
def test_a_beat_that_is_missing_is_found(seed: int) -> None:
    """Nothing but the cycle tells it: such values, and runs of them, come in each cycle."""
    n, length = 12_000, 97
    values = 10 * heartbeat(np.arange(n) / length) + np.random.default_rng(seed).normal(0, 0.5, n)
    beat = 80 * length
    values[beat : beat + length // 5] -= 20
    assert alerts(values, 10**-2.5)[beat : beat + length // 5].any()
