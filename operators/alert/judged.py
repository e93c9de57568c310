"""Feedback in the alert step: which anomalies it suppresses, and which it admits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.domain.anomaly import Anomaly
from engine.domain.batch import Bools, Floats, ScoredBatch
from engine.domain.feedback import LESS, Case, Feedback, direction_of, evidence_of, needed
from operators.alert.drafts import blamed


class Judgement:
    """The feedback in force.

    Args:
        feedback: in the order of the control log.
    """

    def __init__(self, feedback: Sequence[Feedback] = ()) -> None:
        self._feedback = feedback
        self._true = [one for one in feedback if one.is_true]

    def candidates(self, batch: ScoredBatch, thresholds: Floats) -> Bools | None:
        """Return the events that true alarms may let in: bool [n]; None if there are none."""
        if not self._true:
            return None
        found = batch.p_value <= thresholds * 10**LESS
        for row in np.flatnonzero(found).tolist():
            found[row] = any(one.fits(batch.events.keys[row]) for one in self._true)
        return found

    def objects(self, anomaly: Anomaly) -> tuple[Anomaly, bool]:
        """Return an anomaly, with the feedback that it was held against, and whether it is out."""
        if not self._feedback:
            return anomaly, False
        case = case_of(anomaly)
        margin, by = needed(self._feedback, case)
        return replace(anomaly, feedback=by), case.evidence < margin


def case_of(anomaly: Anomaly) -> Case:
    """Return an anomaly as feedback looks at it."""
    part = anomaly.values[blamed(anomaly.values)]
    return Case(
        entity=anomaly.entity,
        kind=anomaly.kind,
        value=part.name,
        direction=direction_of(part.value, part.expected_low, part.expected_high),
        time=anomaly.time,
        evidence=evidence_of(anomaly.p_value, anomaly.threshold),
    )
