"""alert: which scored events become anomalies, and which incident they belong to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson

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
from engine.domain.pipeline import Pipeline
from operators.alert.event_rate import EventRate
from operators.alert.online_fdr import OnlineFdr
from pynomaly.plugins import MakeTaskStep, RunContext, Telemetry

GRADED_AGAINST = 1e-4
"""The p-value threshold that grades an anomaly found by a raw score: critical at 1e-7."""
NO_WEIGHT = 1e-300
"""Stands for a weight of 0 where something is divided by it."""
MOST_INCIDENTS = 1_000
"""Open incidents of one task; beyond, the one that was not continued for longest is closed."""


def alert_step(pipeline: Pipeline, _context: RunContext) -> MakeTaskStep:
    """Return what makes the step of one task."""
    return lambda partitions: AlertStep(replace(pipeline, partitions=partitions))


class AlertStep:
    """The alert policy of one task, with its open incidents.

    It reports to nobody until `report_to` names a telemetry.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._telemetry = Telemetry()
        self._incidents: dict[str, tuple[str, int]] = {}
        self._rate = EventRate()
        self._discoveries = OnlineFdr(1 / pipeline.partitions)

    def process(self, batches: list[ScoredBatch]) -> list[list[Anomaly]]:
        """Return the anomalies of each scored batch that has any."""
        return [anomalies for batch in batches if (anomalies := self._anomalies(batch))]

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on."""
        self._telemetry = telemetry

    def leave(self) -> None:
        """Do nothing: what was counted stays counted."""

    def dump(self) -> bytes:
        """Return open incidents, the task's rate and its discoveries as versioned bytes."""
        parts: State = {
            "incidents": orjson.dumps(self._incidents),
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
        incidents = orjson.loads(bytes(parts["incidents"]))
        self._incidents = {entity: (first, last) for entity, (first, last) in incidents.items()}
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
        else:
            thresholds = self._thresholds(policy, batch)
            # NaN, a warm-up, is never below a threshold.
            flags = batch.p_value <= thresholds
            promised = thresholds[~np.isnan(batch.p_value)].sum()
            self._telemetry.expected.inc(float(promised))
            self._telemetry.emitted.inc(int(np.count_nonzero(flags)))
        rows = np.flatnonzero(flags).tolist()
        return [self._anomaly(batch, row, float(thresholds[row])) for row in rows]

    def _discover(self, policy: FalseDiscoveryRate, batch: ScoredBatch) -> list[Anomaly]:
        """Return what is found; an incident pays for later ones once, however long it lasts."""
        found: list[Anomaly] = []

        def discover(row: int, level: float) -> bool:
            found.append(self._anomaly(batch, row, level))
            return found[-1].incident == found[-1].id

        rates = self._rate.observe(batch.events.times)
        accepted = self._discoveries.test(policy, batch.p_value, rates, discover)
        self._telemetry.expected.inc(accepted)
        self._telemetry.emitted.inc(sum(anomaly.incident == anomaly.id for anomaly in found))
        return found

    def _thresholds(self, policy: Budget | PValueThreshold, batch: ScoredBatch) -> Floats:
        """Return the p-value thresholds in force at each event."""
        if isinstance(policy, Budget) and policy.scope == "pipeline":
            share = self._rate.observe(batch.events.times) * self._pipeline.partitions
            return policy.thresholds(share)
        return policy.thresholds(batch.rates)

    def _anomaly(self, batch: ScoredBatch, row: int, threshold: float) -> Anomaly:
        events, pipeline = batch.events, self._pipeline
        index = None if events.indices is None else int(events.indices[row])
        place = int(events.partitions[row]), int(events.offsets[row]), index
        origin = Origin(events.topic, *place)
        p_value = float(np.nan_to_num(batch.p_value[row], nan=1.0))
        known = None if np.isnan(threshold) else threshold
        grade = severity(p_value, GRADED_AGAINST if known is None else known)
        entity, when = str(events.keys[row]), int(events.times[row])
        own_id = anomaly_id(pipeline.name, pipeline.version, origin)
        self._telemetry.anomalies.labels(self._strongest(batch, row), grade.value).inc()
        return Anomaly(
            id=own_id,
            entity=entity,
            time=when,
            timestamp=int(events.timestamps[row]),
            score=anomaly_score(p_value),
            p_value=p_value,
            threshold=known,
            severity=grade,
            incident=self._incident(entity, when, own_id),
            late=bool(batch.late[row]),
            values=value_parts(pipeline.mapping.value_names, batch, row),
            detectors=self._detectors(batch, row),
            origin=origin,
            pipeline=pipeline.name,
            pipeline_version=pipeline.version,
        )

    def _incident(self, entity: str, when: int, own_id: str) -> str:
        """Return the id of the open incident, or open one; what comes late belongs to the open one.

        Closed by number and not by a clock: entities may lie hours apart.
        """
        first, last = self._incidents.pop(entity, (own_id, when))
        if when - last > self._pipeline.incident_gap:
            first = own_id
        self._incidents[entity] = (first, max(last, when))
        if len(self._incidents) > MOST_INCIDENTS:
            del self._incidents[next(iter(self._incidents))]
        return first

    def _strongest(self, batch: ScoredBatch, row: int) -> str:
        claims = batch.p_values[row] / np.maximum(_weights(batch, row), NO_WEIGHT)
        return self._pipeline.detector_names[int(np.nan_to_num(claims, nan=np.inf).argmin())]

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


def value_parts(names: tuple[str, ...], batch: ScoredBatch, row: int) -> tuple[ValuePart, ...]:
    """Return each value's share of the squared standardised deviation, and its expected range."""
    values, centers, scales = batch.events.values[row], batch.centers[row], batch.scales[row]
    with np.errstate(over="ignore"):
        deviations = ((values - centers) / scales) ** 2
    strangeness = np.nan_to_num(deviations, nan=0.0, posinf=1e300)
    total = strangeness.sum()
    shares = strangeness / total if total > 0 else np.full(len(names), 1 / len(names))
    width = EXPECTED_SCALES * scales
    columns = zip(names, values, shares, centers - width, centers + width, strict=True)
    return tuple(
        ValuePart(name, _known(value), float(share), _known(low), _known(high))
        for name, value, share, low, high in columns
    )


def _known(number: Any) -> float | None:
    return None if np.isnan(number) else float(number)
