"""Check that a detector sees the kinds of anomaly that it declares."""

from __future__ import annotations

import numpy as np

from engine.application.conformance.events import Events
from engine.application.conformance.expect import expect
from engine.application.conformance.planted import Plant
from engine.application.conformance.subject import Subject
from engine.domain.batch import Floats
from engine.domain.detector import ExplainingBank
from engine.domain.kinds import KINDS, OUTLIER

SEEDS = (1, 2)
OUTLIER_CHECKS = ("higher_is_more_anomalous", "outlier")
"""These hold detectors of outliers: any event far from all others."""
KIND = "kind_"


def applies(check: str, subject: Subject) -> bool:
    """Whether a detector has to pass a check, by the kinds that it declares."""
    declared = subject.declaration.kinds
    if check in OUTLIER_CHECKS:
        return KINDS[OUTLIER] in declared
    kind = check.removeprefix(KIND)
    if kind == check:
        return True
    return kind in declared and (subject.width > 1 or kind != "correlation")


def check_kind(plant: Plant, subject: Subject) -> None:
    """The most anomalous event of a planted anomaly is more so than any normal one before."""
    for seed in SEEDS:
        planted = plant(subject.width, seed)
        rarities = _rarities(subject, planted.events)
        n = len(rarities)
        normal = float(np.nanmax(rarities[n // 2 : n - planted.length]))
        found = float(np.nanmax(rarities[n - planted.length :], initial=-np.inf))
        expect(
            found > normal,
            f"a {plant.__name__} that is more anomalous than normal events ({normal:.4g})",
            f"{found:.4g}",
        )


def _rarities(subject: Subject, events: Events) -> Floats:
    """Return -log10 of the p-values where the detector has its own, else raw scores."""
    bank = subject.bank()
    if not isinstance(bank, ExplainingBank):
        return subject.scores(events)
    columns = events.slots, events.values, events.learn, events.times
    return np.asarray(-np.log10(bank.score_and_explain(*columns).p_values))
