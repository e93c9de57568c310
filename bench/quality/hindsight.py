"""Hindsight: what any detector's alerts could reach on NAB if each file had its share of them.

A budget, and so a p-value, spends alerts evenly: the same share of the events of each file. NAB has
about two windows in a file, however long it is. Here the threshold of each file is chosen, knowing
all of its scores, such that alerts at onset are that share of its events: no calibration of the
same scores can do better than to know it beforehand.

    python -m bench.quality.hindsight [DETECTOR]
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from bench.quality import nab, onset_rule
from bench.quality.corpora import corpora
from bench.quality.judges import PROFILES
from bench.quality.replay import replay

Floats = NDArray[np.float64]

SHARES = (3e-4, 5e-4, 7e-4, 1e-3, 1.4e-3, 2e-3)
HALVINGS = 25


def shared(scores: Floats, share: float, beats: float) -> Floats:
    """Return 1 where alerts begin, which are at most a share of all events: float64 [n]."""
    known = np.nan_to_num(scores, nan=-np.inf)
    low, high = 0.0, float(known.max())
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        many = onset_rule.onsets(known, middle, beats).sum() > max(share * len(known), 0.5)
        low, high = (middle, high) if many else (low, middle)
    return onset_rule.onsets(known, high, beats)


def main(detector: str = "auto") -> None:
    """Print NAB's scores by share."""
    (corpus,) = [corpus for corpus in corpora() if corpus.name == "nab"]
    series = corpus.load(False)
    replayed = replay(detector, {}, series)
    beats = onset_rule.BEATS if replayed[0].decimal else np.inf
    for share in SHARES:
        curves = [
            nab.curve_of(shared(made.raw, share, beats), one.anomalies, np.ones(1))
            for one, made in zip(series, replayed, strict=True)
        ]
        found = [nab.best(curves, nab.PROFILES[profile]).value for profile in PROFILES.values()]
        print(f"{share:.1e}  {'/'.join(f'{value:.1f}' for value in found)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
