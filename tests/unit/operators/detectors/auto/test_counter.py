from __future__ import annotations

from typing import Any

import numpy as np

from operators.detectors.auto import counter
from operators.detectors.auto.detector import AutoDetector
from tests.unit.operators.detectors.auto.streams import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    explain,
    minutes,
    one_of,
)

SEEN = 3_000


def feed(state: Any, values: Any) -> list[bool]:
    changes = []
    for value in values:
        changes.append(bool(counter.changes_mode(state, float(value))))
        state["last_raw"] = value
    return changes


def rising() -> Any:
    state = one_of(counter.FIELDS)
    state["first_minute"] = MONDAY // MINUTE
    feed(state, range(1, 1 + counter.ENOUGH_RISES))
    return state


def test_a_value_that_only_rises_becomes_a_counter_once() -> None:
    state = one_of(counter.FIELDS)

    changes = feed(state, range(1, 200))

    assert changes.index(True) == counter.ENOUGH_RISES - 1
    assert sum(changes) == 1
    assert state["is_counter"]


def test_pauses_do_not_hinder_a_counter() -> None:
    state = one_of(counter.FIELDS)

    feed(state, [k // 2 for k in range(200)])

    assert state["is_counter"]


def test_a_value_that_falls_now_and_then_is_no_counter() -> None:
    state = one_of(counter.FIELDS)

    changes = feed(state, [k % 40 for k in range(400)])

    assert not any(changes)
    assert not state["is_counter"]


def test_a_smooth_wave_is_no_counter_however_long_it_rises() -> None:
    state = one_of(counter.FIELDS)
    feed(state, [0, 3, 1, 4, 2, 5, 3])

    changes = feed(state, range(3, 3 + 3 * counter.ENOUGH_RISES))

    assert not any(changes)


def test_a_small_fall_shows_that_it_is_no_counter() -> None:
    state = rising()

    changes = feed(state, [counter.ENOUGH_RISES - 3])

    assert changes == [True]
    assert not state["is_counter"]


def test_a_value_that_was_wrongly_taken_for_a_counter_has_to_rise_for_longer() -> None:
    state = rising()
    fallen = counter.ENOUGH_RISES - 3
    feed(state, [fallen])

    changes = feed(state, range(fallen + 1, fallen + 1 + 2 * counter.ENOUGH_RISES))

    assert changes.index(True) == 2 * counter.ENOUGH_RISES - 1


def test_a_fall_by_much_leaves_it_a_counter() -> None:
    state = rising()

    changes = feed(state, [0])

    assert changes == [False]
    assert state["is_counter"]


def test_reports_a_reset() -> None:
    p = counter.reset_p_value(rising(), 1e6, MONDAY + 2 * DAY + 5 * HOUR, SEEN)

    assert 0.0 < p < 1e-6


def test_a_larger_reset_is_rarer() -> None:
    at = MONDAY + 2 * DAY

    small, large = (counter.reset_p_value(rising(), fall, at, SEEN) for fall in (100.0, 1e5))

    assert large < small < 1e-3


def test_a_reset_at_the_hour_of_the_one_before_is_usual() -> None:
    state = rising()

    first = counter.reset_p_value(state, 1e6, MONDAY + 2 * DAY, SEEN)
    next_day = counter.reset_p_value(state, 1e6, MONDAY + 3 * DAY, SEEN + 1_440)
    other_hour = counter.reset_p_value(state, 1e6, MONDAY + 3 * DAY + 9 * HOUR, SEEN + 2_000)

    assert first < 1e-6
    assert next_day == 1.0
    assert other_hour < 1e-3


def test_says_nothing_of_resets_on_the_first_day() -> None:
    p = counter.reset_p_value(rising(), 1e6, MONDAY + 5 * HOUR, SEEN)

    assert p == 1.0


def test_a_counter_in_tenths_is_judged_like_one_of_its_tenths() -> None:
    rng = np.random.default_rng(1)
    at = minutes(3_000)
    work = np.where(at % DAY < 12 * HOUR, 20.0, 2.0)
    tenths = (507_505 + np.cumsum(rng.poisson(work)))[:, None].astype(float)

    whole = explain(AutoDetector(1).bank(1), tenths, at).p_values
    parts = explain(AutoDetector(1).bank(1), tenths / 10, at).p_values

    np.testing.assert_allclose(np.log10(parts), np.log10(whole), atol=0.01)


def test_the_increment_over_missing_events_is_usual_and_what_stood_still_too() -> None:
    rng = np.random.default_rng(2)
    at = minutes(3 * 1_440)
    counted = np.cumsum(rng.integers(8, 13, len(at))).astype(float)
    begin = at[0] + 2 * DAY + 9 * HOUR
    lost = (at >= begin) & (at < begin + HOUR)
    after = np.count_nonzero(at < begin)
    stopped = counted - np.where(at >= begin, 600.0, 0.0)

    running, standing = (
        explain(AutoDetector(1).bank(1), values[~lost][:, None], at[~lost]).p_values[after]
        for values in (counted, stopped)
    )

    assert running > 1e-3
    assert standing > 1e-3


def test_an_increment_of_more_than_the_missing_events_is_found() -> None:
    rng = np.random.default_rng(2)
    at = minutes(3 * 1_440)
    counted = np.cumsum(rng.integers(8, 13, len(at))).astype(float)
    begin = at[0] + 2 * DAY + 9 * HOUR
    lost = (at >= begin) & (at < begin + 10 * MINUTE)
    counted[at >= begin] += 2_000.0

    p = explain(AutoDetector(1).bank(1), counted[~lost][:, None], at[~lost]).p_values

    assert p[np.count_nonzero(at < begin)] < 1e-5


def test_what_is_counted_is_whole_where_the_usual_gap_is_unknown() -> None:
    state = rising()
    later = float(state["last_raw"]) + 7.0

    found = [counter.increment(state, later, gaps) for gaps in (1.0, np.inf, np.nan, -3.0)]

    assert found == [7.0] * 4
