from __future__ import annotations

import numpy as np
import pytest

from engine.domain.batch import Floats, Int64s
from operators.detectors.auto import season
from tests.unit.operators.detectors.auto.streams import DAY, HOUR, MONDAY, one_of, seasonal

EVERY = HOUR // 6


def times(days: int) -> Int64s:
    return MONDAY + EVERY * np.arange(days * DAY // EVERY, dtype=np.int64)


def by_hour(at: Int64s) -> Floats:
    return 10.0 * np.sin(2 * np.pi * ((at % DAY) // HOUR) / 24)


def by_weekday(at: Int64s) -> Floats:
    day_off = (at - MONDAY) // DAY % 7 >= 5
    return np.where(day_off, -20.0, by_hour(at))


@pytest.mark.parametrize("buckets", [168, 72, 48])
def test_knows_the_hour_of_the_day_after_a_day(buckets: int) -> None:
    state = one_of(season.fields(buckets))
    noon = MONDAY + DAY + 18 * HOUR + HOUR // 2

    before = season.expected(state, noon)
    seasonal(state, by_hour(times(1)), times(1))

    assert np.isnan(before)
    assert season.expected(state, noon) == pytest.approx(-10.0, abs=0.1)


@pytest.mark.parametrize("buckets", [168, 72, 48])
def test_knows_the_hour_of_the_week_once_it_foretells_better(buckets: int) -> None:
    state = one_of(season.fields(buckets))
    at = times(63)

    foreseen = seasonal(state, by_weekday(at), at)

    # Near the edges of hours the expected value goes along a line to the next hour's.
    last_week = slice(-7 * DAY // EVERY, None)
    errors = np.abs(foreseen[last_week] - by_weekday(at)[last_week])

    assert np.median(errors) < 1.0
    saturday_noon = MONDAY + 68 * DAY + 12 * HOUR + HOUR // 2
    assert season.expected(state, saturday_noon) == pytest.approx(-20.0, abs=1.0)


@pytest.mark.parametrize("buckets", [168, 72])
def test_knows_a_saturday_from_a_sunday(buckets: int) -> None:
    state = one_of(season.fields(buckets))
    at = times(63)
    sunday = (at - MONDAY) // DAY % 7 == 6

    seasonal(state, np.where(sunday, -20.0, 0.0), at)

    noons = [MONDAY + day * DAY + 12 * HOUR + HOUR // 2 for day in (67, 68, 69)]
    foreseen = [season.expected(state, noon) for noon in noons]
    assert foreseen == pytest.approx([0.0, 0.0, -20.0], abs=1.0)


def test_keeps_to_the_hour_of_the_day_where_the_days_are_alike() -> None:
    state = one_of(season.fields(168))
    at = times(28)
    noise = np.random.default_rng(0).normal(size=len(at))

    seasonal(state, by_hour(at) + noise, at)

    assert state["weeks"] > 0
    assert state["week_error"] >= season.BETTER * state["day_error"]


def test_goes_along_a_line_between_hours() -> None:
    state = one_of(season.fields(168))
    seasonal(state, by_hour(times(1)), times(1))
    full_hour = MONDAY + DAY + 3 * HOUR

    expected = season.expected(state, full_hour)

    two, three = (10.0 * np.sin(2 * np.pi * hour / 24) for hour in (2, 3))

    assert expected == pytest.approx((two + three) / 2, abs=0.1)


def test_one_outlier_hardly_moves_the_pattern() -> None:
    state = one_of(season.fields(168))
    at = times(14)
    seasonal(state, by_hour(at) + np.random.default_rng(0).normal(size=len(at)), at)
    noon = MONDAY + 14 * DAY + 12 * HOUR + HOUR // 2
    before = season.expected(state, noon)

    season.learn(state, 1e6, before, noon, 1.0)

    assert season.expected(state, noon) == pytest.approx(before, abs=2.0)


def test_an_outlier_at_the_begin_of_an_hour_is_not_the_pattern_of_that_hour() -> None:
    state = one_of(season.fields(168))
    at = times(1)
    values = np.random.default_rng(0).normal(size=len(at))
    hour = (at - MONDAY) // HOUR == 12
    values[np.argmax(hour)] += 60.0

    seasonal(state, values, at)

    noon = MONDAY + DAY + 12 * HOUR + HOUR // 2
    assert season.expected(state, noon) == pytest.approx(0.0, abs=2.0)


def test_an_hour_that_differs_from_the_one_before_is_learned_from_its_first_value_on() -> None:
    state = one_of(season.fields(168))
    at = times(1)
    values = np.random.default_rng(0).normal(size=len(at))
    hour = (at - MONDAY) // HOUR == 12

    seasonal(state, np.where(hour, values + 60.0, values), at)

    noon = MONDAY + DAY + 12 * HOUR + HOUR // 2
    assert season.expected(state, noon) == pytest.approx(60.0, abs=2.0)


def test_the_mean_is_taken_out_of_the_pattern() -> None:
    state = one_of(season.fields(168))
    seasonal(state, 50.0 + by_hour(times(1)), times(1))
    noon = MONDAY + DAY + 18 * HOUR + HOUR // 2

    mean = season.center(state)

    assert mean == pytest.approx(50.0, abs=0.1)
    assert season.expected(state, noon) == pytest.approx(-10.0, abs=0.1)


@pytest.mark.parametrize("buckets", [168, 72, 48])
def test_a_day_off_is_new_until_one_was_seen(buckets: int) -> None:
    state = one_of(season.fields(buckets))
    friday, saturday = MONDAY + 4 * DAY, MONDAY + 5 * DAY

    seasonal(state, by_hour(times(5)), times(5))
    first = season.is_new_day_off(state, friday), season.is_new_day_off(state, saturday)
    at = times(8)[5 * DAY // EVERY :]
    seasonal(state, by_hour(at), at)

    assert first == (False, True)
    assert not season.is_new_day_off(state, saturday + 7 * DAY)


@pytest.mark.parametrize(
    ("begins", "known"),
    [(-73, False), (-72, True), (-48, True), (-1, True), (0, False), (30, False)],
)
def test_working_days_come_on_the_monday_after_a_begin_on_days_off(
    begins: int, known: bool
) -> None:
    began = MONDAY + begins * HOUR

    found = [season.has_first_workday(began, MONDAY + hour * HOUR) for hour in (-1, 0, 80)]

    assert found == [False, known, known]
