"""Absences as anomalies: an entity that has stopped sending."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from engine.domain.absence import Absence
from engine.domain.alert_policy import Severity
from engine.domain.anomaly import (
    Anomaly,
    DetectorPart,
    Origin,
    ValuePart,
    anomaly_id,
    anomaly_score,
)
from engine.domain.batch import ScoredBatch
from engine.domain.kinds import ABSENCE
from engine.domain.pipeline import Pipeline
from engine.domain.summary import duration_text

CERTAIN = 1.0
"""Score of an absence by a fixed limit: chance plays no part in it."""


def absent_entity(batch: ScoredBatch, absence: Absence) -> str:
    """Return the key of what is absent: a task has its partition's name."""
    return absence.entity or f"{batch.events.topic}/{absence.partition}"


def anomaly_of(pipeline: Pipeline, batch: ScoredBatch, absence: Absence) -> Anomaly:
    """Return an absence as an anomaly that is an incident of its own so far.

    Its time is the event time at which it was due, its origin that of the last event there was.
    """
    origin = Origin(batch.events.topic, absence.partition, absence.offset, absence.index)
    last = anomaly_id(pipeline.name, pipeline.version, origin)
    # A task is silent since the same event as the entity that sent it.
    own_id = blake2b(f"{last}\0absence\0{absence.entity}".encode(), digest_size=16).hexdigest()
    names = pipeline.mapping.value_names
    fixed = np.isnan(absence.p_value)
    return Anomaly(
        id=own_id,
        entity=absent_entity(batch, absence),
        time=absence.since + absence.silence,
        timestamp=int(batch.events.timestamps[absence.row]),
        score=CERTAIN if fixed else anomaly_score(absence.p_value),
        p_value=1.0 if fixed else absence.p_value,
        threshold=None,
        kind=ABSENCE,
        summary=_sentence(absence),
        severity=Severity.MAJOR,
        incident=own_id,
        late=False,
        values=tuple(ValuePart(name, None, 1 / len(names), None, None) for name in names),
        detectors=tuple(DetectorPart(name, None, None, None) for name in pipeline.detector_names),
        origin=origin,
        pipeline=pipeline.name,
        pipeline_version=pipeline.version,
    )


def _sentence(absence: Absence) -> str:
    silence = duration_text(absence.silence)
    if absence.entity:
        return f"no event for {silence}"
    if absence.entities:
        return f"{absence.entities} entities have stopped sending, for {silence}"
    return f"no event of any entity for {silence}"
