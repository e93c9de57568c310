"""Drafts: a flagged event as an anomaly, before rules and incidents have looked at it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from engine.domain.alert_policy import severity
from engine.domain.anomaly import (
    Anomaly,
    DetectorPart,
    Origin,
    ValuePart,
    anomaly_id,
    anomaly_score,
)
from engine.domain.batch import EXPECTED_SCALES, EventBatch, Floats, ScoredBatch
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS, OUTLIER
from engine.domain.pipeline import Pipeline
from engine.domain.summary import summary

GRADED_AGAINST = 1e-4
"""The p-value threshold that grades an anomaly found by a raw score: critical at 1e-7."""
NO_WEIGHT = 1e-300
"""Stands for a weight of 0 if something is divided by it."""


class Draft(NamedTuple):
    """An anomaly that is an incident of its own so far, and the detector that claims most."""

    anomaly: Anomaly
    detector: str


class Drafter:
    """Makes anomalies of flagged events.

    Args:
        pipeline: all settings of the steps.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def draft(self, batch: ScoredBatch, row: int, threshold: float) -> Draft:
        """Return the anomaly of an event.

        Args:
            batch: scored events.
            row: number of the event.
            threshold: of the p-value; NaN or 0 if it was not held against any.
        """
        events, pipeline = batch.events, self._pipeline
        origin = origin_of(events, row)
        p_value = float(np.nan_to_num(batch.p_value[row], nan=1.0))
        known = threshold if threshold > 0 else None
        strongest = self._strongest(batch, row)
        explanation = batch.explanations.get(strongest)
        own_id = anomaly_id(pipeline.name, pipeline.version, origin)
        kind = KINDS[OUTLIER if explanation is None else int(explanation.kinds[row])]
        values = value_parts(pipeline.mapping.value_names, batch, row, explanation)
        amounts = None if explanation is None else explanation.amounts
        amount = None if amounts is None else _known(amounts[row])
        anomaly = Anomaly(
            id=own_id,
            entity=str(events.keys[row]),
            time=int(events.times[row]),
            timestamp=int(events.timestamps[row]),
            score=anomaly_score(p_value),
            p_value=p_value,
            threshold=known,
            kind=kind,
            summary=summary_of(kind, values, p_value, amount),
            severity=severity(p_value, GRADED_AGAINST if known is None else known),
            incident=own_id,
            late=bool(batch.late[row]),
            values=values,
            detectors=self._detectors(batch, row),
            origin=origin,
            pipeline=pipeline.name,
            pipeline_version=pipeline.version,
        )
        return Draft(anomaly, pipeline.detector_names[strongest])

    def _strongest(self, batch: ScoredBatch, row: int) -> int:
        """Return the number of the detector that claims most."""
        claims = batch.p_values[row] / np.maximum(_weights(batch, row), NO_WEIGHT)
        return int(np.nan_to_num(claims, nan=np.inf).argmin())

    def _detectors(self, batch: ScoredBatch, row: int) -> tuple[DetectorPart, ...]:
        columns = (batch.scores[row], batch.p_values[row], _weights(batch, row))
        parts = zip(self._pipeline.detector_names, *columns, strict=True)
        return tuple(DetectorPart(name, *map(_known, numbers)) for name, *numbers in parts)


def origin_of(events: EventBatch, row: int) -> Origin:
    """Return the origin of an event in its source."""
    index = None if events.indices is None else int(events.indices[row])
    return Origin(*events.origin(row), index)


def blamed(values: tuple[ValuePart, ...]) -> int:
    """Return the number of the value that contributes most."""
    return max(range(len(values)), key=lambda k: values[k].contribution)


def summary_of(
    kind: str, values: tuple[ValuePart, ...], p_value: float, amount: float | None = None
) -> str:
    """Return the sentence for an anomaly; see `engine.domain.summary.summary`."""
    value = values[blamed(values)]
    expected = value.expected_low, value.expected_high
    return summary(kind, value.name, value.value, *expected, amount, p_value)


def with_context(anomaly: Anomaly, batch: ScoredBatch, row: int) -> Anomaly:
    """Return an anomaly with the last values of the value to blame, if they were asked for."""
    before = batch.contexts.get(row)
    if before is None:
        return anomaly
    column = before[:, blamed(anomaly.values)].tolist()
    return replace(anomaly, context=tuple(map(_known, column)))


def _weights(batch: ScoredBatch, row: int) -> Floats:
    """Return each detector's weight, equal if none are learned; NaN during its warm-up."""
    if batch.weights is not None:
        learned: Floats = batch.weights[row]
        return learned
    warm = ~np.isnan(batch.p_values[row])
    return np.where(warm, 1 / max(int(np.count_nonzero(warm)), 1), np.nan)


def value_parts(
    names: tuple[str, ...], batch: ScoredBatch, row: int, explanation: Explanation | None = None
) -> tuple[ValuePart, ...]:
    """Return each value's part in the anomaly, and its expected range.

    They are those of the evidence where a detector explains itself; else each value's share of the
    squared standardised deviation, and three standard deviations around its level.
    """
    values = batch.events.values[row]
    if explanation is not None:
        shares = explanation.contributions[row]
        centers, widths = explanation.centers[row], explanation.widths[row]
    else:
        centers, scales = batch.centers[row], batch.scales[row]
        with np.errstate(over="ignore"):
            deviations = ((values - centers) / scales) ** 2
        strangeness = np.nan_to_num(deviations, nan=0.0, posinf=1e300)
        total = strangeness.sum()
        shares = strangeness / total if total > 0 else np.full(len(names), 1 / len(names))
        widths = EXPECTED_SCALES * scales
    columns = zip(names, values, shares, centers - widths, centers + widths, strict=True)
    return tuple(
        ValuePart(name, _known(value), float(share), _known(low), _known(high))
        for name, value, share, low, high in columns
    )


def _known(number: Any) -> float | None:
    return None if np.isnan(number) else float(number)
