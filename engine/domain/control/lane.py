"""Lanes: anomalies summed up by entity and span of time, for overviews of many entities."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.domain.alert_policy import Severity
from engine.domain.control.spans import begin_of, joined
from engine.domain.control.stored_anomaly import StoredAnomaly
from engine.domain.time_units import NS_PER_SECOND

STEPS = (300 * NS_PER_SECOND, 3_600 * NS_PER_SECOND, 86_400 * NS_PER_SECOND)
"""Lengths of the spans that are stored, in ns: any multiple of one of them can be asked for."""
LEAST_P_VALUE = 1e-300
RANKS = tuple(Severity)
"""Severities, the least first: lanes are compared by their place."""


@dataclass(frozen=True, slots=True)
class LaneCell:
    """The anomalies of an entity in a span of time.

    Attributes:
        pipeline, entity: whose.
        step: length of the span in ns.
        begin: of the span, event time in ns: a multiple of the step.
        count: how many anomalies.
        p_value: the least of them.
        severity: place of the greatest of them in RANKS.
    """

    pipeline: str
    entity: str
    step: int
    begin: int
    count: int
    p_value: float
    severity: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What there is one cell of."""
        return self.pipeline, self.entity, self.step, self.begin

    @property
    def rarity(self) -> float:
        """Powers of ten of the rarest anomaly: 6 is one in a million."""
        return rarity_of(self.p_value)

    def joined(self, other: LaneCell) -> LaneCell:
        """Return a cell with the anomalies of both."""
        return replace(
            self,
            count=self.count + other.count,
            p_value=min(self.p_value, other.p_value),
            severity=max(self.severity, other.severity),
        )


@dataclass(frozen=True, slots=True)
class Lane:
    """An entity with its anomalies in a span of time.

    Attributes:
        entity: its key.
        count, p_value, severity: as of `LaneCell`.
        last: begin of the last span of 5 minutes, or longer, that has anomalies.
    """

    entity: str
    count: int
    p_value: float
    severity: int
    last: int

    @property
    def worth(self) -> tuple[int, int, float]:
        """What the worst entities are found by: the greatest first."""
        return self.severity, self.count, -self.p_value


def rarity_of(p_value: float) -> float:
    """Return how rare something is in powers of ten."""
    return -math.log10(max(p_value, LEAST_P_VALUE))


def cells_of(anomalies: Iterable[StoredAnomaly]) -> list[LaneCell]:
    """Return the cells of anomalies, at each step, in the order of their keys."""
    single = (
        LaneCell(
            one.pipeline,
            one.entity,
            step,
            begin_of(one.time, step),
            1,
            one.p_value,
            RANKS.index(one.severity),
        )
        for one in anomalies
        for step in STEPS
    )
    return joined(single)


def stored_step(step: int) -> int | None:
    """Return the longest stored step that a step is a multiple of; None if there is none."""
    return next((one for one in reversed(STEPS) if step > 0 and step % one == 0), None)
