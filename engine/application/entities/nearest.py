"""The entities that are nearest to alerting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.application.entities.known_task import KnownTask, thresholds
from engine.domain.alert_policy import AlertPolicy
from engine.domain.batch import Floats
from engine.domain.entity_report import RarestEvents


@dataclass(frozen=True, slots=True)
class NearEntity:
    """How near an entity came to alerting, today and the day before by its event time.

    Attributes:
        entity: its key.
        task: the partition.
        p_value: the least one of its events.
        threshold: at which its next event alerts; None if no p-value decides.
        newest: the newest event time, in ns since 1970.
    """

    entity: str
    task: str
    p_value: float
    threshold: float | None
    newest: int

    @property
    def evidence(self) -> float:
        """Powers of ten that the p-value lies below the threshold; negative if above it."""
        return float(np.log10(self.threshold or 1.0) - np.log10(self.p_value))


def nearest_entities(
    tasks: Iterable[KnownTask], policy: AlertPolicy, count: int
) -> list[NearEntity]:
    """Return the entities nearest to alerting, the nearest first.

    Args:
        tasks: that are asked, one after the other.
        policy: the alert policy of the pipeline file.
        count: how many to return.
    """
    found: list[NearEntity] = []
    for task in tasks:
        found += _of_task(task, task.control.change().policy(policy), count)
    return sorted(found, key=lambda one: (-one.evidence, one.entity, one.task))[:count]


def _of_task(task: KnownTask, policy: AlertPolicy, count: int) -> list[NearEntity]:
    rarest = task.entities.rarest()
    limits = thresholds(policy, rarest.rates, rarest.task_rate, task.partitions)
    return [
        NearEntity(
            rarest.entities[k],
            task.name,
            float(rarest.p_values[k]),
            None if limits is None else float(limits[k]),
            int(rarest.newest[k]),
        )
        for k in _first(rarest, limits, count)
    ]


def _first(rarest: RarestEvents, limits: Floats | None, count: int) -> list[int]:
    """Return the places of those nearest, of those that have a p-value and a threshold."""
    limit = np.ones(len(rarest.p_values)) if limits is None else limits
    (rows,) = np.nonzero(~np.isnan(rarest.p_values) & (limit > 0))
    evidence = np.log10(limit[rows]) - np.log10(rarest.p_values[rows])
    keys = np.array([rarest.entities[row] for row in rows.tolist()], str)
    nearest = np.lexsort((keys, -evidence))[:count]
    return [int(row) for row in rows[nearest]]
