"""The scorer of the Numenta Anomaly Benchmark, version 1.1.

Lavin and Ahmad: Evaluating Real-time Anomaly Detection Algorithms, ICMLA 2015. An alert in a window
is worth more the earlier it is, and only the best of a window counts; one outside costs more the
further it is behind a window; a window without any costs too. One threshold holds for all files.

    best(sweep(files), PROFILES["standard"]), score_at(files, 0.9, PROFILES["standard"])

Raw scores are summed over files and put on a scale on which a detector that says nothing has 0 and
one that alerts first in every window, and nowhere else, has 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Windows = Sequence[tuple[int, int]]
"""First and last row of each window, both inside, in order."""
File = tuple[Floats, Windows]
"""Scores, float64 [n], higher is more anomalous, NaN never alerts; and the windows."""

PROBATION = 0.15
LONGEST = 5_000
"""Probation is a share of the file, of so many rows at most."""
STEEP = 5.0
FAR = 3.0
"""So many widths behind a window the whole price is paid."""


class Profile(NamedTuple):
    """Weights: of a window found, of a false alert, of a window missed."""

    found: float
    false: float
    missed: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward_low_FP_rate": Profile(1.0, 0.22, 1.0),
    "reward_low_FN_rate": Profile(1.0, 0.11, 2.0),
}


@dataclass(frozen=True, slots=True)
class Curve:
    """What one file gives at each of t thresholds, before weights.

    Attributes:
        thresholds: float64 [t], falling; an alert is a score that is at least this.
        found: float64 [t], worth of the windows found, 1 for each whose first row is.
        false: float64 [t], price of the false alerts, at most 0.
        missed: int64 [t], windows missed.
        alerts: int64 [t], rows that are false alerts.
        windows: how many the file has, those in probation too.
        counted: how many can be missed.
    """

    thresholds: Floats
    found: Floats
    false: Floats
    missed: Ints
    alerts: Ints
    windows: int
    counted: int

    def raw(self, profile: Profile) -> Floats:
        """Return the file's raw score at each threshold: float64 [t]."""
        return (
            profile.found * self.found + profile.false * self.false - profile.missed * self.missed
        )

    def floor(self, profile: Profile) -> float:
        """Return the raw score of a detector that says nothing."""
        return -profile.missed * self.counted


class Score(NamedTuple):
    """Score of a corpus at one threshold.

    Attributes:
        value: normalised: 0 for silence, 100 for perfection, below 0 for noise; NaN if there is
            no window to find.
        raw: sum over the files.
        threshold: an alert is a score that is at least this.
        found: windows with an alert.
        false: rows that are false alerts.
    """

    value: float
    raw: float
    threshold: float
    found: int
    false: int


def place(timestamps: Sequence[str], windows: Iterable[Sequence[str]]) -> list[tuple[int, int]]:
    """Return the rows of windows given by timestamps: of equal ones the first row is meant.

    Raises:
        ValueError: no row has such a timestamp.
    """
    return [(timestamps.index(first), timestamps.index(last)) for first, last in windows]


def probation(n: int) -> int:
    """Return how many of n rows come before the first that counts."""
    return int(min(PROBATION * n, PROBATION * LONGEST))


def worth(n: int, windows: Windows) -> tuple[Ints, Floats]:
    """Return of each row the window it is in, -1 outside, and what an alert there is worth.

    Returns:
        int64 [n]; float64 [n], in 0..1 inside, -1..0 outside.
    """
    inside, value = np.full(n, -1), np.full(n, -1.0)
    for k, (first, last) in enumerate(windows):
        width = last - first + 1
        rows = np.arange(first, last + 1)
        inside[rows] = k
        value[rows] = _sigmoid(-(last - rows + 1) / width) / _sigmoid(np.array(-1.0))
        end = windows[k + 1][0] if k + 1 < len(windows) else n
        behind = np.arange(last + 1, end)
        value[behind] = _sigmoid((behind - last) / max(width - 1, 1))
    return inside, value


def _sigmoid(position: Floats) -> Floats:
    near = 2.0 / (1.0 + np.exp(STEEP * np.minimum(position, FAR))) - 1.0
    return np.where(position > FAR, -1.0, near)


def thresholds_of(files: Iterable[File]) -> Floats:
    """Return the thresholds that can be the best: each finds a window, or finds it earlier.

    Any other threshold alerts more than the next higher of these and gains nothing, so sweeping
    these is sweeping all.

    Returns:
        float64 [t], falling from infinity, which never alerts.
    """
    gains = {np.inf}
    for scores, windows in files:
        for ranked, values in _ranked(scores, windows):
            best = np.maximum.accumulate(values)
            gains.update(ranked[np.flatnonzero(np.diff(best, prepend=0.0) > 0)].tolist())
    return np.array(sorted(gains, reverse=True))


def _ranked(scores: Floats, windows: Windows) -> list[tuple[Floats, Floats]]:
    """Return scores and worths of the rows of each window that counts, highest scores first."""
    scores, value = _known(scores), worth(len(scores), windows)[1]
    start, found = probation(len(scores)), []
    for first, last in windows:
        rows = np.arange(max(first, start), last + 1)
        if len(rows):
            order = rows[np.argsort(-scores[rows], kind="stable")]
            order = order[scores[order] > -np.inf]
            found.append((scores[order], value[order]))
    return found


def _known(scores: Floats) -> Floats:
    return np.where(np.isnan(scores), -np.inf, scores)


def curve_of(scores: Floats, windows: Windows, thresholds: Floats) -> Curve:
    """Return what one file gives at each threshold.

    Args:
        scores: float64 [n]; higher is more anomalous, NaN never alerts.
        windows: of the file.
        thresholds: float64 [t], falling.
    """
    ranked = _ranked(scores, windows)
    found, missed = np.zeros(len(thresholds)), np.full(len(thresholds), len(ranked))
    for values, worths in ranked:
        best = np.concatenate([[0.0], np.maximum.accumulate(worths)])
        above = _at_least(values, thresholds)
        found += best[above]
        missed -= above > 0
    inside, value = worth(len(scores), windows)
    rows = np.arange(len(scores))
    outside = np.flatnonzero((inside < 0) & (rows >= probation(len(scores))) & ~np.isnan(scores))
    outside = outside[np.argsort(-scores[outside], kind="stable")]
    alerts = _at_least(scores[outside], thresholds)
    false = np.concatenate([[0.0], np.cumsum(value[outside])])[alerts]
    return Curve(thresholds, found, false, missed, alerts, len(windows), len(ranked))


def _at_least(falling: Floats, thresholds: Floats) -> Ints:
    """Return how many of falling scores are at least each threshold."""
    return np.searchsorted(-falling, -thresholds, side="right").astype(np.int64)


def sweep(files: Sequence[File]) -> list[Curve]:
    """Return the curves of files at all thresholds that matter."""
    thresholds = thresholds_of(files)
    return [curve_of(scores, windows, thresholds) for scores, windows in files]


def choices(alerts: Sequence[Floats], windows: Windows, thresholds: Floats) -> Curve:
    """Return the curve of one file whose alerts were decided apart at each threshold.

    Args:
        alerts: of each threshold float64 [n], 1 where there is an alert and 0 elsewhere.
        windows: of the file.
        thresholds: float64 [t], falling.
    """
    points = [curve_of(one, windows, np.ones(1)) for one in alerts]
    columns = ("found", "false", "missed", "alerts")
    joined = {name: np.concatenate([getattr(p, name) for p in points]) for name in columns}
    return Curve(thresholds, **joined, windows=points[0].windows, counted=points[0].counted)


def best(curves: Sequence[Curve], profile: Profile) -> Score:
    """Return the score at the best of the curves' thresholds, the highest of equally good ones."""
    total = np.sum([curve.raw(profile) for curve in curves], axis=0)
    j = int(total.argmax())
    floor = sum(curve.floor(profile) for curve in curves)
    perfect = profile.found * sum(curve.windows for curve in curves)
    raw = float(total[j])
    return Score(
        value=100.0 * (raw - floor) / (perfect - floor) if perfect > floor else np.nan,
        raw=raw,
        threshold=float(curves[0].thresholds[j]),
        found=sum(curve.counted - int(curve.missed[j]) for curve in curves),
        false=sum(int(curve.alerts[j]) for curve in curves),
    )


def score_at(files: Iterable[File], threshold: float, profile: Profile) -> Score:
    """Return the score at a given threshold."""
    return best([curve_of(*file, np.array([threshold])) for file in files], profile)


def interval(
    curves: Sequence[Curve], profile: Profile, resamples: int = 1_000, seed: int = 1
) -> tuple[float, float]:
    """Return the 90 % interval of `best`, from resampling files.

    Each resample has the best of the curves' thresholds: of one alone that one.
    """
    draw = np.random.default_rng(seed)
    picks = draw.multinomial(len(curves), np.full(len(curves), 1 / len(curves)), size=resamples)
    raw = (picks @ np.array([curve.raw(profile) for curve in curves])).max(axis=1)
    floor = picks @ np.array([curve.floor(profile) for curve in curves])
    perfect = profile.found * (picks @ np.array([curve.windows for curve in curves]))
    some = perfect > floor
    low, high = np.percentile(100.0 * (raw - floor)[some] / (perfect - floor)[some], [5, 95])
    return float(low), float(high)
