"""Where the processor time of an event goes, between the consumer's poll and the producer.

Method: the dataflow runs in this process over a filled topic, broker on another core. Each step is
wrapped by a clock of its thread's processor time, which counts for a step what the steps within it
do not; looking at it costs some 10 ns an event. The first quarter of the events is left out.
`python -m bench.hot_path [EVENTS [DETECTOR]]`
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from bench.end_to_end import CORES, PIPELINE
from bench.stream import produce
from connectors.kafka import source
from connectors.kafka.consumer import SharedConsumer
from engine.application.cluster.garbage import collect_rarely
from engine.application.config.load import load
from engine.application.dataflow import build
from engine.application.dataflow.checkpoints import Checkpoints
from engine.application.dataflow.context import context_of
from engine.application.dataflow.delivery import Delivery
from engine.application.dataflow.reader import TaskReader
from engine.application.state.directory import DirectoryStore
from operators.alert.step import AlertStep
from operators.calibrators.peaks_over_threshold import PeaksOverThreshold
from operators.decode.event_columns import EventColumns
from operators.decode.json_messages import JsonMessages
from operators.detect.entity_table import EntityTable
from operators.detect.profile import ProfileBank
from operators.detect.scorer import Scorer
from operators.detect.step import DetectStep
from tests.support.kafka_broker import KafkaBroker

STEPS: dict[str, list[tuple[Any, str]]] = {
    "poll": [(SharedConsumer, "_consume")],
    "columns of messages": [(source, "raw_batch")],
    "count": [(TaskReader, "_count_batch")],
    "decode JSON": [(JsonMessages, "decode")],
    "decode keys": [(EventColumns, "_keys")],
    "decode times": [(EventColumns, "_moments")],
    "decode values": [(EventColumns, "_numbers")],
    "decode, all else": [(build, "decode_items")],
    "entities": [(EntityTable, "_assign"), (EntityTable, "observe")],
    "expected values": [(ProfileBank, "observe")],
    "models": [(Scorer, "detect")],
    "calibrate": [(PeaksOverThreshold, "p_values")],
    "detect, all else": [(DetectStep, "process")],
    "alert": [(AlertStep, "process")],
    "deliver": [(Delivery, "process")],
    "checkpoint": [(Checkpoints, "_store"), (DetectStep, "dump"), (AlertStep, "dump")],
}
"""What is wrapped, by the step that it counts for."""
BATCHES = "batches"


class Budget:
    """Processor time by step."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._within = 0.0

    def counted(self, step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that counts what it takes, but for what is counted within it."""

        @wraps(work)
        def counting(*args: Any, **kwargs: Any) -> Any:
            outer, self._within = self._within, 0.0
            began = time.thread_time()
            try:
                return work(*args, **kwargs)
            finally:
                taken = time.thread_time() - began
                self.spent[step] += taken - self._within
                self._within = outer + taken

        return counting

    def begin(self) -> None:
        """Forget what was counted."""
        self.spent.clear()
        self._process, self._thread = time.process_time(), time.thread_time()

    def end(self, events: int) -> dict[str, float]:
        """Return nanoseconds an event of each step, of the rest, and of all together."""
        whole = time.process_time() - self._process
        own = time.thread_time() - self._thread
        found = {step: self.spent[step] for step in STEPS}
        found["Bytewax and all else"] = own - sum(found.values())
        found["other threads (librdkafka)"] = whole - own
        found["all"] = whole
        return {step: seconds / events * 1e9 for step, seconds in found.items()}


def measure(brokers: str, events: int, detector: str, directory: str) -> dict[str, float]:
    """Run the dataflow over all events of the topic; return nanoseconds an event by step."""
    path = Path(directory, "bench.yaml")
    names = {"topic": "stream", "sink": "found", "detectors": detector, "port": 19_466}
    path.write_text(PIPELINE.format(brokers=brokers, directory=directory, **names))
    file = load(path)
    budget = Budget()
    for step, places in STEPS.items():
        for place, name in places:
            setattr(place, name, budget.counted(step, getattr(place, name)))
    context = context_of(file)
    build.prepare(file)
    store = DirectoryStore(Path(directory, "state"), 0, context.heartbeat)
    flow = build.build(file, context, store)
    found: dict[str, float] = {}
    seen = warm = turns = 0
    turn_ended = Checkpoints.turn_ended

    def look(checkpoints: Checkpoints) -> None:
        nonlocal seen, warm, turns, found
        turn_ended(checkpoints)
        seen, turns = int(context.telemetry.events._value.get()), turns + 1
        if not warm and seen >= events / 4:
            warm, turns = seen, 0
            budget.begin()
        elif seen >= events and not found:
            found = budget.end(seen - warm) | {BATCHES: (seen - warm) / turns}
            context.draining.set()

    setattr(Checkpoints, "turn_ended", look)  # noqa: B010 - it is wrapped, as the steps are
    collect_rarely()
    flow.run()
    return found


def run(events: int = 2_000_000, detector: str = "half_space_trees") -> None:
    """Measure and print."""
    with KafkaBroker(optimized=True) as broker, tempfile.TemporaryDirectory() as directory:
        os.sched_setaffinity(broker.pid or 0, {CORES[-1]})
        broker.create_topic("stream", 4)
        broker.create_topic("found")
        produce(broker.bootstrap, "stream", events)
        os.sched_setaffinity(0, {CORES[0]})
        found = measure(broker.bootstrap, events, detector, directory)
    size = found.pop(BATCHES)
    print(f"{detector}, {size:,.0f} events a batch, ns an event")
    for step, ns in found.items():
        print(f"{step:>28} {ns:7.0f}")


if __name__ == "__main__":
    chosen = dict(zip(("events", "detector"), sys.argv[1:], strict=False))
    run(int(chosen.get("events", 2_000_000)), chosen.get("detector", "half_space_trees"))
