"""Noise: the scores of `auto` that noise reaches: what it tells its calibrator begins there.

Method: each kind of noise of `bench.calibration`, an event every ten seconds, is scored in many
short streams and in some long ones, and told by the table that stands in `operators/detectors/auto`
(NOISE). For each level p and each number of events before, the power is sought at which stories
begin as often as p says, among the events from 0.7 to 1.4 times as many of all kinds together.
Printed is that table, moved accordingly: put in its place, noise is told as it is. Once more, and
it should not move. Rows are the levels 10**-2, 10**-2.25, ..., columns 75, 150, 300, ... events
before.

    python -m bench.noise [--values 1] [--short 5000] [--long 800]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bench.calibration import GAP, KINDS, START
from operators.calibrators import onsets
from operators.detectors.auto import curve, joint, single
from operators.detectors.auto.detector import AutoDetector

Floats = NDArray[np.float64]

LEVELS, COLUMNS = 17, 9
SHORT = 1_700
LONG = int(curve.EVENTS * 2 ** (COLUMNS - 0.5))
HALVINGS = 24
SEVERAL = ("Gaussian", "t3", "Pareto", "AR(1)", "random walk increments", "Poisson counts")
"""The kinds for several values: they have no evidence of seasons."""


def powers(kind: str, entities: int, n: int, d: int) -> Floats:
    """Return the powers told of streams, each of its own seeds: float64 [entities, n]."""
    draws = [np.random.default_rng([7, n, e, j]) for e in range(entities) for j in range(d)]
    columns = np.stack([KINDS[kind](draw, n) for draw in draws]).reshape(entities, d, n)
    values = np.ascontiguousarray(columns.transpose(2, 0, 1).reshape(-1, d))
    slots = np.tile(np.arange(entities, dtype=np.int32), n)
    times = np.repeat(START + np.arange(n) * GAP, entities)
    bank = AutoDetector(d).bank(entities)
    _, found = bank.score_and_tell(slots, values, np.ones(len(slots), bool), times)
    return np.ascontiguousarray(found.reshape(n, entities).T)


@njit(error_model="numpy")
def stories(powers: Floats, first: int, end: int, bar: float, p: float) -> int:
    """Return how many stories begin in the events from `first` to `end`, at a bar of level p."""
    found, period = 0, onsets.QUIET_OF_PERIOD / p
    for own in powers:
        since, peak, over = np.inf, 0.0, True
        for i in range(first, end):
            if np.isnan(own[i]):
                continue
            since += 1
            quiet = onsets.MAX_QUIET_EVENTS
            if over:
                quiet = min(max(onsets.QUIET_SHARE * i, onsets.MIN_QUIET_EVENTS), quiet)
            if own[i] < bar:
                over = True
            elif since > min(quiet, period) or own[i] > peak + onsets.NEW_EPISODE_EXCESS:
                found, since, peak, over = found + 1, 0.0, own[i], False
    return found


def bar(kinds: Sequence[Floats], column: int, p: float) -> float:
    """Return the power at which stories begin as often as p says, in all kinds together."""
    at = curve.EVENTS * 2.0**column
    first, end = max(int(at / 2**0.5), single.WARM_UP), int(at * 2**0.5)
    low, high = 0.0, 30.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        begun = [stories(powers, first, end, middle, p) / len(powers) for powers in kinds]
        low, high = (middle, high) if np.mean(begun) > p * (end - first) else (low, middle)
    return (low + high) / 2


def measure(kinds: Sequence[str], d: int, short: int, long: int) -> Floats:
    """Return the bars of noise: float64 [LEVELS, COLUMNS]."""
    many = [powers(kind, short, SHORT, d) for kind in kinds]
    few = [powers(kind, long, LONG, d) for kind in kinds]
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


def moved(noise: Floats, bars: Floats) -> Floats:
    """Return a table by which noise is told as often as it comes.

    Args:
        noise: float64 [LEVELS, COLUMNS], the scores it was told by.
        bars: float64 [LEVELS, COLUMNS], the powers it was told at where it should have been the
            row's.
    """
    levels = curve.FIRST + curve.APART * np.arange(LEVELS)
    inside = [
        np.interp(bars[:, k], [0.0, *levels], [0.0, *noise[:, k]]) for k in range(noise.shape[1])
    ]
    beyond = np.maximum(bars - levels[-1], 0.0) / curve.BEYOND
    return np.stack(inside, axis=1) + beyond


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--values", type=int, default=1, help="values of an event")
    parser.add_argument("--short", type=int, default=5_000, help="short streams of each kind")
    parser.add_argument("--long", type=int, default=800, help="long streams of each kind")
    given = parser.parse_args()
    kinds, noise = (tuple(KINDS), single.NOISE) if given.values == 1 else (SEVERAL, joint.NOISE)
    bars = measure(kinds, given.values, given.short, given.long)
    np.set_printoptions(precision=2, suppress=True, linewidth=100, floatmode="fixed")
    print(np.array2string(moved(noise, bars), separator=", "))


if __name__ == "__main__":
    main()
