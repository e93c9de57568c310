"""Noise: the scores of `auto`, as it tells them, that noise reaches: its calibrator begins there.

Method: each kind of noise of `bench.calibration`, an event every ten seconds, is scored in many
short streams and in some long ones. For each level p and each number of events before, the score
is sought at which stories begin as often as p says, among the events from 0.7 to 1.4 times as many.
Printed is the mean over the kinds, as it stands in `operators/detectors/auto` (NOISE); rows are the
levels 10**-2, 10**-2.25, ..., columns 75, 150, 300, ... events before.

    python -m bench.noise [--values 1] [--short 4000] [--long 1000]
"""

from __future__ import annotations

import argparse

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bench.calibration import GAP, KINDS, START
from operators.calibrators import curve, onsets
from operators.detectors.auto.detector import AutoDetector

Floats = NDArray[np.float64]

LEVELS, COLUMNS = 17, 9
SHORT = 1_700
LONG = int(curve.EVENTS * 2 ** (COLUMNS - 0.5))
HALVINGS = 24
SEVERAL = ("Gaussian", "t3", "AR(1)", "random walk increments", "Poisson counts")
"""The kinds for several values: the others are of one value's evidences."""


def scores(kind: str, entities: int, n: int, d: int) -> Floats:
    """Return what the detector tells of streams, each of its own seeds: float64 [entities, n]."""
    draws = [np.random.default_rng([7, n, e, j]) for e in range(entities) for j in range(d)]
    columns = np.stack([KINDS[kind](draw, n) for draw in draws]).reshape(entities, d, n)
    values = np.ascontiguousarray(columns.transpose(2, 0, 1).reshape(-1, d))
    slots = np.tile(np.arange(entities, dtype=np.int32), n)
    times = np.repeat(START + np.arange(n) * GAP, entities)
    bank = AutoDetector(d).bank(entities)
    _, found = bank.score_and_tell(slots, values, np.ones(len(slots), bool), times)
    return np.ascontiguousarray(found.reshape(n, entities).T)


@njit(error_model="numpy")
def stories(scores: Floats, first: int, end: int, bar: float, p: float) -> int:
    """Return how many stories begin in the events from `first` to `end`, at a bar of level p."""
    found, period = 0, onsets.QUIET_OF_PERIOD / p
    for own in scores:
        since, peak, over = np.inf, 0.0, True
        for i in range(first, end):
            if np.isnan(own[i]):
                continue
            since += 1
            quiet = onsets.GREATEST_QUIET
            if over:
                quiet = min(max(onsets.QUIET_SHARE * i, onsets.LEAST_QUIET), quiet)
            if own[i] < bar:
                over = True
            elif since > min(quiet, period) or own[i] > peak + onsets.BEATS:
                found, since, peak, over = found + 1, 0.0, own[i], False
    return found


def bar(scores: Floats, column: int, p: float) -> float:
    """Return the score at which stories begin as often as p says."""
    at = curve.EVENTS * 2.0**column
    first, end = max(int(at / 2**0.5), onsets.WARM_UP), int(at * 2**0.5)
    low, high = 0.0, 30.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        rate = stories(scores, first, end, middle, p) / ((end - first) * len(scores))
        low, high = (middle, high) if rate > p else (low, middle)
    return (low + high) / 2


def measure(kind: str, d: int, short: int, long: int) -> Floats:
    """Return the bars of one kind of noise: float64 [LEVELS, COLUMNS]."""
    many, few = scores(kind, short, SHORT, d), scores(kind, long, LONG, d)
    return np.array(
        [
            [
                bar(
                    many if curve.EVENTS * 2 ** (column + 0.5) < SHORT else few,
                    column,
                    10.0**-power,
                )
                for column in range(COLUMNS)
            ]
            for power in curve.FIRST + curve.APART * np.arange(LEVELS)
        ]
    )


def main() -> None:
    """Print the mean over the kinds, and how far the kinds are apart."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--values", type=int, default=1, help="values of an event")
    parser.add_argument("--short", type=int, default=4_000, help="short streams of each kind")
    parser.add_argument("--long", type=int, default=1_000, help="long streams of each kind")
    given = parser.parse_args()
    kinds = tuple(KINDS) if given.values == 1 else SEVERAL
    bars = np.stack([measure(kind, given.values, given.short, given.long) for kind in kinds])
    np.set_printoptions(precision=2, suppress=True, linewidth=100, floatmode="fixed")
    print(np.array2string(bars.mean(0), separator=", "))
    print("standard deviation over the kinds:")
    print(np.array2string(bars.std(0), separator=", "))


if __name__ == "__main__":
    main()
