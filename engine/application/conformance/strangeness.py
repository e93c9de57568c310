"""Checks of the meaning of a score: higher is more anomalous, and outliers stand out."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import DEVIATION, LEVEL, noise, of_one
from engine.application.conformance.expect import expect
from engine.application.conformance.subject import Subject, play
from engine.domain.batch import Bools, Floats

MIN_ROC_AREA = 0.9
"""Least area under the ROC curve for outliers of 8 standard deviations."""
DISTANCES = (0.0, 8.0, 64.0)
"""Of the probes from the level, in standard deviations."""


def check_higher_is_more_anomalous(subject: Subject) -> None:
    """The further off an event, the higher its score, on either side."""
    bank = subject.bank()
    play(bank, of_one(noise(subject.warm_up + subject.tail, subject.width)))
    for side in (1.0, -1.0):
        probes = LEVEL + side * np.outer(DISTANCES, np.full(subject.width, DEVIATION))
        near, off, far = play(bank, of_one(probes).with_learn(np.zeros(3, np.bool_)))
        expect(
            off > near and far >= off - 1e-6 * abs(off),
            f"rising scores at {DISTANCES} standard deviations {'above' if side > 0 else 'below'}",
            f"{near:.6g}, {off:.6g}, {far:.6g}",
        )


def check_outlier(subject: Subject) -> None:
    """Outliers of 8 standard deviations, one event in twenty, stand out of noise."""
    n = subject.warm_up + max(subject.tail, 240)
    values = noise(n, subject.width)
    outliers = np.zeros(n, np.bool_)
    outliers[subject.warm_up + 10 :: 20] = True
    sides = np.random.default_rng(21).choice([-8.0, 8.0], values.shape)
    values[outliers] = LEVEL + sides[outliers] * DEVIATION
    area = roc_area(subject.scores(of_one(values)), outliers)
    expect(area >= MIN_ROC_AREA, f"an area under the ROC curve of {MIN_ROC_AREA}", f"{area:.3f}")


def roc_area(scores: Floats, outliers: Bools) -> float:
    """Return the area under the ROC curve of the scored events; 0 if one kind has no score."""
    known = ~np.isnan(scores)
    strange, normal = scores[outliers & known], scores[~outliers & known]
    if not (len(strange) and len(normal)):
        return 0.0
    above = strange[:, None] > normal
    return float(above.mean() + (strange[:, None] == normal).mean() / 2)
