"""Faults of services, gaps, missing values and large fleets are what they are called."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bench.everyday.situations import SITUATIONS
from bench.everyday.stream import DAY, HOUR, Fault, Floats, Stream


def build(name: str) -> Stream:
    return SITUATIONS[name].build(np.random.default_rng(1_000))


def within(stream: Stream, fault: Fault, value: int = 0) -> Floats:
    rows = (stream.keys == fault.entity) & (stream.times >= fault.start)
    return np.asarray(stream.values[rows & (stream.times < fault.end), value])


def earlier(stream: Stream, fault: Fault, value: int = 0) -> Floats:
    rows = (stream.keys == fault.entity) & (stream.times < fault.start)
    return np.asarray(stream.values[rows, value])


@pytest.mark.parametrize("name", ["stuck_in_1000", "stuck_hourly", "stuck_fast", "stuck_young"])
def test_stuck_values_repeat_at_least_thirty_times(name: str) -> None:
    stream = build(name)

    for fault in stream.faults:
        values = within(stream, fault)
        assert np.ptp(values) == 0
        assert len(values) == fault.deviations >= 30


def test_a_stuck_flag_is_up_for_hours() -> None:
    stream = build("stuck_flag")

    for fault in stream.faults:
        assert within(stream, fault).all()
        assert earlier(stream, fault)[-500:].mean() < 0.2


@pytest.mark.parametrize("name", ["spike_in_1000", "spike_hourly", "spike_young_white"])
def test_spikes_are_far_from_their_neighbours(name: str) -> None:
    stream = build(name)

    for fault in stream.faults:
        (value,) = within(stream, fault)
        last = earlier(stream, fault)[-24:]
        noise = np.median(np.abs(np.diff(last))) / 0.954
        assert abs(value - last[-1]) > 0.3 * fault.deviations * noise


def test_forty_of_a_thousand_are_at_fault_once() -> None:
    stream = build("shift_in_1000")

    assert len(np.unique(stream.keys)) == 1_000
    assert len({fault.entity for fault in stream.faults}) == len(stream.faults) == 40


def test_a_value_stays_the_same_across_a_gap() -> None:
    stream = build("stuck_across_gap")

    for fault in stream.faults:
        rows = (stream.keys == fault.entity) & (stream.times >= fault.start)
        times = stream.times[rows & (stream.times < fault.end)]
        assert np.ptp(within(stream, fault)) == 0
        assert np.diff(times).max() > 4 * HOUR


def test_spikes_after_a_gap_lie_behind_it() -> None:
    stream = build("spike_after_gap")

    for fault in stream.faults:
        times = stream.times[stream.keys == fault.entity]
        behind = times[int(np.argmax(np.diff(times))) + 1]
        assert np.diff(times).max() > 30 * DAY
        assert behind <= fault.start
        assert len(within(stream, fault)) == 1


def test_a_fifth_of_the_values_is_missing_but_no_spike() -> None:
    stream = build("spike_missing_values")

    assert np.isnan(stream.values).mean() == pytest.approx(0.2, abs=0.02)
    for fault in stream.faults:
        assert np.isfinite(within(stream, fault, fault.values[0])).all()


@pytest.mark.parametrize(("name", "factor"), [("shift_counter", 4.0), ("stuck_counter", 0.0)])
def test_a_counter_goes_on_at_another_rate(name: str, factor: float) -> None:
    stream = build(name)

    for fault in stream.faults:
        usual = np.diff(earlier(stream, fault)).mean()
        assert np.diff(within(stream, fault)).mean() == pytest.approx(factor * usual, rel=0.6)


def test_traffic_ends() -> None:
    stream = build("shift_traffic_ends")

    for fault in stream.faults:
        assert not within(stream, fault).any()
        assert (earlier(stream, fault)[-50:] > 0).all()


@pytest.mark.parametrize(
    ("name", "longest"), [("quiet_repeated_readings", 12), ("quiet_setpoints", 100)]
)
def test_normal_values_stay_for_long(name: str, longest: int) -> None:
    stream = build(name)

    values = stream.values[stream.keys == 0, 0]
    moves = np.flatnonzero(np.diff(values))

    assert max(b - a for a, b in pairwise(moves)) >= longest
