"""River's detectors: what each is good and bad at, and which checks it cannot meet.

The exceptions were found by running `check_detector` with river 0.26.
"""

from __future__ import annotations

from collections.abc import Mapping

SUITS: Mapping[str, str] = {
    "GaussianScorer": "Good at spikes of values that are about normal. Bad at drifts, for it "
    "forgets nothing, and beyond 8 deviations all its scores are 1.",
    "HalfSpaceTrees": "Good at rare combinations of values. Bad at memory: the native "
    "half_space_trees are the same in a hundredth of it.",
    "LODA": "Good at several values that are rare together. Bad at outliers that "
    "return, for its histograms learn them.",
    "LocalOutlierFactor": "Good at events outside of clusters of unlike density. Bad at values in "
    "unlike units: scale them with preprocess.",
    "OneClassSVM": "A linear one: good at what lies far out in one direction, after scaling. Bad "
    "at all else.",
    "PredictiveAnomalyDetection": "Good at jumps of a value that its last values predict. Bad at "
    "values that lie far from zero.",
    "StandardAbsoluteDeviation": "Good at spikes, in little memory. Bad at drifts, for it forgets "
    "nothing.",
}

EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
    "LODA": {"outlier": "outliers that it has learned fill bins of their own (ROC AUC .82 to .90)"},
    "LocalOutlierFactor": {
        "scale": "distances mix the values' units, so that the largest prevails",
    },
    "OneClassSVM": {
        "higher_is_more_anomalous": "it is linear: events beyond the data, seen from 0, score high",
        "outlier": "it is linear: outliers towards 0 score lowest (ROC AUC .42 to .58)",
        "scale": "its steps have a fixed size, in the values' units",
        "shift": "it is linear through 0",
    },
    "PredictiveAnomalyDetection": {
        "shift": "its steps of learning have a fixed size, and values far from 0 need larger ones",
    },
}
