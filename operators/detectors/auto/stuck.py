"""Stuck: a value that usually varies is constant.

A run of equal values is compared with the earlier runs of the value: their number and log lengths
give the predictive probability of a longer run, as in `tail`. Once many runs are known, the longest
of them bounds it too: one of n runs is longer, and beyond it run lengths are taken to fall like an
exponential law whose longest of n would be that long (log n means). The longest fades with each
run, as the counts are halved from time to time: behaviour changes. Values rest at their least
and at their greatest in ways of their own: a flag is mostly down, and up for a moment. So runs at
the two, and elsewhere, are held against each other only.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from operators.detectors.auto.hours import MINUTES_PER_DAY, minute_of
from operators.kernels.kernel_part import kernel_part

SHORTEST = 4
"""Shortest run that counts: sensors round values, and messages repeat."""
PRIOR_RUNS, PRIOR_EXCESS = 4.0, 0.3
"""Prior: a number of runs, and the sum of their log lengths over `SHORTEST`."""
REST_EXCESS = 8.0
"""What is added to it where all visits become runs: where a value rests by nature."""
MANY_RUNS = 20
"""Runs whose longest one says how long runs get."""
FADES = 0.999
FADING_RUNS = 190.0
"""Part of the longest run that is left after another run, and the most runs whose longest it stands
for. Of n exponential lengths a longer one comes with each n-th run, and is longer by a mean, the
log n-th part of the longest: gains and losses are equal where n log n = 1 / (1 - FADES)."""
CENSORED = 3.0
YOUNG_SHARE = 0.25
"""Events before a run, as a multiple of its length, that are needed to judge it."""
LEAST_P = 1e-300

ANOMALY_P = 1e-5
"""P-value below which a run is not learned, unless it began at the same time of day as the last."""
SAME_TIME = 1 / 16
"""Tolerance of the same time of day, as a fraction of a day."""

INSIDE, LEAST, GREATEST = range(3)
"""Places: where runs are counted apart."""
PLACES = 3
PLACE = np.dtype([("visits", "<u2"), ("runs", "<u2"), ("excess", "<f4"), ("longest", "<f4")])
"""What is known of a place: all visits, and its runs, the visits of `SHORTEST` values or more."""
MOST_VISITS = 65_535
"""Visits of a place at which the counts are halved."""

FIELDS = [
    ("events", "<u4"),
    ("run", "<u4"),
    ("place", "u1"),
    ("places", PLACE, (PLACES,)),
    ("rare", "u1"),
    ("began", "<i4"),
    ("anomaly_began", "<i4"),
]


@kernel_part
def forget(state: Any) -> None:
    """Start afresh."""
    state.events = 0
    state.run = 0
    state.place = INSIDE
    for k in range(PLACES):
        state.places[k].visits = 0
        state.places[k].runs = 0
        state.places[k].excess = 0.0
        state.places[k].longest = 0.0
    state.rare = 0
    state.began = 0
    state.anomaly_began = 0


@kernel_part
def p_value(state: Any, seen: int) -> float:
    """Return the p-value of a run as long as the current one: such runs, as a share of events."""
    place = state.places[state.place]
    run = state.run + 1.0
    if run < SHORTEST + 2 or run > YOUNG_SHARE * seen or run <= place.longest:
        return 1.0
    rests = (place.runs + 0.5) / (place.visits + 0.5)
    excess = place.excess + PRIOR_EXCESS + REST_EXCESS * min(rests, 1.0)
    rare = (1.0 + log(run / SHORTEST) / excess) ** -(place.runs + PRIOR_RUNS)
    if place.runs >= MANY_RUNS:
        runs = min(np.float64(place.runs), FADING_RUNS)
        beyond = (run / place.longest - 1.0) * log(runs + 1.0)
        rare = min(rare, (1.0 + beyond / runs) ** -runs / (runs + 1.0))
    # As a share of events, in each of the places.
    share = PLACES * (place.runs + 0.5) / (state.events + 1.0)
    return max(min(share * rare, 1.0), LEAST_P)


@kernel_part
def note_place(state: Any, place: int, is_new: bool) -> None:
    """Note where a value is that is not the same as the one before.

    Args:
        state: the record.
        place: where it is.
        is_new: whether the least, or greatest, value was another one before: visits to that one
            say nothing of this, and it may rest for as long as any value did.
    """
    state.place = place
    if is_new:
        state.places[place].visits = state.places[place].runs
        for k in range(PLACES):
            longest = max(state.places[place].longest, state.places[k].longest)
            state.places[place].longest = longest


@kernel_part
def learn(state: Any, same: bool, p: float, seen: int, time: int) -> None:
    """Learn whether a value equals the one before; `p` is the p-value of its run."""
    state.events += 1
    if same:
        if state.run == 0:
            state.began = minute_of(time)
            state.rare = 0
        state.run += 1
        if p < ANOMALY_P:
            state.rare = 1
        return
    run = state.run + 1.0
    state.run = 0
    place = state.places[state.place]
    if place.visits == MOST_VISITS:
        _halve(state)
    if run < SHORTEST:
        place.visits += 1
        return
    if state.rare:
        apart = abs(np.int64(state.began) - state.anomaly_began) / MINUTES_PER_DAY
        scheduled = state.anomaly_began != 0 and abs(apart - round(apart)) < SAME_TIME
        state.anomaly_began = state.began
        if not scheduled or apart > 7.5:
            return
    place.visits += 1
    mean = (place.excess + PRIOR_EXCESS) / (place.runs + PRIOR_RUNS) + 0.1
    excess = log((run + 1.0) / SHORTEST)
    first = run > 0.5 * seen
    place.excess += np.float32(excess if first else min(excess, CENSORED * mean))
    if excess < CENSORED * mean:
        place.runs += 1
    bound = run if first else min(run, 2.0 * place.longest + 30.0)
    place.longest = max(bound, FADES * place.longest)


@kernel_part
def _halve(state: Any) -> None:
    state.events //= 2
    for k in range(PLACES):
        state.places[k].visits //= 2
        state.places[k].runs //= 2
        state.places[k].excess *= np.float32(0.5)
