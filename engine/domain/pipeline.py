"""The pipeline: the content of the pipeline file as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.domain.absence import AbsenceRule
from engine.domain.alert_policy import AlertPolicy
from engine.domain.detector import Detector
from engine.domain.mapping import EventMapping
from engine.domain.silence import Silence
from engine.domain.value_rule import ValueRule

Combination = Literal["any", "all", "cauchy", "weighted"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How raw scores become p-values.

    Attributes:
        window: recent scores of an entity that its p-values rest on.
        learn_anomalies: whether scores below `anomaly_p_value` are learned from.
        anomaly_p_value: a rarer score is not learned from.
        relearn_after: a run of this many unlearned scores becomes the new normal.
    """

    window: int = 256
    learn_anomalies: bool = False
    anomaly_p_value: float = 1e-4
    relearn_after: int = 200


@dataclass(frozen=True, slots=True)
class Pipeline:
    """All settings of the steps.

    Attributes:
        name: written into every anomaly.
        version: a digest of what decides scores, written into every anomaly.
        mapping: how a message becomes an event.
        detectors: k detectors.
        combine: how k p-values become one.
        calibration: how raw scores become p-values.
        alert: which events become anomalies.
        incident_gap: ns of event time without an anomaly that end an incident.
        partitions: of the source; each has an equal share of budgets and memory.
        memory_bytes: hard budget for the entities' state in the whole pipeline.
        mapping_fingerprint: changes with what an entity and its values are.
        detector_fingerprints: of each detector, changes with what its state means.
        rules: of each value, None if it has none; empty if no value has one.
        absence: when an entity is absent; None if it is never.
        silences: when alerts are muted.
        incident_events: whether anybody wants to know what happens to incidents.
        idle_after: ns without an event after which an entity is forgotten; None: never.
        context: last values of an entity that are shown beside an anomaly.
        group_by: number of the key's part by which incidents form stories; None for none.
        stamped: whether the source stores a timestamp with each message, which is the same whenever
            the message is read.
    """

    name: str
    version: str
    mapping: EventMapping
    detectors: tuple[Detector, ...]
    combine: Combination
    calibration: Calibration
    alert: AlertPolicy
    incident_gap: int
    memory_bytes: int
    partitions: int = 1
    mapping_fingerprint: str = ""
    detector_fingerprints: tuple[str, ...] = ()
    rules: tuple[ValueRule | None, ...] = ()
    absence: AbsenceRule | None = None
    silences: tuple[Silence, ...] = ()
    incident_events: bool = False
    group_by: int | None = None
    idle_after: int | None = None
    context: int = 0
    stamped: bool = False

    @property
    def detector_names(self) -> tuple[str, ...]:
        """Names of the detectors, in column order."""
        return tuple(detector.name for detector in self.detectors)
