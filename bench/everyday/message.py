"""Messages: what a detector sends, in the same form for the product and for its rivals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.everyday.stream import MINUTE, Floats, Stream
from engine.domain.anomaly import Anomaly

INCIDENT_GAP = 10 * MINUTE
"""The default of `alert.incident_gap`, for rivals."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to an operator.

    Attributes:
        entity: its number.
        time: event time at which it is told.
        incident: those of one entity with the same number belong together.
        strength: the greater, the rarer: the product's is -log10 of the p-value.
        blamed: index of the value with the largest contribution.
        kind: of the fault, if it is told.
        anomaly: what the product sends.
    """

    entity: int
    time: int
    incident: str
    strength: float
    blamed: int
    kind: str | None = None
    anomaly: Anomaly | None = None


def incidents(
    stream: Stream, rows: NDArray[np.intp], strength: Floats, blamed: Sequence[int]
) -> list[Message]:
    """Return the messages of events that were flagged, those close together as one incident.

    Args:
        stream: the events.
        rows: of those flagged.
        strength, blamed: of each of these.
    """
    found = []
    last: dict[int, tuple[int, str]] = {}
    for row, power, value in zip(rows.tolist(), strength.tolist(), blamed, strict=True):
        entity, time = int(stream.keys[row]), int(stream.times[row])
        before, incident = last.get(entity, (-INCIDENT_GAP * 2, ""))
        if time - before > INCIDENT_GAP:
            incident = str(row)
        last[entity] = time, incident
        found.append(Message(entity, time, incident, power, int(value)))
    return found
