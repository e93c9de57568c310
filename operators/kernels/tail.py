"""Tail: how rare a distance from normal is, extrapolated beyond what was seen.

The bulk of the distances gives a unit; levels are at fixed multiples of it. Beyond a level the
distances of a normal entity are taken to fall like a Pareto tail, which errs on the safe side for
lighter ones (B. M. Hill, Annals of Statistics 3, 1975). Its exponent is estimated from k clusters
of exceedances with the sum S of their log-excesses y, so the p-value is the predictive probability
share * (1 + y / S) ** -k: exact for Pareto excesses whatever k is, and therefore conservative while
little is known.

Neighbouring events exceed a level together: a run of exceedances counts once, by its largest.
A log-excess counts as at most `CENSORED` mean ones (type I censoring, which leaves the estimate
unbiased), so an anomaly that repeats does not become normal by being far out. As many clusters as
noise itself has beyond `ALIEN_P` count in the same way; more of them are anomalies and do not. Such
clusters near to each other are one episode, and count once.

A mean of values that are clipped has a lighter tail: that of a sum of bounded values falls at
least as fast as an exponential one (S. N. Bernstein, 1924). For a `bounded` distance x the excess
over a level u is therefore x / u - 1 in place of log(x / u), and all else as above.

Of a moving mean of n events only each 2 n-th, its span, is independent: the share beyond the
first level and the mean distance are as uncertain as those of that many independent distances.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import numpy as np

from operators.kernels import steady
from operators.kernels.kernel_part import kernel_part
from operators.kernels.moving_mean import newest_weight
from operators.kernels.steady import HOURS_KEPT

LEVELS = 3
FIRST_LEVEL = 3.2
"""First level, in mean distances: 2.55 standard deviations of normal noise; one in 100 passes."""
LEVEL_RATIO = 2.0
"""Each level as a multiple of the one below: heavy tails are judged by what is far out."""
ENOUGH_CLUSTERS = 20.0
"""Clusters beyond a level from which on its tail is used in place of the one below."""
PRIOR_CLUSTERS = 4.0
MEAN_PRIOR_CLUSTERS = 15.0
"""Clusters with the mean excess `PRIOR_EXCESS`, which is that of normal noise, that the tail of a
value, and of a mean of many values that is not bounded, is taken to have shown before the first
event."""
PRIOR_EXCESS = 0.15
USUAL_SHARE = 0.01
"""Share of normal noise beyond the first level, that a span is taken to have shown."""
LIGHT = 2.0
"""Mean log-excess, in prior ones, up to which chance explains that a tail is not that of noise."""
STILL_EXCESS = 0.85
"""What is added to it where all values rest: they have shown less of their spread."""
ALIEN_P, ALIEN_KNOWN_EVENTS = 1e-4, 200
"""Rarity beyond which a cluster is not learned, and the events after which that applies."""
NEW_NORMAL_EVENTS = 400
"""Exceedances in a row after which they are the normal state, and are learned."""
ALIENS, ALIEN_SHARE = 5.0, 0.003
"""Episodes that are not learned, and how many more of them for each event, or minute of events;
beyond, they are, and at once where one begins at the hour of the day of an earlier day's: it is
scheduled."""
ALIEN_PARTS = 256
"""Parts of an episode that are counted, as old ones are halved."""
EPISODE_EVENTS = 64
"""Clusters with fewer events between them than this are of one episode."""
SCHEDULE_HOURS = 20, 8 * 24
"""Hours between the episodes of a schedule."""
NORMAL_SCHEDULE = 2
"""Episodes in a row that kept to a schedule, from which on they are normal, however far out: their
log-excesses are no longer censored."""
LEARNED_P = 1e-3
"""A distance rarer than this does not count in the mean."""
CENSORED = 3.0
MOST_EXCESS = 1.0
"""Greatest mean log-excess: that of a tail without a mean."""
CLIP = 3.0
"""Largest distance that enters the mean, in means."""
MEMORY_EVENTS, MEMORY_SPANS = 1_000.0, 32.0
"""Events, and spans, that the mean distance rests on at least."""
HALVED_EVENTS, MOST_HALVED_EVENTS = 8_000, 32_000
"""Events after which all counts are halved, as normal behaviour changes; where there are several in
a minute, as many minutes, but at most the second number of events."""
FORGOTTEN_EVENTS = 30
"""Events that a mean counts as, once all else is forgotten."""
LEAST_P = 1e-300
ABOVE_PARTS, MOST_ABOVE = 4, 65_535
"""Parts of an event that are counted, as counts are halved, and the most of them."""

RECORD = np.dtype(
    [
        ("mean", "<f4"),
        ("events", "<u2"),
        ("above", "<u2", (LEVELS,)),
        ("clusters", "<f4", (LEVELS,)),
        ("excess", "<f4", (LEVELS,)),
        ("pending", "<u2", (LEVELS,)),
        ("peak", "<f4"),
        ("aliens", "<u2"),
        ("alien_hour", "<u2"),
        ("episode", "<u2"),
        ("alien", "u1"),
        ("alien_peak", "u1"),
        ("quiet", "u1"),
        ("scheduled", "u1"),
        ("steady", steady.RECORD),
    ]
)


@kernel_part
def first_level(tail: Any, floor: float) -> float:
    """Return the distance that is far: the first level, where the mean is at least `floor`."""
    return max(np.float64(tail.mean), floor) * FIRST_LEVEL


@kernel_part
def p_value(
    tail: Any, distance: float, floor: float, still: float, span: float, bounded: bool = False
) -> float:
    """Return the share of normal events at least so far out; 1 before the first and for NaN.

    Args:
        tail: the record.
        distance: 0 or more.
        floor: the least mean distance to believe in.
        still: share of the values that are equal to the one before.
        span: events between independent distances: 1, or 2 n of a mean of n events.
        bounded: whether the distance is a mean of bounded values, with an exponential tail.
    """
    level = first_level(tail, floor)
    if not distance > level or tail.events == 0 or level <= 0.0:
        return 1.0
    chosen, higher = 0, level
    for k in range(1, LEVELS):
        higher *= LEVEL_RATIO
        if tail.clusters[k] < ENOUGH_CLUSTERS or distance <= higher:
            break
        chosen, level = k, higher
    more = span - 1.0
    share = (tail.above[chosen] / ABOVE_PARTS + 0.5 + USUAL_SHARE * more) / (tail.events + span)
    seen = np.float64(tail.clusters[chosen])
    prior = PRIOR_CLUSTERS if span == 1.0 or bounded else MEAN_PRIOR_CLUSTERS
    clusters = seen + prior
    # The mean distance is as certain as that of this number of independent ones.
    level *= 1.0 + sqrt(more / (2.0 * tail.events))
    if distance <= level:
        return min(share, 1.0)
    excess = tail.excess[chosen] + prior * (PRIOR_EXCESS + STILL_EXCESS * still)
    if seen > 0.0:
        # What is taken for granted does not make a tail lighter than it shows itself.
        excess = max(excess, tail.excess[chosen] * clusters / seen)
    # Many excesses that are censored would be a tail without a mean, in which nothing is far.
    excess = min(excess, MOST_EXCESS * clusters)
    return max(share * (1.0 + _excess(distance / level, bounded) / excess) ** -clusters, LEAST_P)


@kernel_part
def _excess(ratio: float, bounded: bool) -> float:
    """Return the excess over a level of a distance that is `ratio` levels."""
    return ratio - 1.0 if bounded else log(ratio)


@kernel_part
def learn(
    tail: Any,
    distance: float,
    p: float,
    floor: float,
    half_step: float,
    hour: int,
    span: float,
    bounded: bool = False,
    a_minute: int = 1,
) -> None:
    """Count a distance; NaN says nothing.

    Args:
        tail: the record.
        distance: 0 or more.
        p: its p-value.
        floor: the least mean distance to believe in.
        half_step: half the step between neighbouring distances, 0 if they are continuous.
        hour: number of the hour, from 1; 0 if time is not known.
        span: as of `p_value`.
        bounded: as of `p_value`.
        a_minute: events in a minute; 1 where there are fewer.
    """
    if not distance >= 0.0:
        return
    halved = min(HALVED_EVENTS * a_minute, MOST_HALVED_EVENTS)
    if tail.events >= 2 * halved:
        _halve(tail, halved)
    tail.events += 1
    if tail.episode > 0:
        _continue_episode(tail)
    mean = np.float64(tail.mean)
    unit = first_level(tail, floor)
    if distance > unit and unit > 0.0:
        _continue_cluster(tail, distance, p, unit)
    elif tail.pending[0] > 0:
        _close_cluster(tail, unit, half_step, hour, bounded, a_minute)
    if not teaches(tail, p, ALIEN_KNOWN_EVENTS):
        return
    if mean > 0.0:
        distance = min(distance, CLIP * mean)
    memory = max(MEMORY_EVENTS, MEMORY_SPANS * span)
    tail.mean = mean + (distance - mean) * newest_weight(tail.events, memory)


@kernel_part
def teaches(tail: Any, p: float, enough: float = MEMORY_EVENTS) -> bool:
    """Return whether what has this p-value says what is usual: not rare, or so for long.

    Args:
        tail: the record.
        p: the p-value.
        enough: events that what is usual has to rest on before anything is rare.
    """
    known = tail.events > enough and tail.pending[0] < NEW_NORMAL_EVENTS
    return not (known and p < LEARNED_P)


@kernel_part
def _continue_cluster(tail: Any, distance: float, p: float, unit: float) -> None:
    if tail.pending[0] == 0:
        tail.alien = 0
        tail.peak = 0.0
    level = unit
    for k in range(LEVELS):
        if distance <= level:
            break
        if tail.pending[k] >= NEW_NORMAL_EVENTS:
            tail.above[k] = min(tail.above[k] + ABOVE_PARTS, MOST_ABOVE)
        else:
            tail.pending[k] += 1
        level *= LEVEL_RATIO
    tail.peak = max(tail.peak, np.float32(distance))
    tail.alien = max(tail.alien, np.uint8(p < ALIEN_P))


@kernel_part
def forget(tail: Any) -> None:
    """Start afresh."""
    tail.mean = 0.0
    tail.events = 0
    forget_counts(tail)


@kernel_part
def forget_counts(tail: Any) -> None:
    """Forget how distances exceeded the levels, and keep their mean."""
    tail.events = min(tail.events, FORGOTTEN_EVENTS)
    tail.above[:] = 0
    tail.clusters[:] = 0.0
    tail.excess[:] = 0.0
    tail.pending[:] = 0
    tail.peak = 0.0
    tail.alien = 0
    tail.alien_peak = 0
    tail.aliens = 0
    tail.alien_hour = 0
    tail.episode = 0
    tail.quiet = 0
    tail.scheduled = 0
    steady.forget(tail.steady)


@kernel_part
def is_light(tail: Any) -> bool:
    """Return whether something exceeded the first level, and was as near to it as noise is."""
    return 0.0 < tail.excess[0] <= LIGHT * PRIOR_EXCESS * tail.clusters[0]


@kernel_part
def _continue_episode(tail: Any) -> None:
    """Count an event since an episode began, and end one that is over."""
    tail.episode = min(tail.episode + 1, 65_535)
    tail.quiet += 1 if tail.pending[0] == 0 else 0
    if tail.quiet > EPISODE_EVENTS:
        tail.episode = 0


@kernel_part
def _close_cluster(
    tail: Any, unit: float, half_step: float, hour: int, bounded: bool, a_minute: int
) -> None:
    alien = tail.alien > 0 and tail.events > ALIEN_KNOWN_EVENTS
    within = tail.episode > 0
    if alien:
        _note_peak(tail, unit)
    lasts = max(tail.pending[0], tail.episode) >= NEW_NORMAL_EVENTS
    if alien and not lasts:
        tail.quiet = 0
        shown = hour % HOURS_KEPT + 1 if hour > 0 else 0
        steady.note(
            tail.steady, tail.peak / unit, _length(tail), not within, shown, tail.alien_hour
        )
        if not within:
            _begin_episode(tail, shown)
        aliens = tail.aliens / ALIEN_PARTS
        if not tail.scheduled and aliens <= ALIENS + ALIEN_SHARE * tail.events / a_minute:
            if not within and aliens <= 1.0 + 2.0 * ALIEN_P * tail.events:
                _count_censored(tail)
            tail.pending[:] = 0
            return
    level = unit
    for k in range(LEVELS):
        if tail.pending[k] == 0:
            break
        tail.above[k] = min(tail.above[k] + ABOVE_PARTS * tail.pending[k], MOST_ABOVE)
        tail.pending[k] = 0
        mean = _mean_excess(tail, k)
        # A peak stands for its cell beyond the level: no Pareto law has a mean log-excess in it
        # that is larger than that of its middle.
        middle = 0.5 * (max(tail.peak - half_step, level) + tail.peak + half_step)
        excess = max(_excess(middle / level, bounded), 0.0)
        if excess < CENSORED * mean or (alien and tail.scheduled >= NORMAL_SCHEDULE):
            tail.clusters[k] += np.float32(1.0)
            tail.excess[k] += np.float32(excess)
        else:
            tail.excess[k] += np.float32(CENSORED * mean)
        level *= LEVEL_RATIO


@kernel_part
def _note_peak(tail: Any, unit: float) -> None:
    """Note how far out an episode was; what it was long ago fades."""
    faded = max(np.int64(tail.alien_peak) - 1, 0)
    tail.alien_peak = max(np.int64(steady.parts(tail.peak / unit)), faded)


@kernel_part
def usual_p_value(
    tail: Any, distance: float, floor: float, due: bool, gauged: bool = False
) -> float:
    """Return the p-value that earlier episodes show at least; 0 if they show none.

    Args:
        tail: the record.
        distance: 0 or more.
        floor: the least mean distance to believe in.
        due: whether an episode is expected now; one no farther out than before is usual then, or
            by a quarter.
        gauged: whether the distance is that of a `gauge`, whose logarithm is a deviation.
    """
    if not distance > 0.0:
        return 0.0
    ratio = distance / first_level(tail, floor)
    slack = max(tail.alien_peak / 4.0, 1.0) if gauged else 1.0
    if due and steady.PARTS * log(ratio) <= tail.alien_peak + slack:
        return 1.0
    if steady.is_usual(tail.steady, ratio, _length(tail) + 1):
        return tail.aliens / ALIEN_PARTS / tail.events
    return 0.0


@kernel_part
def _length(tail: Any) -> int:
    """Return the events of the present episode so far."""
    return max(tail.episode, tail.pending[0]) + 0


@kernel_part
def _count_censored(tail: Any) -> None:
    """Count a cluster as noise itself has them: by no more than `CENSORED` mean excesses."""
    for k in range(LEVELS):
        if tail.pending[k] == 0:
            break
        tail.excess[k] += np.float32(CENSORED * _mean_excess(tail, k))


@kernel_part
def _begin_episode(tail: Any, shown: int) -> None:
    """Note when an episode begins, and whether one of an earlier day began at that hour."""
    tail.episode = 1
    tail.aliens = min(tail.aliens + ALIEN_PARTS, 65_535)
    shortest, longest = SCHEDULE_HOURS
    apart = (shown - np.int64(tail.alien_hour)) % HOURS_KEPT
    at_hour = apart % 24 <= 1 or apart % 24 == 23
    known = tail.alien_hour > 0 and shown > 0
    again = known and at_hour and shortest <= apart <= longest
    tail.scheduled = min(tail.scheduled + 1, 255) if again else 0
    tail.alien_hour = shown


@kernel_part
def _mean_excess(tail: Any, k: int) -> float:
    excess = tail.excess[k] + PRIOR_CLUSTERS * PRIOR_EXCESS
    return min(excess / (tail.clusters[k] + PRIOR_CLUSTERS), MOST_EXCESS)


@kernel_part
def _halve(tail: Any, events: int) -> None:
    tail.events = events
    tail.aliens //= 2
    for k in range(LEVELS):
        tail.above[k] //= 2
        tail.clusters[k] *= np.float32(0.5)
        tail.excess[k] *= np.float32(0.5)
