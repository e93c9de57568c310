"""Entity: the evidence on an event with one or several values, and its p-value."""

from __future__ import annotations

from math import exp, log, log10, sqrt
from typing import Any, NamedTuple

import numpy as np

from engine.domain.batch import Bools, Floats, Int64s
from operators.detectors.auto import (
    autoregression,
    block,
    correlation,
    counter,
    deviation,
    distances,
    evidence,
    expected_range,
    forecast,
    gauge,
    growth,
    hours,
    learning,
    level,
    means,
    naming,
    neighbours,
    ranking,
    rarity,
    run,
    schedule,
    season,
    shape,
    story,
    stuck,
    value,
)
from operators.detectors.auto.evidence import (
    CADENCE,
    CADENCE_WEIGHT,
    CORRELATION,
    CORRELATION_WEIGHT,
    WHOLE,
    WHOLE_WEIGHT,
)
from operators.kernels import moving_mean, steady, tail
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight
from operators.kernels.record_bank import kernel

GAP_TIMES = 20.0
"""Length of a silence, in usual gaps, after which the short history starts afresh."""
GAP_EVENTS = 64.0
ZMAX = 4.0
CADENCE_KNOWN, CADENCE_EVENTS, USUAL_GAP_EVENTS = 100, 12.0, 256.0
"""Events before the pace is judged, and the memories of its recent and its usual mean in events."""
CADENCE_CLIP = 2.0
"""Largest deviation of a log gap in both: their tail is that of a mean of bounded values."""
CADENCE_FLOOR = 0.03
"""Lower bound of the mean deviation of log gaps."""
RELATION_SPAN, CADENCE_SPAN = 2 * correlation.RECENT_EVENTS, 2 * CADENCE_EVENTS
"""Spans of the two means."""
LAYOUT = 11
"""Version of the layout of the record."""
OUTPUTS = 11
PACE_TAIL, NEAR_TAIL, RELATION_TAIL = range(3)
"""Tails of an event; with one value, only the first is used."""


class Sizes(NamedTuple):
    """The sizes of an entity's record.

    Attributes:
        lags: the lags of the autoregression.
        buckets: the buckets of the season, see `season.fields`.
        hours: the number of parts of the day with their own usual errors.
        sample: the size of the sample of earlier events; of courses with one value.
    """

    lags: int
    buckets: int
    hours: int
    sample: int


def sizes(d: int) -> Sizes:
    """Return the usual sizes for d values."""
    if d == 1:
        return Sizes(54, 168, 24, 48)
    return Sizes(32, 72, 24, 48) if d <= 3 else Sizes(16, 48, 12, 40)


def small_sizes() -> Sizes:
    """Return sizes for millions of entities."""
    return Sizes(16, 48, 12, 16)


def record(d: int, given: Sizes) -> np.dtype[np.void]:
    """Return the record of an entity with d values."""
    return np.dtype(
        [
            ("seen", "<u4"),
            ("newest", "<i8"),
            ("block", "<u2"),
            ("place", "<u2"),
            ("joint", "u1"),
            ("related", "<u4"),
            ("gap", "<f4"),
            ("usual_log_gap", "<f4"),
            ("cadence", "<f4"),
            ("gauges", gauge.RECORD, (2,)),
            ("neighbours", np.dtype(neighbours.fields(d, given.sample if d > 1 else 1))),
            ("correlation", np.dtype(correlation.fields(d))),
            ("tails", tail.RECORD, (3 if d > 1 else 1,)),
            ("ranking", ranking.RECORD),
            ("schedule", np.dtype(schedule.FIELDS)),
            ("story", np.dtype(story.fields(len(evidence.KINDS)))),
            ("shape", np.dtype(shape.fields(given.sample if d == 1 else 0))),
            ("values", value.record(given.lags, given.buckets, given.hours), (d,)),
        ]
    )


@kernel_part
def gaps_before(state: Any, time: int) -> float:
    """Return the time since the event before, in usual gaps; 1 while they are unknown.

    If all events before came at one moment, a later one comes after a gap without end, and another
    one at that moment after NaN.
    """
    return (time - state.newest) / np.float64(state.gap) if state.seen > 10 else 1.0


@kernel_part
def note_time(state: Any, time: int) -> None:
    """Update the usual gap between events; a long gap is clipped, one back in time is ignored."""
    if state.seen > 0:
        if time < state.newest:
            return
        apart = np.float64(time - state.newest)
        gap = np.float64(state.gap)
        if state.seen > 10:
            apart = min(apart, 4.0 * gap)
        state.gap = gap + (apart - gap) * newest_weight(state.seen, GAP_EVENTS)
        state.newest = time
    else:
        state.newest = time


@kernel_part
def _off_pace(state: Any, time: int) -> float:
    """Return the log of the gap before this event, less its usual mean: at first this one."""
    log_gap = log(max(np.float64(time - state.newest), 1.0))
    if state.usual_log_gap == 0.0:
        state.usual_log_gap = log_gap
    return min(max(log_gap - state.usual_log_gap, -CADENCE_CLIP), CADENCE_CLIP)


@kernel_part
def _forget_relations(state: Any) -> None:
    """Forget how values depend on each other: by single values, or by means of blocks."""
    correlation.forget(state.correlation)
    tail.forget(state.tails[RELATION_TAIL])
    gauge.forget(state.gauges[1])
    state.related = 0


def _drive(  # pragma: no cover - runs compiled
    records: Any,
    slots: Any,
    values: Floats,
    learns: Bools,
    times: Int64s,
    clocks: Int64s,
    scores: Floats,
    p_values: Floats,
    beginnings: Floats,
    kinds: Any,
    blames: Floats,
    centers: Floats,
    widths: Floats,
    amounts: Floats,
) -> None:
    d = values.shape[1]
    out = np.zeros((d, OUTPUTS))
    z, squares = np.zeros(d), np.zeros(d)
    vector = np.zeros(d, np.float32)
    course = np.zeros(shape.BLOCKS, np.float32)
    timed = len(times) > 0
    joint_weight = CADENCE_WEIGHT + (WHOLE_WEIGHT + CORRELATION_WEIGHT if d > 1 else 0.0)
    for i in range(len(slots)):
        state = records[slots[i]]
        time = times[i] if timed else 0
        gaps = gaps_before(state, time) if timed else 1.0
        after_gap = gaps > GAP_TIMES
        shown = clocks[i] if timed else 0
        clock = hours.hour_number(shown)
        tick = schedule.tick_of(shown)
        due = schedule.is_due(state.schedule, tick)
        present, best, kind, rarest, amount = 0, 1.0, 0, 1.0, np.nan
        events = max(int(state.block), 1)
        ends, joint = block.ends(state.place, events), events > 1
        total, errors, far_log = 0.0, 0.0, np.nan
        for j in range(d):
            if np.isnan(values[i, j]):
                out[j] = 0.0
                out[j, 0] = 1.0
                out[j, 8] = 1.0
                out[j, 2] = np.nan
                out[j, 3] = np.nan
                z[j] = 0.0
                continue
            own = state.values[j]
            joint = joint and own.block.judged > 0
            value.observe(
                own, values[i, j], shown, learns[i], after_gap, gaps, due, events, ends, out[j]
            )
            present += 1
            total += out[j, 5]
            errors += out[j, 7] * out[j, 7]
            rarest = min(rarest, out[j, 8] * d / (1.0 - joint_weight))
            p = out[j, 0] * d / (1.0 - joint_weight)
            if p < best:
                best, kind, amount = p, int(out[j, 4]), out[j, 9]
            z[j] = min(max(out[j, 10], -ZMAX), ZMAX)
        for j in range(d):
            centers[i, j], widths[i, j] = out[j, 2], out[j, 3]
        blames[i] = 0.0
        if d > 1:
            square, bounded, still = 0.0, 0.0, 0.0
            for j in range(d):
                level_off = min(out[j, 6] * out[j, 6], 400.0)
                error_off = min(out[j, 7] * out[j, 7], 400.0)
                square += level_off
                bounded += error_off
                still += (level_off + error_off) * state.values[j].still
                vector[j] = min(max(out[j, 6], -20.0), 20.0)
            root = sqrt((square + bounded) / (2.0 * d))
            # Values that rest show less of their spread, each by its part in the distance.
            still /= max(square + bounded, 1e-9)
            apart = neighbours.distance(state.neighbours, vector, state.seen)
            near_log = log(max(apart * root, 1e-12)) if apart == apart else np.nan
            far_log = near_log
            if learns[i] and joint != (state.joint > 0):
                _forget_relations(state)
                state.joint = joint
            largest, relation_log = np.nan, np.nan
            if ends or not joint:
                related = state.related
                largest = correlation.residuals(state.correlation, z, present, related, squares)
                relation_log = log(max(largest, 1e-12))
            near = gauge.distance(state.gauges[0], near_log, 1.0)
            relation = gauge.distance(state.gauges[1], relation_log, 1.0)
            whole_p, relation_p, whole_raw, relation_raw = 1.0, 1.0, 1.0, 1.0
            if state.seen >= deviation.WARM_UP:
                whole_p = tail.p_value(state.tails[NEAR_TAIL], near, 1.0, still, 1.0)
                relation_p = tail.p_value(
                    state.tails[RELATION_TAIL], relation, 1.0, 0.0, RELATION_SPAN
                )
                whole_raw, relation_raw = whole_p, relation_p
                if joint and relation_p < 1.0:
                    # One event of a block has this evidence.
                    relation_p /= events
                rarest = min(rarest, whole_p / WHOLE_WEIGHT, relation_p / CORRELATION_WEIGHT)
                usual = tail.usual_p_value(state.tails[NEAR_TAIL], near, 1.0, due, True)
                whole_p = max(whole_p, usual)
                usual = tail.usual_p_value(state.tails[RELATION_TAIL], relation, 1.0, due, True)
                relation_p = max(relation_p, usual / events if joint else usual)
                if whole_p < 0.1:
                    total -= d * log10(whole_p)
                if whole_p / WHOLE_WEIGHT < best:
                    best, kind, amount = whole_p / WHOLE_WEIGHT, WHOLE, np.nan
                if relation_p < 0.1:
                    total -= d * log10(relation_p)
                if relation_p / CORRELATION_WEIGHT < best:
                    best, kind, amount = relation_p / CORRELATION_WEIGHT, CORRELATION, np.nan
            if learns[i]:
                own_tail = state.tails[NEAR_TAIL]
                tail.learn(own_tail, near, whole_raw, 1.0, 0.0, clock, 1.0, False, events)
                tail.learn(
                    state.tails[RELATION_TAIL],
                    relation,
                    relation_raw,
                    1.0,
                    0.0,
                    clock,
                    RELATION_SPAN,
                )
                gauge.learn(state.gauges[0], near_log)
                if tail.teaches(state.tails[RELATION_TAIL], relation_raw):
                    gauge.learn(state.gauges[1], relation_log)
                neighbours.learn(state.neighbours, vector, state.seen)
                if ends or not joint:
                    correlation.learn(state.correlation, z, state.related, squares)
                    state.related = min(state.related + (1 if present > 0 else 0), 2**31)
        elif present > 0:
            if after_gap and learns[i]:
                shape.restart(state.shape)
            if shape.is_due(state.shape):
                shape.course(state.shape, out[0, 6], course)
                far_log = shape.distance_log(state.shape, course)
            if learns[i]:
                shape.learn(state.shape, out[0, 6], course)
        # An event that comes out of order says nothing of the pace, nor one that is not learned:
        # those before it are not known then.
        in_order = timed and learns[i] and time >= state.newest
        if in_order and state.seen > 0 and not after_gap:
            off = _off_pace(state, time)
            pace = state.cadence + (off - state.cadence) / CADENCE_EVENTS
            state.cadence = pace
            pace_tail, pace_p = state.tails[PACE_TAIL], 1.0
            if state.seen > CADENCE_KNOWN:
                away = abs(pace)
                pace_p = tail.p_value(pace_tail, away, CADENCE_FLOOR, 0.0, CADENCE_SPAN, True)
                rarest = min(rarest, pace_p / CADENCE_WEIGHT)
                usual = tail.usual_p_value(pace_tail, away, CADENCE_FLOOR, due)
                shown_p = max(pace_p, usual)
                if shown_p / CADENCE_WEIGHT < best:
                    best, kind, amount = shown_p / CADENCE_WEIGHT, CADENCE, exp(pace)
                tail.learn(pace_tail, away, pace_p, CADENCE_FLOOR, 0.0, clock, CADENCE_SPAN, True)
            if tail.teaches(pace_tail, pace_p, CADENCE_KNOWN):
                state.usual_log_gap += off * newest_weight(state.seen, USUAL_GAP_EVENTS)
            if state.seen % block.KNOWN_EVENTS == 0:
                known = state.block > 0
                length = block.length(events, np.float64(state.usual_log_gap), known)
                if length != events:
                    for j in range(d):
                        level.begin_blocks(state.values[j])
                state.block = length
        if kind == CORRELATION:
            for j in range(d):
                blames[i, j] = squares[j] * squares[j]
            blamed = int(np.argmax(blames[i]))
            if joint and abs(out[blamed, 10]) > tail.FIRST_LEVEL:
                # What is far from its own level has moved, whatever the others do.
                kind = naming.moved(state.values[blamed])
        elif kind == WHOLE:
            most, summed = 0, 0.0
            for j in range(d):
                blames[i, j] = out[j, 6] * out[j, 6] + out[j, 7] * out[j, 7]
                summed += blames[i, j]
                if blames[i, j] > blames[i, most]:
                    most = j
            outside = abs(values[i, most] - out[most, 2]) > out[most, 3]
            if outside and blames[i, most] > 0.5 * summed:
                kind = naming.level_kind(state.values[most])
        else:
            for j in range(d):
                blames[i, j] = max(-log10(max(out[j, 0], 1e-300)), 0.0) ** 2
        warm = present > 0 and state.seen >= deviation.WARM_UP
        scores[i] = np.nan
        if present > 0:
            ranked = ranking.score(
                state.ranking, total / d, errors / present, far_log, d == 1, learns[i]
            )
            scores[i] = ranked if warm else np.nan
        p_values[i], beginnings[i] = np.nan, np.nan
        if warm:
            p_values[i] = max(min(best, 1.0), 1e-300)
            beginnings[i] = story.begins(state.story, p_values[i], kind, learns[i], ends)
        kinds[i], amounts[i] = kind, amount
        if learns[i]:
            if warm:
                # That of the rarest event of a minute.
                schedule.note(state.schedule, rarest * events, tick)
            if timed:
                note_time(state, time)
            if present > 0:
                state.seen = min(state.seen + 1, 2**31)
                state.place = 0 if ends else state.place + 1


drive = kernel(
    _drive,
    (
        autoregression,
        block,
        correlation,
        counter,
        deviation,
        distances,
        evidence,
        expected_range,
        forecast,
        gauge,
        growth,
        hours,
        learning,
        level,
        means,
        moving_mean,
        naming,
        neighbours,
        ranking,
        rarity,
        run,
        schedule,
        season,
        shape,
        story,
        steady,
        stuck,
        tail,
        value,
    ),
)
