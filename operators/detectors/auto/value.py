"""Value: the model of one value of an entity, and the evidence on the next value."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np

from engine.domain.batch import Floats
from operators.detectors.auto import (
    autoregression,
    block,
    counter,
    gauge,
    growth,
    hours,
    naming,
    run,
    season,
    stuck,
)
from operators.detectors.auto import level as levels
from operators.detectors.auto.evidence import (
    BURST,
    CALM,
    DRIFT,
    LEVEL,
    RESET,
    SEASON,
    SHIFT,
    SPIKE,
    STUCK,
    VALUE_EVIDENCE,
    WEIGHTS,
)
from operators.kernels import tail
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight

WARM_UP = 50
"""Values before the first is judged."""
MEAN_CLIP = 8.0
"""Largest deviation in the two moving means, in mean deviations; largest error in the mean of a
block, in mean errors."""
FAST_EVENTS, SLOW_EVENTS = 16.0, 128.0
"""Memory of the two moving means in events: the short one shows a shift, the long one a drift."""
MEAN_EVENTS = 1_000.0
"""Memory in events of the share of equal values and of the mean residual error."""
DAY_OFF, FIRST_WEEK_DAYS = 1 / 3, 7
"""Weight of deviations on the first days off, which may differ from other days; all days off of
the first week are."""
SECOND_DAY = 1 / 2
"""Weight of all deviations but single errors on the second day: by how much one day differs from
the next is not known yet. Means of a minute have shown more, and count as they are."""
SUDDEN = 1.4
"""Size of a sudden error, or step of the mean of a block, in first levels: 3.6 standard deviations
of normal noise."""
ERROR_FLOOR = 0.8
"""Lower bound of the mean error, in units of the error: that of normal noise."""
FAST_FLOOR, SLOW_FLOOR = 0.18, 0.0625
"""Lower bounds of the moving means, in mean deviations: those of independent values,
sqrt(1 / (2 n - 1)). The resolution bounds a mean only where all of its values rest."""
RESOLUTION_FADES = 1.0005
"""Growth of the smallest step seen with each event, which forgets old steps."""
ROUNDING = 1e-15
"""Rounding error of the difference of two increments of a counter, relative to its value."""
RARE = 0.01
"""p-value of a value beyond which evidence may be rare: `tail.ALIEN_P` by the least weight."""
TAILS = STUCK
"""The kinds of evidence with a tail each, which come first."""
SPANS = (
    1.0,
    1.0,
    1.0,
    2 * FAST_EVENTS,
    2 * SLOW_EVENTS,
    2 * naming.BURST_EVENTS,
    2 * naming.CALM_EVENTS,
)
"""Span of each of these tails in events: 2 n for a mean of n events."""


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
        value = raw - count.last_raw
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


@kernel_part
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
    x = value - state.origin
    seen = state.seen
    if after_gap and learns and seen > 0:
        autoregression.restart(state.ar, x - state.level)
        block.restart(state.block)
    moved = abs(x - state.last)
    if moved <= rounding:
        x, moved = state.last, 0.0
    same = moved <= 1e-9 * max(abs(x), abs(state.last))
    resolution = np.float64(state.resolution)
    first_move = not same and resolution == 0.0
    step = moved if not same and (resolution == 0.0 or moved < resolution) else resolution
    floor = 0.3 * step
    level = state.level
    error_unit = autoregression.scale(state.ar, step)
    expected = autoregression.forecast(state.ar, level)
    # The equations of a short stretch of a long cycle may have a solution that diverges.
    reach = autoregression.CLIP * error_unit
    expected = min(max(expected, state.least - reach), state.greatest + reach)
    age = hours.minute_of(time) - state.began
    days = age / hours.MINUTES_PER_DAY
    # A day shows what errors are like at all its values.
    slope = growth.slope_of(state.growth, seen, events) if days >= 1.0 else 0.0
    grown = growth.factor(state.growth, slope, expected)
    usual_error = max(grown * error_unit, floor)
    # A single outlier does not move the mean of many.
    inlier, bound = x, MEAN_CLIP * usual_error
    if events > 1 and seen > 10:
        inlier = expected + min(max(x - expected, -bound), bound)
    by_block = state.block.judged > 0
    whole = ends or not by_block
    block_mean = block.mean(state.block, inlier)
    y = block_mean if by_block else x
    known_for = (state.block.blocks if by_block else seen) - state.aged_at
    deviation = y - level
    wobble = max(np.float64(state.wobble), floor)
    foreseen = season.expected(state.season, time) if by_block or events == 1 else np.nan
    aged = state.aged_at > 0 and (known_for >= WARM_UP or not by_block)
    known = aged and not np.isnan(foreseen)
    usual = level + foreseen if known else level
    off = growth.distance(state.growth, slope, expected, x, error_unit, floor)
    error = off / error_unit if error_unit > 0.0 else 0.0
    length = events if by_block else 1
    spread = max(wobble, error_unit) if by_block else wobble
    varied = growth.factor(state.growth, slope, usual)
    local_wobble = max(wobble * varied, floor)
    hour = hours.part_of_day(state, time)
    share = hours.usual_share(state, hour, wobble)
    second_day = SECOND_DAY if 1.0 <= days < 2.0 and not by_block else 1.0
    first_week = age < FIRST_WEEK_DAYS * hours.MINUTES_PER_DAY
    new_day_off = season.is_day_off(time) and (
        first_week or season.is_new_day_off(state.season, time)
    )
    if new_day_off:
        share *= DAY_OFF
    # Runs are named by unweighted deviations: faults of earlier days lower the weight of hours.
    departure = y - usual
    outside = abs(departure) > tail.FIRST_LEVEL * local_wobble
    far = growth.distance(state.growth, slope, usual, y, wobble, floor)
    rest = share * far
    bound = MEAN_CLIP * wobble
    clipped = min(max(rest, -bound), bound) if seen > 10 else 0.0
    # A value that returns to its old level is not an anomaly.
    away = outside if not by_block else abs(departure + x - y) > tail.FIRST_LEVEL * spread * varied
    returns = state.outside >= run.SETTLED_EVENTS and not away
    fast = state.fast + (clipped - state.fast) / FAST_EVENTS
    slow = state.slow + (clipped - state.slow) / SLOW_EVENTS
    size = min(abs(error), levels.CLIP)
    burst = state.burst + (size - state.burst) / naming.BURST_EVENTS
    calm = state.calm + (size - state.calm) / naming.CALM_EVENTS
    hour_factor = hours.hour_factor(state, hour)

    distances = np.empty(TAILS)
    floors = np.zeros(TAILS)
    distances[SPIKE] = np.nan if after_gap or returns else abs(error) * hour_factor
    floors[SPIKE] = ERROR_FLOOR
    distances[LEVEL] = abs(deviation) if whole else np.nan
    floors[LEVEL] = floor
    season_unit = max(np.float64(state.season.error), 0.1 * error_unit)
    distances[SEASON] = np.nan
    seasonal = usual + season.CARRIED * state.season.carried
    if whole and known and season_unit > 0.0:
        off = growth.distance(state.growth, slope, seasonal, y, season_unit, floor)
        distances[SEASON] = abs(off) * share / season_unit
    floors[SEASON] = ERROR_FLOOR
    judged = aged and whole and not returns
    # A block rests if all of its values do.
    still = np.float64(state.still) ** length
    distances[SHIFT] = abs(fast) if judged else np.nan
    half_step = floor * share / varied
    floors[SHIFT] = max(half_step * still ** SPANS[SHIFT], wobble * FAST_FLOOR)
    distances[DRIFT] = abs(slow) if judged else np.nan
    floors[DRIFT] = max(half_step * still ** SPANS[DRIFT], wobble * SLOW_FLOOR)
    long_run = state.outside > naming.BURST_EVENTS
    # What comes back from a long run errs by as much as it had moved.
    varies = aged and not same and not (returns and long_run)
    burst_log = np.log(burst + naming.LEAST_ERROR) if varies else np.nan
    calm_log = np.log(calm + naming.LEAST_ERROR) if varies else np.nan
    distances[BURST] = gauge.distance(state.burst_gauge, burst_log, 1.0)
    distances[CALM] = gauge.distance(state.calm_gauge, calm_log, -1.0)
    floors[BURST] = 1.0
    floors[CALM] = 1.0

    p_values = np.ones(VALUE_EVIDENCE)
    if seen >= WARM_UP and not first_move:
        for e in range(TAILS):
            bounded = e == SHIFT and not new_day_off
            resting = still if LEVEL <= e <= DRIFT else np.float64(state.still)
            distance = distances[e] if e == SPIKE else second_day * distances[e]
            p_values[e] = tail.p_value(
                state.tails[e], distance, floors[e], resting, SPANS[e], bounded
            )
        if not aged:
            p_values[LEVEL] = 1.0
        for e in (SHIFT, DRIFT):
            # The mean is still far, but the value is back.
            if abs(rest) <= tail.first_level(state.tails[e], floors[e]):
                p_values[e] = 1.0
    if same and seen >= WARM_UP:
        p_values[STUCK] = stuck.p_value(state.stuck, seen)
    p_values[RESET] = reset_p
    _judge(p_values, length, out)
    out[8] = out[0]
    rarities = p_values
    if due or out[0] < RARE:
        rarities = p_values.copy()
        for e in range(TAILS):
            gauged = e in (BURST, CALM)
            usual = tail.usual_p_value(state.tails[e], distances[e], floors[e], due, gauged)
            p_values[e] = max(p_values[e], usual)
        _judge(p_values, length, out)
    chosen = int(out[1])
    spike_level = tail.first_level(state.tails[SPIKE], ERROR_FLOOR)
    sudden = distances[SPIKE] > SUDDEN * spike_level
    ended, sudden_ago = False, state.sudden_ago
    noisy = naming.was_noisy(state, floors)
    if learns:
        run.note_error(state, sudden)
    if learns and whole:
        jump = abs(departure - state.fast * varied)
        comes = sudden or (by_block and jump > SUDDEN * tail.FIRST_LEVEL * local_wobble)
        ended = run.note_run(
            state, outside, comes, noisy, departure, foreseen if known else 0.0, local_wobble
        )
    predictable = 1.0 - (error_unit / wobble) ** 2 if wobble > 0.0 else 0.0
    again = sudden_ago <= naming.RECENT_SUDDEN
    part = naming.ONE_SIDED if state.sudden else 1.0
    one_sided = abs(fast) > part * burst * spread
    out[4] = naming.kind_of(
        state, chosen, abs(x - level), floors, predictable, sudden, noisy, again, one_sided
    )
    of_block = by_block and LEVEL <= chosen <= DRIFT
    if of_block and out[4] != SEASON:
        # The mean of many values is neither a spike nor noise.
        out[4] = naming.moved(state)
    named = int(out[4])
    out[9] = naming.amount(state, named, burst_log, calm_log)
    center, width = level, tail.first_level(state.tails[LEVEL], floor)
    if chosen == SEASON:
        center = seasonal
        width = tail.first_level(state.tails[SEASON], ERROR_FLOOR) * season_unit / share
        width = growth.reach(state.growth, slope, center, x, width, season_unit, floor)
    elif chosen != LEVEL:
        center = expected
        width = spike_level * error_unit / hour_factor
        width = growth.reach(state.growth, slope, center, x, width, error_unit, floor)
    if chosen != SEASON and named in (SHIFT, DRIFT, SEASON):
        mean = DRIFT if named == DRIFT else SHIFT
        mean_width = tail.first_level(state.tails[mean], floors[mean]) / share
        mean_width = growth.reach(state.growth, slope, usual, x, mean_width, wobble, floor)
        # If the value lies within this range, that of the evidence that fired stays.
        if chosen not in (SPIKE, LEVEL) or abs(x - usual) > mean_width:
            center, width = usual, mean_width
    if of_block and not state.counter.is_counter:
        out[9] = y + state.origin
    elif by_block and chosen != SPIKE:
        # Single values are farther from it than the means of blocks.
        width = max(width, spike_level * usual_error)
    out[2], out[3] = center + state.origin, width
    unit = max(np.float64(state.tails[LEVEL].mean), floor)
    out[10] = deviation / unit if unit > 0.0 else 0.0
    if by_block:
        unit = max(unit, error_unit)
    out[6] = (x - level) / unit if unit > 0.0 else 0.0
    out[7] = error
    if not learns:
        return
    clock = hours.hour_number(time)
    for e in range(TAILS):
        half = 0.0
        if e == LEVEL:
            half = 0.5 * step
        elif e == SPIKE and error_unit > 0.0:
            half = 0.5 * step / usual_error
        elif e == SEASON and season_unit > 0.0:
            half = 0.5 * step / season_unit
        bounded = e == SHIFT
        tail.learn(
            state.tails[e],
            distances[e],
            rarities[e],
            floors[e],
            half,
            clock,
            SPANS[e],
            bounded,
            1 if LEVEL <= e <= DRIFT else events,
        )
    strange = aged and run.goes_on(state)
    if not after_gap:
        # Deviations of a part of the day count only once the season is known.
        hours.note_hour(state, hour, abs(error))
        if whole:
            hours.note_rest(state, abs(far) if known else 0.0)
    rate = newest_weight(seen + 1.0, MEAN_EVENTS)
    if varies:
        gauge.learn(state.burst_gauge, burst_log)
    if tail.teaches(state.tails[CALM], rarities[CALM]):
        gauge.learn(state.calm_gauge, calm_log)
    state.still += rate * ((1.0 if same else 0.0) - state.still)
    state.burst, state.calm = burst, calm
    stuck.learn(state.stuck, same, p_values[STUCK], seen, time)
    if not same or seen == 0:
        _note_place(state, x)
    # The first days off may differ from other days: the season learns how, and the level stays,
    # unless it has shifted before.
    stays = aged and new_day_off and state.shifted == 0
    forecasts = seen - 2 * len(state.ar.weights)
    if forecasts >= 0 and not strange and not same:
        unit = error_unit * max(grown, 1.0)
        growth.learn(state.growth, expected, abs(x - expected), unit, forecasts, events)
    autoregression.learn(state.ar, x, expected, level, seen, step, grown, not strange)
    if whole:
        state.fast, state.slow = fast, slow
        state.wobble = _moved_mean(state.wobble, abs(rest), known_for)
        seen_means = state.block.blocks if by_block else seen
        levels.learn(state, deviation, foreseen, seen_means, step, strange, stays)
    if ends:
        # The level of a day is known only at its end.
        of_day = block_mean - level if by_block or (aged and events == 1) else block_mean
        most = np.inf
        if not new_day_off:
            # A run that is not the normal state teaches no season.
            most = wobble * varied / share if strange else season.reach(state.season, error_unit)
        season.learn(state.season, of_day, foreseen, time, error_unit, most)
    _learn(state, x, step)
    if ended:
        # The means still contain the run.
        state.fast, state.slow = 0.0, 0.0
        if long_run:
            _forget_run(state, deviation, predictable)
    if aged and whole and not stays:
        levels.settle(state, foreseen if known else 0.0)
    block.learn(state.block, inlier, ends)
    levels.come_of_age(state, time, events)


@kernel_part
def _judge(p_values: Floats, events: int, out: Floats) -> None:
    best, chosen, total = 1.0, SPIKE, 0.0
    for e in range(VALUE_EVIDENCE):
        p = p_values[e]
        if LEVEL <= e <= DRIFT and p < 1.0:
            # One event of a block has this evidence.
            p /= events
        if p < 0.1:
            total -= np.log10(p)
        if p / WEIGHTS[e] < best:
            best, chosen = p / WEIGHTS[e], e
    out[0], out[1], out[5] = best, chosen, total


@kernel_part
def _moved_mean(mean: float, size: float, seen: int) -> float:
    before = np.float64(mean)
    if seen > 10:
        size = min(size, levels.CLIP * before) if before > 0.0 else size
    return before + (size - before) * newest_weight(seen + 1.0, MEAN_EVENTS)


@kernel_part
def _learn(state: Any, x: float, step: float) -> None:
    if step > 0.0:
        state.resolution = step * RESOLUTION_FADES
    state.last = x
    if state.seen == 0:
        state.least, state.greatest = x, x
    state.least = min(state.least, np.float32(x))
    state.greatest = max(state.greatest, np.float32(x))
    state.seen = min(state.seen + 1, 2**31)


@kernel_part
def _note_place(state: Any, x: float) -> None:
    """Note whether a value is the least or the greatest so far; 0 inside counts as the least."""
    stored = np.float32(x)
    if stored <= state.least:
        stuck.note_place(state.stuck, stuck.LEAST, stored < state.least)
    elif stored >= state.greatest:
        stuck.note_place(state.stuck, stuck.GREATEST, stored > state.greatest)
    else:
        at_zero = x == 0.0 - state.origin
        stuck.note_place(state.stuck, stuck.LEAST if at_zero else stuck.INSIDE, False)


@kernel_part
def _forget_run(state: Any, deviation: float, predictable: float) -> None:
    """Forget the way back from a long run, and forecast from where the value is now."""
    state.burst = max(exp(np.float64(state.burst_gauge.center)) - naming.LEAST_ERROR, 0.0)
    if predictable <= naming.PREDICTABLE:
        autoregression.restart(state.ar, deviation)
