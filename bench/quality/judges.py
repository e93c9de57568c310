"""Judges: from what a detector made of a corpus to its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.quality import nab, onset_rule
from bench.quality.affiliation import affiliation
from bench.quality.alert_rate import per_day, per_thousand
from bench.quality.average_precision import average_precision
from bench.quality.delay import delays
from bench.quality.roc_auc import roc_auc
from bench.quality.series import Figures, Replayed, Series
from bench.quality.vus import vus_pr

Floats = NDArray[np.float64]
Metric = Callable[[NDArray[np.bool_], Floats], float]

PROFILES = {
    "standard": "standard",
    "low FP": "reward_low_FP_rate",
    "low FN": "reward_low_FN_rate",
}


def judge_nab(series: Sequence[Series], replayed: Sequence[Replayed]) -> Figures:
    """Return NAB's score of each way to an alert, and what a user sees of the decision."""
    windows = [one.anomalies for one in series]
    ways = {
        "swept": nab.sweep([(one.raw, w) for one, w in zip(replayed, windows, strict=True)]),
        "onsets swept": _onsets(replayed, windows),
        "p swept": nab.sweep(
            [(-np.log10(one.p_values), w) for one, w in zip(replayed, windows, strict=True)]
        ),
        "p <= 1e-3": [
            nab.curve_of(one.alerts.astype(float), w, np.ones(1))
            for one, w in zip(replayed, windows, strict=True)
        ],
        "sent at 10/day": [
            nab.curve_of(one.messages.astype(float), w, np.ones(1))
            for one, w in zip(replayed, windows, strict=True)
        ],
    }
    found: dict[str, float] = {}
    others: dict[str, float] = {}
    for way, curves in ways.items():
        for name, profile in PROFILES.items():
            found[f"{way}, {name}"] = nab.best(curves, nab.PROFILES[profile]).value
        others |= _spread(way, curves)
    found |= _means(series, replayed, {"VUS-PR": vus_pr})
    judged = _decision(series, replayed)
    others["alerts per day"] = per_day([one.alerts for one in replayed], [s.times for s in series])
    return Figures(found | judged.compared, others | judged.others)


def _onsets(replayed: Sequence[Replayed], windows: Sequence[nab.Windows]) -> list[nab.Curve]:
    thresholds = onset_rule.thresholds([one.raw for one in replayed])
    beats = onset_rule.BEATS if replayed[0].decimal else np.inf
    return [
        nab.choices([onset_rule.onsets(one.raw, t, beats) for t in thresholds], w, thresholds)
        for one, w in zip(replayed, windows, strict=True)
    ]


def _spread(way: str, curves: list[nab.Curve]) -> dict[str, float]:
    """Return the standard score of each half of the files, and its interval."""
    profile = nab.PROFILES["standard"]
    low, high = nab.interval(curves, profile)
    return {
        f"{way}, odd files": nab.best(curves[0::2], profile).value,
        f"{way}, even files": nab.best(curves[1::2], profile).value,
        f"{way}, 5 % of resamples": low,
        f"{way}, 95 % of resamples": high,
    }


def judge_each(series: Sequence[Series], replayed: Sequence[Replayed]) -> Figures:
    """Return the ROC AUC of each series, and what a user sees of the decision."""
    found = {}
    for one, made in zip(series, replayed, strict=True):
        labels, scores = _judged(one, made)
        found[f"{one.name}, ROC AUC"] = roc_auc(labels, scores)
    rate = per_thousand([made.alerts for made in replayed])
    return Figures(found, {"alerts per 1,000": rate})


def judge_together(series: Sequence[Series], replayed: Sequence[Replayed]) -> Figures:
    """Return means over the series, and what a user sees of the decision."""
    metrics: dict[str, Metric] = {
        "average precision": average_precision,
        "ROC AUC": roc_auc,
        "VUS-PR": vus_pr,
    }
    judged = _decision(series, replayed)
    return Figures(_means(series, replayed, metrics) | judged.compared, judged.others)


def _means(
    series: Sequence[Series], replayed: Sequence[Replayed], metrics: dict[str, Metric]
) -> dict[str, float]:
    """Return the mean of each metric over the series that have anomalies."""
    pairs = [
        _judged(one, made)
        for one, made in zip(series, replayed, strict=True)
        if one.labels[one.counts_from :].any()
    ]
    return {
        name: float(np.mean([metric(*pair) for pair in pairs])) for name, metric in metrics.items()
    }


def _judged(series: Series, replayed: Replayed) -> tuple[NDArray[np.bool_], Floats]:
    """Return labels and scores of the rows that count; what has no score yet is least strange."""
    raw = replayed.raw[series.counts_from :]
    return series.labels[series.counts_from :], np.where(np.isnan(raw), -np.inf, raw)


def _decision(series: Sequence[Series], replayed: Sequence[Replayed]) -> Figures:
    """Return how near the alerts are to the anomalies, how many there are, and how late."""
    near, waits, rates = [], [], []
    for one, made in zip(series, replayed, strict=True):
        labels, alerts = one.labels[one.counts_from :], made.alerts[one.counts_from :]
        rates.append(alerts)
        waits += delays(made.alerts, one.anomalies)
        if labels.any():
            near.append(affiliation(labels, alerts))
    compared = {
        "affiliation precision": _mean([one.precision for one in near]),
        "affiliation recall": _mean([one.recall for one in near]),
        "alerts per 1,000": per_thousand(rates),
    }
    anomalies = sum(len(one.anomalies) for one in series)
    others = {
        "anomalies with an alert": len(waits) / anomalies,
        "median delay, events": float(np.median(waits)) if waits else np.nan,
    }
    return Figures(compared, others)


def _mean(numbers: list[float]) -> float:
    known = [number for number in numbers if not np.isnan(number)]
    return float(np.mean(known)) if known else np.nan
