"""Absences as anomalies: an entity that has stopped sending."""

from __future__ import annotations

from dataclasses import replace
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
from operators.silences import Mute, Silences

EXAMPLES = 3
"""Entities that a sentence names of those that have stopped together."""
CERTAIN = 1.0
"""Score of an absence by a fixed limit, or of all entities: chance plays no part in it."""
RULED_OUT = 0.0
"""Its p-value: it is above the limit of what is normal."""


def absent_entity(batch: ScoredBatch, absence: Absence) -> str:
    """Return the key of what is absent: a task has its partition's name."""
    return absence.entity or f"{batch.events.topic}/{absence.partition}"


def mute_of(silences: Silences, entity: str, absence: Absence, time: int) -> Mute | None:
    """Return the silence that holds for an absence; None if none does.

    Entities that stopped together are silenced if each of them is; of their silences it is the one
    that ends first.

    Args:
        silences: all there are.
        entity: the key of what is absent.
        absence: as it was found.
        time: event time at which it was due, in ns.
    """
    if not absence.entity or not absence.members:
        mute = silences.by(entity, time, None)
        if mute is not None or not absence.members:
            return mute
    found: dict[Mute, None] = {}
    for member in absence.members:
        mute = silences.by(member, time, None)
        if mute is None:
            return None
        found[mute] = None
    return min(found, key=lambda one: one.end(time))


def anomaly_of(pipeline: Pipeline, batch: ScoredBatch, absence: Absence) -> Anomaly:
    """Return an absence as an anomaly that is an incident of its own so far.

    Its time is the event time at which it was due, its origin that of the last event there was.
    """
    origin = Origin(batch.events.topic, absence.partition, absence.offset, absence.index)
    own_id = _id_of(pipeline, batch, absence, origin)
    names = pipeline.mapping.value_names
    fixed = np.isnan(absence.p_value)
    return Anomaly(
        id=own_id,
        entity=absent_entity(batch, absence),
        time=absence.since + absence.silence,
        timestamp=int(batch.events.timestamps[absence.row]),
        score=CERTAIN if fixed else anomaly_score(absence.p_value),
        p_value=RULED_OUT if fixed else absence.p_value,
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


def _id_of(pipeline: Pipeline, batch: ScoredBatch, absence: Absence, origin: Origin) -> str:
    """Return the id of an absence."""
    last = anomaly_id(pipeline.name, pipeline.version, origin)
    # A task is silent since the same event as the entity that sent it.
    parts = [last, "absence", absence.entity]
    if absence.entity and absence.members:
        # Those that do not come back with the others may be a group again, since the same event.
        index = None if batch.events.indices is None else int(batch.events.indices[absence.row])
        shown = replace(origin, offset=int(batch.events.offsets[absence.row]), index=index)
        parts.append(anomaly_id(pipeline.name, pipeline.version, shown))
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _sentence(absence: Absence) -> str:
    silence = duration_text(absence.silence)
    if absence.members:
        named = ", ".join(absence.members[:EXAMPLES])
        more = absence.entities - EXAMPLES
        rest = f" and {more} more" if more > 0 else ""
        return f"{absence.entities} entities have stopped sending, for {silence}: {named}{rest}"
    if absence.entity:
        return f"no event for {silence}"
    return f"no event of any entity for {silence}"
