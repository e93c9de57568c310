"""The kind of events, from the first of a fault to the last."""

from __future__ import annotations

import numpy as np
import pytest

from engine.domain.batch import Floats, Int64s
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import (
    DAY,
    MINUTE,
    MONDAY,
    autoregressive,
    explain,
    noise,
)

STEP = 5 * MINUTE
PER_DAY = DAY // STEP
FAULT = 4 * PER_DAY + 100
RARE = 1e-4


def every_five_minutes(n: int) -> Int64s:
    return MONDAY + STEP * np.arange(n, dtype=np.int64)


def explained(values: Floats) -> Explanation:
    bank = AutoDetector(1).bank(1)
    return explain(bank, values[:, None], every_five_minutes(len(values)))


def kinds_of(explanation: Explanation, rows: slice, rare: float = RARE) -> list[str]:
    """Return the kinds of the rare events among these rows."""
    names = [KINDS[number] for number in explanation.kinds[rows]]
    shown = zip(names, explanation.p_values[rows], strict=True)
    return [name for name, p in shown if p <= rare]


def quiet(days: int = 6, seed: int = 0) -> Floats:
    return noise(days * PER_DAY, 1, seed)[:, 0]


def daily(days: int = 6, height: float = 10.0) -> Floats:
    return height * np.sin(2 * np.pi * np.arange(days * PER_DAY) / PER_DAY)


@pytest.mark.parametrize("seed", range(3))
def test_a_shift_is_a_spike_at_first_and_then_a_shift(seed: int) -> None:
    values = quiet(seed=seed)
    values[FAULT : FAULT + 120] += 10.0

    kinds = kinds_of(explained(values), slice(FAULT, FAULT + 120))

    assert kinds[0] == "spike"
    assert set(kinds[8:]) == {"shift"}


def test_a_shift_of_a_value_that_wanders_is_no_drift() -> None:
    wandering = autoregressive(6 * PER_DAY, 0.9, seed=4)
    lately = np.convolve(wandering[FAULT : FAULT + PER_DAY], np.ones(16), "valid")
    beyond = FAULT + 16 + int(np.argmax(lately))
    wandering[beyond : beyond + 120] += 15.0

    kinds = kinds_of(explained(wandering), slice(beyond + 6, beyond + 40))

    assert len(kinds) > 10
    assert set(kinds) == {"shift"}


def test_a_shift_at_the_hours_of_one_before_has_the_same_kind() -> None:
    values = quiet()
    for begin in (FAULT - PER_DAY, FAULT):
        values[begin : begin + 40] += 8.0

    kinds = kinds_of(explained(values), slice(FAULT, FAULT + 40), 1e-3)

    assert kinds.count("shift") >= 10
    assert "drift" not in kinds


def test_a_drift_over_a_smooth_season_is_no_missed_season() -> None:
    values = quiet(7) + daily(7)
    values[FAULT : FAULT + PER_DAY] += np.linspace(0, 12, PER_DAY)

    kinds = kinds_of(explained(values), slice(FAULT, FAULT + PER_DAY), 1e-3)

    assert kinds.count("drift") > 0.9 * len(kinds) > 50


def test_what_comes_back_from_a_shift_is_no_anomaly() -> None:
    values = quiet()
    values[FAULT : FAULT + 120] += 10.0

    back = explained(values).p_values[FAULT + 120 : FAULT + 200]

    assert back.min() > RARE


def test_a_ramp_is_a_drift() -> None:
    values = quiet()
    values[FAULT : FAULT + 200] += np.linspace(0, 15, 200)

    kinds = kinds_of(explained(values), slice(FAULT, FAULT + 200))

    assert kinds.count("drift") > 0.9 * len(kinds) > 50


def test_noise_grown_large_is_a_burst_and_not_many_spikes() -> None:
    values = quiet()
    values[FAULT : FAULT + 80] *= 6.0

    kinds = kinds_of(explained(values), slice(FAULT + 16, FAULT + 80))

    assert kinds.count("burst") > 0.8 * len(kinds) > 5


def test_noise_that_shrinks_is_calm_at_each_repeat() -> None:
    values = quiet(days=16)
    begins = range(6 * PER_DAY, 15 * PER_DAY, PER_DAY + 60)
    for begin in begins:
        values[begin : begin + 80] /= 8.0

    explanation = explained(values)

    for begin in begins:
        assert "calm" in kinds_of(explanation, slice(begin, begin + 80), 1e-3)


def test_a_shift_on_a_season_is_found_as_one_without() -> None:
    values = quiet() + daily()
    values[FAULT : FAULT + 120] += 5.0

    kinds = kinds_of(explained(values), slice(FAULT, FAULT + 24))

    assert kinds.count("shift") >= 10


@pytest.mark.parametrize("day", [4, 5], ids=["Friday", "first Saturday"])
def test_a_day_that_does_not_come_is_a_missed_season(day: int) -> None:
    hours = np.arange(6 * PER_DAY) % PER_DAY / PER_DAY * 24
    work = np.clip(np.minimum(hours - 8, 18 - hours) * 2, 0, 1)
    missed = slice(day * PER_DAY + PER_DAY // 3, day * PER_DAY + PER_DAY * 3 // 4)
    work[missed] = 0.0

    kinds = kinds_of(explained(quiet() + 12.0 * work), missed, 1e-3)

    assert kinds.count("season") > 0.8 * len(kinds) > 30


def test_a_season_is_known_from_the_second_day() -> None:
    explanation = explained(quiet(3) + daily(3))

    second_day = slice(PER_DAY, 2 * PER_DAY)
    off = np.abs(explanation.centers[second_day, 0] - daily(3)[second_day])

    assert np.median(off) < 1.5
    assert explanation.p_values[PER_DAY:].min() > RARE


def test_the_range_of_a_shift_holds_usual_means_only() -> None:
    values = quiet()
    values[FAULT : FAULT + 120] += 10.0

    explanation = explained(values)

    rows = [
        row
        for row in range(FAULT + 8, FAULT + 120)
        if KINDS[explanation.kinds[row]] == "shift" and explanation.p_values[row] <= RARE
    ]
    off = np.abs(values[rows] - explanation.centers[rows, 0])
    assert (off > explanation.widths[rows, 0]).all()


@pytest.mark.parametrize("usual", [20.0, 0.02], ids=["traffic ends", "errors begin"])
def test_counts_that_stay_at_another_rate_are_a_shift(usual: float) -> None:
    rng = np.random.default_rng(0)
    values = rng.poisson(usual, 6 * PER_DAY).astype(float)
    values[FAULT : FAULT + 60] = rng.poisson(1.0 if usual > 1.0 else 4.0, 60)

    found = explained(values)

    assert np.min(found.p_values[FAULT : FAULT + 40]) < RARE
    assert np.min(found.p_values[300:FAULT]) > 1e-4
    assert kinds_of(found, slice(FAULT + 20, FAULT + 60))[-1] == "shift"


def test_a_value_far_from_the_course_of_a_climb_is_a_spike() -> None:
    values = quiet(days=1)
    values += np.linspace(0.0, 60.0, len(values))
    values[250] += 60.0

    found = explained(values)

    assert found.p_values[250] < 10 * RARE
    assert KINDS[found.kinds[250]] == "spike"


def test_a_shift_that_stays_becomes_the_level_in_one_step() -> None:
    values = quiet(days=8)
    values[FAULT:] += 80.0

    found = explained(values)

    settled = slice(FAULT + 600, len(values))
    assert np.min(found.p_values[settled]) > 1e-4
    assert np.abs(found.centers[settled] - 80.0).max() < 20.0
