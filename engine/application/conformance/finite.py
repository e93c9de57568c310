"""Checks that every event of a warm entity has a finite score, whatever its values."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import of_one
from engine.application.conformance.expect import expect
from engine.application.conformance.inputs import Input
from engine.application.conformance.subject import Subject
from engine.domain.batch import Floats


def check_finite(made: Input, subject: Subject) -> None:
    """Scores are finite once each value was seen often enough, and never infinite."""
    given = made(2 * subject.warm_up + subject.tail, subject.width)
    silent = np.asarray(np.isnan(given).all(axis=1))
    values = given if subject.detector.handles_gaps else _filled(given)
    scores = subject.scores(of_one(values).with_learn(~silent))
    what = made.__name__
    expect(
        not np.isinf(scores).any(),
        f"no infinite score on {what} input",
        f"{np.count_nonzero(np.isinf(scores))} of {len(scores)}",
    )
    if np.isinf(given).any():
        return
    warm = (~np.isnan(given)).cumsum(axis=0).min(axis=1) > subject.warm_up
    due = warm & ~silent
    missing = np.count_nonzero(np.isnan(scores[due]))
    expect(
        missing == 0,
        f"a score for every event of a warm entity on {what} input",
        f"none for {missing} of {np.count_nonzero(due)}",
    )


def _filled(values: Floats) -> Floats:
    """Put the last value in the place of a gap, as a detector that takes no gaps is given one."""
    there = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(there, np.arange(len(values))[:, None], 0), axis=0)
    held = np.take_along_axis(values, last, axis=0)
    return np.where(np.isnan(held), 0.0, held)
