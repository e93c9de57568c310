"""alert: which scored events become anomalies, and which incident they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from engine.domain import snapshot
from engine.domain.alert_policy import (
    Budget,
    FalseDiscoveryRate,
    PValueThreshold,
    ScoreThreshold,
    severity,
)
from engine.domain.anomaly import (
    Anomaly,
    DetectorPart,
    Origin,
    ValuePart,
    anomaly_id,
    anomaly_score,
)
from engine.domain.batch import EXPECTED_SCALES, Floats, ScoredBatch
from engine.domain.detector import State
from engine.domain.explanation import Explanation
from engine.domain.kinds import KINDS, OUTLIER
from engine.domain.pipeline import Pipeline
from engine.domain.summary import summary
from operators.alert.budget_gauge import BudgetGauge
from operators.alert.event_rate import NS_PER_DAY, EventRate
from operators.alert.incidents import Incidents
from operators.alert.online_fdr import OnlineFdr
from pynomaly.plugins import MakeTaskStep, RunContext, Telemetry

GRADED_AGAINST = 1e-4
"""The p-value threshold that grades an anomaly found by a raw score: critical at 1e-7."""
NO_WEIGHT = 1e-300
"""Stands for a weight of 0 where something is divided by it."""


def alert_step(pipeline: Pipeline, _context: RunContext) -> MakeTaskStep:
    """Return what makes the step of one task."""
    return lambda partitions: AlertStep(replace(pipeline, partitions=partitions))


class Finding(NamedTuple):
    """An anomaly, the detector that claims most, and whether it is news of its incident."""

    anomaly: Anomaly
    detector: str
    is_news: bool


class AlertStep:
    """The alert policy of one task, with its open incidents.

    It reports to nobody until `report_to` names a telemetry.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._telemetry = Telemetry()
        self._gauge = BudgetGauge()
        self._incidents = Incidents(pipeline.incident_gap)
        self._rate = EventRate()
        self._discoveries = OnlineFdr(1 / pipeline.partitions)

    def process(self, batches: list[ScoredBatch]) -> list[list[Anomaly]]:
        """Return the anomalies of each scored batch that has any."""
        return [anomalies for batch in batches if (anomalies := self._anomalies(batch))]

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on."""
        self._telemetry = telemetry
        self._gauge.report_to(telemetry)

    def leave(self) -> None:
        """Take the rate of events off the metrics; what was counted stays counted."""
        self._gauge.report_to(Telemetry())

    def dump(self) -> bytes:
        """Return open incidents, the task's rate and its discoveries as versioned bytes."""
        parts: State = {
            "incidents": self._incidents.dump(),
            "rate": self._rate.dump(),
            "discoveries": self._discoveries.dump(),
        }
        return snapshot.encode("alert", parts)

    def restore(self, stored: bytes) -> None:
        """Take up what `dump` returned.

        Raises:
            SnapshotError: it is corrupt or of another kind.
        """
        parts = snapshot.decode("alert", stored)
        self._incidents.load(bytes(parts["incidents"]))
        self._rate.load(np.asarray(parts["rate"]))
        # Absent in the state of earlier releases.
        if "discoveries" in parts:
            self._discoveries.load(np.asarray(parts["discoveries"]))

    def _anomalies(self, batch: ScoredBatch) -> list[Anomaly]:
        policy = self._pipeline.alert
        if isinstance(policy, FalseDiscoveryRate):
            return self._discover(policy, batch)
        if isinstance(policy, ScoreThreshold):
            column = self._pipeline.detector_names.index(policy.detector)
            thresholds = np.full(len(batch), np.nan)
            flags = policy.flags(batch.scores[:, column])
            self._gauge.observe(batch, thresholds[:0])
        else:
            thresholds = self._thresholds(policy, batch)
            # NaN, a warm-up, is never below a threshold.
            flags = batch.p_value <= thresholds
            in_force = thresholds[~np.isnan(batch.p_value)]
            self._telemetry.expected.inc(float(in_force.sum()))
            self._gauge.observe(batch, in_force)
        rows = np.flatnonzero(flags).tolist()
        found = [self._anomaly(batch, row, float(thresholds[row])) for row in rows]
        if isinstance(policy, Budget | PValueThreshold):
            onsets = sum(one.anomaly.incident == one.anomaly.id for one in found)
            self._telemetry.emitted.inc(onsets)
        # A budget is of messages: within an incident only news is one.
        sent = [one for one in found if one.is_news or not isinstance(policy, Budget)]
        self._telemetry.suppressed.inc(len(found) - len(sent))
        return [self._counted(one) for one in sent]

    def _discover(self, policy: FalseDiscoveryRate, batch: ScoredBatch) -> list[Anomaly]:
        """Return what is found; an incident pays for later ones once, however long it lasts."""
        found: list[Anomaly] = []

        def discover(row: int, level: float) -> bool:
            found.append(self._counted(self._anomaly(batch, row, level)))
            return found[-1].incident == found[-1].id

        self._gauge.observe(batch, np.empty(0))
        rates = self._rate.observe(batch.events.times)
        accepted = self._discoveries.test(policy, batch.p_value, rates, discover)
        self._telemetry.expected.inc(accepted)
        self._telemetry.emitted.inc(sum(anomaly.incident == anomaly.id for anomaly in found))
        return found

    def _thresholds(self, policy: Budget | PValueThreshold, batch: ScoredBatch) -> Floats:
        """Return the p-value thresholds in force at each event."""
        if isinstance(policy, PValueThreshold):
            return policy.thresholds(batch.rates)
        totals = batch.rates if batch.pipeline_rates is None else batch.pipeline_rates
        return policy.thresholds(batch.rates, totals * self._pipeline.partitions)

    def _anomaly(self, batch: ScoredBatch, row: int, threshold: float) -> Finding:
        events, pipeline = batch.events, self._pipeline
        index = None if events.indices is None else int(events.indices[row])
        row_place = int(events.partitions[row]), int(events.offsets[row]), index
        origin = Origin(events.topic, *row_place)
        p_value = float(np.nan_to_num(batch.p_value[row], nan=1.0))
        known = None if np.isnan(threshold) else threshold
        grade = severity(p_value, GRADED_AGAINST if known is None else known)
        entity, when = str(events.keys[row]), int(events.times[row])
        own_id = anomaly_id(pipeline.name, pipeline.version, origin)
        strongest = self._strongest(batch, row)
        explanation = batch.explanations.get(strongest)
        kind = KINDS[OUTLIER if explanation is None else int(explanation.kinds[row])]
        rate = float(batch.rates[row])
        usual_gap = NS_PER_DAY / rate if rate > 0 else 0.0
        place = self._incidents.place(entity, when, own_id, grade, kind, usual_gap)
        names = pipeline.mapping.value_names
        values = value_parts(names, batch, row, explanation)
        blamed = max(values, key=lambda part: part.contribution)
        anomaly = Anomaly(
            id=own_id,
            entity=entity,
            time=when,
            timestamp=int(events.timestamps[row]),
            score=anomaly_score(p_value),
            p_value=p_value,
            threshold=known,
            kind=kind,
            summary=summary(
                kind,
                blamed.name,
                blamed.value,
                blamed.expected_low,
                blamed.expected_high,
                place.duration,
            ),
            severity=place.severity,
            incident=place.incident,
            late=bool(batch.late[row]),
            values=values,
            detectors=self._detectors(batch, row),
            origin=origin,
            pipeline=pipeline.name,
            pipeline_version=pipeline.version,
        )
        return Finding(anomaly, pipeline.detector_names[strongest], place.is_news)

    def _counted(self, found: Finding) -> Anomaly:
        """Count an anomaly that is sent, and return it."""
        severity_name = found.anomaly.severity.value
        self._telemetry.anomalies.labels(found.detector, severity_name).inc()
        return found.anomaly

    def _strongest(self, batch: ScoredBatch, row: int) -> int:
        """Return the number of the detector that claims most."""
        claims = batch.p_values[row] / np.maximum(_weights(batch, row), NO_WEIGHT)
        return int(np.nan_to_num(claims, nan=np.inf).argmin())

    def _detectors(self, batch: ScoredBatch, row: int) -> tuple[DetectorPart, ...]:
        columns = (batch.scores[row], batch.p_values[row], _weights(batch, row))
        parts = zip(self._pipeline.detector_names, *columns, strict=True)
        return tuple(DetectorPart(name, *map(_known, numbers)) for name, *numbers in parts)


def _weights(batch: ScoredBatch, row: int) -> Floats:
    """Return each detector's weight, equal where none are learned; NaN during its warm-up."""
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
