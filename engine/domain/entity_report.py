"""The report of an entity: what a pipeline knows about it, and when it alerts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.domain.batch import Floats, Int64s


class Presence(StrEnum):
    """What is known of an entity's absence."""

    YOUNG = "not judged yet"
    WATCHED = "watched"
    ABSENT = "absent"
    TOGETHER = "absent, together with others"
    ENDED = "taken for a key that has ended"


@dataclass(frozen=True, slots=True)
class ExpectedValue:
    """What is expected of a value at the entity's next event.

    Attributes:
        name: of the value.
        low, high: the expected range; None while too little is known.
    """

    name: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ValueNature:
    """What was found of a value so far.

    Attributes:
        last: the newest value; None while unknown.
        season: what its season follows, "none" if it has none; "" while unknown.
        noise: words for its kind of noise.
    """

    last: float | None
    season: str = ""
    noise: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DetectorReport:
    """How far a detector is with the entity.

    Attributes:
        name: as written in the pipeline file.
        warm_up: events that it learns before its first score, at least.
        warm: whether it would score the next event.
        weight: its part in the combined p-value; None if none are learned.
    """

    name: str
    warm_up: int
    warm: bool
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class EntityReport:
    """What a task knows of an entity.

    Attributes:
        entity: its key.
        events: how many came.
        learned: how many its models learned from since they started, or started afresh.
        newest: the newest event time, in ns since 1970.
        rate: its events per day of event time; None while unknown.
        task_rate: events per day of all entities of its task.
        detectors: each one's report.
        values: what is expected of each value next.
        memory: bytes it is counted with.
        presence: whether it is absent; None if it is not asked for.
        natures: what was found of each value; empty if no detector notes it.
    """

    entity: str
    events: int
    learned: int
    newest: int
    rate: float | None
    task_rate: float
    detectors: tuple[DetectorReport, ...]
    values: tuple[ExpectedValue, ...]
    memory: int
    presence: Presence | None = None
    natures: tuple[ValueNature, ...] = ()

    @property
    def warm(self) -> bool:
        """Whether its next event would be scored."""
        return any(detector.warm for detector in self.detectors)


@dataclass(frozen=True, slots=True)
class RarestEvents:
    """How rare the rarest event of each entity of a task was, today and the day before.

    Attributes:
        entities: their keys.
        p_values: float64 [n], the least of each; NaN where none came near a threshold.
        rates: float64 [n], events per day of each; NaN while unknown.
        newest: int64 [n], the newest event time of each, in ns since 1970.
        task_rate: events per day of all entities of the task.
    """

    entities: list[str]
    p_values: Floats
    rates: Floats
    newest: Int64s
    task_rate: float
