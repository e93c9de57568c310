"""The evaluation of the demonstration: faults found and missed, and false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from engine.application.demo.fleet import (
    MINUTES_PER_DAY,
    SETTLING_MINUTES,
    STEP_NS,
    Fault,
    FaultKind,
    Fleet,
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One anomaly as read back from the anomaly topic: entity and event time in ns."""

    entity: str
    time: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the demonstration found.

    Attributes:
        found: injected faults with an anomaly during the fault.
        missed: the other injected faults.
        during_faults: anomalies in a faulty sensor during its fault or its settling time.
        false_alarms: all other anomalies.
        budget: false alarms that the alert budget allows for the stream.
    """

    found: tuple[Fault, ...]
    missed: tuple[Fault, ...]
    during_faults: int
    false_alarms: int
    budget: float

    @property
    def recall(self) -> float:
        """Share of the faults that were found, 0..1."""
        return len(self.found) / max(1, len(self.found) + len(self.missed))

    def by_kind(self) -> dict[FaultKind, tuple[int, int]]:
        """Return found and injected for each kind of fault."""
        found = Counter(fault.kind for fault in self.found)
        injected = found + Counter(fault.kind for fault in self.missed)
        return {kind: (found[kind], injected[kind]) for kind in injected}


def evaluate(fleet: Fleet, alarms: Iterable[Alarm], budget_per_day: float) -> Evaluation:
    """Compare the alarms with the injected faults.

    Args:
        fleet: the simulated fleet.
        alarms: all anomalies that were published.
        budget_per_day: false alarms a day that the pipeline was allowed.
    """
    faults = {fleet.name(fault.sensor): fault for fault in fleet.injected()}
    found: set[str] = set()
    during = false = 0
    for alarm in alarms:
        minute = (alarm.time - fleet.start) // STEP_NS
        fault = faults.get(alarm.entity)
        if fault is None or not fault.start <= minute < fault.stop + SETTLING_MINUTES:
            false += 1
            continue
        during += 1
        if minute < fault.stop:
            found.add(alarm.entity)
    return Evaluation(
        found=tuple(fault for name, fault in faults.items() if name in found),
        missed=tuple(fault for name, fault in faults.items() if name not in found),
        during_faults=during,
        false_alarms=false,
        budget=budget_per_day * fleet.minutes / MINUTES_PER_DAY,
    )
