"""What rules, absences, incidents, silences and time cost: ns an event, in detect and alert.

Usage: python -m bench.rules [--entities N] [--events N] [--rounds N] [--off]

Each is measured beside the plain pipeline in turns, on normal events of `auto` with three values,
and what it costs is the median of the differences to the plain pipeline on the same events, which
noise of the machine for longer than a turn does not move. The first round is left out. With
`--off`, what they cost a pipeline that has none of them: the time in their calls, which is a
hundredth of the whole, too little for the difference between two runs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time
from functools import wraps
from time import process_time, thread_time
from typing import Any

import numpy as np

from engine.application import registry
from engine.application.ports import RunContext
from engine.domain.absence import AbsenceRule
from engine.domain.alert_policy import Budget
from engine.domain.batch import EventBatch
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.pipeline import Calibration, Pipeline
from engine.domain.silence import Silence, Weekly
from engine.domain.value_rule import ValueRule
from operators.alert.entity_rules import EntityRules
from operators.alert.incident_tracker import IncidentTracker
from operators.alert.judged import Judgement
from operators.alert.muted_absences import MutedAbsences
from operators.detect.entity_group import EntityGroup
from operators.detect.event_clock import EventClock
from operators.detect.nearness import NearnessBank

VALUES = ("a", "b", "c")
BATCH = 8_192
SECOND = 1_000_000_000
SILENCES = (
    # They fit nobody: what is silenced is not learned, and would cost less.
    Silence("night", ("x/*",), weekly=Weekly(frozenset(range(7)), time(0), time(0), "Asia/Tokyo")),
    Silence("works", ("y/*",)),
)
RULES = (ValueRule("above", 1.0, 0.1, -1e9, 1e9),) * 3
MAPPING = EventMapping(
    (("key",),), TimeField(), tuple(ValueField(name, (name,)) for name in VALUES)
)
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "rules of all values": {"rules": RULES},
    "absence: learned": {"absence": AbsenceRule()},
    "absence: after": {"absence": AbsenceRule(3_600 * SECOND)},
    "incidents": {"incident_events": True, "group_by": 0},
    "silences": {"silences": SILENCES},
    "context": {"context": 32},
    "time zone": {"mapping": replace(MAPPING, timezone="Europe/Berlin")},
    "order: event_time": {"mapping": replace(MAPPING, lateness=60 * SECOND, order="event_time")},
    "idle entities": {"idle_after": 3_600 * SECOND},
    "all": {
        "rules": RULES,
        "absence": AbsenceRule(),
        "silences": SILENCES,
        "incident_events": True,
        "group_by": 0,
        "context": 32,
        "idle_after": 3_600 * SECOND,
    },
}

OFF: Mapping[type, tuple[str, ...]] = {
    EventClock: ("observe",),
    NearnessBank: ("observe",),
    EntityGroup: ("_learned", "_contexts", "_absences"),
    EntityRules: ("outside",),
    Judgement: ("candidates",),
    MutedAbsences: ("joined",),
    IncidentTracker: ("advance", "take_events"),
}
"""What a pipeline calls for all batches that has none of the features."""


def pipeline(changes: Mapping[str, Any]) -> Pipeline:
    plain = Pipeline(
        name="cost",
        version="v",
        mapping=MAPPING,
        detectors=(registry.detector_family("auto").create("auto", {}, VALUES),),
        combine="any",
        calibration=Calibration(),
        alert=Budget(10.0),
        incident_gap=1_800 * SECOND,
        memory_bytes=2**30,
        detector_fingerprints=("print",),
    )
    return replace(plain, **changes)


def stream(entities: int, count: int) -> list[EventBatch]:
    draw = np.random.default_rng(1)
    rows = np.arange(count)
    keys = np.array([f"site/{k}" for k in range(entities)], object)[rows % entities]
    times = rows * (10 * SECOND // entities)
    values = draw.normal(20, 2, (count, len(VALUES)))
    whole = EventBatch("t", keys, times, values, np.zeros(count, np.int32), rows, times)
    return [whole.take(slice(k, k + BATCH)) for k in range(0, count, BATCH)]


class Measured:
    """A pipeline that goes on through the stream, and the seconds an event of each part."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        spec, context = pipeline(changes), RunContext("cost")
        self.detect = registry.step("detect")(spec, context)(1)
        self.alert = registry.step("alert")(spec, context)(1)
        self.seconds: list[float] = []

    def run(self, batches: list[EventBatch]) -> None:
        began = process_time()
        for batch in batches:
            self.alert.process(self.detect.process([batch]))
        self.seconds.append((process_time() - began) / sum(map(len, batches)))


def without_any(parts: list[list[EventBatch]]) -> None:
    """Print what the features cost a pipeline that has none of them."""
    spent: defaultdict[str, float] = defaultdict(float)
    for owner, names in OFF.items():
        for name in names:
            setattr(owner, name, _counted(getattr(owner, name), f"{owner.__name__}.{name}", spent))
    measured, least = Measured({}), dict[str, float]()
    for part in parts:
        spent.clear()
        measured.run(part)
        events = sum(map(len, part))
        for name, seconds in spent.items():
            least[name] = min(least.get(name, np.inf), seconds / events)
    for name, seconds in sorted(least.items(), key=lambda item: -item[1]):
        print(f"{name:30} {seconds * 1e9:6.1f} ns")
    features = sum(least.values())
    rest = min(measured.seconds) - features
    share = f"{features / rest:.2%} of {rest * 1e9:.0f} ns"
    print(f"{'all of them':30} {features * 1e9:6.1f} ns, {share}")


def _counted(
    work: Callable[..., Any], name: str, spent: defaultdict[str, float]
) -> Callable[..., Any]:
    @wraps(work)
    def counting(*args: Any, **kwargs: Any) -> Any:
        began = thread_time()
        try:
            return work(*args, **kwargs)
        finally:
            spent[name] += thread_time() - began

    return counting


def _parts(batches: list[EventBatch], rounds: int) -> list[list[EventBatch]]:
    """Return the stream in parts: one for each round, and one before them."""
    step = max(1, len(batches) // (rounds + 1))
    return [batches[k : k + step] for k in range(0, len(batches) - step + 1, step)]


def in_turns(parts: list[list[EventBatch]]) -> None:
    """Print what each costs beside the plain pipeline."""
    measured = {name: Measured(changes) for name, changes in VARIANTS.items()}
    for number, part in enumerate(parts):
        # Nobody is always first.
        names = [*measured]
        for name in names[number % len(names) :] + names[: number % len(names)]:
            measured[name].run(part)
    plain = np.array(measured["plain"].seconds[1:])
    print(f"{'':22} {'median':>10} {'paired':>11} {'quartiles':>17}")
    for name, each in measured.items():
        own = np.array(each.seconds[1:])
        low, middle, high = np.quantile(own - plain, [0.25, 0.5, 0.75]) * 1e9
        quartiles = f"{low:+.0f} to {high:+.0f}"
        print(f"{name:22} {np.median(own) * 1e9:7.0f} ns {middle:+8.0f} ns {quartiles:>17}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entities", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10, help="pairs that each is measured in")
    parser.add_argument("--off", action="store_true", help="what they cost where none is on")
    given = parser.parse_args()
    parts = _parts(stream(given.entities, given.events), given.rounds)
    if given.off:
        without_any(parts)
    else:
        in_turns(parts)


if __name__ == "__main__":
    main()
