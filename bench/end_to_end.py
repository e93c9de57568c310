"""End to end on a real Kafka: our pipeline on one core beside the floor and the rival, same run.

Method: broker, producer and this script are pinned to the last core, the measured process to the
first. A topic of twice EVENTS (6 million unless given) is filled before anything is measured; the
first 10 s of each are left out, at most half of the topic, and the EVENTS after them are measured.
The rival's trees take longer to build than to use: it is measured once, from when every entity has
its trees to its end, with fewer entities, which favours it. Rounds alternate; the median of the
ratios of each round is quoted with its range, of processor time an event, and of events a second
beside it.
`python -m bench.end_to_end [EVENTS [ROUNDS [PARTITIONS]]]`; `--write` keeps the figures.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.figures import arguments, report
from bench.measured import Rate, ratio, script, watch
from bench.running import running
from bench.stream import RIVAL_ENTITIES, produce
from tests.support.kafka_broker import KafkaBroker

CORES = sorted(os.sched_getaffinity(0))
RIVAL_EVENTS = 200_000
DETECTORS = ("half_space_trees", "auto")
PIPELINE = """
name: bench
source: {{kafka: {{brokers: "{brokers}", topic: {topic}, start: earliest}}}}
event:
  key: sensor
  time: {{path: ts, unit: ms}}
  values: [temperature, pressure, vibration]
  max_future: 3650d
detectors: [{detectors}]
alert: {{budget: 2/day, per: entity}}
sinks:
  anomalies: {{kafka: {{topic: {sink}}}}}
state: {{directory: "{directory}/state", checkpoint_interval: 10s}}
metrics: {{port: {port}}}
"""
ABOUT = "One process on Kafka beside the floor and the rival; cpu us is processor time an event."


def ours(
    brokers: str,
    topic: str,
    sink: str,
    total: int,
    events: int,
    *,
    cores: list[int],
    detectors: str = "half_space_trees",
    port: int = 19_464,
    pipeline: str = PIPELINE,
) -> Rate:
    """Run `pynomaly run` over the filled topic."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "bench.yaml")
        file.write_text(pipeline.format(**locals()))
        command = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
        with running(cores, command, Path(directory, "log")) as measured:
            return watch([measured], [port], total, events)


def run(events: int = 6_000_000, rounds: int = 6, partitions: int = 4) -> dict[str, object]:
    """Measure, print and return the ratios."""
    os.sched_setaffinity(0, {CORES[-1]})
    total = 2 * events
    with KafkaBroker(optimized=True) as broker:
        for topic in ("stream", "short"):
            broker.create_topic(topic, partitions)
        broker.create_topic("found")
        produce(broker.bootstrap, "stream", total)
        produce(broker.bootstrap, "short", RIVAL_EVENTS, RIVAL_ENTITIES)
        one, brokers = CORES[:1], broker.bootstrap

        def with_detectors(name: str) -> Callable[[], Rate]:
            return lambda: ours(
                brokers, "stream", "found", total, events, cores=one, detectors=name
            )

        peers: dict[str, Callable[[], Rate]] = {
            "floor": lambda: script(one, "bench.floor", brokers, "stream", total, events),
            **{name: with_detectors(name) for name in DETECTORS},
        }
        rates = measure(peers, rounds)
        rates |= measure({"rival": lambda: script(one, "bench.rival", brokers, "short", "found")})
    result = {
        "events": events,
        "rounds": rounds,
        "events/s": {name: [round(r.events_per_second) for r in of] for name, of in rates.items()},
        "cpu us": {name: [round(r.cpu_us, 3) for r in of] for name, of in rates.items()},
        "checkpoint share": {
            name: [round(r.checkpoint_share, 4) for r in rates[name]] for name in DETECTORS
        },
        **{f"{name}/floor": compare(rates[name], rates["floor"]) for name in DETECTORS},
        "ours/rival": compare(rates[DETECTORS[0]][:1], rates["rival"]),
    }
    report("end_to_end", ABOUT, result)
    return result


def measure(peers: dict[str, Callable[[], Rate]], rounds: int = 1) -> dict[str, list[Rate]]:
    """Measure each peer in turn, so many times; print what comes out."""
    rates: dict[str, list[Rate]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, peer in peers.items():
            rate = peer()
            rates[name].append(rate)
            each = f"{rate.events_per_second:12,.0f} events/s, {rate.cpu_us:7.3f} us an event"
            print(f"{name:>16}: {each}", flush=True)
    return rates


def compare(ours: list[Rate], theirs: list[Rate]) -> dict[str, dict[str, float]]:
    """Return the ratios of what an event costs them and us, and of events a second."""
    return {
        "processor time": ratio([r.cpu_us for r in theirs], [r.cpu_us for r in ours]),
        "events/s": ratio(
            [r.events_per_second for r in ours], [r.events_per_second for r in theirs]
        ),
    }


if __name__ == "__main__":
    run(*arguments())
