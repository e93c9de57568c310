"""Checks that a value's unit and zero do not matter: kelvin or degrees, bytes or gigabytes."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import LEVEL, Events, noise, of_one
from engine.application.conformance.expect import expect
from engine.application.conformance.subject import Subject
from engine.domain.batch import Floats
from engine.domain.detector import ExplainingDetector

FACTOR = 1024.0
SHIFT = 256.0
AGREEMENT = 0.99


def check_scale(subject: Subject) -> None:
    """Values in other units, each in its own, are equally strange."""
    events = _events(subject)
    turns = np.arange(subject.width) % 2 == 0
    for factors in (np.where(turns, FACTOR, 1 / FACTOR), np.where(turns, 1 / FACTOR, FACTOR)):
        scaled = events.with_values(events.values * factors)
        _expect_agreement(subject, events, scaled, f"values times {factors.tolist()}")


def check_shift(subject: Subject) -> None:
    """Values with another zero, 128 standard deviations away, are equally strange."""
    events = _events(subject)
    for shift in (SHIFT, -SHIFT):
        shifted = events.with_values(events.values + shift)
        _expect_agreement(subject, events, shifted, f"values plus {shift:g}")


def _events(subject: Subject) -> Events:
    values = noise(subject.warm_up + subject.tail, subject.width)
    spread = np.where(np.arange(len(values)) % 15 == 14, 4.0, 1.0)[:, None]
    return of_one(LEVEL + (values - LEVEL) * spread)


def _expect_agreement(subject: Subject, events: Events, changed: Events, what: str) -> None:
    """Equal scores where scores mean something by themselves, else the same order."""
    before, after = subject.scores(events), subject.scores(changed)
    scored = ~np.isnan(before)
    expect(
        bool((scored == ~np.isnan(after)).all()),
        f"scores for the same events with {what}",
        f"{int((scored != ~np.isnan(after)).sum())} events scored in one case only",
    )
    before, after = before[scored], after[scored]
    if isinstance(subject.detector, ExplainingDetector):
        same = float(np.mean(np.abs(before - after) <= subject.detector.resolution))
        expected = f"{AGREEMENT:.0%} of the scores unchanged"
    else:
        same = rank_correlation(before, after)
        expected = f"the same order (a rank correlation of {AGREEMENT})"
    expect(same >= AGREEMENT, f"{expected} with {what}", f"{same:.3f}")


def rank_correlation(one: Floats, other: Floats) -> float:
    """Return Spearman's rank correlation; ties share their mean rank."""
    if not (np.ptp(one) > 0 and np.ptp(other) > 0):
        return float(np.ptp(one) == np.ptp(other))
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(scores: Floats) -> Floats:
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts - 1) / 2)[group], np.float64)
