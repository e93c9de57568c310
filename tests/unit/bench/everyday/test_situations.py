"""The generators: what each stream has to be, and that faults are what they are called."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bench.everyday.situations import SITUATIONS
from bench.everyday.stream import DAY, KINDS, Fault, Floats, Stream

LARGE = ("plant",)
MISSING = ("spike_missing_values", "stuck_missing_values", "quiet_missing_values")
EARLY = ("spike_fast", "shift_fast", "stuck_fast")
NAMES = [name for name in SITUATIONS if name not in LARGE]
FIRST_FAULT = 3 * DAY


def build(name: str, seed: int = 1_000) -> Stream:
    return SITUATIONS[name].build(np.random.default_rng(seed))


@pytest.fixture(scope="module", params=NAMES)
def situation(request: pytest.FixtureRequest) -> tuple[str, Stream]:
    """Each situation and a stream of it: pytest runs all tests of one before the next is made."""
    return request.param, build(request.param)


def values_of(stream: Stream, fault: Fault, value: int = 0) -> Floats:
    rows = (stream.keys == fault.entity) & (stream.times >= fault.start)
    return np.asarray(stream.values[rows & (stream.times < fault.end), value])


def before(stream: Stream, fault: Fault, value: int = 0, days: float = 1.0) -> Floats:
    rows = (stream.keys == fault.entity) & (stream.times < fault.start)
    return np.asarray(stream.values[rows & (stream.times >= fault.start - days * DAY), value])


def test_there_are_at_least_forty_situations_and_every_kind_of_fault() -> None:
    assert len(SITUATIONS) >= 40
    assert {one.group for one in SITUATIONS.values()} == {"fault", "normal"}
    assert set(KINDS) <= {one.kind for one in SITUATIONS.values() if one.group == "fault"}


def test_streams_are_complete_and_repeatable(situation: tuple[str, Stream]) -> None:
    name, stream = situation
    again, other = build(name), build(name, 1_001)

    n = len(stream.keys)

    assert n > 0
    assert stream.values.shape == (n, len(stream.names))
    assert stream.keys.dtype == np.int32
    assert stream.times.dtype == np.int64
    assert np.isfinite(stream.values).any(1).all()
    assert name in MISSING or np.isfinite(stream.values).all()
    # A backlog comes entity by entity: only times of one entity are in order.
    for entity in np.unique(stream.keys)[:5]:
        assert (np.diff(stream.times[stream.keys == entity]) >= 0).all()
    assert np.array_equal(stream.values, again.values, equal_nan=True)
    # Times of faults hold NaN sizes, which differ from themselves.
    assert [replace(one, deviations=0) for one in stream.faults] == [
        replace(one, deviations=0) for one in again.faults
    ]
    constant = ("quiet_constant", "quiet_uptime")
    assert name in constant or not np.array_equal(stream.values, other.values)


def test_faults_are_within_the_stream_and_begin_when_something_is_known(
    situation: tuple[str, Stream],
) -> None:
    name, stream = situation
    earliest = FIRST_FAULT
    if "young" in name or name in EARLY:
        earliest = 150 * int(np.diff(stream.times[stream.keys == 0]).min())

    assert bool([fault for fault in stream.faults if fault.plain]) == (
        SITUATIONS[name].group == "fault"
    )
    assert list(stream.faults) == sorted(stream.faults, key=lambda fault: fault.start)
    for fault in stream.faults:
        assert fault.kind in KINDS
        assert set(fault.values) <= set(range(len(stream.names)))
        assert stream.times[0] + earliest <= fault.start < fault.end
        own = stream.times[stream.keys == fault.entity]
        assert ((own >= fault.start) & (own < fault.end)).any()


def test_faults_of_an_entity_do_not_overlap(situation: tuple[str, Stream]) -> None:
    _, stream = situation

    for entity in {fault.entity for fault in stream.faults}:
        own = [fault for fault in stream.faults if fault.entity == entity]
        assert all(one.end <= other.start for one, other in pairwise(own))


def test_spikes_lie_beyond_their_noise() -> None:
    stream = build("spike_white")

    for fault in stream.faults:
        (value,) = values_of(stream, fault)
        usual = before(stream, fault)
        away = abs(value - usual.mean()) / usual.std()
        assert away == pytest.approx(fault.deviations, abs=5)


def test_spikes_in_range_stay_in_the_day_before() -> None:
    stream = build("spike_in_range")

    ordinary = 0
    for fault in stream.faults:
        (value,) = values_of(stream, fault)
        usual = before(stream, fault)
        ordinary += usual.min() <= value <= usual.max()

    assert ordinary >= 0.9 * len(stream.faults)


@pytest.mark.parametrize("name", ["stuck_white", "stuck_dropouts", "stuck_one_of_eight"])
def test_stuck_values_do_not_move(name: str) -> None:
    stream = build(name)

    for fault in stream.faults:
        held = values_of(stream, fault, fault.values[0])
        assert len(held) == fault.deviations
        assert np.ptp(held) == 0
        assert np.ptp(before(stream, fault, fault.values[0])) > 0


def test_shifts_have_their_size() -> None:
    stream = build("shift_white")

    for fault in stream.faults:
        usual = before(stream, fault)
        moved = abs(values_of(stream, fault).mean() - usual.mean()) / usual.std()
        assert moved == pytest.approx(fault.deviations, rel=0.25)


@pytest.mark.parametrize(("name", "larger"), [("burst_white", True), ("calm_white", False)])
def test_noise_grows_or_shrinks_by_its_factor(name: str, larger: bool) -> None:
    stream = build(name)

    for fault in stream.faults:
        ratio = values_of(stream, fault).std() / before(stream, fault).std()
        factor = ratio if larger else 1 / ratio
        assert factor == pytest.approx(fault.deviations, rel=0.5)


@pytest.mark.parametrize("name", ["correlation_lost_3", "correlation_inverted_8"])
def test_correlations_break(name: str) -> None:
    stream = build(name)

    for fault in stream.faults:
        value = fault.values[0]
        other = (value + 1) % len(stream.names)
        usual = np.corrcoef(before(stream, fault, value), before(stream, fault, other))[0, 1]
        now = np.corrcoef(values_of(stream, fault, value), values_of(stream, fault, other))[0, 1]
        assert abs(usual) > 0.8
        assert np.sign(usual) * now < 0.7


def test_nothing_is_sent_during_an_absence_but_what_ends_it() -> None:
    stream = build("absence_hours")

    for fault in stream.faults:
        assert len(values_of(stream, fault)) == 1


def test_counters_fall_at_a_reset_only() -> None:
    stream = build("counter_reset")

    falls = 0
    for entity in np.unique(stream.keys):
        falls += int((np.diff(stream.values[stream.keys == entity, 0]) < 0).sum())

    assert falls == len(stream.faults)


def test_a_fault_returns_ten_times() -> None:
    stream = build("spike_repeats")

    counts = np.bincount([fault.entity for fault in stream.faults])

    assert set(counts.tolist()) == {10}


def test_the_plant_has_its_faults() -> None:
    stream = build("plant")

    assert len(np.unique(stream.keys)) == 50
    assert len(stream.names) == 5
    assert len(stream.faults) == 38
