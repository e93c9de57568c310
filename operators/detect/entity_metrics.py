"""The metrics of the entities of one task, and of their events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.domain.batch import ScoredBatch
from engine.domain.pipeline import Pipeline
from operators.combine.weight_gauge import WeightGauge
from operators.detect.entity_parts import EntityParts
from pynomaly.plugins import Telemetry, no_telemetry


class EntityMetrics:
    """Counts for one task. It reports nothing until `report_to` names a telemetry.

    Args:
        pipeline: all settings of the steps.
        parts: with the entities.
        entity_bytes: memory that an entity is counted with.
    """

    def __init__(self, pipeline: Pipeline, parts: EntityParts, entity_bytes: int) -> None:
        self._names = pipeline.detector_names
        self._parts = parts
        self._entity_bytes = entity_bytes
        self._telemetry = no_telemetry()
        self._counted = (0, 0)
        self._gauge = None
        if parts.weights is not None:
            self._gauge = WeightGauge(parts.weights, self._names, parts.table.used)

    def report_to(self, telemetry: Telemetry) -> None:
        """Count in these metrics from now on, beginning with the entities there are."""
        self._telemetry = telemetry
        self._counted = (0, 0)
        self.count_entities()
        if self._gauge is not None:
            self._gauge.report_to(telemetry)

    def leave(self) -> None:
        """Take the entities off the metrics: others report them from now on."""
        entities, cold = self._counted
        self._telemetry.entities.dec(entities)
        self._telemetry.state_bytes.dec(entities * self._entity_bytes)
        self._telemetry.warming_entities.dec(cold)
        self.report_to(no_telemetry())

    def count_scored(self, scored: Sequence[ScoredBatch]) -> None:
        """Count scored events, what the detectors failed at, and the entities there are now."""
        for batch in scored:
            warming = int(np.isnan(batch.p_value).sum())
            self._telemetry.warming.inc(warming)
            self._telemetry.scored.inc(len(batch) - warming)
            self._telemetry.late.inc(int(np.count_nonzero(batch.late)))
        self._count_failures()
        self.count_entities()
        if self._gauge is not None:
            self._gauge.count(sum(map(len, scored)))

    def count_evicted(self, entities: int) -> None:
        """Count entities that had to make room for others."""
        self._telemetry.evictions.inc(entities)

    def count_forgotten(self, entities: int) -> None:
        """Count entities that were idle for too long."""
        self._telemetry.forgotten.inc(entities)

    def count_entities(self) -> None:
        """Move the gauges by what has changed: they sum over the tasks of a process."""
        entities, cold = len(self._parts.table), self._parts.cold
        if self._counted == (entities, cold):
            return
        self._telemetry.entities.inc(entities - self._counted[0])
        self._telemetry.state_bytes.inc((entities - self._counted[0]) * self._entity_bytes)
        self._telemetry.warming_entities.inc(cold - self._counted[1])
        self._counted = (entities, cold)

    def _count_failures(self) -> None:
        for name, bank in zip(self._names, self._parts.banks, strict=True):
            for kind, count in bank.failures().items():
                if kind == "refits":
                    self._telemetry.refits.labels(name).inc(count)
                else:
                    self._telemetry.detector_failures.labels(name, kind).inc(count)
