"""Messages: what a detector sends, in the same form for the product and for its rivals."""

from __future__ import annotations

from dataclasses import dataclass

from bench.everyday.stream import MINUTE, Floats, Int32s, Int64s
from engine.domain.anomaly import Anomaly

INCIDENT_GAP = 10 * MINUTE
"""The default of `alert.incident_gap`, for rivals."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to an operator.

    Attributes:
        entity: its number.
        time: event time at which it is sent.
        incident: those of one entity with the same number belong together.
        strength: the greater, the rarer: the product's is -log10 of the p-value.
        blamed: index of the value with the largest contribution.
        kind: of the fault, if the message names it.
        anomaly: what the product sends.
    """

    entity: int
    time: int
    incident: str
    strength: float
    blamed: int
    kind: str | None = None
    anomaly: Anomaly | None = None


def incidents(keys: Int32s, times: Int64s, strength: Floats, blamed: Int32s) -> list[Message]:
    """Return the messages of flagged events, those of an entity close together as one incident.

    Args:
        keys, times, strength, blamed: of each flagged event, by time.
    """
    found = []
    last: dict[int, tuple[int, str]] = {}
    columns = (keys.tolist(), times.tolist(), strength.tolist(), blamed.tolist())
    for row, (entity, time, power, value) in enumerate(zip(*columns, strict=True)):
        before, incident = last.get(entity, (-INCIDENT_GAP * 2, ""))
        if time - before > INCIDENT_GAP:
            incident = str(row)
        last[entity] = time, incident
        found.append(Message(entity, time, incident, power, value))
    return found
