"""The rarest event of each entity, today and the day before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.application.ports import RunContext
from engine.domain.time_units import NS_PER_DAY
from operators.detect.nearness import NearnessBank
from operators.detect.step import DetectStep, detect_step
from tests.unit.operators.pipelines import cut, noise, pipeline

DAY = 20_000


def bank(*noted: tuple[float, float]) -> NearnessBank:
    """A bank of one entity that had p-values at these times, in days."""
    made = NearnessBank(1)
    days, p_values = np.array(noted, np.float64).T
    times = ((DAY + days) * NS_PER_DAY).astype(np.int64)
    made.observe(np.zeros(len(noted), np.int32), times, p_values.copy())
    return made


def least(found: NearnessBank, newest: float) -> float:
    """What is the rarest of it when its newest event is of that time, in days."""
    times = np.array([(DAY + newest) * NS_PER_DAY], np.int64)
    return float(found.least(np.zeros(1, np.int32), times)[0])


def test_keeps_the_least_p_value_of_two_days() -> None:
    found = bank((0.1, 1e-3), (0.9, 1e-5), (1.2, 0.01))

    assert least(found, 1.3) == pytest.approx(1e-5, rel=0.03)


def test_forgets_what_is_older_than_the_day_before() -> None:
    found = bank((0.1, 1e-5), (1.1, 0.01))

    assert least(found, 2.1) == pytest.approx(0.01, rel=0.03)
    assert np.isnan(least(found, 3.1))


def test_an_ordinary_event_is_not_noted() -> None:
    found = bank((0.1, 0.5), (0.2, np.nan))

    assert np.isnan(least(found, 0.3))


def test_the_least_p_value_of_all_is_noted() -> None:
    assert least(bank((0.1, 0.0)), 0.1) == pytest.approx(1e-300, rel=0.03)


def test_an_event_with_a_wrong_clock_does_not_last() -> None:
    found = bank((0.1, 1e-3), (900.0, 1e-9), (0.2, 1e-4))

    assert least(found, 0.3) == pytest.approx(1e-4, rel=0.03)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 599), max_size=4, unique=True), st.integers(1, 599))
def test_batches_and_restarts_change_nothing(cuts: list[int], restart: int) -> None:
    stream = noise(3, 600)
    whole = _step()
    whole.process([stream])

    step = _step()
    before, after = stream.take(slice(0, restart)), stream.take(slice(restart, 600))
    step.process(cut(before, sorted(one for one in cuts if one < restart)))
    other = _step()
    other.restore(step.dump())
    other.process([after])

    expected, found = whole.rarest(), other.rarest()
    assert dict(zip(found.entities, found.p_values, strict=True)) == dict(
        zip(expected.entities, expected.p_values, strict=True)
    )
    assert np.nanmin(found.p_values) < 0.1


def _step() -> DetectStep:
    made: Any = detect_step(pipeline(), RunContext("plant"))(4)
    return made  # type: ignore[no-any-return]
