"""PyOD's detectors: what each is good and bad at, and which checks it cannot meet.

The exceptions were found by running `check_detector` with PyOD 3.6 and scikit-learn 1.9.
"""

from __future__ import annotations

from collections.abc import Mapping

SUITS: Mapping[str, str] = {
    "ABOD": "Good at outliers far off in many values. Bad at windows with equal values.",
    "CBLOF": "Good at events far from few large clusters. Bad at constant values.",
    "CD": "Good at a last value that does not follow from the others. Bad at anything else; takes "
    "two values at least.",
    "COF": "Good at outliers beside lines and curves. Bad at cost: each event takes a window.",
    "COPOD": "Good at extremes of each value, with nothing to set. Bad at rare combinations.",
    "ECOD": "Good at extremes of each value, with nothing to set. Bad at rare combinations.",
    "GMM": "Good at events outside of a few clouds. Bad at heavy tails.",
    "HBOS": "Good at rare values, at little cost. Bad at rare combinations, and at values beyond "
    "the window, which are all alike.",
    "HDBSCAN": "Good at events outside of clusters of unlike density. Bad at small windows.",
    "IForest": "Good at several values of any kind. Bad at memory and time: a forest an entity.",
    "INNE": "Good at outliers near dense clusters. Bad at far ones, which are all alike.",
    "KDE": "Good at gaps between clusters. Bad at values of another unit than its bandwidth of 1.",
    "KNN": "Good at events far from all others; a sound first choice. Bad at values in unlike "
    "units.",
    "KPCA": "Good at curved relations between values. Bad at memory, which grows with the square "
    "of the window.",
    "LMDD": "Good at what makes a window unlike itself. Bad at cost: each event takes a window.",
    "LOCI": "Good at outliers at several scales. Bad at cost: 60 ms an event with 32 events kept.",
    "LODA": "Good at many values, at little cost. Bad at few.",
    "LOF": "Good at events outside of clusters of unlike density. Bad at values in unlike units.",
    "MAD": "Good at spikes of a value. Takes one value only.",
    "MCD": "Good at several values that go together, about normal. Bad at counts and constants.",
    "OCSVM": "Good at clusters of any form, after scaling. Bad at values of far from 1 in size.",
    "PCA": "Good at linear relations between values that break. Bad at constants.",
    "QMCD": "Its order turns round with the skew of a window: do not use it for alerts.",
    "RGraph": "Good at clusters that lie on planes. Bad at single outliers, which score low.",
    "ROD": "Good at three values. Bad at time with more, and at cost: each event takes a window.",
    "Sampling": "Good at speed: distances to a sample of 20. Bad at faint outliers, by chance.",
    "SOD": "Good at outliers in some of many values. Bad at few, and takes two at least.",
    "SOS": "Good at events that no other is close to. Bad at cost: each event takes a window.",
}

LARGE = "a window of numbers beyond 1e30 cannot be fitted"
TIES = "a window of equal values cannot be fitted, and has no scores"
UNITS = "distances mix the values' units, so that the largest prevails"
SIZE = "it takes values of about 1 in size for granted"
ONE = "it takes one value only"
TWO = "it takes two values at least"

EXCEPTIONS: Mapping[str, Mapping[str, str]] = {
    name: {check: reason for reason, checks in limits.items() for check in checks.split()}
    for name, limits in {
        "ABOD": {
            UNITS: "scale",
            TIES: "finite_constant finite_lone finite_sparse finite_tiny finite_repeated",
            LARGE: "finite_huge",
        },
        "CBLOF": {
            UNITS: "scale",
            TIES: "finite_constant finite_lone finite_tiny",
            LARGE: "finite_huge",
        },
        "CD": {
            TWO: "one_value",
            UNITS: "scale",
            TIES: "finite_constant finite_lone finite_tiny",
            LARGE: "finite_huge",
        },
        "HBOS": {
            "the tolerance of its bins is absolute, so that small values share one": "scale",
            "its bins need a range that is more than rounding": "finite_tiny",
        },
        "KDE": {SIZE: "scale"},
        "KNN": {UNITS: "scale"},
        "LODA": {
            "its random directions are few, and miss some outliers (ROC AUC .79)": "outlier",
            "its bins need a range that is more than rounding": "finite_tiny",
        },
        "LOF": {UNITS: "scale"},
        "MAD": {ONE: "three_values"},
        "MCD": {
            TIES: "finite_constant finite_lone finite_sparse finite_tiny",
            LARGE: "finite_huge",
        },
        "OCSVM": {SIZE: "scale"},
        "PCA": {TIES: "finite_constant finite_lone finite_tiny"},
        "Sampling": {
            UNITS: "scale",
            "once an outlier is in the sample, others are near it (ROC AUC .83)": "outlier",
        },
    }.items()
}
