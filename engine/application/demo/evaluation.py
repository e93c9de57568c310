"""The evaluation of the demonstration: faults found and missed, and false alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from engine.application.demo.fleet import (
    MINUTES_PER_DAY,
    SETTLING_MINUTES,
    STEP_NS,
    Episode,
    Fault,
    FaultKind,
    Fleet,
)
from engine.domain.kinds import ABSENCE


@dataclass(frozen=True, slots=True)
class Alarm:
    """One anomaly as read back from the anomaly topic.

    Attributes:
        entity: its key.
        time: event time in ns.
        kind: of the anomaly.
        muted: whether a silence mutes it.
    """

    entity: str
    time: int
    kind: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the demonstration found.

    Attributes:
        found: injected faults with an anomaly during the fault.
        missed: the other injected faults.
        during_faults: anomalies in a faulty sensor during its fault or its settling time.
        false_alarms: all other anomalies.
        budget: false alarms that the alert budget allows for the stream.
        absent: whether the sensor that stopped sending was found; None if none did.
        muted: anomalies in the maintenance window, which a silence mutes.
    """

    found: tuple[Fault, ...]
    missed: tuple[Fault, ...]
    during_faults: int
    false_alarms: int
    budget: float
    absent: bool | None = None
    muted: int = 0

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
    during = false = muted = 0
    silent, work = fleet.absence, fleet.maintenance
    absent = None if silent is None else False
    for alarm in alarms:
        minute = (alarm.time - fleet.start) // STEP_NS
        if silent is not None and _is_of(fleet, silent, alarm, minute):
            absent = absent or (alarm.kind == ABSENCE and silent.holds(minute))
            continue
        if work is not None and _is_of(fleet, work, alarm, minute):
            muted += alarm.muted
            false += work.holds(minute) and not alarm.muted
            continue
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
        absent=absent,
        muted=muted,
    )


def _is_of(fleet: Fleet, episode: Episode, alarm: Alarm, minute: int) -> bool:
    """Return whether an alarm is of an episode, or of the time in which its sensor settles."""
    near = episode.start <= minute < episode.stop + SETTLING_MINUTES
    return near and alarm.entity == fleet.name(episode.sensor)
