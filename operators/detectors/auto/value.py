"""Value: the model of one value of an entity, and the evidence on the next value."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import (
    autoregression,
    block,
    counter,
    distances,
    expected_range,
    gauge,
    growth,
    hours,
    learning,
    means,
    naming,
    rarity,
    run,
    season,
    stuck,
)
from operators.detectors.auto import deviation as deviations
from operators.detectors.auto import forecast as forecasts
from operators.detectors.auto import level as levels
from operators.detectors.auto.deviation import Deviation
from operators.detectors.auto.distances import TAILS
from operators.detectors.auto.evidence import BURST, CALM, DRIFT, LEVEL, SEASON, SPIKE
from operators.detectors.auto.forecast import Forecast
from operators.detectors.auto.means import Means
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part, single_part

SUDDEN = 1.4
"""Size of a sudden error, or step of the mean of a block, in first levels: 3.6 standard deviations
of normal noise."""
ROUNDING = 1e-15
"""Rounding error of the difference of two increments of a counter, relative to its value."""


def record(order: int, buckets: int, parts: int) -> np.dtype[np.void]:
    """Return the record of one value, by its lags, buckets of the season and parts of the day."""
    return np.dtype(
        [
            ("seen", "<u4"),
            ("shifted", "<u2"),
            ("origin", "<f8"),
            ("last", "<f8"),
            ("least", "<f4"),
            ("greatest", "<f4"),
            ("level", "<f8"),
            ("resolution", "<f4"),
            ("wobble", "<f4"),
            ("fast", "<f4"),
            ("slow", "<f4"),
            ("burst", "<f4"),
            ("calm", "<f4"),
            ("burst_gauge", gauge.RECORD),
            ("calm_gauge", gauge.RECORD),
            ("still", "<f4"),
            ("hour", "u1"),
            ("hour_peak", "<f4"),
            ("usual_peak", "<f4"),
            ("hour_peaks", "<f4", (parts,)),
            ("hour_rest", "<f4"),
            ("hour_count", "<u2"),
            ("hour_rests", "<f4", (parts,)),
            ("near_foreseen", "<f4"),
            ("outside", "<u2"),
            ("sudden", "u1"),
            ("unseasonal", "u1"),
            ("paused", "u1"),
            ("noisy", "u1"),
            ("sudden_ago", "u1"),
            ("first_rest", "<f4"),
            ("aged_at", "<u4"),
            ("began", "<i4"),
            ("block", np.dtype(block.FIELDS)),
            ("counter", np.dtype(counter.FIELDS)),
            ("growth", np.dtype(growth.FIELDS)),
            ("ar", np.dtype(autoregression.fields(order))),
            ("season", np.dtype(season.fields(buckets))),
            ("stuck", np.dtype(stuck.FIELDS)),
            ("tails", tail.RECORD, (TAILS,)),
        ]
    )


@kernel_part
def restart(state: Any, value: float) -> None:
    """Start afresh with this value, and keep only the fields of the counter."""
    state.seen = 0
    state.origin = value
    state.last = 0.0
    state.least = 0.0
    state.greatest = 0.0
    state.level = 0.0
    state.resolution = 0.0
    state.burst = 0.0
    state.calm = 0.0
    state.still = 0.0
    state.hour_peak = 0.0
    state.usual_peak = 0.0
    state.hour_peaks[:] = 0.0
    state.sudden_ago = 255
    state.aged_at = 0
    state.began = 0
    gauge.forget(state.burst_gauge)
    gauge.forget(state.calm_gauge)
    block.forget(state.block)
    growth.forget(state.growth)
    autoregression.forget(state.ar)
    season.forget(state.season)
    stuck.forget(state.stuck)
    levels.forget_course(state)
    for e in (SPIKE, BURST, CALM):
        tail.forget(state.tails[e])


@kernel_part
def observe(
    state: Any,
    raw: float,
    time: int,
    learns: bool,
    after_gap: bool,
    gaps: float,
    due: bool,
    events: int,
    ends: bool,
    out: Floats,
) -> None:
    """Judge a value by the state before it, then learn it.

    Args:
        state: its record.
        raw: the value.
        time: event time in ns, 0 if it is unknown.
        learns: False judges without learning.
        after_gap: whether the event follows a long silence.
        gaps: time since the event before, in usual gaps; 1 if it is unknown.
        due: whether an episode is expected now, see `schedule`.
        events: of a block, see `block`; 1 judges each value.
        ends: whether this event ends a block.
        out: float64 [11], filled with: the p-value, the evidence it comes from, the value expected
            by that evidence and half the width of its normal range, the evidence that names the
            kind of anomaly, the score (decimal powers over all evidence), the deviation from the
            level in mean deviations, the forecast error in mean errors, the p-value without a
            schedule, how much by the measure of that kind (see `naming.amount`), and the deviation
            of the mean of the block.
    """
    value, rounding, reset_p = raw, 0.0, 1.0
    count = state.counter
    if state.seen == 0 and count.first_minute == 0 and count.last_raw == 0.0:
        count.first_minute = hours.minute_of(time)
        count.last_raw = raw
        restart(state, raw)
    was_counter = count.is_counter
    if learns and state.seen > 0 and counter.changes_mode(count, raw):
        restart(state, raw - count.last_raw if count.is_counter else raw)
    if count.is_counter:
        value = counter.increment(count, raw, gaps)
        rounding = ROUNDING * abs(raw)
        if value < 0.0:
            if learns:
                reset_p = counter.reset_p_value(count, -value, time, state.seen)
            value = state.origin + state.last
        elif was_counter and learns:
            count.step += 0.01 * (value - count.step)
    if learns and season.has_first_workday(hours.time_of(state.began), time):
        # What was learned on days off says nothing of working days.
        restart(state, value)
    _observe(state, value, rounding, time, learns, after_gap, due, reset_p, events, ends, out)
    if count.is_counter:
        out[2] += count.last_raw
    if learns:
        count.last_raw = raw


@single_part
def _observe(
    state: Any,
    value: float,
    rounding: float,
    time: int,
    learns: bool,
    after_gap: bool,
    due: bool,
    reset_p: float,
    events: int,
    ends: bool,
    out: Floats,
) -> None:
    if after_gap and learns and state.seen > 0:
        autoregression.restart(state.ar, value - state.origin - state.level)
        block.restart(state.block)
    age = hours.minute_of(time) - state.began
    days = age / hours.MINUTES_PER_DAY
    forecast = forecasts.of(state, value, rounding, days, events)
    deviation = deviations.of(state, forecast, time, age, days, events, ends)
    mean = means.of(state, forecast, deviation)
    away, floors = np.empty(TAILS), np.zeros(TAILS)
    distances.fill(state, forecast, deviation, mean, after_gap, away, floors)
    p_values = rarity.of_evidence(state, forecast, deviation, away, floors, reset_p)
    rarity.judge(p_values, deviation.length, out)
    out[8] = out[0]
    rarities = p_values
    if due or out[0] < rarity.RARE:
        rarities = p_values.copy()
        rarity.lessen(state, p_values, away, floors, due)
        rarity.judge(p_values, deviation.length, out)
    ended = _name(state, forecast, deviation, mean, away, floors, learns, out)
    expected_range.fill(state, forecast, deviation, floors, int(out[1]), int(out[4]), out)
    _note_sizes(state, forecast, deviation, out)
    if learns:
        learning.learn_tails(state, forecast, deviation, away, rarities, floors, time, events)
        learning.learn_variation(state, forecast, deviation, mean, rarities, time, after_gap)
        learning.learn_course(state, forecast, deviation, mean, time, events, ends, ended)


@single_part
def _name(
    state: Any,
    forecast: Forecast,
    deviation: Deviation,
    mean: Means,
    away: Floats,
    floors: Floats,
    learns: bool,
    out: Floats,
) -> bool:
    """Follow the run that the value is in, and name the anomaly; return whether a run has ended."""
    again = state.sudden_ago <= naming.RECENT_SUDDEN
    sudden = away[SPIKE] > SUDDEN * tail.first_level(state.tails[SPIKE], floors[SPIKE])
    noisy = naming.was_noisy(state, floors)
    ended = False
    if learns:
        run.note_error(state, sudden)
    if learns and deviation.whole:
        jump = abs(deviation.departure - state.fast * deviation.varied)
        steps = jump > SUDDEN * tail.FIRST_LEVEL * deviation.local_wobble
        ended = run.note_run(
            state,
            deviation.outside,
            sudden or (deviation.by_block and steps),
            noisy,
            deviation.departure,
            deviation.foreseen if deviation.known else 0.0,
            deviation.local_wobble,
        )
    part = naming.ONE_SIDED if state.sudden else 1.0
    one_sided = abs(mean.fast) > part * mean.burst * deviation.spread
    chosen = int(out[1])
    named = naming.kind_of(
        state, chosen, forecast, deviation, floors, sudden, noisy, again, one_sided
    )
    if deviation.by_block and LEVEL <= chosen <= DRIFT and named != SEASON:
        # The mean of many values is neither a spike nor noise.
        named = naming.moved(state)
    out[4] = named
    out[9] = naming.amount(state, named, mean.burst_log, mean.calm_log)
    return ended


@single_part
def _note_sizes(state: Any, forecast: Forecast, deviation: Deviation, out: Floats) -> None:
    """Fill in the deviations of the value and of its block, and the error of the forecast."""
    unit = max(np.float64(state.tails[LEVEL].mean), forecast.floor)
    out[10] = deviation.from_level / unit if unit > 0.0 else 0.0
    if deviation.by_block:
        unit = max(unit, forecast.unit)
    out[6] = (forecast.x - deviation.level) / unit if unit > 0.0 else 0.0
    out[7] = forecast.error
