"""End to end on a real Kafka: our pipeline on one core beside the floor and the rival, same run.

Method: broker, producer and this script are pinned to the last core, the measured process to the
first (both for the run with two processes). The topic is filled before anything is measured.
Start-up (imports, compilation) is left out for all: the floor takes the time from its first message
to its last, ours from the first sample of its metrics page past 20 % to its end, the rival (whose
trees take longer to build than to use) from when every entity has its trees to its end, with a
tenth of the entities, which favours it. Rounds
alternate floor, ours, rival; the median ratio is quoted with its range.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from bench.running import Running, pinned, running
from bench.stream import RIVAL_ENTITIES, produce
from tests.support.kafka_broker import KafkaBroker

CORES = sorted(os.sched_getaffinity(0))
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


@dataclass(frozen=True)
class Rate:
    """Events per second, and the peak memory of the process in bytes where known."""

    events_per_second: float
    peak_bytes: int = 0


def script(cores: list[int], module: str, *arguments: object) -> Rate:
    """Run one of the peers' modules and read what it measured."""
    command = pinned(cores, sys.executable, "-m", module, *map(str, arguments))
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return Rate(result["events"] / result["seconds"])


def metric(port: int, name: str) -> float:
    """Return the sum of a metric's samples on a metrics page; 0 while there is no page."""
    try:
        text = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read().decode()
    except OSError:
        return 0.0
    lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def ours(
    brokers: str,
    topic: str,
    sink: str,
    events: int,
    *,
    cores: list[int],
    processes: int = 1,
    detectors: str = "half_space_trees",
    port: int = 19_464,
    pipeline: str = PIPELINE,
) -> Rate:
    """Run `pynomaly run` over the filled topic and take the rate from its metrics pages."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "bench.yaml")
        file.write_text(pipeline.format(**locals()))
        command = [sys.executable, "-m", "engine.presentation.cli.main", "run", str(file)]
        command += ["--processes", str(processes)]
        with running(cores, command, Path(directory, "log")) as measured:
            return _measure(measured, events, [port + i for i in range(processes)])


def _measure(pipeline: Running, events: int, ports: list[int]) -> Rate:
    samples: list[tuple[float, float]] = []
    while not samples or samples[-1][1] < events:
        pipeline.check()
        scored = sum(metric(port, "pynomaly_events_total") for port in ports)
        samples.append((time.perf_counter(), scored))
        time.sleep(0.1)
    (began, first) = next(sample for sample in samples if sample[1] > 0.2 * events)
    (ended, last) = samples[-1]
    if last == first:
        raise RuntimeError("too few events to measure: raise --events")
    return Rate((last - first) / (ended - began))


def run(events: int = 3_000_000, rounds: int = 3, partitions: int = 4) -> dict[str, object]:
    """Measure, print and return the ratios."""
    os.sched_setaffinity(0, {CORES[-1]})
    rates: dict[str, list[float]] = {"floor": [], "ours": [], "rival": [], "two processes": []}
    rival_events = events // 15
    with KafkaBroker() as broker:
        for topic in ("stream", "short"):
            broker.create_topic(topic, partitions)
        broker.create_topic("found")
        produce(broker.bootstrap, "stream", events)
        produce(broker.bootstrap, "short", rival_events, RIVAL_ENTITIES)
        one, both, brokers = CORES[:1], CORES, broker.bootstrap
        peers: dict[str, Callable[[], Rate]] = {
            "floor": lambda: script(one, "bench.floor", brokers, "stream", events),
            "ours": lambda: ours(brokers, "stream", "found", events, cores=one),
            "rival": lambda: script(one, "bench.rival", brokers, "short", "found"),
            "two processes": lambda: ours(
                brokers, "stream", "found", events, cores=both, processes=2
            ),
        }
        for _ in range(rounds):
            for name, measure in peers.items():
                rate = measure().events_per_second
                rates[name].append(rate)
                print(f"{name:>14}: {rate:12,.0f} events/s", flush=True)
    result = {
        "events": events,
        "rounds": rounds,
        "rates": rates,
        "ours/floor": ratio(rates["ours"], rates["floor"]),
        "ours/rival": ratio(rates["ours"], rates["rival"]),
        "two/one": ratio(rates["two processes"], rates["ours"]),
    }
    print(json.dumps(result, indent=2))
    return result


def ratio(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Return median, lowest and highest ratio, round by round."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}


if __name__ == "__main__":
    run(*(int(argument) for argument in sys.argv[1:]))
