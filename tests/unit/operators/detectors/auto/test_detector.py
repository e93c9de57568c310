from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.domain.batch import Floats, Int64s
from engine.domain.errors import ParameterError
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS
from operators.detectors.auto import entity
from operators.detectors.auto.detector import Auto, AutoDetector
from tests.unit.operators.detectors.auto.streams import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    autoregressive,
    explain,
    explained,
    minutes,
    noise,
)

EVENTS = 3_000
COLUMNS = ("scores", "p_values", "kinds", "contributions", "centers", "widths")


def assert_same(one: Explanation, other: Explanation, rows: slice = slice(None)) -> None:
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column)[rows])


def kind(explanation: Explanation, event: int) -> str:
    return KINDS[explanation.kinds[event]]


def correlated(n: int) -> Floats:
    common = noise(n, 1)
    return common + 0.2 * noise(n, 3, seed=1)


def test_judges_nothing_before_the_warm_up() -> None:
    explanation = explained(noise(200, 1))

    warm_up = AutoDetector.warm_up

    assert np.isnan(explanation.p_values[:warm_up]).all()
    assert np.isfinite(explanation.p_values[warm_up:]).all()
    assert np.isfinite(explanation.scores[warm_up:]).all()


@pytest.mark.parametrize("constant", [0.0, 1.0, -273.15, 1e12])
@pytest.mark.parametrize("d", [1, 3])
def test_constants_never_alert(constant: float, d: int) -> None:
    explanation = explained(np.full((EVENTS, d), constant))

    assert np.nanmin(explanation.p_values) > 1e-3


def test_a_value_that_moves_once_to_its_limit_does_not_alert() -> None:
    values = np.concatenate([np.full(2_000, 0.999), np.full(4_000, 1.0)])[:, None]

    explanation = explained(values)

    assert np.nanmin(explanation.p_values) > 1e-3


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize(("scale", "shift"), [(1024.0, 0.0), (1e-6, 0.0), (1.0, 1e4), (-3.0, 50.0)])
def test_p_values_depend_neither_on_unit_nor_on_origin(d: int, scale: float, shift: float) -> None:
    values = noise(EVENTS, d)
    values[2_500, 0] += 20.0

    p = explained(values).p_values
    other = explained(values * scale + shift).p_values

    np.testing.assert_allclose(other, p, rtol=1e-3)


@pytest.mark.parametrize("d", [1, 3])
def test_cuts_into_calls_change_nothing(d: int) -> None:
    values, times = noise(EVENTS, d), minutes(EVENTS)
    values[2_500] += 20.0
    expected = explained(values)
    bank = AutoDetector(d).bank(1)

    for start, end in ((0, 1), (1, 49), (49, 700), (700, 2_501), (2_501, EVENTS)):
        part = explain(bank, values[start:end], times[start:end])

        assert_same(part, expected, slice(start, end))


@pytest.mark.parametrize("d", [1, 3])
def test_goes_on_from_a_dump(d: int) -> None:
    values, times = noise(EVENTS, d), minutes(EVENTS)
    expected = explained(values)
    first, second = AutoDetector(d).bank(1), AutoDetector(d).bank(1)
    explain(first, values[:1_234], times[:1_234])

    second.load(first.dump(np.zeros(1, np.int32)))
    rest = explain(second, values[1_234:], times[1_234:])

    assert_same(rest, expected, slice(1_234, None))


def test_entities_do_not_touch_each_other() -> None:
    values, times = noise(2 * EVENTS, 1), minutes(2 * EVENTS)
    slots = np.tile(np.array([1, 0], np.int32), EVENTS)
    # Contiguous, as batches are: numba would compile the kernel once more for a view with steps.
    every_other = np.ascontiguousarray(values[::2]), np.ascontiguousarray(times[::2])
    alone = explain(AutoDetector(1).bank(1), *every_other)

    together = (
        AutoDetector(1).bank(2).score_and_explain(slots, values, np.ones(2 * EVENTS, bool), times)
    )

    assert_same(alone, together, slice(0, None, 2))


def test_an_event_that_is_not_learned_leaves_no_trace() -> None:
    bank = AutoDetector(1).bank(1)
    explain(bank, noise(EVENTS, 1), minutes(EVENTS))
    before = bank.records.tobytes()

    explanation = bank.score_and_explain(
        np.zeros(1, np.int32),
        np.full((1, 1), 50.0),
        np.zeros(1, bool),
        minutes(EVENTS + 1)[-1:],
    )

    assert explanation.p_values[0] < 1e-4
    assert bank.records.tobytes() == before


@pytest.mark.parametrize(
    ("memory", "d", "most"), [("small", 1, 2_048), ("normal", 1, 4_096), ("normal", 8, 12_288)]
)
def test_keeps_to_its_bytes(memory: str, d: int, most: int) -> None:
    names = [f"value_{j}" for j in range(d)]

    detector = Auto().create("auto", {"memory": memory}, names)

    assert detector.bank(1).records.itemsize == detector.bytes_per_entity <= most


@pytest.mark.parametrize(
    ("parameters", "wrong"), [({"memory": "tiny"}, "memory"), ({"window": 5}, "window")]
)
def test_refuses_other_parameters(parameters: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ParameterError, match=wrong):
        Auto().create("auto", parameters, ["value"])


@pytest.mark.parametrize("spiked", [0, 1, 2])
def test_blames_the_value_that_spikes(spiked: int) -> None:
    values = noise(EVENTS, 3)
    values[2_500, spiked] += 20.0

    explanation = explained(values)

    assert explanation.p_values[2_500] <= 1e-4
    assert kind(explanation, 2_500) == "spike"
    assert np.argmax(explanation.contributions[2_500]) == spiked
    center, width = explanation.centers[2_500, spiked], explanation.widths[2_500, spiked]
    assert abs(values[2_500, spiked] - center) > width > 0.0


def test_contributions_sum_to_one() -> None:
    explanation = explained(noise(EVENTS, 3))

    np.testing.assert_allclose(explanation.contributions.sum(axis=1), 1.0)

    assert explanation.contributions.min() >= 0.0


def test_most_values_lie_inside_of_the_normal_range() -> None:
    values = noise(EVENTS, 1)

    explanation = explained(values)

    outside = np.abs(values - explanation.centers) > explanation.widths

    assert 0.0 < np.mean(outside[200:]) < 0.03


def test_a_gap_of_one_value_is_not_blamed() -> None:
    values = noise(EVENTS, 3)
    values[2_500] = [np.nan, 20.0, 0.0]

    explanation = explained(values)

    assert explanation.p_values[2_500] <= 1e-4
    assert np.argmax(explanation.contributions[2_500]) == 1
    assert np.isnan(explanation.centers[2_500, 0])


def test_names_and_blames_a_stuck_value() -> None:
    values = noise(EVENTS, 3)
    values[2_500:2_530, 1] = values[2_500, 1]

    explanation = explained(values)

    assert explanation.p_values[2_529] <= 1e-4
    assert kind(explanation, 2_529) == "stuck"
    assert np.argmax(explanation.contributions[2_529]) == 1


def test_names_a_flag_that_stays_up() -> None:
    values = np.array(np.random.default_rng(0).random((EVENTS, 1)) < 0.05, np.float64)
    values[2_500:2_560] = 1.0

    explanation = explained(values)

    # Down it has been for longer: those runs say nothing of this one.
    assert explanation.p_values[2_559] <= 1e-5
    assert kind(explanation, 2_559) == "stuck"
    assert np.nanmin(explanation.p_values[:2_500]) > 1e-4


def test_names_a_lost_correlation() -> None:
    values = correlated(EVENTS)
    values[2_500:2_600, 2] = noise(100, 1, seed=9)[:, 0]

    explanation = explained(values)

    rarest = 2_500 + int(np.argmin(explanation.p_values[2_500:2_600]))

    assert explanation.p_values[rarest] <= 1e-4
    assert kind(explanation, rarest) == "correlation"
    assert np.argmax(explanation.contributions[rarest]) == 2


def test_a_value_that_comes_alone_is_no_lost_correlation() -> None:
    # A door among freezers: it has a count, and never a temperature or a power.
    values = np.full((EVENTS, 3), np.nan)
    values[:, 2] = np.random.default_rng(1).random(EVENTS) < 0.004
    values[:400, 2] = 0.0

    explanation = explained(values)

    alerts = np.flatnonzero(explanation.p_values <= 1e-4)
    assert "correlation" not in {kind(explanation, int(row)) for row in alerts}


def test_names_each_of_several_lost_correlations() -> None:
    values = correlated(6_000)
    begins = 1_800 + np.array([0, 460, 1_010, 1_480, 2_100, 2_540, 3_090, 3_700])
    for begin in begins:
        values[begin : begin + 100, 2] = noise(100, 1, seed=begin)[:, 0]

    explanation = explained(values)

    for begin in begins:
        rarest = begin + int(np.argmin(explanation.p_values[begin : begin + 100]))
        assert explanation.p_values[rarest] <= 1e-4
        assert kind(explanation, rarest) == "correlation"


def test_a_block_of_late_events_is_no_change_of_cadence() -> None:
    late = np.r_[:2_000, 2_030:2_060, 2_000:2_030, 2_060:EVENTS]

    explanation = explain(AutoDetector(1).bank(1), noise(EVENTS, 1)[late], minutes(EVENTS)[late])

    rare = np.flatnonzero(explanation.p_values <= 1e-3)
    assert "cadence" not in {kind(explanation, int(event)) for event in rare}


def test_events_that_are_not_learned_are_no_change_of_cadence() -> None:
    bank, values, times = AutoDetector(1).bank(1), noise(EVENTS, 1), minutes(EVENTS)
    learn = np.ones(EVENTS, np.bool_)
    learn[2_000:2_060] = False

    explanation = bank.score_and_explain(np.zeros(EVENTS, np.int32), values, learn, times)

    rare = np.flatnonzero(explanation.p_values <= 1e-3)
    assert "cadence" not in {kind(explanation, int(event)) for event in rare}


@pytest.mark.parametrize("part", [0.0, 0.9])
def test_false_alarms_on_one_value_stay_within_the_p_value(part: float) -> None:
    p = np.concatenate(
        [explained(autoregressive(20_000, part, seed)[:, None]).p_values for seed in range(8)]
    )

    assert np.nanmean(p <= 1e-3) <= 1.5e-3


def test_false_alarms_on_dependent_values_stay_within_the_p_value() -> None:
    streams = [
        explained(np.stack([autoregressive(10_000, 0.9, seed=8 * s + j) for j in range(3)], axis=1))
        for s in range(6)
    ]

    p = np.concatenate([np.nan_to_num(stream.p_values, nan=1.0) for stream in streams])

    assert np.mean(p <= 1e-3) <= 1.5e-3


def job_each_five_hours() -> Floats:
    return 0.1 * autoregressive(400, 0.5) + np.where(np.arange(400) % 60 < 5, 30.0, 0.0)


def level_that_stays_on() -> Floats:
    return autoregressive(4_000, 0.9) + np.where(np.arange(4_000) >= 3_000, 40.0, 0.0)


@pytest.mark.parametrize("values", [job_each_five_hours(), level_that_stays_on()])
def test_history_keeps_its_values_where_the_level_jumps(values: Floats) -> None:
    bank, times = AutoDetector(1).bank(1), 5 * minutes(len(values))
    record = bank.records[0]["values"][0]
    largest, older, level = 0.0, np.zeros(3), 0.0

    for i in range(len(values)):
        explain(bank, values[i : i + 1, None], times[i : i + 1])
        jump = abs(float(record["level"]) - level)
        level = float(record["level"])
        newest = (int(record["ar"]["place"]) + np.arange(1, 4)) % len(record["ar"]["history"])
        kept = record["ar"]["history"][newest] + level
        if i > 100 and jump > largest:
            largest, apart = jump, float(np.max(np.abs(kept - older)))
        older = record["ar"]["history"][(newest - 1) % len(record["ar"]["history"])] + level

    assert largest > 0.3
    assert apart < 0.1


def test_another_form_of_the_model_has_another_number() -> None:
    sizes = [AutoDetector(d).bytes_per_entity for d in (1, 3)]

    assert (entity.LAYOUT, *sizes) == (11, 3_030, 5_885)


def test_finds_six_times_as_many_requests_that_come_at_random_times() -> None:
    gaps = np.random.default_rng(4).exponential(10e9, 4_000)
    gaps[3_000:3_300] /= 6

    times = (gaps.cumsum() + MONDAY).astype(np.int64)
    explanation = explain(AutoDetector(1).bank(1), noise(4_000, 1), times)

    found = 3_000 + int(np.argmin(explanation.p_values[3_000:3_300]))
    assert explanation.p_values[found] < 1e-5
    assert kind(explanation, found) == "cadence"
    others = np.delete(explanation.p_values, np.s_[3_000:3_400])
    assert np.nanmin(others) > 10 * explanation.p_values[found]


def test_finds_a_change_of_cadence_after_an_event_out_of_order() -> None:
    times = minutes(3_000)
    times[1_500] -= 5 * MINUTE
    times[2_500:] = times[2_499] + 5 * MINUTE * np.arange(1, 501)

    explanation = explain(AutoDetector(1).bank(1), noise(3_000, 1), times)

    found = 2_500 + int(np.argmin(explanation.p_values[2_500:]))
    assert explanation.p_values[found] < 1e-5
    assert kind(explanation, found) == "cadence"


def test_first_weekend_is_not_judged_by_the_working_days() -> None:
    per_day = 288
    row = np.arange(7 * per_day)
    hour, working_day = row % per_day / 12, row < 5 * per_day
    work = 4.0 * (working_day & (hour >= 8) & (hour < 18))

    explanation = explain(
        AutoDetector(1).bank(1),
        noise(len(row), 1, seed=1) + work[:, None],
        MONDAY + 5 * MINUTE * row,
    )

    assert np.min(explanation.p_values[5 * per_day :]) > 1e-5


def office(begins: int, days: int) -> tuple[Floats, Int64s]:
    """Return the power of an office that works from Monday to Friday, each five minutes."""
    at = begins + 5 * MINUTE * np.arange(days * 288)
    hour, working_day = at % DAY / HOUR, (at - MONDAY) // DAY % 7 < 5
    work = np.clip(np.minimum(hour - 7, 18 - hour), 0, 1) * working_day
    return (5 + 25 * work)[:, None] * np.exp(0.03 * noise(len(at), 1, seed=3)), at


@pytest.mark.parametrize("begins", [-60, -48, -24], ids=["Friday noon", "Saturday", "Sunday"])
def test_working_days_are_not_judged_by_days_off_before_the_first(begins: int) -> None:
    values, at = office(MONDAY + begins * HOUR, 8)
    week = at >= MONDAY

    p_values = explain(AutoDetector(1).bank(1), values, at).p_values[week]
    of_monday = explain(AutoDetector(1).bank(1), values[week], at[week]).p_values

    judged = slice(AutoDetector.warm_up, None)
    np.testing.assert_array_equal(p_values[judged], of_monday[judged])


def test_weekends_of_one_measurement_a_minute_are_expected_from_the_second_on() -> None:
    at = minutes(14 * 1_440)
    hour, day_off = at % DAY / HOUR, (at - MONDAY) // DAY % 7 >= 5
    traffic = (1 + 2 * np.exp(-(((hour - 14) / 5) ** 2))) * np.where(day_off, 0.6, 1.0)
    values = 100 * traffic[:, None] + 4 * noise(len(at), 1, seed=2)

    explanation = explain(AutoDetector(1).bank(1), values, at)

    second = (at >= MONDAY + 7 * DAY) & day_off
    assert np.mean(explanation.p_values[second] <= 1e-4) <= 1e-3


def test_expects_no_value_far_outside_of_those_seen() -> None:
    at = MONDAY + 5 * MINUTE * np.arange(3 * 288)
    rng = np.random.default_rng(1)
    # Of 40 services this one had forecasts that diverged.
    level, factors = 60 * np.exp(rng.uniform(2, 7)), np.exp(rng.normal(0, 0.05, 28 * 288))
    rush = 0.35 + 0.65 * np.exp(-(((at % DAY / HOUR - 14) / 5) ** 2))
    requests = rng.poisson(level * rush * factors[: len(at)])[:, None].astype(float)

    explanation = explain(AutoDetector(1).bank(1), requests, at)

    centers = explanation.centers[np.isfinite(explanation.centers)]
    assert -0.5 * requests.max() < centers.min()
    assert centers.max() < 1.5 * requests.max()


def tank_that_is_filled_each_week(days: int, seed: int) -> Floats:
    """Return temperature, pressure and level of a tank, a row for two minutes."""
    rng = np.random.default_rng(seed)
    place = (np.arange(720 * days) / (6.5 * 720) + rng.uniform()) % 1
    temperature = 12 + 8 * np.exp(-(((place - 0.35) / 0.18) ** 2))
    pressure = 1 + 0.6 * np.minimum(2 * place, 1) * (place < 0.9)
    level = np.where(place < 0.92, 80, 80 - (place - 0.92) / 0.08 * 78)
    clean = np.column_stack([temperature, pressure, level])
    return np.round(clean + rng.normal(size=clean.shape) * [0.15, 0.02, 0.2], 1)


def test_a_spike_or_drift_lies_outside_of_the_range_that_is_expected() -> None:
    values = tank_that_is_filled_each_week(45, seed=3)
    times = MONDAY + 2 * MINUTE * np.arange(len(values))

    explanation = explain(AutoDetector(3).bank(1), values, times)

    found = np.flatnonzero(explanation.p_values < 1e-3)
    blamed = np.argmax(explanation.contributions[found], axis=1)
    off = np.abs(values - explanation.centers)[found, blamed]
    inside = off <= explanation.widths[found, blamed]
    kinds = np.array(KINDS)[explanation.kinds[found]]
    assert np.sum(kinds == "spike") > 5
    assert np.sum(kinds == "drift") > 10
    assert np.mean(inside & np.isin(kinds, ["spike", "drift"])) < 1e-3
